#include "text/byte_level.h"

#include "text/unicode.h"

#include <gtest/gtest.h>

#include <set>

namespace bora {
namespace {

TEST(ByteLevel, ShowsEachByteAsOneCharacterAndBack) {
  std::set<std::string> characters;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    std::string text;
    append_byte_level(text, bytes);
    EXPECT_EQ(code_point_at(text, 0).length, text.size());
    EXPECT_EQ(from_byte_level(text), bytes);
    characters.insert(text);
  }
  EXPECT_EQ(characters.size(), 256U);
}

TEST(ByteLevel, WritesWhatGpt2Writes) {
  std::string text;
  append_byte_level(text, " a\n\u00e9");
  EXPECT_EQ(text, "\u0120a\u010a\u00c3\u00a9");
}

TEST(ByteLevel, RefusesCharactersOutsideOfTheAlphabet) {
  EXPECT_EQ(from_byte_level("a b"), std::nullopt);  // a space is written as U+0120
  EXPECT_EQ(from_byte_level("\u2581"), std::nullopt);
  EXPECT_EQ(from_byte_level("\u0144"), std::nullopt);  // one past its end
}

}  // namespace
}  // namespace bora
