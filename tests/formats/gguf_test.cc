#include "formats/gguf.h"

#include "formats/packed.h"
#include "tests/formats/gguf_builder.h"
#include "tests/formats/touch_all.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bora {
namespace {

using testing::GgufBuilder;
using testing::touch_all;
using Type = MetadataType;

Result<GgufHeader> parse(const std::string& bytes) {
  return parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf");
}

std::string error_of(const std::string& bytes) {
  const Result<GgufHeader> header = parse(bytes);
  return header ? "parsed" : header.error().message;
}

GgufBuilder small() {
  return GgufBuilder()
      .text("general.architecture", "llama")
      .value("llama.block_count", Type::kUint32, std::uint32_t{1})
      .value("flag", Type::kBool, std::uint8_t{1})
      .texts("tokens", std::vector<std::string>{"a", "bc", ""})
      .array("scores", Type::kFloat32, {0.5F, 1.5F})
      .tensor("token_embd.weight", {4, 2}, 0, std::string(32, 'e'))
      .tensor("blk.0.attn_q.weight", {32, 2}, 2, std::string(36, 'q'));
}

bool goes_on(const std::string& bytes, std::size_t first) {
  return gguf_header_goes_on(std::as_bytes(std::span(bytes)).first(first), bytes.size());
}

TEST(Gguf, KnowsFromTheFirstBytesWhetherTheHeaderGoesOn) {
  const std::string bytes = small().bytes();
  const std::size_t name = bytes.find("blk.0.attn_q.weight");
  const std::size_t end = name + 19 + 4 + 2 * 8 + 4 + 8;  // rank, dimensions, type, offset
  for (std::size_t first = 0; first < bytes.size(); ++first) {
    EXPECT_EQ(goes_on(bytes, first), first < end) << first;
  }
  std::string other = bytes;
  other[4] = 9;  // the version
  EXPECT_FALSE(goes_on(other, 100));
}

TEST(Gguf, ReadsTensorsOfEveryType) {
  const struct {
    std::uint32_t ggml;
    DType dtype;
    std::size_t bytes;
  } cases[] = {{0, DType::kF32, 2048}, {1, DType::kF16, 1024}, {30, DType::kBF16, 1024},
               {8, DType::kQ8_0, 544}, {2, DType::kQ4_0, 288}, {3, DType::kQ4_1, 320},
               {12, DType::kQ4K, 288}, {13, DType::kQ5K, 352}, {14, DType::kQ6K, 420}};
  GgufBuilder builder;
  for (const auto& c : cases) {
    builder.tensor(info(c.dtype).name, {256, 2}, c.ggml,
                   std::string(c.bytes, static_cast<char>(c.ggml)));
  }
  const std::string bytes = builder.bytes();
  const Result<GgufHeader> header = parse(bytes);
  ASSERT_TRUE(header) << header.error().message;
  ASSERT_EQ(header->tensors.size(), std::size(cases));
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const StoredTensor& tensor = header->tensors[i];
    SCOPED_TRACE(tensor.name);
    EXPECT_EQ(tensor.dtype, cases[i].dtype);
    EXPECT_EQ(tensor.bytes, cases[i].bytes);
    EXPECT_EQ(tensor.shape, (Shape{2, 256}));
    EXPECT_EQ(tensor.offset % 32, 0U);
    EXPECT_EQ(bytes.substr(tensor.offset, tensor.bytes),
              std::string(cases[i].bytes, static_cast<char>(cases[i].ggml)));
  }
}

TEST(Gguf, TurnsDimensionsOutermostFirst) {
  const Result<GgufHeader> header =
      parse(GgufBuilder().tensor("t", {2, 3, 5, 1}, 1, std::string(60, 'x')).bytes());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->tensors[0].shape, (Shape{1, 5, 3, 2}));
}

