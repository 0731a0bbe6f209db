#include "quantize/cache_header.h"

#include "base/check.h"
#include "base/printable.h"
#include "formats/byte_reader.h"
#include "formats/checked_math.h"
#include "formats/tensor_checks.h"
#include "quantize/recipe.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace bora {
namespace {

constexpr std::string_view kMagic = "boraqwts";
constexpr std::size_t kFixedBytes = 48;   // up to the first tensor
constexpr std::size_t kTensorBytes = 32;  // without its name and dimensions
constexpr std::size_t kChecksumBytes = 8;

template <class T>
void put(std::string& out, T number) {
  std::array<char, sizeof(T)> raw;  // NOLINT(cppcoreguidelines-pro-type-member-init): written next
  std::memcpy(raw.data(), &number, sizeof(T));
  out.append(raw.data(), raw.size());
}

std::size_t header_bytes(std::span<const StoredTensor> tensors) {
  std::size_t bytes = kFixedBytes + kChecksumBytes;
  for (const StoredTensor& tensor : tensors) {
    bytes += kTensorBytes + tensor.name.size() + 8 * tensor.shape.rank();
  }
  return bytes;
}

std::uint64_t file_bytes(std::span<const StoredTensor> tensors) {
  const StoredTensor& last = tensors.back();
  return last.offset + last.bytes;
}

class CacheHeaderParser {
 public:
  CacheHeaderParser(std::span<const std::byte> bytes, std::string_view name)
      : bytes_(bytes), name_(name), reader_(bytes) {}

  Result<CacheHeader> parse() {
    if (Result<void> outline = read_outline(); !outline) return std::move(outline).error();
    CacheHeader header;
    const auto low = reader_.read<std::uint64_t>();
    const auto high = reader_.read<std::uint64_t>();
    const auto count = reader_.read<std::uint64_t>();
    if (!low || !high || !count) return cut_short();
    if (*count == 0 || *count > reader_.left() / kTensorBytes) {
      return bad("tensors: expected 1 to {} of them, found {}", reader_.left() / kTensorBytes,
                 *count);
    }
    header.fingerprint = {*low, *high};
    for (std::uint64_t i = 0; i < *count; ++i) {
      if (Result<void> read = read_tensor(header); !read) return std::move(read).error();
    }
    if (reader_.left() != 0) return bad("header: expected its end, found more");
    if (Result<void> unique = check_unique_names(header.tensors, name_); !unique) {
      return std::move(unique).error();
    }
    return header;
  }

 private:
  template <class... Args>
  [[nodiscard]] Error bad(fmt::format_string<Args...> format, Args&&... args) const {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: {}", name_, fmt::format(format, std::forward<Args>(args)...)),
                 {}};
  }
  [[nodiscard]] Error cut_short() const {
    return bad("header: expected more bytes, found its end");
  }

  // Magic, version, sizes and checksum; leaves the reader with the header alone.
  Result<void> read_outline() {
    const auto magic = reader_.take(kMagic.size());
    if (!magic || std::memcmp(magic->data(), kMagic.data(), kMagic.size()) != 0) {
      return bad("expected a file of quantized weights, found something else");
    }
    const auto version = reader_.read<std::uint32_t>();
    if (!version || *version != kCacheVersion) {
      return bad("version: expected {}, found {}", kCacheVersion, version.value_or(0));
    }
    const auto header = reader_.read<std::uint32_t>();
    const auto file = reader_.read<std::uint64_t>();
    if (!header || !file) return cut_short();
    if (*file != bytes_.size()) {
      return bad("expected a file of {} bytes, found {}", *file, bytes_.size());
    }
    if (*header < kFixedBytes + kChecksumBytes || *header > bytes_.size()) {
      return bad("header: expected {} to {} bytes, found {}", kFixedBytes + kChecksumBytes,
                 bytes_.size(), *header);
    }
    data_begin_ = *header;
    const std::span<const std::byte> summed = bytes_.first(*header - kChecksumBytes);
    const auto sum = ByteReader(bytes_.subspan(summed.size())).read<std::uint64_t>();
    if (sum != checksum(summed)) return bad("header: expected its checksum, found another");
    const std::size_t position = reader_.position();
    reader_ = ByteReader(summed.subspan(position));
    return {};
  }

