#include "formats/json.h"

#include "base/mapped_file.h"
#include "base/printable.h"

#include <cmath>
#include <limits>

namespace bora {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxDepth = 64;

Error json_error(std::string_view place, std::string_view expected, std::string_view found) {
  std::string message(place);
  message.append(": expected ").append(expected).append(", found ").append(found);
  return Error{ErrorCode::kBadModel, std::move(message), {}};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The text with ".0" after each integer that might not fit 64 bits, outside of strings:
// simdjson 3.0 refuses such integers, but reads the same digits as a double.
std::string with_wide_integers_as_doubles(std::string_view text) {
  constexpr std::size_t kSurelyFits = 18;
  std::string out;
  out.reserve(text.size() + 64);
  bool in_string = false;
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (in_string || !is_digit(c)) {
      if (in_string && c == '\\' && i + 1 < text.size()) out += text[i++];
      if (c == '"') in_string = !in_string;
      out += text[i++];
      continue;
    }
    const std::size_t begin = i;
    bool integer = true;
    while (i < text.size() && (is_digit(text[i]) ||
                               std::string_view(".eE+-").find(text[i]) != std::string_view::npos)) {
      integer = integer && is_digit(text[i]);
      ++i;
    }
    out += text.substr(begin, i - begin);
    if (integer && i - begin > kSurelyFits) out += ".0";
  }
  return out;
}

// 4096 and 4096.0 alike: some writers make every number a double.
std::optional<std::int64_t> as_int(dom::element value) {
  std::int64_t integer = 0;
  if (value.get(integer) == simdjson::SUCCESS) return integer;
  double number = 0;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value.get(number) != simdjson::SUCCESS || std::trunc(number) != number) return std::nullopt;
  if (std::abs(number) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<double> as_number(dom::element value) {
  double number = 0;
  if (!value.is_number() || value.get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

}  // namespace

std::string describe(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::STRING:
      return quoted(value.get_string().value_unsafe(), 60);
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
    case dom::element_type::BOOL:
    case dom::element_type::NULL_VALUE:
      break;
  }
  return simdjson::minify(value);
}

std::optional<dom::element> JsonObject::find(std::string_view key) const {
  std::optional<dom::element> found;
  for (const dom::key_value_pair member : object_) {
    if (member.key == key) found = member.value;
  }
  return found;
}

bool JsonObject::has(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  return value && !value->is_null();
}

std::string JsonObject::place_of(std::string_view key) const { return prefix_ + printable(key); }

Error JsonObject::error(std::string_view key, std::string_view expected) const {
  const std::optional<dom::element> value = find(key);
  return json_error(place_of(key), expected, value ? describe(*value) : "no such key");
}

Result<std::int64_t> JsonObject::get_int(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  if (value) {
    if (const std::optional<std::int64_t> integer = as_int(*value)) return *integer;
  }
  return error(key, "an integer");
}

Result<std::int64_t> JsonObject::get_int(std::string_view key, std::int64_t fallback) const {
  return has(key) ? get_int(key) : fallback;
}

Result<std::size_t> JsonObject::get_positive(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  const std::optional<std::int64_t> integer = value ? as_int(*value) : std::nullopt;
  if (!integer || *integer < 1) return error(key, "a positive integer");
  if (*integer > std::numeric_limits<std::int32_t>::max()) {
    return error(key, "an integer below 2147483648");
  }
  return static_cast<std::size_t>(*integer);
}

Result<std::size_t> JsonObject::get_positive(std::string_view key, std::size_t fallback) const {
  return has(key) ? get_positive(key) : fallback;
}

Result<double> JsonObject::get_number(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  if (value) {
    if (const std::optional<double> number = as_number(*value)) return *number;
  }
  return error(key, "a number");
}

Result<double> JsonObject::get_number(std::string_view key, double fallback) const {
  return has(key) ? get_number(key) : fallback;
}

Result<bool> JsonObject::get_bool(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  bool truth = false;
  if (!value || value->get(truth) != simdjson::SUCCESS) return error(key, "true or false");
  return truth;
}

Result<bool> JsonObject::get_bool(std::string_view key, bool fallback) const {
  return has(key) ? get_bool(key) : fallback;
}

Result<std::string_view> JsonObject::get_string(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  std::string_view text;
  if (!value || value->get(text) != simdjson::SUCCESS) return error(key, "a string");
  return text;
}

Result<std::string_view> JsonObject::get_string(std::string_view key,
                                                std::string_view fallback) const {
  return has(key) ? get_string(key) : fallback;
}

Result<JsonObject> JsonObject::get_object(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  dom::object object;
  if (!value || value->get(object) != simdjson::SUCCESS) return error(key, "an object");
  return JsonObject(object, place_of(key) + ".");
}

Result<dom::array> JsonObject::get_array(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  dom::array array;
  if (!value || value->get(array) != simdjson::SUCCESS) return error(key, "an array");
  return array;
}

Result<std::vector<std::string_view>> JsonObject::get_strings(std::string_view key) const {
  Result<dom::array> array = get_array(key);
  if (!array) return std::move(array).error();
  std::vector<std::string_view> strings;
  for (const dom::element item : *array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) {
      return json_error(place_of(key), "an array of strings", describe(item) + " in it");
    }
    strings.push_back(text);
  }
  return strings;
}

Result<std::vector<std::int64_t>> JsonObject::get_ints(std::string_view key) const {
  const std::optional<dom::element> value = find(key);
  if (value) {
    if (const std::optional<std::int64_t> one = as_int(*value)) return std::vector{*one};
  }
  dom::array array;
  if (!value || value->get(array) != simdjson::SUCCESS) {
    return error(key, "an integer or an array of integers");
  }
  std::vector<std::int64_t> integers;
  for (const dom::element item : array) {
    const std::optional<std::int64_t> integer = as_int(item);
    if (!integer) {
      return json_error(place_of(key), "an array of integers", describe(item) + " in it");
    }
    integers.push_back(*integer);
  }
  return integers;
}

Result<std::vector<double>> JsonObject::get_numbers(std::string_view key) const {
  Result<dom::array> array = get_array(key);
  if (!array) return std::move(array).error();
  std::vector<double> numbers;
  for (const dom::element item : *array) {
    const std::optional<double> number = as_number(item);
    if (!number) {
      return json_error(place_of(key), "an array of numbers", describe(item) + " in it");
    }
    numbers.push_back(*number);
  }
  return numbers;
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
  JsonDocument document;
  document.name_ = printable(name, 1024);
  document.parser_ = std::make_unique<dom::parser>();
  // Allocated here because this is how simdjson takes a bound of the depth.
  simdjson::error_code code = document.parser_->allocate(text.size() + 1, kMaxDepth);
  if (code == simdjson::SUCCESS) {
    code = document.parser_->parse(text.data(), text.size()).get(document.root_);
  }
  if (code == simdjson::NUMBER_ERROR) {
    const std::string wide = with_wide_integers_as_doubles(text);
    code = document.parser_->allocate(wide.size() + 1, kMaxDepth);
    if (code == simdjson::SUCCESS) code = document.parser_->parse(wide).get(document.root_);
  }
  if (code == simdjson::MEMALLOC) {
    return Error{
        ErrorCode::kDoesNotFit, document.name_ + ": expected memory to read it, found none", {}};
  }
  if (code != simdjson::SUCCESS) {
    std::string reason = simdjson::error_message(code);
    while (!reason.empty() && reason.back() == '.') reason.pop_back();
    return json_error(document.name_, "JSON", "text that is not (" + reason + ")");
  }
  return document;
}

Result<JsonDocument> JsonDocument::read(const std::filesystem::path& path, std::size_t limit) {
  Result<std::string> text = read_text_file(path, limit);
  if (!text) return std::move(text).error();
  return parse(*text, path.filename().string());
}

Result<JsonObject> JsonDocument::object() const {
  dom::object object;
  if (root_.get(object) != simdjson::SUCCESS) {
    return json_error(name_, "a JSON object", describe(root_));
  }
  return JsonObject(object, name_ + ": ");
}

}  // namespace bora
