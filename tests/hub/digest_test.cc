#include "hub/digest.h"

#include "tests/hub/fake_hub.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::hash_of;
using testing::noise;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(BlobDigest, IsTheOneOfTheStandards) {
  EXPECT_EQ(hash_of("abc", 64), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of("", 64), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // printf 'hello' | git hash-object --stdin
  EXPECT_EQ(hash_of("hello", 40), "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
}

TEST(BlobDigest, GoesOnFromAStateThatWasKept) {
  const std::string text = noise(10'000, 1);
  const std::string etag = hash_of(text, 64);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{64}, std::size_t{6400}}) {
    BlobDigest first(etag, text.size());
    first.add(bytes_of(text).first(cut));
    BlobDigest second(etag, text.size());
    ASSERT_TRUE(second.restore(first.save(), cut));
    EXPECT_EQ(second.added(), cut);
    second.add(bytes_of(text).subspan(cut));
    EXPECT_EQ(second.finish(), etag);
  }
}

TEST(BlobDigest, KeepsNoStateInsideOfABlock) {
  BlobDigest digest(std::string(64, 'a'), 100);
  digest.add(bytes_of("abc"));
  EXPECT_EQ(digest.save(), "");
}

TEST(BlobDigest, TakesNoStateThatIsNone) {
  BlobDigest digest(std::string(64, 'a'), 100);
  EXPECT_FALSE(digest.restore("", 64));
  EXPECT_FALSE(digest.restore(std::string(64, 'x'), 64));
  EXPECT_FALSE(digest.restore(std::string(64, 'a'), 63));
  EXPECT_EQ(digest.added(), 0U);
}

}  // namespace
}  // namespace bora