  Result<void> read_tensor(CacheHeader& header) {
    const auto tensor_name = reader_.read_string();
    const auto type = reader_.read<std::uint32_t>();
    const auto rank = reader_.read<std::uint32_t>();
    if (!tensor_name || !type || !rank) return cut_short();
    const std::string shown = printable(*tensor_name);
    StoredTensor tensor;
    tensor.name = *tensor_name;
    tensor.dtype = dtype_from_ggml(*type);
    if (!tensor.dtype) return bad("{}: type: expected a known one, found {}", shown, *type);
    tensor.type_name = info(*tensor.dtype).name;
    if (*rank < 1 || *rank > Shape::kMaxRank) {
      return bad("{}: rank: expected 1 to {}, found {}", shown, Shape::kMaxRank, *rank);
    }
    std::array<std::size_t, Shape::kMaxRank> dims{};
    for (std::uint32_t i = 0; i < *rank; ++i) {
      const auto dim = reader_.read<std::uint64_t>();
      if (!dim) return cut_short();
      dims[i] = *dim;
    }
    const auto offset = reader_.read<std::uint64_t>();
    const auto sum = reader_.read<std::uint64_t>();
    if (!offset || !sum) return cut_short();
    tensor.offset = *offset;
    if (Result<void> placed = place(tensor, std::span(dims).first(*rank), shown); !placed) {
      return placed;
    }
    header.tensors.push_back(std::move(tensor));
    header.checksums.push_back(*sum);
    return {};
  }

  // Shape and extent, held to the type and the file.
  Result<void> place(StoredTensor& tensor, std::span<const std::size_t> dims,
                     const std::string& shown) const {
    const DTypeInfo& type = info(*tensor.dtype);
    const auto values = checked_values(dims);
    if (!values || *values == 0) return bad("{}: shape: expected 1 to 2^48 values", shown);
    if (dims.back() % type.block_values != 0) {
      return bad("{}: shape: expected rows of whole groups of {}, found {}", shown,
                 type.block_values, dims.back());
    }
    tensor.shape = Shape(dims);
    tensor.bytes = *values / type.block_values * type.block_bytes;  // at most 2^50
    const auto end = checked_add(tensor.offset, tensor.bytes);
    if (tensor.offset < data_begin_ || tensor.offset % kTensorAlignment != 0 || !end ||
        *end > bytes_.size()) {
      return bad("{}: expected {} bytes of data inside the file, found them at {}", shown,
                 tensor.bytes, tensor.offset);
    }
    return {};
  }

  std::span<const std::byte> bytes_;
  std::string_view name_;
  ByteReader reader_;
  std::uint64_t data_begin_ = 0;
};

}  // namespace

std::uint64_t cache_data_begin(std::span<const StoredTensor> tensors) {
  constexpr std::uint64_t kPage = 4096;
  return (header_bytes(tensors) + kPage - 1) / kPage * kPage;
}

std::string write_cache_header(const CacheHeader& header) {
  CHECK(!header.tensors.empty() && header.tensors.size() == header.checksums.size(),
        "a checksum for every tensor");
  const std::size_t bytes = header_bytes(header.tensors);
  CHECK(bytes <= std::numeric_limits<std::uint32_t>::max(), "a header has 32-bit sizes");
  std::string out(kMagic);
  put(out, kCacheVersion);
  put(out, static_cast<std::uint32_t>(bytes));
  put(out, file_bytes(header.tensors));
  put(out, header.fingerprint.low);
  put(out, header.fingerprint.high);
  put(out, std::uint64_t{header.tensors.size()});
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    const StoredTensor& tensor = header.tensors[i];
    put(out, std::uint64_t{tensor.name.size()});
    out += tensor.name;
    put(out, static_cast<std::uint32_t>(info(*tensor.dtype).ggml_type));
    put(out, static_cast<std::uint32_t>(tensor.shape.rank()));
    for (const std::size_t dim : tensor.shape.dims()) put(out, std::uint64_t{dim});
    put(out, tensor.offset);
    put(out, header.checksums[i]);
  }
  put(out, checksum(std::as_bytes(std::span(out))));
  return out;
}

Result<CacheHeader> parse_cache_header(std::span<const std::byte> bytes, std::string_view name) {
  return CacheHeaderParser(bytes, name).parse();
}

}  // namespace bora