TEST(Gguf, ReadsVersion2AndOtherAlignments) {
  GgufBuilder builder;
  builder.version = 2;
  builder.alignment = 128;
  builder.value("general.alignment", Type::kUint32, std::uint32_t{128})
      .tensor("a", {1}, 0, "aaaa")
      .tensor("b", {1}, 0, "bbbb");
  const std::string bytes = builder.bytes();
  const Result<GgufHeader> header = parse(bytes);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->tensors[1].offset % 128, 0U);
  EXPECT_EQ(bytes.substr(header->tensors[1].offset, 4), "bbbb");
}

TEST(Gguf, OpensFilesWithoutTensors) {
  const Result<GgufHeader> header = parse(GgufBuilder().text("general.type", "vocab").bytes());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_TRUE(header->tensors.empty());
}

TEST(Gguf, KeepsTensorsThatItCannotComputeWith) {
  const Result<GgufHeader> header = parse(GgufBuilder()
                                              .tensor("ids", {3}, 26, std::string(12, 'i'))
                                              .tensor("k", {256}, 15, std::string(292, 'k'))
                                              .tensor("future", {7}, 1000, "")
                                              .bytes());
  ASSERT_TRUE(header) << header.error().message;
  const std::string want =
      "expected one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, "
      "IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, IQ1_M, BF16, TQ1_0, TQ2_0, "
      "found type ";
  EXPECT_EQ(header->tensors[0].obstacle, want + "I32, which is not supported");
  EXPECT_EQ(header->tensors[0].bytes, 12U);
  EXPECT_EQ(header->tensors[1].obstacle, want + "Q8_K, which is not supported");
  EXPECT_EQ(header->tensors[1].bytes, 292U);
  EXPECT_EQ(header->tensors[2].obstacle, want + "number 1000, which is not supported");
  EXPECT_FALSE(header->tensors[2].dtype);
}

TEST(Gguf, KeepsTensorsThatAreWidenedAtLoad) {
  const Result<GgufHeader> header =
      parse(GgufBuilder().tensor("w", {64, 3}, 6, std::string(132, 'w')).bytes());
  ASSERT_TRUE(header) << header.error().message;
  const StoredTensor& tensor = header->tensors[0];
  ASSERT_NE(tensor.packed, nullptr);
  EXPECT_EQ(tensor.packed->widened, DType::kQ8_0);
  EXPECT_FALSE(tensor.dtype);
  EXPECT_EQ(tensor.bytes, 132U);
  EXPECT_EQ(tensor.obstacle,
            "expected a type that is computed with as it is stored, found type Q5_0, which is "
            "widened at load");
}

TEST(Gguf, RefusesFilesOfAnotherKind) {
  const auto with_version = [](std::uint32_t version) {
    GgufBuilder builder = small();
    builder.version = version;
    return builder.bytes();
  };
  EXPECT_EQ(error_of(""),
            "m.gguf: expected a GGUF file, found one that does not begin with \"GGUF\"");
  EXPECT_EQ(error_of("GGML" + small().bytes()),
            "m.gguf: expected a GGUF file, found one that does not begin with \"GGUF\"");
  EXPECT_EQ(error_of(with_version(1)), "m.gguf: expected GGUF version 2 or 3, found version 1");
  EXPECT_EQ(error_of(with_version(4)), "m.gguf: expected GGUF version 2 or 3, found version 4");
  EXPECT_EQ(error_of(with_version(0x03000000)),
            "m.gguf: expected a little-endian GGUF file, found a big-endian one");
}

GgufBuilder small_part(std::int64_t number, std::int64_t count, std::int64_t tensors) {
  return small()
      .value("split.no", Type::kInt64, number)
      .value("split.count", Type::kInt64, count)
      .value("split.tensors.count", Type::kInt64, tensors);
}

TEST(Gguf, SaysWhichPartOfAModelItIs) {
  const Result<GgufHeader> whole = parse(small_part(0, 1, 2).bytes());
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->split.count, 1U);
  const std::string bytes = small_part(1, 3, 9).bytes();
  const Result<GgufHeader> part = parse(bytes);
  ASSERT_TRUE(part) << part.error().message;
  EXPECT_EQ(part->split.number, 1U);
  EXPECT_EQ(part->split.count, 3U);
  EXPECT_EQ(part->split.tensors, 9U);
}

