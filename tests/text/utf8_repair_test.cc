#include "text/utf8_repair.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bora {
namespace {

std::string repair(std::string_view bytes) {
  Utf8Repair repair;
  std::string out;
  repair.push(bytes, out);
  repair.finish(out);
  return out;
}

struct Case {
  std::string bytes, text;
};

// The examples of the Unicode standard, tables 3-8 to 3-11, and the ends of the ranges.
const std::vector<Case> kCases = {
    {"plain", "plain"},
    {"\u00e9\u20ac\U0001F600", "\u00e9\u20ac\U0001F600"},
    {"\xF4\x8F\xBF\xBF", "\U0010FFFF"},
    {"\xC0\xAF", "\uFFFD\uFFFD"},
    {"\xE0\x80\xBF", "\uFFFD\uFFFD\uFFFD"},
    {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
    {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
    {"\xF0\x80\x80\x41", "\uFFFD\uFFFD\uFFFD\x41"},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\x41"},
    {"\xE2\x82", "\uFFFD"},
    {"\x80\xFF", "\uFFFD\uFFFD"},
};

TEST(Utf8Repair, ReplacesEachMaximalPartOnce) {
  for (const Case& c : kCases) EXPECT_EQ(repair(c.bytes), c.text);
}

TEST(Utf8Repair, GivesTheSameHoweverTheBytesAreParted) {
  for (const Case& c : kCases) {
    for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut) {
      Utf8Repair repair;
      std::string out;
      repair.push(c.bytes.substr(0, cut), out);
      repair.push(c.bytes.substr(cut), out);
      repair.finish(out);
      EXPECT_EQ(out, c.text) << "cut at " << cut;
    }
  }
}

TEST(Utf8Repair, HoldsBackAnUnfinishedCharacter) {
  Utf8Repair repair;
  std::string out;
  repair.push("a\xE2\x82", out);
  EXPECT_EQ(out, "a");
  repair.push("\xAC", out);
  EXPECT_EQ(out, "a\u20ac");
}

}  // namespace
}  // namespace bora
