#include "formats/metadata.h"

#include "base/printable.h"
#include "formats/byte_reader.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace bora {
namespace {

// Calls visit(element) with each element of a value of a fixed-size type, in that type; stops when
// visit says false, and says whether it went through.
template <class T, class Visit>
bool visit_as(const MetadataValue& value, Visit& visit) {
  ByteReader reader(value.bytes);
  for (std::uint64_t i = 0; i < value.count; ++i) {
    const std::optional<T> element = reader.read<T>();
    if (!element || !visit(*element)) return false;
  }
  return true;
}

template <class Visit>
bool visit_integers(const MetadataValue& value, Visit visit) {
  switch (value.type) {
    case MetadataType::kUint8:
      return visit_as<std::uint8_t>(value, visit);
    case MetadataType::kInt8:
      return visit_as<std::int8_t>(value, visit);
    case MetadataType::kUint16:
      return visit_as<std::uint16_t>(value, visit);
    case MetadataType::kInt16:
      return visit_as<std::int16_t>(value, visit);
    case MetadataType::kUint32:
      return visit_as<std::uint32_t>(value, visit);
    case MetadataType::kInt32:
      return visit_as<std::int32_t>(value, visit);
    case MetadataType::kUint64:
      return visit_as<std::uint64_t>(value, visit);
    case MetadataType::kInt64:
      return visit_as<std::int64_t>(value, visit);
    case MetadataType::kFloat32:
    case MetadataType::kFloat64:
    case MetadataType::kBool:
    case MetadataType::kString:
    case MetadataType::kArray:
      break;
  }
  return false;
}

template <class Visit>
bool visit_numbers(const MetadataValue& value, Visit visit) {
  if (value.type == MetadataType::kFloat32) return visit_as<float>(value, visit);
  if (value.type == MetadataType::kFloat64) return visit_as<double>(value, visit);
  return visit_integers(value, visit);
}

std::optional<std::int64_t> as_int(const MetadataValue& value) {
  if (value.is_array) return std::nullopt;
  std::int64_t result = 0;
  const bool fits = visit_integers(value, [&](auto integer) {
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): an int8 here is a number with a sign.
    result = static_cast<std::int64_t>(integer);
    return std::in_range<std::int64_t>(integer);
  });
  return fits ? std::optional(result) : std::nullopt;
}

std::optional<double> as_number(const MetadataValue& value) {
  if (value.is_array) return std::nullopt;
  double result = 0;
  const bool found = visit_numbers(value, [&](auto number) {
    result = static_cast<double>(number);
    return true;
  });
  return found ? std::optional(result) : std::nullopt;
}

std::optional<bool> as_bool(const MetadataValue& value) {
  if (value.is_array || value.type != MetadataType::kBool) return std::nullopt;
  return value.bytes[0] != std::byte{0};
}

std::optional<std::string_view> as_string(const MetadataValue& value) {
  if (value.is_array || value.type != MetadataType::kString) return std::nullopt;
  return ByteReader(value.bytes).read_string();
}

std::string_view type_name(MetadataType type) {
  switch (type) {
    case MetadataType::kUint8:
    case MetadataType::kInt8:
    case MetadataType::kUint16:
    case MetadataType::kInt16:
    case MetadataType::kUint32:
    case MetadataType::kInt32:
    case MetadataType::kUint64:
    case MetadataType::kInt64:
      return "integers";
    case MetadataType::kFloat32:
    case MetadataType::kFloat64:
      return "numbers";
    case MetadataType::kBool:
      return "booleans";
    case MetadataType::kString:
      return "strings";
    case MetadataType::kArray:
      break;
  }
  return "arrays";
}

std::string describe_value(const MetadataValue& value) {
  if (value.is_array) {
    return "an array of " + std::to_string(value.count) + " " + std::string(type_name(value.type));
  }
  if (const auto integer = as_int(value)) return std::to_string(*integer);
  if (const auto number = as_number(value)) return std::to_string(*number);
  if (const auto truth = as_bool(value)) return *truth ? "true" : "false";
  return quoted(as_string(value).value_or(""), 60);
}

}  // namespace

std::optional<std::size_t> fixed_bytes(MetadataType type) {
  switch (type) {
    case MetadataType::kUint8:
    case MetadataType::kInt8:
    case MetadataType::kBool:
      return 1;
    case MetadataType::kUint16:
    case MetadataType::kInt16:
      return 2;
    case MetadataType::kUint32:
    case MetadataType::kInt32:
    case MetadataType::kFloat32:
      return 4;
    case MetadataType::kUint64:
    case MetadataType::kInt64:
    case MetadataType::kFloat64:
      return 8;
    case MetadataType::kString:
    case MetadataType::kArray:
      break;
  }
  return std::nullopt;
}

