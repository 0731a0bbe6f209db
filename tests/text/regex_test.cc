#include "text/regex.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

Regex compile(std::string_view pattern) {
  auto regex = Regex::compile(pattern);
  CHECK(regex.has_value(), regex.error().message);
  return std::move(regex).value();
}

TEST(Regex, FindsTheLeftmostMatchFromAPlaceOn) {
  const Regex regex = compile(R"(\p{L}+)");
  RegexSearch search(regex, 100);
  const std::string text = "1 \u00e9a 2 b";
  const auto first = search.next(text, 0);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(text.substr((*first)->begin, (*first)->end - (*first)->begin), "\u00e9a");
  const auto second = search.next(text, (*first)->end);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->begin, 8U);
  EXPECT_FALSE(*search.next(text, text.size()));
}

TEST(Regex, MeansWhiteSpaceAndLookAheadAsTheTokenizersLibrary) {
  const Regex regex = compile(R"(\s+(?!\S))");
  const auto match = *regex.search("a \u00a0 b");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 1U);
  EXPECT_EQ(match->end, 4U);
  EXPECT_FALSE(*regex.search("a\u180eb"));  // no white space since Unicode 6.3
}

TEST(Regex, NamesWhatIsWrongWithAPattern) {
  const auto regex = Regex::compile("(a");
  ASSERT_FALSE(regex);
  EXPECT_EQ(regex.error().code, ErrorCode::kBadModel);
  EXPECT_EQ(regex.error().message,
            "regex \"(a\": expected a regular expression, found: end pattern with unmatched "
            "parenthesis");
}

TEST(Regex, RefusesAPatternOfMegabytes) { EXPECT_FALSE(Regex::compile(std::string(1 << 20, 'a'))); }

TEST(Regex, GivesUpOnCatastrophicBacktracking) {
  const Regex regex = compile("(a+)+b");
  const auto match = regex.search(std::string(5000, 'a'));
  ASSERT_FALSE(match);
  EXPECT_EQ(match.error().code, ErrorCode::kFailed);
}

TEST(Regex, BoundsManySearchesTogether) {
  const Regex regex = compile("a*b|a");  // each search runs to the end of the text
  const std::string text(60'000, 'a');
  RegexSearch search(regex, text.size());
  bool failed = false;
  for (std::size_t at = 0; at < text.size() && !failed; ++at) failed = !search.next(text, at);
  EXPECT_TRUE(failed);
}

TEST(Regex, RunsOverAMegabyteOfOneCharacter) {
  for (const char c : {' ', 'a', '\n'}) {
    const Regex regex = compile(R"([^\r\n\p{L}\p{N}]?\p{L}+|\s*[\r\n]+|\s+(?!\S)|\s+)");
    const auto match = regex.search(std::string(1 << 20, c));
    ASSERT_TRUE(match && *match) << static_cast<int>(c);
    EXPECT_EQ((*match)->end, std::size_t{1} << 20);
  }
}

TEST(MakeLastQuantifiersPossessive, ChangesOnlyWhatEndsAnAlternative) {
  const auto made = [](std::string_view pattern) {
    return make_last_quantifiers_possessive(pattern);
  };
  EXPECT_EQ(made(R"(\p{L}+)"), R"(\p{L}++)");
  EXPECT_EQ(made(R"( ?\p{L}+|[^\s]*| ?[ab]+[\r\n]*)"), R"( ?\p{L}++|[^\s]*+| ?[ab]+[\r\n]*+)");
  EXPECT_EQ(made(R"(\s+(?!\S)|\s+)"), R"(\s+(?!\S)|\s++)");
  EXPECT_EQ(made(R"((?:\w+|[a-z]+)x)"), R"((?:\w+|[a-z]+)x)");
  EXPECT_EQ(made(R"([\]+|]+)"), R"([\]+|]++)");
  EXPECT_EQ(made(R"(\p{N}{1,3})"), R"(\p{N}{1,3})");
  EXPECT_EQ(made("\\"), "\\");
  EXPECT_EQ(made("[a"), "[a");
}

}  // namespace
}  // namespace bora
