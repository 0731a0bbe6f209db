#include "text/pre_tokenizer.h"

#include "text/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using Strings = std::vector<std::string>;

Strings cut(PreTokenizerStep step, std::string text, bool at_start = true) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(std::move(step));
  const auto words = pre_tokenizer.cut(std::move(text), at_start);
  CHECK(words.has_value(), words.error().message);
  Strings out;
  for (const auto& range : words->ranges) out.emplace_back(words->word(range));
  return out;
}

Regex regex(std::string_view pattern) {
  auto compiled = Regex::compile(pattern);
  CHECK(compiled.has_value(), compiled.error().message);
  return std::move(compiled).value();
}

Strings split(std::string_view pattern, SplitBehavior behavior, std::string text,
              bool invert = false) {
  return cut(SplitRegex{regex(pattern), behavior, invert}, std::move(text));
}

// The examples of the tokenizers library's documentation of SplitDelimiterBehavior.
TEST(PreTokenizer, SplitsByEveryBehavior) {
  const std::string text = "the-final--countdown";
  EXPECT_THAT(split("-", SplitBehavior::kRemoved, text), ElementsAre("the", "final", "countdown"));
  EXPECT_THAT(split("-", SplitBehavior::kIsolated, text),
              ElementsAre("the", "-", "final", "-", "-", "countdown"));
  EXPECT_THAT(split("-", SplitBehavior::kMergedWithPrevious, text),
              ElementsAre("the-", "final-", "-", "countdown"));
  EXPECT_THAT(split("-", SplitBehavior::kMergedWithNext, text),
              ElementsAre("the", "-final", "-", "-countdown"));
  EXPECT_THAT(split("-", SplitBehavior::kContiguous, text),
              ElementsAre("the", "-", "final", "--", "countdown"));
}

TEST(PreTokenizer, InvertsAPattern) {
  EXPECT_THAT(split(R"(\w+)", SplitBehavior::kRemoved, "a-bc d", true),
              ElementsAre("a", "bc", "d"));
}

TEST(PreTokenizer, SplitsByPlainText) {
  EXPECT_THAT(cut(SplitText{"--", SplitBehavior::kIsolated, false}, "a--b---"),
              ElementsAre("a", "--", "b", "--", "-"));
  EXPECT_THAT(cut(SplitText{"", SplitBehavior::kIsolated, false}, "ab"), ElementsAre("ab"));
  EXPECT_THAT(cut(SplitText{".", SplitBehavior::kIsolated, false}, "ab"), ElementsAre("ab"));
}

TEST(PreTokenizer, CutsAtEmptyMatches) {
  EXPECT_THAT(split("(?=[A-Z])", SplitBehavior::kIsolated, "oneTwoThree"),
              ElementsAre("one", "Two", "Three"));
  EXPECT_THAT(split("x*", SplitBehavior::kRemoved, "\u00e9xxb"), ElementsAre("\u00e9", "b"));
}

TEST(PreTokenizer, GivesNoWordsForNoText) {
  EXPECT_TRUE(split("a", SplitBehavior::kIsolated, "").empty());
  EXPECT_TRUE(split("a", SplitBehavior::kRemoved, "aaa").empty());
}

TEST(PreTokenizer, SplitsDigitsOneByOneOrTogether) {
  EXPECT_THAT(cut(SplitCharacters{is_numeric, SplitBehavior::kIsolated}, "a12\u00b2"),
              ElementsAre("a", "1", "2", "\u00b2"));
  EXPECT_THAT(cut(SplitCharacters{is_numeric, SplitBehavior::kContiguous}, "a12b3"),
              ElementsAre("a", "12", "b", "3"));
}

TEST(PreTokenizer, ByteLevelCutsAsGpt2AndShowsBytes) {
  EXPECT_THAT(cut(ByteLevelCut{false, regex(kGpt2Pattern)}, "Hello  I'm \u00e9!"),
              ElementsAre("Hello", "\u0120", "\u0120I", "'m", "\u0120\u00c3\u00a9", "!"));
  EXPECT_THAT(cut(ByteLevelCut{true, std::nullopt}, "a b"), ElementsAre("\u0120a\u0120b"));
  EXPECT_THAT(cut(ByteLevelCut{true, std::nullopt}, " a"), ElementsAre("\u0120a"));
}

TEST(PreTokenizer, MetaspaceMarksSpaces) {
  using Prepend = MetaspaceCut::Prepend;
  EXPECT_THAT(cut(MetaspaceCut{"\u2581", Prepend::kAlways, true}, "Hey  you"),
              ElementsAre("\u2581Hey", "\u2581", "\u2581you"));
  EXPECT_THAT(cut(MetaspaceCut{"\u2581", Prepend::kAlways, false}, " Hey you"),
              ElementsAre("\u2581Hey\u2581you"));
  EXPECT_THAT(cut(MetaspaceCut{"\u2581", Prepend::kFirst, true}, "Hey you", false),
              ElementsAre("Hey", "\u2581you"));
  EXPECT_THAT(cut(MetaspaceCut{"\u2581", Prepend::kFirst, true}, "Hey"), ElementsAre("\u2581Hey"));
  EXPECT_THAT(cut(MetaspaceCut{"\u2581", Prepend::kNever, true}, "Hey"), ElementsAre("Hey"));
}

TEST(PreTokenizer, CutsBeforeAMarkThatFollowsSomethingElse) {
  EXPECT_THAT(cut(CutBeforeMark{"\u2581"}, "\u2581\u2581a\u2581b\u2581\u2581\u2581c"),
              ElementsAre("\u2581\u2581a", "\u2581b", "\u2581\u2581\u2581c"));
  EXPECT_THAT(cut(CutBeforeMark{"\u2581"}, "ab"), ElementsAre("ab"));
  EXPECT_THAT(cut(CutBeforeMark{"\u2581"}, "ab\u2581"), ElementsAre("ab", "\u2581"));
}

TEST(PreTokenizer, RunsItsStepsOneAfterTheOther) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(SplitCharacters{is_numeric, SplitBehavior::kIsolated});
  pre_tokenizer.add(ByteLevelCut{false, regex(kGpt2Pattern)});
  const auto words = pre_tokenizer.cut("a 12", true);
  ASSERT_TRUE(words);
  Strings out;
  for (const auto& range : words->ranges) out.emplace_back(words->word(range));
  EXPECT_THAT(out, ElementsAre("a", "\u0120", "1", "2"));
}

}  // namespace
}  // namespace bora
