// JSON files as bora reads them: simdjson does the parsing; here are the owner of a parsed
// document, typed getters whose errors name file and key, and the cases that model files bring.
//
// Bounded: nesting to 64 levels, size by the caller's limit. Of duplicate keys the last one counts,
// as in Python. An integer beyond 64 bits (tokenizer_config.json holds 10^30) reads as a double. A
// leading byte order mark is skipped. Errors are kBadModel:
//   "config.json: rope_scaling.factor: expected a number, found "abc"".
#pragma once

#include "base/result.h"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bora {

inline constexpr std::size_t kJsonFileLimit = std::size_t{256} << 20;

// A value as an error message shows it: `"abc"`, `12`, `null`, `an object`, `an array`.
std::string describe(simdjson::dom::element value);

// An object of a document, and the place that errors give it. Borrows from the document; cheap to
// copy.
//
// Getters come in two forms: get_x(key) requires the key, get_x(key, fallback) takes an absent or
// null key as `fallback`; a value of the wrong kind is an error in both.
class JsonObject {
 public:
  // `prefix` stands before a key in errors: "config.json: ", "config.json: rope_scaling.".
  JsonObject(simdjson::dom::object object, std::string prefix)
      : object_(object), prefix_(std::move(prefix)) {}

  // The raw value, also when it is null; nullopt where the key is absent.
  [[nodiscard]] std::optional<simdjson::dom::element> find(std::string_view key) const;
  // Present and not null.
  [[nodiscard]] bool has(std::string_view key) const;

  [[nodiscard]] Result<std::int64_t> get_int(std::string_view key) const;
  [[nodiscard]] Result<std::int64_t> get_int(std::string_view key, std::int64_t fallback) const;
  // 1 to 2^31 - 1: a size, a count.
  [[nodiscard]] Result<std::size_t> get_positive(std::string_view key) const;
  [[nodiscard]] Result<std::size_t> get_positive(std::string_view key, std::size_t fallback) const;
  [[nodiscard]] Result<double> get_number(std::string_view key) const;
  [[nodiscard]] Result<double> get_number(std::string_view key, double fallback) const;
  [[nodiscard]] Result<bool> get_bool(std::string_view key) const;
  [[nodiscard]] Result<bool> get_bool(std::string_view key, bool fallback) const;
  // Views live as long as the document.
  [[nodiscard]] Result<std::string_view> get_string(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> get_string(std::string_view key,
                                                    std::string_view fallback) const;
  [[nodiscard]] Result<JsonObject> get_object(std::string_view key) const;
  [[nodiscard]] Result<simdjson::dom::array> get_array(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::string_view>> get_strings(std::string_view key) const;
  // One integer counts as a list of one: eos_token_id is written both ways.
  [[nodiscard]] Result<std::vector<std::int64_t>> get_ints(std::string_view key) const;
  [[nodiscard]] Result<std::vector<double>> get_numbers(std::string_view key) const;

  // "PREFIXkey: expected EXPECTED, found <what is there>", for checks that only the caller can
  // make.
  [[nodiscard]] Error error(std::string_view key, std::string_view expected) const;

  // To walk all members, in file order, duplicates included.
  [[nodiscard]] simdjson::dom::object members() const { return object_; }

 private:
  [[nodiscard]] std::string place_of(std::string_view key) const;

  simdjson::dom::object object_;
  std::string prefix_;
};

// Owns the parsed text. Move-only; elements, objects and strings borrow from it and survive its
// move. Any thread may read.
class JsonDocument {
 public:
  // `name` is what errors call the document: a file name.
  static Result<JsonDocument> parse(std::string_view text, std::string_view name);
  // The name is the file's own, without its folder. Errors as read_text_file, and as parse.
  static Result<JsonDocument> read(const std::filesystem::path& path,
                                   std::size_t limit = kJsonFileLimit);

  [[nodiscard]] simdjson::dom::element root() const { return root_; }
  // The root as an object; an error where it is something else.
  [[nodiscard]] Result<JsonObject> object() const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  JsonDocument() = default;

  // simdjson's elements point into their parser, so it must not move with the document.
  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element root_;
  std::string name_;
};

}  // namespace bora