TEST(Gguf, RefusesAbsurdParts) {
  EXPECT_EQ(error_of(small_part(0, 65536, 2).bytes()),
            "m.gguf: split.count: expected 0 to 65535 parts, found 65536");
  EXPECT_EQ(error_of(small_part(0, -1, 2).bytes()),
            "m.gguf: split.count: expected 0 to 65535 parts, found -1");
  EXPECT_EQ(error_of(small_part(3, 3, 2).bytes()),
            "m.gguf: split.no: expected one of its 3 parts, from 0, found 3");
  EXPECT_EQ(error_of(small_part(-1, 3, 2).bytes()),
            "m.gguf: split.no: expected one of its 3 parts, from 0, found -1");
  EXPECT_EQ(error_of(small_part(0, 3, -2).bytes()),
            "m.gguf: split.tensors.count: expected a count of tensors, found -2");
  EXPECT_EQ(error_of(small().text("split.count", "three").bytes()),
            "m.gguf: split.count: expected an integer, found \"three\"");
}

// A file that ends anywhere but at its end is an error, except where only the padding after the
// last byte that counts is gone.
TEST(Gguf, RefusesAFileTruncatedAtAnyByte) {
  const std::string whole = small().bytes();
  ASSERT_EQ(error_of(whole), "parsed");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string message = error_of(whole.substr(0, size));
    EXPECT_EQ(message.rfind("m.gguf: ", 0), 0U) << size << ": " << message;
  }
}

TEST(Gguf, SurvivesEveryFlippedBit) {
  const std::string whole = small().bytes();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const Result<GgufHeader> header = parse(bytes);
    if (!header) {
      EXPECT_EQ(header.error().code, ErrorCode::kBadModel);
      continue;
    }
    touch_all(header->metadata);
    touch_all(header->tensors, std::as_bytes(std::span(bytes)));
  }
}

std::string u64(std::uint64_t number) {
  std::string raw;
  GgufBuilder::put(raw, number);
  return raw;
}

std::string u32(std::uint32_t number) {
  std::string raw;
  GgufBuilder::put(raw, number);
  return raw;
}

struct BadFile {
  std::string bytes;
  std::string message;
};

void expect_refused(const std::vector<BadFile>& files) {
  for (const BadFile& file : files) EXPECT_EQ(error_of(file.bytes), "m.gguf: " + file.message);
}

TEST(Gguf, RefusesAbsurdCountsAndLengths) {
  const std::string pad(64, '\0');
  expect_refused({
      {GgufBuilder().bytes(UINT64_MAX, 0),
       "expected counts that fit its 32 bytes, found 18446744073709551615 tensors and 0 metadata "
       "values"},
      {GgufBuilder().bytes(0, std::uint64_t{1} << 63U),
       "expected counts that fit its 32 bytes, found 0 tensors and 9223372036854775808 metadata "
       "values"},
      {GgufBuilder().raw_value("k", Type::kString, u64(std::uint64_t{1} << 63U) + pad).bytes(),
       "k: expected a value that the file holds, found 91 bytes left in the file"},
      {GgufBuilder().raw_value("k", Type::kArray, u32(8) + u64(UINT64_MAX) + pad).bytes(),
       "k: expected 18446744073709551615 elements that the file holds, found 79 bytes left in the "
       "file"},
      {GgufBuilder().raw_value("k", Type::kArray, u32(10) + u64(UINT64_MAX / 4) + pad).bytes(),
       "k: expected 4611686018427387903 elements that the file holds, found 79 bytes left in the "
       "file"},
      {GgufBuilder().raw_value("k", Type::kArray, u32(9) + u64(1) + pad).bytes(),
       "k: expected an array of plain values, found an array of arrays"},
      {GgufBuilder().raw_value("k", static_cast<Type>(13), pad).bytes(),
       "k: expected a metadata type of 0 to 12, found 13"},
      {GgufBuilder().raw_value("k", Type::kArray, u32(99) + u64(0)).bytes(),
       "k: expected a metadata type of 0 to 12, found 99"},
      {GgufBuilder().raw_value("k", Type::kBool, "\x02").bytes(),
       "k: expected 0 or 1 for a boolean, found another byte"},
  });
}

