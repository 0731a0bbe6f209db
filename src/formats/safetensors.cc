#include "formats/safetensors.h"

#include "base/printable.h"
#include "formats/byte_reader.h"
#include "formats/checked_math.h"
#include "formats/tensor_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace bora {
namespace {

namespace dom = simdjson::dom;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation has it

// All types of the format, so that every tensor's extent can be checked. Bits of a value.
struct StoredType {
  std::string_view name;
  std::uint32_t bits;
};
constexpr std::array kStoredTypes = {
    StoredType{"BOOL", 8},        StoredType{"F4", 4},          StoredType{"F6_E2M3", 6},
    StoredType{"F6_E3M2", 6},     StoredType{"U8", 8},          StoredType{"I8", 8},
    StoredType{"F8_E5M2", 8},     StoredType{"F8_E4M3", 8},     StoredType{"F8_E8M0", 8},
    StoredType{"F8_E4M3FNUZ", 8}, StoredType{"F8_E5M2FNUZ", 8}, StoredType{"I16", 16},
    StoredType{"U16", 16},        StoredType{"F16", 16},        StoredType{"BF16", 16},
    StoredType{"I32", 32},        StoredType{"U32", 32},        StoredType{"F32", 32},
    StoredType{"C64", 64},        StoredType{"F64", 64},        StoredType{"I64", 64},
    StoredType{"U64", 64},
};

const StoredType* find_stored_type(std::string_view name) {
  const auto* const found = std::find_if(kStoredTypes.begin(), kStoredTypes.end(),
                                         [&](const StoredType& type) { return type.name == name; });
  return found == kStoredTypes.end() ? nullptr : found;
}

class SafetensorsParser {
 public:
  SafetensorsParser(std::span<const std::byte> bytes, std::string_view name)
      : bytes_(bytes), name_(name) {}

  Result<std::vector<StoredTensor>> parse() {
    Result<JsonDocument> document = read_header();
    if (!document) return std::move(document).error();
    Result<JsonObject> header = document->object();
    if (!header) return std::move(header).error();
    std::vector<StoredTensor> tensors;
    for (const dom::key_value_pair member : header->members()) {
      if (member.key == "__metadata__") continue;
      dom::object fields;
      if (member.value.get(fields) != simdjson::SUCCESS) {
        return bad("{}: expected an object, found {}", printable(member.key),
                   describe(member.value));
      }
      const JsonObject entry(fields, fmt::format("{}: {}: ", name_, printable(member.key)));
      Result<StoredTensor> tensor = read_tensor(member.key, entry);
      if (!tensor) return std::move(tensor).error();
      tensors.push_back(std::move(*tensor));
    }
    if (auto unique = check_unique_names(tensors, name_); !unique) {
      return std::move(unique).error();
    }
    if (auto placed = place_tensors(tensors); !placed) return std::move(placed).error();
    return tensors;
  }

 private:
  template <class... Args>
  [[nodiscard]] Error bad(fmt::format_string<Args...> format, Args&&... args) const {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: {}", name_, fmt::format(format, std::forward<Args>(args)...)),
                 {}};
  }

  Result<JsonDocument> read_header() {
    ByteReader reader(bytes_);
    const auto length = reader.read<std::uint64_t>();
    if (!length) {
      return bad("expected a safetensors file of at least 8 bytes, found {}", bytes_.size());
    }
    if (*length > kMaxHeaderBytes) {
      return bad("expected a header of at most {} bytes, found {}", kMaxHeaderBytes, *length);
    }
    const auto header = reader.take(*length);
    if (!header) {
      return bad("expected a header of {} bytes, found {} bytes left in the file", *length,
                 reader.left());
    }
    data_begin_ = reader.position();
    data_bytes_ = reader.left();
    const std::string_view text(reinterpret_cast<const char*>(header->data()), header->size());
    if (text.empty() || text.front() != '{') {
      return bad("expected a header that begins with \"{{\", found {}", quoted(text, 20));
    }
    return JsonDocument::parse(text, name_);
  }

  // `offset` still counts from the tensor data.
  Result<StoredTensor> read_tensor(std::string_view tensor_name, const JsonObject& entry) const {
    StoredTensor tensor;
    tensor.name = tensor_name;
    Result<std::string_view> type_name = entry.get_string("dtype");
    if (!type_name) return std::move(type_name).error();
    const StoredType* type = find_stored_type(*type_name);
    if (type == nullptr) return entry.error("dtype", "a type of the safetensors format");
    tensor.type_name = *type_name;
    tensor.dtype = dtype_from_safetensors(*type_name);
    if (!tensor.dtype) tensor.obstacle = unsupported_type("F32, F16, BF16", *type_name);

    Result<std::vector<std::size_t>> dims = read_sizes(entry, "shape");
    if (!dims) return std::move(dims).error();
    const auto values = checked_values(*dims);
    if (!values) return entry.error("shape", "at most 2^48 values");
    if (dims->size() <= Shape::kMaxRank) {
      tensor.shape = Shape(*dims);
    } else {
      set_obstacle(tensor, fmt::format("expected at most {} dimensions, found {}", Shape::kMaxRank,
                                       dims->size()));
    }

    Result<std::vector<std::size_t>> range = read_sizes(entry, "data_offsets");
    if (!range) return std::move(range).error();
    if (range->size() != 2) return entry.error("data_offsets", "an array of 2 offsets");
    const std::uint64_t begin = (*range)[0];
    const std::uint64_t end = (*range)[1];
    if (begin > end || end > data_bytes_) {
      return bad("{}: expected data_offsets within {} bytes of data, found [{}, {}]",
                 printable(tensor_name), data_bytes_, begin, end);
    }
    tensor.offset = begin;
    tensor.bytes = end - begin;
    const std::uint64_t bits = *values * type->bits;  // at most 2^54
    if (bits % 8 != 0 || tensor.bytes != bits / 8) {
      return bad("{}: expected {} bytes for {} values of {}, found {}", printable(tensor_name),
                 (bits + 7) / 8, *values, type->name, tensor.bytes);
    }
    return tensor;
  }

