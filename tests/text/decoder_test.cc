#include "text/decoder.h"

#include <gtest/gtest.h>

#include <random>

namespace bora {
namespace {

using Pieces = std::vector<std::string>;

Decoder make(std::vector<DecoderStep> steps) {
  Decoder decoder;
  for (DecoderStep& step : steps) {
    const auto done = decoder.add(std::move(step));
    CHECK(done.has_value(), done.error().message);
  }
  return decoder;
}

std::string decode(const Decoder& decoder, const Pieces& pieces) {
  DecodeStream stream(decoder);
  std::string text;
  for (const std::string& piece : pieces) stream.push(piece, text);
  stream.finish(text);
  return text;
}

Decoder llama() {
  return make(
      {ReplaceInPiece{"\u2581", " "}, JoinByteFallback{}, FusePieces{}, StripPiece{" ", 1, 0}});
}

TEST(Decoder, LlamaTakesOneSpaceFromTheFront) {
  EXPECT_EQ(decode(llama(), {"\u2581Hello", "\u2581world"}), "Hello world");
  EXPECT_EQ(decode(llama(), {"\u2581", "\u2581", "a"}), " a");
  EXPECT_EQ(decode(llama(), {}), "");
}

TEST(Decoder, ByteFallbackJoinsValidRunsAndReplacesEachByteOfOthers) {
  EXPECT_EQ(decode(llama(), {"a", "<0xE2>", "<0x82>", "<0xAC>", "b"}), "a\u20acb");
  EXPECT_EQ(decode(llama(), {"<0xE2>", "<0x82>", "b"}), "\uFFFD\uFFFDb");
  EXPECT_EQ(decode(llama(), {"<0xE2>", "<0x82>", "<0xAC>", "<0xE2>"}), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decode(llama(), {"<0xG0>", "<0x412>", "<0x4>"}), "<0xG0><0x412><0x4>");
}

TEST(Decoder, ByteLevelRepairsUtf8AcrossPieces) {
  const Decoder decoder = make({FromByteLevel{}});
  EXPECT_EQ(decode(decoder, {"\u0120a", "\u00e2", "\u0124\u00ac"}), " a\xE2\x82\xAC");
  EXPECT_EQ(decode(decoder, {"\u00e2", "\u0124"}), "\uFFFD");
  EXPECT_EQ(decode(decoder, {"a b", "\u2581"}), "a b\u2581");  // added tokens stand for themselves
}

TEST(Decoder, StripsEachPieceUnlessTheyAreFused) {
  EXPECT_EQ(decode(make({StripPiece{"_", 1, 1}}), {"_a_", "__b__", "_"}), "a_b_");
  EXPECT_EQ(
      decode(make({FusePieces{}, StripPiece{"_", 2, 2}}), {"_", "_", "_a_", "__", "b_", "__"}),
      "_a___b_");
}

TEST(Decoder, MetaspaceDropsTheMarksOfTheFirstPieceOnly) {
  EXPECT_EQ(decode(make({MetaspaceToSpace{"\u2581", true}}), {"\u2581a", "\u2581b"}), "a b");
  EXPECT_EQ(decode(make({MetaspaceToSpace{"\u2581", false}}), {"\u2581a", "\u2581b"}), " a b");
}

TEST(Decoder, JoinsPiecesBySpacesWithoutAnyStep) {
  EXPECT_EQ(decode(make({SpaceBetween{}}), {"a", "b", "c"}), "a b c");
}

TEST(Decoder, RefusesStepsThatCannotSeePiecesAnyMore) {
  Decoder decoder = make({FusePieces{}});
  EXPECT_FALSE(decoder.add(JoinByteFallback{}));
  EXPECT_FALSE(decoder.add(ReplaceInPiece{"ab", "c"}));
  EXPECT_TRUE(decoder.add(ReplaceInPiece{"\u2581", " "}));
}

TEST(Decoder, RefusesAHundredSteps) {
  Decoder decoder;
  bool ok = true;
  for (int i = 0; i < 100 && ok; ++i) ok = decoder.add(FusePieces{}).has_value();
  EXPECT_FALSE(ok);
}

TEST(DecodeStream, BeginsAnewAfterItsEnd) {
  const Decoder decoder = llama();
  DecodeStream stream(decoder);
  for (int round = 0; round < 2; ++round) {
    std::string text;
    stream.push("\u2581a", text);
    stream.push("<0x41>", text);
    stream.finish(text);
    EXPECT_EQ(text, "aA");
  }
}

}  // namespace
}  // namespace bora
