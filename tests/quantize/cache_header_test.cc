#include "quantize/cache_header.h"

#include "quantize/recipe.h"
#include "tests/formats/touch_all.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <tuple>

namespace bora {
namespace {

using ::testing::HasSubstr;

StoredTensor tensor(std::string name, DType dtype, const Shape& shape, std::uint64_t offset) {
  StoredTensor made;
  made.name = std::move(name);
  made.dtype = dtype;
  made.type_name = info(dtype).name;
  made.shape = shape;
  made.offset = offset;
  made.bytes = row_bytes(dtype, shape.columns()) * shape.rows();
  return made;
}

CacheHeader example() {
  CacheHeader header;
  header.fingerprint = {0x1234, 0x5678};
  header.tensors = {tensor("a.weight", DType::kQ8_0, {3, 64}, 4096),
                    tensor("b.weight", DType::kQ4_0, {2, 5, 32}, 4352)};
  header.checksums = {7, 8};
  return header;
}

// The whole file: the header, zeros to the data and in it.
std::string file_of(const CacheHeader& header) {
  std::string file = write_cache_header(header);
  file.resize(header.tensors.back().offset + header.tensors.back().bytes);
  return file;
}

Result<CacheHeader> parse(const std::string& file) {
  return parse_cache_header(std::as_bytes(std::span(file)), "int8.bora");
}

// Writes the checksum that the changed header should have, so that what it covers is reached.
std::string resummed(std::string file) {
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, file.data() + 12, sizeof bytes);
  const std::uint64_t sum = checksum(std::as_bytes(std::span(file)).first(bytes - 8));
  std::memcpy(file.data() + bytes - 8, &sum, sizeof sum);
  return file;
}

template <class T>
std::string with(std::string file, std::size_t offset, T number) {
  std::memcpy(file.data() + offset, &number, sizeof number);
  return file;
}

TEST(CacheHeader, ReadsWhatItWrote) {
  const CacheHeader written = example();
  const std::string file = file_of(written);
  const Result<CacheHeader> read = parse(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->fingerprint, written.fingerprint);
  EXPECT_EQ(read->checksums, written.checksums);
  ASSERT_EQ(read->tensors.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read->tensors[i].name, written.tensors[i].name);
    EXPECT_EQ(read->tensors[i].dtype, written.tensors[i].dtype);
    EXPECT_EQ(read->tensors[i].shape, written.tensors[i].shape);
    EXPECT_EQ(read->tensors[i].offset, written.tensors[i].offset);
    EXPECT_EQ(read->tensors[i].bytes, written.tensors[i].bytes);
  }
  testing::touch_all(read->tensors, std::as_bytes(std::span(file)));
}

TEST(CacheHeader, LeavesRoomForItselfBeforeTheData) {
  CacheHeader header = example();
  EXPECT_EQ(cache_data_begin(header.tensors), 4096);
  while (header.tensors.size() < 200) {
    header.tensors.push_back(header.tensors.front());
    header.checksums.push_back(0);
  }
  const std::uint64_t begin = cache_data_begin(header.tensors);
  EXPECT_EQ(begin % kTensorAlignment, 0);
  EXPECT_GE(begin, write_cache_header(header).size());
}

TEST(CacheHeader, RefusesEveryTruncation) {
  const std::string file = file_of(example());
  for (std::size_t size = 0; size < file.size(); size += size < 256 ? 1 : 97) {
    EXPECT_FALSE(parse(file.substr(0, size))) << size;
  }
  EXPECT_FALSE(parse(file + '\0'));
}

TEST(CacheHeader, NoticesEveryFlippedBitOfItself) {
  const std::string file = file_of(example());
  const std::size_t header = write_cache_header(example()).size();
  for (std::size_t bit = 0; bit < 8 * header; ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(parse(flipped)) << "bit " << bit;
  }
}

TEST(CacheHeader, SaysWhatIsWrong) {
  constexpr std::size_t kFirst = 48;  // where the first tensor's entry begins; its name has 8 bytes
  constexpr std::size_t kType = kFirst + 16;
  const std::string file = file_of(example());
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  const std::vector<std::tuple<std::string, std::string>> cases = {
      {"", "expected a file of quantized weights"},
      {with(file, 0, 'B'), "expected a file of quantized weights"},
      {with(file, 8, std::uint32_t{2}), "version: expected 1, found 2"},
      {with(file, 12, std::uint32_t{0}), "header: expected 56 to"},
      {with(file, 12, std::uint32_t{1} << 30U), "header: expected 56 to"},
      {with(file, 16, kHuge), "expected a file of 18446744073709551615 bytes"},
      {with(file, kType, std::uint32_t{2}), "header: expected its checksum"},
      {resummed(with(file, 40, std::uint64_t{0})), "tensors: expected 1 to"},
      {resummed(with(file, 40, kHuge)), "tensors: expected 1 to"},
      {resummed(with(file, 40, std::uint64_t{1})), "header: expected its end, found more"},
      {resummed(with(file, 40, std::uint64_t{3})), "header: expected more bytes"},
      {resummed(with(file, kFirst, kHuge)), "header: expected more bytes"},
      {resummed(with(file, kType, std::uint32_t{99})), "a.weight: type: expected a known one"},
      {resummed(with(file, kType + 4, std::uint32_t{0})), "a.weight: rank: expected 1 to 4"},
      {resummed(with(file, kType + 4, std::uint32_t{5})), "a.weight: rank: expected 1 to 4"},
      {resummed(with(file, kType + 8, std::uint64_t{0})), "a.weight: shape: expected 1 to 2^48"},
      {resummed(with(file, kType + 8, kHuge)), "a.weight: shape: expected 1 to 2^48"},
      {resummed(with(file, kType + 8, std::uint64_t{1} << 40U)), "bytes of data inside the file"},
      {resummed(with(file, kType + 16, std::uint64_t{33})), "rows of whole groups of 32, found 33"},
      {resummed(with(file, kType + 24, kHuge)), "bytes of data inside the file"},
      {resummed(with(file, kType + 24, std::uint64_t{64})), "bytes of data inside the file"},
      {resummed(with(file, kType + 24, std::uint64_t{4097})), "bytes of data inside the file"},
  };
  for (const auto& [bytes, expected] : cases) {
    const Result<CacheHeader> header = parse(bytes);
    ASSERT_FALSE(header) << expected;
    EXPECT_EQ(header.error().code, ErrorCode::kBadModel);
    EXPECT_THAT(header.error().message, HasSubstr("int8.bora: "));
    EXPECT_THAT(header.error().message, HasSubstr(expected));
  }
}

TEST(CacheHeader, RefusesTwoTensorsOfOneName) {
  CacheHeader header = example();
  header.tensors[1].name = header.tensors[0].name;
  const std::string file = file_of(header);
  EXPECT_THAT(parse(file).error().message, HasSubstr("two of the name \"a.weight\""));
}

TEST(RunningChecksum, IsThatOfTheWhole) {
  const std::string text = "weights that come in pieces";
  RunningChecksum sum;
  sum.add(std::as_bytes(std::span(text)).first(5));
  sum.add({});
  sum.add(std::as_bytes(std::span(text)).subspan(5));
  EXPECT_EQ(sum.value(), checksum(std::as_bytes(std::span(text))));
}

}  // namespace
}  // namespace bora
