#include "formats/metadata.h"

#include "formats/gguf.h"
#include "tests/formats/gguf_builder.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace bora {
namespace {

using testing::GgufBuilder;
using Type = MetadataType;

// Keeps the bytes alive that the metadata borrow from.
class MetadataTest : public ::testing::Test {
 protected:
  const Metadata& parse(const GgufBuilder& builder) {
    bytes_ = builder.bytes();
    Result<GgufHeader> header = parse_gguf(std::as_bytes(std::span(bytes_)), "m.gguf");
    CHECK(header.has_value(), header.error().message);
    metadata_ = std::move(header->metadata);
    return metadata_;
  }

  std::string bytes_;
  Metadata metadata_;
};

TEST_F(MetadataTest, GivesEveryScalarType) {
  const Metadata& m =
      parse(GgufBuilder()
                .value("u8", Type::kUint8, std::uint8_t{255})
                .value("i8", Type::kInt8, std::int8_t{-128})
                .value("u16", Type::kUint16, std::uint16_t{65535})
                .value("i16", Type::kInt16, std::int16_t{-1})
                .value("u32", Type::kUint32, std::uint32_t{4294967295})
                .value("i32", Type::kInt32, std::int32_t{-7})
                .value("u64", Type::kUint64, std::uint64_t{1} << 62U)
                .value("i64", Type::kInt64, std::numeric_limits<std::int64_t>::min())
                .value("f32", Type::kFloat32, 0.5F)
                .value("f64", Type::kFloat64, 1e-300)
                .value("yes", Type::kBool, std::uint8_t{1})
                .value("no", Type::kBool, std::uint8_t{0})
                .text("text", "déjà"));
  EXPECT_EQ(*m.get_int("u8"), 255);
  EXPECT_EQ(*m.get_int("i8"), -128);
  EXPECT_EQ(*m.get_int("u16"), 65535);
  EXPECT_EQ(*m.get_int("i16"), -1);
  EXPECT_EQ(*m.get_int("u32"), 4294967295);
  EXPECT_EQ(*m.get_int("i32"), -7);
  EXPECT_EQ(*m.get_int("u64"), std::int64_t{1} << 62);
  EXPECT_EQ(*m.get_int("i64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*m.get_number("f32"), 0.5);
  EXPECT_EQ(*m.get_number("f64"), 1e-300);
  EXPECT_EQ(*m.get_number("i32"), -7.0);
  EXPECT_TRUE(*m.get_bool("yes"));
  EXPECT_FALSE(*m.get_bool("no"));
  EXPECT_EQ(*m.get_string("text"), "déjà");
  EXPECT_EQ(m.values().size(), 13U);
  EXPECT_EQ(m.values().front().key, "u8");
}

TEST_F(MetadataTest, GivesArraysAsViewsIntoTheFile) {
  const std::vector<std::string> tokens = {"<s>", "", "\xff not UTF-8"};
  const Metadata& m = parse(GgufBuilder()
                                .texts("tokens", tokens)
                                .array("types", Type::kInt32, {1, 3, 6})
                                .array("scores", Type::kFloat32, {0.0F, -1.5F})
                                .array<std::uint8_t>("empty", Type::kUint8, {}));
  const auto strings = m.get_strings("tokens");
  ASSERT_TRUE(strings);
  EXPECT_EQ(*strings, (std::vector<std::string_view>(tokens.begin(), tokens.end())));
  const char* const begin = bytes_.data();
  EXPECT_TRUE(strings->front().data() > begin && strings->front().data() < begin + bytes_.size());
  EXPECT_EQ(*m.get_ints("types"), (std::vector<std::int64_t>{1, 3, 6}));
  EXPECT_EQ(*m.get_floats("types"), (std::vector<float>{1, 3, 6}));
  EXPECT_EQ(*m.get_floats("scores"), (std::vector<float>{0, -1.5F}));
  EXPECT_TRUE(m.get_ints("empty")->empty());
}

TEST_F(MetadataTest, FallsBackOnlyWhereTheKeyIsAbsent) {
  const Metadata& m = parse(GgufBuilder().text("text", "abc"));
  EXPECT_EQ(*m.get_int("none", 5), 5);
  EXPECT_EQ(*m.get_positive("none", 6), 6U);
  EXPECT_EQ(*m.get_number("none", 0.5), 0.5);
  EXPECT_TRUE(*m.get_bool("none", true));
  EXPECT_EQ(*m.get_string("none", "x"), "x");
  EXPECT_FALSE(m.get_int("text", 5));
}

TEST_F(MetadataTest, NamesFileKeyAndValueInErrors) {
  const Metadata& m = parse(GgufBuilder()
                                .text("text", "abc")
                                .value("zero", Type::kInt32, std::int32_t{0})
                                .value("big", Type::kUint64, UINT64_MAX)
                                .array("list", Type::kFloat32, {1.0F, 2.0F}));
  EXPECT_EQ(m.get_positive("text").error().message,
            "m.gguf: text: expected a positive integer, found \"abc\"");
  EXPECT_EQ(m.get_positive("zero").error().message,
            "m.gguf: zero: expected a positive integer, found 0");
  EXPECT_FALSE(m.get_int("big"));
  EXPECT_EQ(m.get_string("none").error().message,
            "m.gguf: none: expected a string, found no such key");
  EXPECT_EQ(m.get_ints("list").error().message,
            "m.gguf: list: expected an array of integers, found an array of 2 numbers");
  EXPECT_EQ(m.get_strings("list").error().message,
            "m.gguf: list: expected an array of strings, found an array of 2 numbers");
  EXPECT_EQ(m.get_floats("text").error().message,
            "m.gguf: text: expected an array of numbers, found \"abc\"");
}

}  // namespace
}  // namespace bora
