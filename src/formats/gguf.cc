#include "formats/gguf.h"

#include "base/printable.h"
#include "formats/byte_reader.h"
#include "formats/checked_math.h"
#include "formats/ggml_types.h"
#include "formats/tensor_checks.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace bora {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kDefaultAlignment = 32;
// The least bytes that one entry takes in the file; a count above what is left over this is absurd.
constexpr std::uint64_t kLeastValueBytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t kLeastTensorBytes = 8 + 1 + 4 + 4 + 8;

class GgufParser {
 public:
  // `file_bytes`: of the file that begins with these bytes.
  GgufParser(std::span<const std::byte> bytes, std::uint64_t file_bytes, std::string_view name)
      : reader_(bytes), unseen_(file_bytes - bytes.size()), file_bytes_(file_bytes), name_(name) {}

  Result<GgufHeader> parse() {
    if (auto counts = read_preamble(); !counts) return std::move(counts).error();
    std::vector<MetadataValue> values;
    for (std::uint64_t i = 0; i < value_count_; ++i) {
      Result<MetadataValue> value = read_value();
      if (!value) return std::move(value).error();
      values.push_back(*value);
    }
    GgufHeader header;
    Result<Metadata> metadata = Metadata::make(std::move(values), std::string(name_));
    if (!metadata) return std::move(metadata).error();
    header.metadata = std::move(*metadata);
    Result<GgufSplit> split = read_split(header.metadata);
    if (!split) return std::move(split).error();
    header.split = *split;
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      Result<StoredTensor> tensor = read_tensor();
      if (!tensor) return std::move(tensor).error();
      header.tensors.push_back(std::move(*tensor));
    }
    if (auto placed = place_tensors(header); !placed) return std::move(placed).error();
    if (auto unique = check_unique_names(header.tensors, name_); !unique) {
      return std::move(unique).error();
    }
    return header;
  }

  // Whether parse() failed where the bytes end and those of the file do not.
  [[nodiscard]] bool goes_on() const { return goes_on_; }

 private:
  template <class... Args>
  [[nodiscard]] Error bad(fmt::format_string<Args...> format, Args&&... args) const {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: {}", name_, fmt::format(format, std::forward<Args>(args)...)),
                 {}};
  }

  // Bytes of the file from here on, also those that are not at hand.
  [[nodiscard]] std::uint64_t left() const { return reader_.left() + unseen_; }

  // The file ends within `what`, or a length in it points beyond the end.
  [[nodiscard]] Error cut_short(std::string_view what) {
    goes_on_ = unseen_ > 0;
    return bad("expected {} at byte {}, found {} bytes left in the file", what, reader_.position(),
               reader_.left());
  }

  Result<void> read_preamble() {
    const auto magic = reader_.take(kMagic.size());
    goes_on_ = !magic && unseen_ > 0;
    if (!magic || std::memcmp(magic->data(), kMagic.data(), kMagic.size()) != 0) {
      return bad("expected a GGUF file, found one that does not begin with \"GGUF\"");
    }
    const auto version = reader_.read<std::uint32_t>();
    if (!version) return cut_short("the version");
    if (*version != 2 && *version != 3) {
      const std::uint32_t swapped = __builtin_bswap32(*version);
      if (swapped >= 1 && swapped <= 3) {
        return bad("expected a little-endian GGUF file, found a big-endian one");
      }
      return bad("expected GGUF version 2 or 3, found version {}", *version);
    }
    const auto tensors = reader_.read<std::uint64_t>();
    const auto values = reader_.read<std::uint64_t>();
    if (!tensors || !values) return cut_short("the counts of tensors and metadata");
    tensor_count_ = *tensors;
    value_count_ = *values;
    if (value_count_ > left() / kLeastValueBytes || tensor_count_ > left() / kLeastTensorBytes) {
      return bad("expected counts that fit its {} bytes, found {} tensors and {} metadata values",
                 file_bytes_, tensor_count_, value_count_);
    }
    return {};
  }

  // A key or a tensor's name. Token strings are not held to UTF-8: real vocabularies have some that
  // are not.
  Result<std::string_view> read_name(std::string_view what) {
    const auto name = reader_.read_string();
    if (!name) return cut_short(what);
    if (name->empty() || name->size() > 65535 ||
        !simdjson::validate_utf8(name->data(), name->size())) {
      return bad("expected {} of 1 to 65535 bytes of UTF-8, found {}", what, quoted(*name, 60));
    }
    return *name;
  }

  Result<MetadataValue> read_value() {
    Result<std::string_view> key = read_name("a metadata key");
    if (!key) return std::move(key).error();
    MetadataValue value;
    value.key = *key;
    auto type = reader_.read<std::uint32_t>();
    if (!type) return cut_short("a metadata type");
    if (*type == static_cast<std::uint32_t>(MetadataType::kArray)) {
      type = reader_.read<std::uint32_t>();
      const auto count = reader_.read<std::uint64_t>();
      if (!type || !count) return cut_short("the type and length of an array");
      value.is_array = true;
      value.count = *count;
      if (*type == static_cast<std::uint32_t>(MetadataType::kArray)) {
        return bad("{}: expected an array of plain values, found an array of arrays",
                   printable(value.key));
      }
    }
    if (*type > static_cast<std::uint32_t>(MetadataType::kFloat64)) {
      return bad("{}: expected a metadata type of 0 to 12, found {}", printable(value.key), *type);
    }
    value.type = static_cast<MetadataType>(*type);
    if (auto taken = read_elements(value); !taken) return std::move(taken).error();
    return value;
  }

  Result<void> read_elements(MetadataValue& value) {
    if (const auto each = fixed_bytes(value.type)) {
      const auto total = checked_multiply(value.count, *each);
      const auto raw = total ? reader_.take(*total) : std::nullopt;
      if (!raw) return too_long(value);
      value.bytes = *raw;
    } else {
      // Walks the strings to find their end. A count that lies stops at the end of the file.
      ByteReader walk = reader_;
      for (std::uint64_t i = 0; i < value.count; ++i) {
        if (!walk.read_string()) return too_long(value);
      }
      value.bytes = *reader_.take(walk.position() - reader_.position());
    }
    if (value.type == MetadataType::kBool &&
        std::any_of(value.bytes.begin(), value.bytes.end(),
                    [](std::byte b) { return b > std::byte{1}; })) {
      return bad("{}: expected 0 or 1 for a boolean, found another byte", printable(value.key));
    }
    return {};
  }

  [[nodiscard]] Error too_long(const MetadataValue& value) {
    // Not where no file of that size holds as many.
    const std::uint64_t each = fixed_bytes(value.type).value_or(sizeof(std::uint64_t));
    goes_on_ = unseen_ > 0 && value.count <= left() / each;
    return bad("{}: expected {} that the file holds, found {} bytes left in the file",
               printable(value.key),
               value.is_array ? fmt::format("{} elements", value.count) : std::string("a value"),
               reader_.left());
  }

  Result<GgufSplit> read_split(const Metadata& metadata) const {
    constexpr std::int64_t kMostParts = 65535;
    constexpr std::int64_t kMostTensors = std::int64_t{1} << 31U;
    Result<std::int64_t> count = metadata.get_int("split.count", 1);
    if (!count) return std::move(count).error();
    Result<std::int64_t> number = metadata.get_int("split.no", 0);
    if (!number) return std::move(number).error();
    Result<std::int64_t> tensors = metadata.get_int("split.tensors.count", 0);
    if (!tensors) return std::move(tensors).error();
    if (*count < 0 || *count > kMostParts) return metadata.error("split.count", "0 to 65535 parts");
    if (*count <= 1 && *number != 0) return metadata.error("split.no", "0 in a whole model");
    if (*count <= 1) return GgufSplit{};
    if (*number < 0 || *number >= *count) {
      return metadata.error("split.no", fmt::format("one of its {} parts, from 0", *count));
    }
    if (*tensors < 0 || *tensors > kMostTensors) {
      return metadata.error("split.tensors.count", "a count of tensors");
    }
    return GgufSplit{.number = static_cast<std::size_t>(*number),
                     .count = static_cast<std::size_t>(*count),
                     .tensors = static_cast<std::size_t>(*tensors)};
  }

  // Everything but the place in the file: `offset` still counts from the tensor data.
  Result<StoredTensor> read_tensor() {
    Result<std::string_view> name = read_name("a tensor name");
    if (!name) return std::move(name).error();
    const std::string shown = printable(*name);
    const auto rank = reader_.read<std::uint32_t>();
    if (!rank) return cut_short("the rank of " + shown);
    if (*rank > Shape::kMaxRank) {
      return bad("{}: expected at most {} dimensions, found {}", shown, Shape::kMaxRank, *rank);
    }
    // GGUF writes the innermost dimension first.
    std::array<std::size_t, Shape::kMaxRank> dims{};
    for (std::size_t i = *rank; i-- > 0;) {
      const auto dim = reader_.read<std::uint64_t>();
      if (!dim) return cut_short("the dimensions of " + shown);
      dims[i] = *dim;
    }
    const auto type = reader_.read<std::uint32_t>();
    const auto offset = reader_.read<std::uint64_t>();
    if (!type || !offset) return cut_short("the type and offset of " + shown);

    StoredTensor tensor;
    tensor.name = *name;
    tensor.shape = Shape(std::span(dims.data(), *rank));
    tensor.offset = *offset;
    if (auto typed = set_type(tensor, *type); !typed) return std::move(typed).error();
    return tensor;
  }

  Result<void> set_type(StoredTensor& tensor, std::uint32_t id) const {
    const std::optional<GgmlType> type = find_ggml_type(id);
    tensor.type_name = type ? std::string(type->name) : fmt::format("number {}", id);
    tensor.dtype = dtype_from_ggml(id);
    tensor.packed = find_packed_type(id);
    if (tensor.packed != nullptr) {
      tensor.obstacle = "expected a type that is computed with as it is stored, found type " +
                        tensor.type_name + ", which is widened at load";
    } else if (!tensor.dtype) {
      tensor.obstacle = unsupported_type(supported_ggml_types(), tensor.type_name);
    }
    const auto values = checked_values(tensor.shape.dims());
    if (!values) {
      return bad("{}: expected at most 2^48 values, found {}", printable(tensor.name),
                 tensor.shape.to_string());
    }
    if (!type) return {};  // its extent cannot be known; nobody will read it
    if (tensor.shape.columns() % type->block_values != 0) {
      return bad("{}: expected rows of a multiple of {} values for type {}, found {}",
                 printable(tensor.name), type->block_values, type->name, tensor.shape.to_string());
    }
    tensor.bytes = *values / type->block_values * type->block_bytes;
    return {};
  }

  // Turns offsets into offsets of the file and holds every tensor to its bounds.
  Result<void> place_tensors(GgufHeader& header) {
    Result<std::int64_t> wanted =
        header.metadata.get_int("general.alignment", std::int64_t{kDefaultAlignment});
    if (!wanted) return std::move(wanted).error();
    const auto alignment = static_cast<std::uint64_t>(*wanted);
    if (*wanted < 8 || !std::has_single_bit(alignment)) {
      return header.metadata.error("general.alignment", "a power of two from 8");
    }
    if (header.tensors.empty()) return {};
    const auto start = checked_align(reader_.position(), alignment);
    for (StoredTensor& tensor : header.tensors) {
      const std::string shown = printable(tensor.name);
      if (tensor.offset % alignment != 0) {
        return bad("{}: expected an offset that is a multiple of {}, found {}", shown, alignment,
                   tensor.offset);
      }
      const auto begin = checked_add(start, tensor.offset);
      const auto end = checked_add(begin, tensor.bytes);
      if (!end || *end > file_bytes_) {
        return bad("{}: expected {} bytes at {} of the tensor data, found a file of {} bytes",
                   shown, tensor.bytes, tensor.offset, file_bytes_);
      }
      tensor.offset = *begin;
    }
    return {};
  }

  ByteReader reader_;
  std::uint64_t unseen_;
  std::uint64_t file_bytes_;
  std::string_view name_;
  bool goes_on_ = false;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t value_count_ = 0;
};

}  // namespace

Result<GgufHeader> parse_gguf(std::span<const std::byte> bytes, std::string_view name) {
  return GgufParser(bytes, bytes.size(), name).parse();
}

bool gguf_header_goes_on(std::span<const std::byte> first, std::uint64_t file_bytes) {
  GgufParser parser(first, file_bytes, {});
  return !parser.parse() && parser.goes_on();
}

bool is_gguf(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

}  // namespace bora
