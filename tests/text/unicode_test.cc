#include "text/unicode.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(Unicode, ReadsAndWritesCharactersOfEveryLength) {
  for (const char32_t c : {U'a', U'\u00e9', U'\u2581', U'\U0001F600'}) {
    std::string text = "x";
    append_utf8(text, c);
    const CodePoint forward = code_point_at(text, 1);
    EXPECT_EQ(forward.value, c);
    EXPECT_EQ(forward.length, text.size() - 1);
    EXPECT_EQ(utf8_length(static_cast<unsigned char>(text[1])), forward.length);
    EXPECT_EQ(code_point_before(text, text.size()).value, c);
  }
}

TEST(Unicode, TellsWhatIsUtf8) {
  EXPECT_TRUE(is_valid_utf8("a\u00e9\U0001F600"));
  EXPECT_FALSE(is_valid_utf8("\xC3"));
  EXPECT_FALSE(is_valid_utf8("\xC0\x80"));      // overlong
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));  // a surrogate
}

TEST(Unicode, KnowsWhiteSpaceByTheProperty) {
  for (const char32_t c : {U' ', U'\t', U'\u0085', U'\u00a0', U'\u2003', U'\u2028', U'\u3000'}) {
    EXPECT_TRUE(is_white_space(c)) << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U'a', U'\u200b', U'\u180e', U'\ufeff', U'\x1c'}) {
    EXPECT_FALSE(is_white_space(c)) << static_cast<unsigned>(c);
  }
}

TEST(Unicode, KnowsNumbersPunctuationMarksAndWords) {
  EXPECT_TRUE(is_numeric(U'7') && is_numeric(U'\u00b2') && is_numeric(U'\u2167'));
  EXPECT_FALSE(is_numeric(U'a') || is_numeric(U'\u5341'));  // the Han ten is a letter
  EXPECT_TRUE(is_punctuation(U'$') && is_punctuation(U'\u2026') && is_punctuation(U'`'));
  EXPECT_FALSE(is_punctuation(U'a') || is_punctuation(U'\u20ac'));  // the euro is a symbol
  EXPECT_TRUE(is_mark(U'\u0301'));
  EXPECT_FALSE(is_mark(U'e'));
  EXPECT_TRUE(is_word(U'_') && is_word(U'9') && is_word(U'\u00e9') && is_word(U'\u0301'));
  EXPECT_FALSE(is_word(U'-') || is_word(U' ') || is_word(U'\u00b2'));
}

}  // namespace
}  // namespace bora