TEST(Gguf, RefusesBadNames) {
  expect_refused({
      {GgufBuilder().text("\xff\xfe", "v").bytes(),
       "expected a metadata key of 1 to 65535 bytes of UTF-8, found \"\\xff\\xfe\""},
      {GgufBuilder().text("", "v").bytes(),
       "expected a metadata key of 1 to 65535 bytes of UTF-8, found \"\""},
      {GgufBuilder().text("k", "v").text("k", "w").bytes(), "k: expected one value, found two"},
      {GgufBuilder().tensor("a\xc3", {1}, 0, "aaaa").bytes(),
       "expected a tensor name of 1 to 65535 bytes of UTF-8, found \"a\\xc3\""},
      {GgufBuilder().tensor("a\n", {1}, 0, "aaaa").tensor("a\n", {1}, 0, "bbbb").bytes(),
       "expected every tensor once, found two of the name \"a\\x0a\""},
  });
}

TEST(Gguf, RefusesTensorsThatDoNotFitTheFile) {
  const std::uint64_t huge = std::uint64_t{1} << 62U;
  expect_refused({
      {GgufBuilder().raw_tensor("t", {huge, huge}, 0, 0).bytes(),
       "t: expected at most 2^48 values, found [4611686018427387904, 4611686018427387904]"},
      {GgufBuilder().raw_tensor("t", {0, huge}, 0, 0).bytes(),
       "t: expected at most 2^48 values, found [4611686018427387904, 0]"},
      {GgufBuilder().raw_tensor("t", {1, 1, 1, 1, 1}, 0, 0).bytes(),
       "t: expected at most 4 dimensions, found 5"},
      {GgufBuilder().raw_tensor("t", {33}, 2, 0).bytes(),
       "t: expected rows of a multiple of 32 values for type Q4_0, found [33]"},
      {GgufBuilder().raw_tensor("t", {288}, 12, 0).bytes(),
       "t: expected rows of a multiple of 256 values for type Q4_K, found [288]"},
      {GgufBuilder().raw_tensor("t", {256}, 14, 0).bytes() + std::string(209, 'x'),
       "t: expected 210 bytes at 0 of the tensor data, found a file of 273 bytes"},
      {GgufBuilder().raw_tensor("t", {2}, 0, 0).bytes(),
       "t: expected 8 bytes at 0 of the tensor data, found a file of 64 bytes"},
      {GgufBuilder().raw_tensor("t", {2}, 0, UINT64_MAX - 31).bytes(),
       "t: expected 8 bytes at 18446744073709551584 of the tensor data, found a file of 64 bytes"},
      {GgufBuilder().raw_tensor("t", {2}, 0, 8).bytes() + std::string(64, 'x'),
       "t: expected an offset that is a multiple of 32, found 8"},
  });
}

TEST(Gguf, RefusesAlignmentsThatAreNoPowerOfTwo) {
  for (const std::uint32_t alignment : {0U, 1U, 4U, 24U, 33U}) {
    EXPECT_EQ(error_of(GgufBuilder()
                           .value("general.alignment", Type::kUint32, alignment)
                           .tensor("t", {1}, 0, "aaaa")
                           .bytes()),
              "m.gguf: general.alignment: expected a power of two from 8, found " +
                  std::to_string(alignment));
  }
  EXPECT_EQ(error_of(GgufBuilder().text("general.alignment", "x").bytes()),
            "m.gguf: general.alignment: expected an integer, found \"x\"");
}

}  // namespace
}  // namespace bora
