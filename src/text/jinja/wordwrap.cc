#include "text/jinja/wordwrap.h"

#include "text/jinja/unicode.h"

#include <algorithm>

namespace bora::jinja {
namespace {

using Text = std::u32string_view;

std::u32string decoded(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) out += next_code_point(text, at);
  return out;
}

// textwrap breaks at these only, not at other white space of Unicode.
bool is_blank(char32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_word(char32_t c) { return is_letter(c) || is_numeric(c) || c == '_'; }
bool is_word_letter(char32_t c) { return is_word(c) && !is_decimal(c); }
bool may_precede_dash(char32_t c) { return is_word(c) || Text(U"!\"'&.,?").find(c) != Text::npos; }

// Splits a line into the pieces between which it may break.
class Chunker {
 public:
  explicit Chunker(Text text) : text_(text) {}

  std::vector<Text> run(bool on_hyphens) {
    std::vector<Text> chunks;
    while (at_ < text_.size()) {
      const size_t end = on_hyphens ? chunk_end() : simple_end();
      chunks.push_back(text_.substr(at_, end - at_));
      at_ = end;
    }
    return chunks;
  }

 private:
  [[nodiscard]] bool at(size_t i, bool (*test)(char32_t)) const {
    return i < text_.size() && test(text_[i]);
  }
  [[nodiscard]] size_t run_end(size_t from, char32_t c) const {
    while (from < text_.size() && text_[from] == c) ++from;
    return from;
  }

  [[nodiscard]] size_t simple_end() const {
    const bool blank = is_blank(text_[at_]);
    size_t end = at_;
    while (end < text_.size() && is_blank(text_[end]) == blank) ++end;
    return end;
  }

  // Whether two or more dashes that a word follows begin at `i`, behind the end of a word.
  [[nodiscard]] bool dash_at(size_t i) const {
    if (i == 0 || !may_precede_dash(text_[i - 1])) return false;
    const size_t end = run_end(i, U'-');
    return end - i >= 2 && at(end, is_word);
  }

  // Whether a word may break behind the hyphen at `i`: between groups of letters.
  [[nodiscard]] bool breaks_behind(size_t i) const {
    const auto letter = [&](size_t k) { return at(k, is_word_letter); };
    const bool before = (i >= 2 && letter(i - 1) && letter(i - 2)) ||
                        (i >= 3 && letter(i - 1) && text_[i - 2] == U'-' && letter(i - 3));
    if (!before || !letter(i + 1)) return false;
    return letter(i + 2) || (i + 2 < text_.size() && text_[i + 2] == U'-' && letter(i + 3));
  }

  [[nodiscard]] size_t chunk_end() const {
    if (is_blank(text_[at_])) return simple_end();
    if (dash_at(at_)) return run_end(at_, U'-');
    for (size_t end = at_ + 1; end < text_.size(); ++end) {
      if (end - at_ >= 2 && text_[end - 1] == U'-' && breaks_behind(end - 1)) return end;
      if (is_blank(text_[end]) || dash_at(end)) return end;
    }
    return text_.size();
  }

  Text text_;
  size_t at_ = 0;
};

// Where a chunk that is too long for the `room` left on a line is cut.
size_t cut_of(Text chunk, size_t room, bool on_hyphens) {
  if (!on_hyphens || chunk.size() <= room || room == 0) return room;
  const size_t hyphen = chunk.rfind(U'-', room - 1);
  if (hyphen == Text::npos || hyphen == 0) return room;
  const bool only_hyphens = chunk.substr(0, hyphen).find_first_not_of(U'-') == Text::npos;
  return only_hyphens ? room : hyphen + 1;
}

bool all_space(Text text) { return std::all_of(text.begin(), text.end(), is_space); }

}  // namespace

std::vector<std::string> wrap_line(std::string_view line, const WrapStyle& style) {
  const std::u32string text = decoded(line);
  std::vector<Text> chunks = Chunker(text).run(style.break_on_hyphens);
  std::reverse(chunks.begin(), chunks.end());
  std::vector<std::string> lines;
  while (!chunks.empty()) {
    std::vector<Text> current;
    size_t length = 0;
    if (!lines.empty() && all_space(chunks.back())) chunks.pop_back();
    while (!chunks.empty() && length + chunks.back().size() <= style.width) {
      length += chunks.back().size();
      current.push_back(chunks.back());
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > style.width) {
      if (style.break_long_words) {
        const size_t cut = cut_of(chunks.back(), style.width - length, style.break_on_hyphens);
        current.push_back(chunks.back().substr(0, cut));
        chunks.back().remove_prefix(cut);
      } else if (current.empty()) {
        current.push_back(chunks.back());
        chunks.pop_back();
      }
    }
    if (!current.empty() && all_space(current.back())) current.pop_back();
    if (current.empty()) continue;
    std::string joined;
    for (const Text chunk : current) {
      for (const char32_t c : chunk) append_utf8(joined, c);
    }
    lines.push_back(std::move(joined));
  }
  return lines;
}

}  // namespace bora::jinja
