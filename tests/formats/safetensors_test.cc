#include "formats/safetensors.h"

#include "tests/formats/safetensors_builder.h"
#include "tests/formats/touch_all.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bora {
namespace {

using testing::safetensors_file;
using testing::SafetensorsBuilder;
using testing::touch_all;

using Tensors = std::vector<StoredTensor>;

Result<Tensors> parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "m.safetensors");
}

std::string error_of(const std::string& bytes) {
  const Result<Tensors> tensors = parse(bytes);
  return tensors ? "parsed" : tensors.error().message;
}

std::string small() {
  return SafetensorsBuilder()
      .tensor("w", "F32", {2, 1}, "abcdefgh")
      .tensor("b", "BF16", {2}, "ijkl")
      .tensor("h", "F16", {1}, "mn")
      .bytes();
}

TEST(Safetensors, ReadsTensorsOfEveryType) {
  const std::string bytes = small();
  const Result<Tensors> tensors = parse(bytes);
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3U);
  const StoredTensor& w = (*tensors)[0];
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.dtype, DType::kF32);
  EXPECT_EQ(w.shape, (Shape{2, 1}));
  EXPECT_EQ(bytes.substr(w.offset, w.bytes), "abcdefgh");
  EXPECT_EQ((*tensors)[1].dtype, DType::kBF16);
  EXPECT_EQ((*tensors)[2].dtype, DType::kF16);
  EXPECT_EQ(bytes.substr((*tensors)[2].offset, 2), "mn");
}

TEST(Safetensors, OrdersTensorsByTheirData) {
  const Result<Tensors> tensors = parse(safetensors_file(
      R"({"z":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"__metadata__":{"format":"pt"},)"
      R"("y":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}      )",
      "yyyyzzzz"));
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[0].name, "y");
  EXPECT_EQ((*tensors)[0].shape, Shape{});
  EXPECT_EQ((*tensors)[1].name, "z");
}

TEST(Safetensors, KeepsEmptyTensors) {
  const Result<Tensors> tensors = parse(
      SafetensorsBuilder().tensor("e", "F32", {0, 4}, "").tensor("w", "F32", {1}, "wwww").bytes());
  ASSERT_TRUE(tensors) << tensors.error().message;
  EXPECT_EQ((*tensors)[0].bytes, 0U);
  EXPECT_EQ(error_of(SafetensorsBuilder().bytes()), "parsed");
}

TEST(Safetensors, KeepsTensorsThatItCannotComputeWith) {
  const Result<Tensors> tensors = parse(SafetensorsBuilder()
                                            .tensor("ids", "I64", {1}, "iiiiiiii")
                                            .tensor("deep", "F16", {1, 1, 1, 1, 1}, "dd")
                                            .tensor("q", "F8_E4M3", {3}, "qqq")
                                            .tensor("odd", "F16", {1}, "oo")
                                            .bytes());
  ASSERT_TRUE(tensors) << tensors.error().message;
  EXPECT_EQ((*tensors)[0].obstacle,
            "expected one of F32, F16, BF16, found type I64, which is not supported");
  EXPECT_EQ((*tensors)[1].obstacle, "expected at most 4 dimensions, found 5");
  EXPECT_EQ((*tensors)[2].type_name, "F8_E4M3");
  EXPECT_EQ((*tensors)[3].obstacle.rfind("expected data at a multiple of 2 bytes, found it at", 0),
            0U);
  for (const StoredTensor& tensor : *tensors) EXPECT_FALSE(tensor.dtype);
}

TEST(Safetensors, RefusesAFileTruncatedAtAnyByte) {
  const std::string whole = small();
  ASSERT_EQ(error_of(whole), "parsed");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string message = error_of(whole.substr(0, size));
    EXPECT_EQ(message.rfind("m.safetensors: ", 0), 0U) << size << ": " << message;
  }
  EXPECT_NE(error_of(whole + "x"), "parsed");
}

