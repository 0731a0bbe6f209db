#include "formats/json.h"

#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bora {
namespace {

// Keeps the document alive as long as the object that borrows from it.
struct Parsed {
  JsonDocument document;
  JsonObject object;
};

Parsed parse(std::string_view text) {
  Result<JsonDocument> document = JsonDocument::parse(text, "config.json");
  CHECK(document.has_value(), document.error().message);
  Result<JsonObject> object = document->object();
  CHECK(object.has_value(), object.error().message);
  return {std::move(*document), std::move(*object)};
}

std::string parse_error(std::string_view text) {
  const Result<JsonDocument> document = JsonDocument::parse(text, "config.json");
  if (!document) return document.error().message;
  const Result<JsonObject> object = document->object();
  return object ? "parsed" : object.error().message;
}

TEST(JsonObject, GivesTypedValues) {
  const Parsed config = parse(
      R"({"i": -3, "n": 1e-5, "b": true, "s": "text", "o": {"p": 7}, "a": ["x", "y"],
          "ids": [1, 2], "id": 2, "numbers": [1, 0.5], "null": null})");
  EXPECT_EQ(*config.object.get_int("i"), -3);
  EXPECT_EQ(*config.object.get_number("n"), 1e-5);
  EXPECT_EQ(*config.object.get_number("i"), -3.0);
  EXPECT_TRUE(*config.object.get_bool("b"));
  EXPECT_EQ(*config.object.get_string("s"), "text");
  EXPECT_EQ(*config.object.get_object("o")->get_positive("p"), 7U);
  EXPECT_EQ(*config.object.get_strings("a"), (std::vector<std::string_view>{"x", "y"}));
  EXPECT_EQ(*config.object.get_ints("ids"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(*config.object.get_ints("id"), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(*config.object.get_numbers("numbers"), (std::vector<double>{1, 0.5}));
  EXPECT_TRUE(config.object.find("null"));
  EXPECT_FALSE(config.object.has("null"));
  EXPECT_FALSE(config.object.find("none"));
}

TEST(JsonObject, FallsBackOnlyWhereTheKeyIsAbsentOrNull) {
  const Parsed config = parse(R"({"null": null, "s": "text"})");
  EXPECT_EQ(*config.object.get_int("none", 5), 5);
  EXPECT_EQ(*config.object.get_positive("null", 6), 6U);
  EXPECT_EQ(*config.object.get_number("none", 0.5), 0.5);
  EXPECT_TRUE(*config.object.get_bool("null", true));
  EXPECT_EQ(*config.object.get_string("none", "x"), "x");
  EXPECT_FALSE(config.object.get_int("s", 5));
}

TEST(JsonObject, NamesFileKeyAndValueInErrors) {
  const Parsed config = parse(
      R"({"n": "abc", "zero": 0, "big": 2147483648, "half": 0.5, "rope": {"factor": [1]},
          "list": [1, "x"], "bad\nkey": 1})");
  const JsonObject& object = config.object;
  EXPECT_EQ(object.get_positive("n").error().message,
            "config.json: n: expected a positive integer, found \"abc\"");
  EXPECT_EQ(object.get_positive("zero").error().message,
            "config.json: zero: expected a positive integer, found 0");
  EXPECT_EQ(object.get_positive("big").error().message,
            "config.json: big: expected an integer below 2147483648, found 2147483648");
  EXPECT_EQ(object.get_int("half").error().message,
            "config.json: half: expected an integer, found 0.5");
  EXPECT_EQ(object.get_int("none").error().message,
            "config.json: none: expected an integer, found no such key");
  EXPECT_EQ(object.get_object("rope")->get_number("factor").error().message,
            "config.json: rope.factor: expected a number, found an array");
  EXPECT_EQ(object.get_ints("list").error().message,
            "config.json: list: expected an array of integers, found \"x\" in it");
  EXPECT_EQ(object.get_strings("list").error().message,
            "config.json: list: expected an array of strings, found 1 in it");
  EXPECT_EQ(object.get_string("bad\nkey").error().message,
            "config.json: bad\\x0akey: expected a string, found 1");
  EXPECT_EQ(object.get_int("n").error().code, ErrorCode::kBadModel);
}

TEST(JsonObject, TakesTheLastOfDuplicateKeys) {
  EXPECT_EQ(*parse(R"({"a": 1, "a": 2})").object.get_int("a"), 2);
}

TEST(JsonDocument, ReadsIntegersBeyond64BitsAsDoubles) {
  const Parsed config = parse(
      R"({"model_max_length": 1000000000000000019884624838656, "s": "99999999999999999999\"9",
          "max": 9223372036854775807, "neg": -99999999999999999999})");
  EXPECT_EQ(*config.object.get_number("model_max_length"), 1e30);
  EXPECT_EQ(*config.object.get_string("s"), "99999999999999999999\"9");
  EXPECT_EQ(*config.object.get_number("neg"), -1e20);
  EXPECT_FALSE(config.object.get_int("model_max_length"));
}

TEST(JsonDocument, KeepsIntegersOf64BitsExact) {
  EXPECT_EQ(*parse(R"({"max": 9223372036854775807})").object.get_int("max"), INT64_MAX);
  EXPECT_EQ(*parse(R"({"size": 4096.0})").object.get_int("size"), 4096);
}

TEST(JsonDocument, SkipsAByteOrderMark) {
  EXPECT_EQ(*parse("\xEF\xBB\xBF{\"a\": 1}").object.get_int("a"), 1);
}

TEST(JsonDocument, KeepsItsElementsWhenMoved) {
  Parsed config = parse(R"({"s": "text"})");
  const JsonDocument moved = std::move(config.document);
  EXPECT_EQ(*config.object.get_string("s"), "text");
}

TEST(JsonDocument, RefusesWhatIsNotJson) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{\"a\": }"), std::string("{\"a\": 01}"),
        std::string("{\"a\": \"\xff\"}"), std::string("\0{}", 3), std::string("{} {}"),
        std::string("{\"a\": 1") + std::string(1, '\0') + "}"}) {
    EXPECT_EQ(parse_error(text).rfind("config.json: expected JSON, found text that is not (", 0),
              0U)
        << parse_error(text);
  }
  EXPECT_EQ(parse_error("[1]"), "config.json: expected a JSON object, found an array");
}

TEST(JsonDocument, BoundsTheDepthOfNesting) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\": " + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(parse_error(nested(60)), "parsed");
  EXPECT_NE(parse_error(nested(100)), "parsed");
  EXPECT_NE(parse_error(nested(1000000)), "parsed");
}

TEST(JsonDocument, ReadsFilesUpToTheLimit) {
  const testing::TempFolder folder;
  const std::filesystem::path path = folder.write("a.json", R"({"x": "y"})");
  const Result<JsonDocument> document = JsonDocument::read(path);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->object()->get_int("x").error().message,
            "a.json: x: expected an integer, found \"y\"");
  EXPECT_FALSE(JsonDocument::read(path, 5));
  EXPECT_EQ(JsonDocument::read(folder.path() / "none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace bora