  // An array of integers that are not negative.
  static Result<std::vector<std::size_t>> read_sizes(const JsonObject& entry,
                                                     std::string_view key) {
    const auto wrong = [&] { return entry.error(key, "an array of integers from 0"); };
    Result<dom::array> items = entry.get_array(key);
    if (!items) return wrong();
    std::vector<std::size_t> sizes;
    for (const dom::element item : *items) {
      std::uint64_t size = 0;
      if (item.get(size) != simdjson::SUCCESS) return wrong();
      sizes.push_back(size);
    }
    return sizes;
  }

  static void set_obstacle(StoredTensor& tensor, std::string obstacle) {
    tensor.dtype = std::nullopt;
    tensor.obstacle = std::move(obstacle);
  }

  // Orders the tensors by their data, checks that they cover it, and turns offsets into offsets of
  // the file.
  Result<void> place_tensors(std::vector<StoredTensor>& tensors) const {
    const auto place = [](const StoredTensor& t) { return std::tuple(t.offset, t.bytes, t.name); };
    std::sort(tensors.begin(), tensors.end(),
              [&](const StoredTensor& a, const StoredTensor& b) { return place(a) < place(b); });
    std::uint64_t end = 0;
    for (StoredTensor& tensor : tensors) {
      if (tensor.offset != end) {
        return bad("{}: expected its data at {}, where that before it ends, found it at {}",
                   printable(tensor.name), end, tensor.offset);
      }
      end += tensor.bytes;
      tensor.offset += data_begin_;
      const std::size_t alignment = tensor.dtype ? info(*tensor.dtype).block_bytes : 1;
      if (tensor.offset % alignment != 0) {
        set_obstacle(tensor, fmt::format("expected data at a multiple of {} bytes, found it at "
                                         "byte {}: save the file with safetensors 0.3 or later",
                                         alignment, tensor.offset));
      }
    }
    if (end != data_bytes_) {
      return bad("expected {} bytes of tensor data, found {}", end, data_bytes_);
    }
    return {};
  }

  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::uint64_t data_begin_ = 0;
  std::uint64_t data_bytes_ = 0;
};

// A file of the folder itself, hidden ones and other kinds of file excluded.
bool is_plain_shard_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".safetensors";
  return name.size() > kSuffix.size() && name.size() <= 255 && name.front() != '.' &&
         name.substr(name.size() - kSuffix.size()) == kSuffix &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> bytes,
                                                    std::string_view name) {
  return SafetensorsParser(bytes, name).parse();
}

std::uint64_t safetensors_header_bytes(std::span<const std::byte> first, std::uint64_t file_bytes) {
  constexpr std::uint64_t kLengthBytes = sizeof(std::uint64_t);
  const auto length = ByteReader(first).read<std::uint64_t>();
  if (!length) return std::min(kLengthBytes, file_bytes);
  const bool lies = *length > kMaxHeaderBytes || *length > file_bytes - kLengthBytes;
  return lies ? first.size() : std::max<std::uint64_t>(first.size(), kLengthBytes + *length);
}

Result<std::vector<ShardEntry>> parse_shard_index(const JsonDocument& index) {
  Result<JsonObject> root = index.object();
  if (!root) return std::move(root).error();
  Result<JsonObject> map = root->get_object("weight_map");
  if (!map) return std::move(map).error();
  std::vector<ShardEntry> entries;
  for (const dom::key_value_pair member : map->members()) {
    std::string_view file;
    if (member.value.get(file) != simdjson::SUCCESS || !is_plain_shard_name(file)) {
      return map->error(member.key, "the name of a .safetensors file in the same folder");
    }
    entries.push_back({std::string(member.key), std::string(file)});
  }
  if (entries.empty()) return root->error("weight_map", "at least one tensor");
  std::sort(entries.begin(), entries.end(),
            [](const ShardEntry& a, const ShardEntry& b) { return a.tensor < b.tensor; });
  const auto twin = std::adjacent_find(
      entries.begin(), entries.end(),
      [](const ShardEntry& a, const ShardEntry& b) { return a.tensor == b.tensor; });
  if (twin != entries.end()) return map->error(twin->tensor, "one file, named once");
  std::sort(entries.begin(), entries.end(), [](const ShardEntry& a, const ShardEntry& b) {
    return std::tie(a.file, a.tensor) < std::tie(b.file, b.tensor);
  });
  return entries;
}

}  // namespace bora