TEST(Safetensors, SurvivesEveryFlippedBit) {
  const std::string whole = small();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const Result<Tensors> tensors = parse(bytes);
    if (tensors) touch_all(*tensors, std::as_bytes(std::span(bytes)));
  }
}

std::string one(std::string_view fields) { return R"({"t":{)" + std::string(fields) + "}}"; }

TEST(Safetensors, RefusesBadHeaders) {
  const std::string data = "12345678";
  const auto dims = [](std::string_view list) {
    return one(R"("dtype":"F32","shape":)" + std::string(list) + R"(,"data_offsets":[0,8])");
  };
  const auto offsets = [](std::string_view list) {
    return one(R"("dtype":"F32","shape":[2],"data_offsets":)" + std::string(list));
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "expected a header that begins with \"{\", found \"\""},
      {"[1]", "expected a header that begins with \"{\", found \"[1]\""},
      {" {}", "expected a header that begins with \"{\", found \" {}\""},
      {R"({"t":1})", "t: expected an object, found 1"},
      {R"({"t":{}})", "t: dtype: expected a string, found no such key"},
      {one(R"("dtype":"Q9")"), "t: dtype: expected a type of the safetensors format, found \"Q9\""},
      {dims("2"), "t: shape: expected an array of integers from 0, found 2"},
      {dims("[-2]"), "t: shape: expected an array of integers from 0, found an array"},
      {dims("[2.5]"), "t: shape: expected an array of integers from 0, found an array"},
      {dims("[4294967296,4294967296,4294967296]"),
       "t: shape: expected at most 2^48 values, found an array"},
      {dims("[0,18446744073709551615]"), "t: shape: expected at most 2^48 values, found an array"},
      {dims("[3]"), "t: expected 12 bytes for 3 values of F32, found 8"},
      {offsets("[8,0]"), "t: expected data_offsets within 8 bytes of data, found [8, 0]"},
      {offsets("[0,9]"), "t: expected data_offsets within 8 bytes of data, found [0, 9]"},
      {offsets("[18446744073709551608,0]"),
       "t: expected data_offsets within 8 bytes of data, found [18446744073709551608, 0]"},
      {offsets("[0]"), "t: data_offsets: expected an array of 2 offsets, found an array"},
      {one(R"("dtype":"F16","shape":[3],"data_offsets":[2,8])"),
       "t: expected its data at 0, where that before it ends, found it at 2"},
      {one(R"("dtype":"F16","shape":[3],"data_offsets":[0,6])"),
       "expected 6 bytes of tensor data, found 8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("b":{"dtype":"F16","shape":[3],"data_offsets":[2,8]}})",
       "b: expected its data at 4, where that before it ends, found it at 2"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "expected every tensor once, found two of the name \"a\""},
      {R"({"a\n":[]})", "a\\x0a: expected an object, found an array"},
  };
  for (const auto& [header, message] : cases) {
    EXPECT_EQ(error_of(safetensors_file(header, data)), "m.safetensors: " + message);
  }
}

TEST(Safetensors, RefusesHeadersThatAreNotJson) {
  const std::string want = "m.safetensors: expected JSON, found text that is not (";
  for (const std::string& header :
       {std::string("{"), std::string("{\"\xff\":{}}"), "{\"a\":" + std::string(100000, '[')}) {
    EXPECT_EQ(error_of(safetensors_file(header, "")).rfind(want, 0), 0U);
  }
}

TEST(Safetensors, RefusesAbsurdHeaderLengths) {
  const auto with_length = [](std::uint64_t length) {
    std::string bytes = small();
    std::memcpy(bytes.data(), &length, sizeof length);
    return error_of(bytes);
  };
  EXPECT_EQ(with_length(UINT64_MAX),
            "m.safetensors: expected a header of at most 100000000 bytes, found "
            "18446744073709551615");
  EXPECT_EQ(with_length(99'999'999).rfind("m.safetensors: expected a header of 99999999 bytes", 0),
            0U);
  EXPECT_EQ(error_of("1234"),
            "m.safetensors: expected a safetensors file of at least 8 bytes, found 4");
}

}  // namespace
}  // namespace bora
