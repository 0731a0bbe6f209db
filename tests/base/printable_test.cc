#include "base/printable.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

using namespace std::string_view_literals;

TEST(Printable, KeepsTextOfAnyLanguage) {
  EXPECT_EQ(printable("blk.0 déjà 東京 🙂"), "blk.0 déjà 東京 🙂");
  EXPECT_EQ(quoted("a"), "\"a\"");
}

TEST(Printable, EscapesWhatCouldDriveATerminal) {
  EXPECT_EQ(printable("a\nb\x1b[2J\0\x7f"sv), "a\\x0ab\\x1b[2J\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
}

TEST(Printable, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Printable, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("ééé", 3), "éé...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

}  // namespace
}  // namespace bora
