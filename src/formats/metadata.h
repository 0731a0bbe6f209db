// Metadata: the key/value pairs of a GGUF header.
//
// Values stay in the file's bytes and are decoded when asked for, so that a vocabulary of 128k
// strings costs nothing until then. Metadata and what its getters return borrow from the map.
// Immutable once parsed; any thread may read. What is stored has been bounds-checked by
// formats/gguf.cc. Errors are kBadModel: "model.gguf: llama.block_count: expected a positive
// integer, found "abc"".
//
// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

enum class MetadataType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// A value as it lies in the file.
struct MetadataValue {
  std::string_view key;
  MetadataType type = MetadataType::kUint8;  // of the value, or of the elements of an array
  bool is_array = false;
  std::uint64_t count = 1;           // elements of an array
  std::span<const std::byte> bytes;  // the elements; strings each with their u64 length before them
};

// Getters come in two forms, as those of JsonObject do: get_x(key) requires the key, get_x(key,
// fallback) takes an absent key as `fallback`; a value of the wrong kind is an error in both.
// Integer getters take every integer type, number getters also the floating ones.
class Metadata {
 public:
  Metadata() = default;
  // `name` is the file's, for errors. An error where two values have the same key.
  static Result<Metadata> make(std::vector<MetadataValue> values, std::string name);

  [[nodiscard]] const MetadataValue* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  // In file order.
  [[nodiscard]] std::span<const MetadataValue> values() const { return values_; }

  [[nodiscard]] Result<std::int64_t> get_int(std::string_view key) const;
  [[nodiscard]] Result<std::int64_t> get_int(std::string_view key, std::int64_t fallback) const;
  // 1 to 2^31 - 1: a size, a count.
  [[nodiscard]] Result<std::size_t> get_positive(std::string_view key) const;
  [[nodiscard]] Result<std::size_t> get_positive(std::string_view key, std::size_t fallback) const;
  [[nodiscard]] Result<double> get_number(std::string_view key) const;
  [[nodiscard]] Result<double> get_number(std::string_view key, double fallback) const;
  [[nodiscard]] Result<bool> get_bool(std::string_view key) const;
  [[nodiscard]] Result<bool> get_bool(std::string_view key, bool fallback) const;
  [[nodiscard]] Result<std::string_view> get_string(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> get_string(std::string_view key,
                                                    std::string_view fallback) const;
  [[nodiscard]] Result<std::vector<std::string_view>> get_strings(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> get_ints(std::string_view key) const;
  [[nodiscard]] Result<std::vector<float>> get_floats(std::string_view key) const;

  // "NAME: key: expected EXPECTED, found <what is there>", for checks that only the caller can
  // make.
  [[nodiscard]] Error error(std::string_view key, std::string_view expected) const;

 private:
  std::vector<MetadataValue> values_;
  std::vector<std::uint32_t> by_key_;  // indices of values_, ordered by key
  std::string name_;
};

// Bytes of one element; nullopt for strings and arrays, whose length varies.
std::optional<std::size_t> fixed_bytes(MetadataType type);

}  // namespace bora
