#include "text/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;

AddedToken token(TokenId id, std::string content, bool special = true) {
  AddedToken made;
  made.id = id;
  made.content = std::move(content);
  made.special = special;
  return made;
}

AddedTokens with(const std::vector<AddedToken>& tokens) {
  AddedTokens added;
  for (const AddedToken& one : tokens) added.add(one, one.content);
  return added;
}

// "text" for text, "<id text>" for a token.
std::vector<std::string> split(const AddedTokens& added, const std::string& text,
                               bool with_special = true) {
  std::vector<std::string> out;
  for (const Fragment& fragment : added.split(text, with_special)) {
    const std::string part = text.substr(fragment.begin, fragment.end - fragment.begin);
    out.push_back(fragment.id == Fragment::kText ? part : std::to_string(fragment.id) + ":" + part);
  }
  return out;
}

TEST(AddedTokens, TakesTheLeftmostAndThenTheLongest) {
  const AddedTokens added = with({token(1, "<s>"), token(2, "<s>>"), token(3, "s>")});
  EXPECT_THAT(split(added, "a<s>>b<s>s>"), ElementsAre("a", "2:<s>>", "b", "1:<s>", "3:s>"));
  EXPECT_THAT(split(added, "<s"), ElementsAre("<s"));
  EXPECT_TRUE(split(added, "").empty());
}

TEST(AddedTokens, LeavesSpecialTokensInTheTextWhenToldTo) {
  const AddedTokens added = with({token(1, "<s>"), token(2, "word", false)});
  EXPECT_THAT(split(added, "<s>word", false), ElementsAre("<s>", "2:word"));
}

TEST(AddedTokens, StripsWhiteSpaceOnTheSidesAskedFor) {
  AddedToken left = token(1, "<l>");
  left.lstrip = true;
  AddedToken right = token(2, "<r>");
  right.rstrip = true;
  const AddedTokens added = with({left, right});
  EXPECT_THAT(split(added, "a \u00a0<l> b <r> \n c"),
              ElementsAre("a", "1: \u00a0<l>", " b ", "2:<r> \n ", "c"));
  EXPECT_THAT(split(added, "<r>  <l>"), ElementsAre("2:<r>  ", "1:<l>"));
}

TEST(AddedTokens, FindsASingleWordOnlyBetweenWords) {
  AddedToken word = token(1, "ab");
  word.single_word = true;
  const AddedTokens added = with({word});
  EXPECT_THAT(split(added, "ab cab abc (ab) \u00e9ab ab"),
              ElementsAre("1:ab", " cab abc (", "1:ab", ") \u00e9ab ", "1:ab"));
}

TEST(AddedTokens, NeverFindsAnEmptyToken) {
  const AddedTokens added = with({token(1, "")});
  EXPECT_TRUE(added.empty());
  EXPECT_THAT(split(added, "ab"), ElementsAre("ab"));
}

}  // namespace
}  // namespace bora