Result<Metadata> Metadata::make(std::vector<MetadataValue> values, std::string name) {
  Metadata metadata;
  metadata.values_ = std::move(values);
  metadata.name_ = std::move(name);
  const std::vector<MetadataValue>& all = metadata.values_;
  std::vector<std::uint32_t>& order = metadata.by_key_;
  order.resize(all.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return all[a].key < all[b].key; });
  const auto twin = std::adjacent_find(
      order.begin(), order.end(),
      [&](std::uint32_t a, std::uint32_t b) { return all[a].key == all[b].key; });
  if (twin != order.end()) {
    return Error{
        ErrorCode::kBadModel,
        metadata.name_ + ": " + printable(all[*twin].key) + ": expected one value, found two",
        {}};
  }
  return metadata;
}

const MetadataValue* Metadata::find(std::string_view key) const {
  const auto place = std::lower_bound(
      by_key_.begin(), by_key_.end(), key,
      [&](std::uint32_t index, std::string_view wanted) { return values_[index].key < wanted; });
  if (place == by_key_.end() || values_[*place].key != key) return nullptr;
  return &values_[*place];
}

Error Metadata::error(std::string_view key, std::string_view expected) const {
  const MetadataValue* value = find(key);
  std::string message = name_ + ": " + printable(key) + ": expected ";
  message.append(expected).append(", found ");
  message += value == nullptr ? "no such key" : describe_value(*value);
  return Error{ErrorCode::kBadModel, std::move(message), {}};
}

Result<std::int64_t> Metadata::get_int(std::string_view key) const {
  const MetadataValue* value = find(key);
  const std::optional<std::int64_t> integer = value != nullptr ? as_int(*value) : std::nullopt;
  if (!integer) return error(key, "an integer");
  return *integer;
}

Result<std::int64_t> Metadata::get_int(std::string_view key, std::int64_t fallback) const {
  return has(key) ? get_int(key) : fallback;
}

Result<std::size_t> Metadata::get_positive(std::string_view key) const {
  const MetadataValue* value = find(key);
  const std::optional<std::int64_t> integer = value != nullptr ? as_int(*value) : std::nullopt;
  if (!integer || *integer < 1) return error(key, "a positive integer");
  if (*integer > std::numeric_limits<std::int32_t>::max()) {
    return error(key, "an integer below 2147483648");
  }
  return static_cast<std::size_t>(*integer);
}

Result<std::size_t> Metadata::get_positive(std::string_view key, std::size_t fallback) const {
  return has(key) ? get_positive(key) : fallback;
}

Result<double> Metadata::get_number(std::string_view key) const {
  const MetadataValue* value = find(key);
  const std::optional<double> number = value != nullptr ? as_number(*value) : std::nullopt;
  if (!number) return error(key, "a number");
  return *number;
}

Result<double> Metadata::get_number(std::string_view key, double fallback) const {
  return has(key) ? get_number(key) : fallback;
}

Result<bool> Metadata::get_bool(std::string_view key) const {
  const MetadataValue* value = find(key);
  const std::optional<bool> truth = value != nullptr ? as_bool(*value) : std::nullopt;
  if (!truth) return error(key, "true or false");
  return *truth;
}

Result<bool> Metadata::get_bool(std::string_view key, bool fallback) const {
  return has(key) ? get_bool(key) : fallback;
}

Result<std::string_view> Metadata::get_string(std::string_view key) const {
  const MetadataValue* value = find(key);
  const std::optional<std::string_view> text = value != nullptr ? as_string(*value) : std::nullopt;
  if (!text) return error(key, "a string");
  return *text;
}

Result<std::string_view> Metadata::get_string(std::string_view key,
                                              std::string_view fallback) const {
  return has(key) ? get_string(key) : fallback;
}

Result<std::vector<std::string_view>> Metadata::get_strings(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr || !value->is_array || value->type != MetadataType::kString) {
    return error(key, "an array of strings");
  }
  std::vector<std::string_view> strings;
  strings.reserve(value->count);
  ByteReader reader(value->bytes);
  while (const std::optional<std::string_view> text = reader.read_string()) {
    strings.push_back(*text);
  }
  return strings;
}

Result<std::vector<std::int64_t>> Metadata::get_ints(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr || !value->is_array) return error(key, "an array of integers");
  std::vector<std::int64_t> integers;
  integers.reserve(fixed_bytes(value->type) ? value->count : 0);
  const bool all_fit = visit_integers(*value, [&](auto integer) {
    integers.push_back(static_cast<std::int64_t>(integer));
    return std::in_range<std::int64_t>(integer);
  });
  if (!all_fit) return error(key, "an array of integers");
  return integers;
}

Result<std::vector<float>> Metadata::get_floats(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr || !value->is_array) return error(key, "an array of numbers");
  std::vector<float> numbers;
  numbers.reserve(fixed_bytes(value->type) ? value->count : 0);
  const bool all_numbers = visit_numbers(*value, [&](auto number) {
    numbers.push_back(static_cast<float>(number));
    return true;
  });
  if (!all_numbers) return error(key, "an array of numbers");
  return numbers;
}

}  // namespace bora
