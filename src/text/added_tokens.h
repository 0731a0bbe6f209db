// AddedTokens: whole tokens that are found in the text before anything is cut or merged: the
// special tokens, and words that were added to a vocabulary later.
//
// Matches are the leftmost, then the longest, as in the tokenizers library's AddedVocabulary.
// Filled while loading, then used by any thread.
#pragma once

#include "base/ids.h"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;   // is looked for in normalized text
  bool lstrip = false;       // takes the white space on its left
  bool rstrip = false;       // ... on its right
  bool single_word = false;  // not inside a word
};

// A stretch of text: an added token, or what lies between two of them.
struct Fragment {
  static constexpr TokenId kText = -1;
  std::size_t begin = 0, end = 0;
  TokenId id = kText;
};

class AddedTokens {
 public:
  // `content` is what is looked for: the token's own, or its normal form.
  void add(const AddedToken& token, std::string_view content);

  [[nodiscard]] bool empty() const { return tokens_.empty(); }

  // Cuts the text. Special tokens are left in the text unless `with_special`.
  [[nodiscard]] std::vector<Fragment> split(std::string_view text, bool with_special) const;

 private:
  static constexpr std::int32_t kNone = -1;
  // A node of the trie over bytes: its children are a list, which is short but at the root.
  struct Node {
    char byte = 0;
    std::int32_t token = kNone;
    std::int32_t first_child = kNone;
    std::int32_t next_sibling = kNone;
  };
  struct Found {
    std::int32_t token = kNone;
    std::size_t length = 0;
  };

  [[nodiscard]] std::int32_t child(std::int32_t node, char byte) const;
  [[nodiscard]] Found longest_at(std::string_view text, std::size_t at) const;
  [[nodiscard]] bool applies(const AddedToken& token, std::string_view text, std::size_t begin,
                             std::size_t end, bool with_special) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_ = std::vector<Node>(1);  // [0]: the root
  std::bitset<256> first_bytes_;
};

}  // namespace bora
