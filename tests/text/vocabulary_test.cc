#include "text/vocabulary.h"

#include <gtest/gtest.h>

#include <string>

namespace bora {
namespace {

TEST(Vocabulary, FindsEachOfManyPiecesByTextAndId) {
  Vocabulary vocabulary;
  for (TokenId id = 0; id < 5000; ++id) {
    ASSERT_TRUE(vocabulary.add(id, "piece" + std::to_string(id)));
  }
  EXPECT_EQ(vocabulary.size(), 5000U);
  EXPECT_EQ(vocabulary.max_piece_bytes(), 9U);
  for (TokenId id = 0; id < 5000; ++id) {
    const std::string text = "piece" + std::to_string(id);
    EXPECT_EQ(vocabulary.piece(id), text);
    EXPECT_EQ(vocabulary.find(text), id);
  }
  EXPECT_EQ(vocabulary.find("piece"), std::nullopt);
}

TEST(Vocabulary, KeepsHolesBetweenIds) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add(7, "seven"));
  EXPECT_EQ(vocabulary.size(), 8U);
  EXPECT_FALSE(vocabulary.contains(3));
  EXPECT_FALSE(vocabulary.contains(-1));
  EXPECT_FALSE(vocabulary.contains(8));
  EXPECT_EQ(vocabulary.piece(3), "");
}

TEST(Vocabulary, HidesPiecesFromFind) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add_hidden(0, "<s>"));
  EXPECT_EQ(vocabulary.piece(0), "<s>");
  EXPECT_EQ(vocabulary.find("<s>"), std::nullopt);
}

TEST(Vocabulary, GivesTheFirstOfTwoPiecesWithOneText) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add(4, "same"));
  ASSERT_TRUE(vocabulary.add(2, "same"));
  EXPECT_EQ(vocabulary.find("same"), 4);
  EXPECT_EQ(vocabulary.piece(2), "same");
}

TEST(Vocabulary, RefusesAbsurdAndRepeatedIds) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add(1, "one"));
  EXPECT_TRUE(vocabulary.add(1, "one"));
  EXPECT_EQ(vocabulary.add(1, "two").error().message, "token id 1: expected one piece, found two");
  EXPECT_EQ(vocabulary.add(-1, "x").error().message, "token id: expected 0..4194303, found -1");
  EXPECT_EQ(vocabulary.add(std::int64_t{1} << 40, "x").error().code, ErrorCode::kBadModel);
  EXPECT_EQ(vocabulary.size(), 2U);
}

}  // namespace
}  // namespace bora
