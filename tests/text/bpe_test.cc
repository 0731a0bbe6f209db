#include "text/bpe.h"

#include "text/word_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace bora {
namespace {

using ::testing::ElementsAre;

// Letters a.. as ids 0.., then the pieces that merges make.
struct Fixture {
  Vocabulary vocabulary;
  MergeBpe model;

  TokenId add(const std::string& text) {
    const auto id = static_cast<TokenId>(vocabulary.size());
    CHECK(vocabulary.add(id, text).has_value(), "add");
    return id;
  }
  void merge(const std::string& left, const std::string& right) {
    if (!vocabulary.find(left + right)) add(left + right);
    model.rules.add(
        *vocabulary.find(left), *vocabulary.find(right),
        {static_cast<std::uint32_t>(model.rules.size()), *vocabulary.find(left + right)});
  }
  std::vector<std::string> encode(std::string_view word) const {
    MergeScratch scratch;
    std::vector<TokenId> ids;
    model.encode(vocabulary, word, scratch, ids);
    std::vector<std::string> pieces;
    for (const TokenId id : ids) pieces.emplace_back(vocabulary.piece(id));
    return pieces;
  }
};

TEST(MergeRules, FindsPairsAndTakesTheLaterRankOfARepeatedOne) {
  MergeRules rules;
  for (TokenId id = 0; id < 1000; ++id) rules.add(id, id + 1, {static_cast<std::uint32_t>(id), id});
  rules.add(3, 4, {5000, 77});
  EXPECT_EQ(rules.size(), 1000U);
  EXPECT_EQ(rules.find(3, 4)->rank, 5000U);
  EXPECT_EQ(rules.find(999, 1000)->id, 999);
  EXPECT_FALSE(rules.find(4, 3));
  EXPECT_FALSE(rules.find(-1, 3));
}

TEST(MergeBpe, MergesTheBestPairFirstAndTheLeftmostOfEquals) {
  Fixture f;
  for (const char* letter : {"a", "b", "c"}) f.add(letter);
  f.merge("b", "c");
  f.merge("a", "b");
  f.merge("a", "a");
  EXPECT_THAT(f.encode("abc"), ElementsAre("a", "bc"));
  EXPECT_THAT(f.encode("aaa"), ElementsAre("aa", "a"));
  EXPECT_THAT(f.encode("abab"), ElementsAre("ab", "ab"));
  EXPECT_THAT(f.encode(""), ElementsAre());
}

TEST(MergeBpe, TakesAWholeWordOnlyWhereMergesAreIgnored) {
  Fixture f;
  for (const char* letter : {"a", "b", "ab"}) f.add(letter);
  EXPECT_THAT(f.encode("ab"), ElementsAre("a", "b"));
  f.model.ignore_merges = true;
  EXPECT_THAT(f.encode("ab"), ElementsAre("ab"));
}

TEST(MergeBpe, FusesUnknownCharactersOrDropsThem) {
  Fixture f;
  f.add("a");
  EXPECT_THAT(f.encode("a\u00e9\u00e9a"), ElementsAre("a", "a"));
  f.model.unknown.unknown = f.add("<unk>");
  EXPECT_THAT(f.encode("a\u00e9\u00e9a"), ElementsAre("a", "<unk>", "<unk>", "a"));
  f.model.unknown.fuse_unknown = true;
  EXPECT_THAT(f.encode("a\u00e9\u00e9a\u00e9"), ElementsAre("a", "<unk>", "a", "<unk>"));
}

// One merge at a time, the first of the best rank: the definition, quadratic.
std::vector<std::string> merge_by_definition(const Fixture& f, const std::string& word) {
  std::vector<std::string> pieces;
  for (const char c : word) pieces.emplace_back(1, c);
  while (true) {
    std::optional<std::uint32_t> best;
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      const auto merge =
          f.model.rules.find(*f.vocabulary.find(pieces[i]), *f.vocabulary.find(pieces[i + 1]));
      if (merge && (!best || merge->rank < *best)) {
        best = merge->rank;
        where = i;
      }
    }
    if (!best) return pieces;
    pieces[where] += pieces[where + 1];
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

TEST(MergeBpe, AgreesWithTheDefinitionOnRandomRulesAndWords) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Fixture f;
    for (const char* letter : {"a", "b", "c"}) f.add(letter);
    for (int i = 0; i < 12;
         ++i) {  // in any order: a later merge may make what an earlier one takes
      const auto pick = [&] {
        return std::string(
            f.vocabulary.piece(static_cast<TokenId>(random() % f.vocabulary.size())));
      };
      const std::string left = pick();
      const std::string right = pick();
      if (left.size() + right.size() <= 6) f.merge(left, right);
    }
    std::string word;
    for (int i = 0; i < 40; ++i) word += static_cast<char>('a' + random() % 3);
    EXPECT_EQ(f.encode(word), merge_by_definition(f, word)) << word;
  }
}

TEST(MergeBpe, EncodesAWordOfAMillionCharacters) {
  Fixture f;
  f.add("a");
  f.merge("a", "a");
  f.merge("aa", "aa");
  const auto pieces = f.encode(std::string(1'000'003, 'a'));
  EXPECT_EQ(pieces.size(), 250'002U);
  EXPECT_EQ(pieces.front(), "aaaa");
  EXPECT_EQ(pieces.back(), "a");
}

}  // namespace
}  // namespace bora
