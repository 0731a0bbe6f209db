#include "text/added_tokens.h"

#include "text/unicode.h"

#include <algorithm>

namespace bora {

void AddedTokens::add(const AddedToken& token, std::string_view content) {
  if (content.empty()) return;
  std::int32_t node = 0;
  for (const char byte : content) {
    std::int32_t next = child(node, byte);
    if (next == kNone) {
      next = static_cast<std::int32_t>(nodes_.size());
      nodes_.push_back({byte, kNone, kNone, nodes_[static_cast<std::size_t>(node)].first_child});
      nodes_[static_cast<std::size_t>(node)].first_child = next;
    }
    node = next;
  }
  first_bytes_.set(static_cast<unsigned char>(content.front()));
  nodes_[static_cast<std::size_t>(node)].token = static_cast<std::int32_t>(tokens_.size());
  tokens_.push_back(token);
}

std::int32_t AddedTokens::child(std::int32_t node, char byte) const {
  std::int32_t at = nodes_[static_cast<std::size_t>(node)].first_child;
  while (at != kNone && nodes_[static_cast<std::size_t>(at)].byte != byte) {
    at = nodes_[static_cast<std::size_t>(at)].next_sibling;
  }
  return at;
}

AddedTokens::Found AddedTokens::longest_at(std::string_view text, std::size_t at) const {
  Found found;
  std::int32_t node = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    node = child(node, text[i]);
    if (node == kNone) break;
    const std::int32_t token = nodes_[static_cast<std::size_t>(node)].token;
    if (token != kNone) found = {token, i + 1 - at};
  }
  return found;
}

bool AddedTokens::applies(const AddedToken& token, std::string_view text, std::size_t begin,
                          std::size_t end, bool with_special) const {
  if (token.special && !with_special) return false;
  if (!token.single_word) return true;
  const bool joins_left = begin > 0 && is_word(code_point_before(text, begin).value);
  const bool joins_right = end < text.size() && is_word(code_point_at(text, end).value);
  return !joins_left && !joins_right;
}

std::vector<Fragment> AddedTokens::split(std::string_view text, bool with_special) const {
  std::vector<Fragment> fragments;
  std::size_t done = 0;  // up to here the text has gone into fragments
  for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
    const bool may_begin = first_bytes_.test(static_cast<unsigned char>(text[at]));
    const Found found = may_begin ? longest_at(text, at) : Found{};
    if (found.token == kNone) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(found.token)];
    std::size_t begin = at;
    std::size_t end = at + found.length;
    at = end;
    if (!applies(token, text, begin, end, with_special)) continue;
    while (token.lstrip && begin > done) {
      const CodePoint c = code_point_before(text, begin);
      if (!is_white_space(c.value)) break;
      begin -= c.length;
    }
    while (token.rstrip && end < text.size()) {
      const CodePoint c = code_point_at(text, end);
      if (!is_white_space(c.value)) break;
      end += c.length;
    }
    if (done < begin) fragments.push_back({done, begin, Fragment::kText});
    fragments.push_back({begin, end, token.id});
    at = done = end;
  }
  if (done < text.size()) fragments.push_back({done, text.size(), Fragment::kText});
  return fragments;
}

}  // namespace bora
