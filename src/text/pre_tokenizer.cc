#include "text/pre_tokenizer.h"

#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/unicode.h"

#include <algorithm>

namespace bora {

namespace {

// A stretch of a word: what a pattern matched, or what lies between two matches.
struct Stretch {
  std::size_t begin = 0, end = 0;
  bool is_match = false;
};

using Stretches = std::vector<Stretch>;

void append_between(Stretches& stretches, std::size_t end) {
  const std::size_t begin = stretches.empty() ? 0 : stretches.back().end;
  if (begin < end) stretches.push_back({begin, end, false});
}

// A finder tells the stretches of a word. It is made once a text: it may keep working memory.
class RegexFinder {
 public:
  RegexFinder(const Regex& pattern, std::size_t text_bytes) : search_(pattern, text_bytes) {}
  Result<Stretches> find(std::string_view word);

 private:
  RegexSearch search_;
};

Result<Stretches> RegexFinder::find(std::string_view word) {
  Stretches stretches;
  for (std::size_t from = 0; from <= word.size();) {
    auto match = search_.next(word, from);
    if (!match) return std::move(match).error();
    if (!*match) break;
    const Match& found = **match;
    const bool is_empty = found.begin == found.end;
    const bool repeats = is_empty && !stretches.empty() && stretches.back().end == found.end;
    if (!repeats) {
      append_between(stretches, found.begin);
      stretches.push_back({found.begin, found.end, true});
    }
    from = found.end;
    if (is_empty) {  // go on behind the next character
      if (found.end == word.size()) break;
      from += utf8_length(static_cast<unsigned char>(word[found.end]));
    }
  }
  append_between(stretches, word.size());
  return stretches;
}

struct TextFinder {
  std::string_view text;
  [[nodiscard]] Result<Stretches> find(std::string_view word) const;
};

Result<Stretches> TextFinder::find(std::string_view word) const {
  Stretches stretches;
  std::size_t at = text.empty() ? std::string_view::npos : word.find(text);
  while (at != std::string_view::npos) {
    append_between(stretches, at);
    stretches.push_back({at, at + text.size(), true});
    at = word.find(text, at + text.size());
  }
  append_between(stretches, word.size());
  return stretches;
}

struct CharacterFinder {
  bool (*matches)(char32_t);
  [[nodiscard]] Result<Stretches> find(std::string_view word) const;
};

Result<Stretches> CharacterFinder::find(std::string_view word) const {
  Stretches stretches;
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint c = code_point_at(word, at);
    if (matches(c.value)) {
      append_between(stretches, at);
      stretches.push_back({at, at + c.length, true});
    }
    at += c.length;
  }
  append_between(stretches, word.size());
  return stretches;
}

Stretches merge_with_previous(const Stretches& stretches) {
  Stretches merged;
  bool after_match = false;
  for (const Stretch& stretch : stretches) {
    if (stretch.is_match && !after_match && !merged.empty()) {
      merged.back().end = stretch.end;
    } else {
      merged.push_back(stretch);
    }
    after_match = stretch.is_match;
  }
  return merged;
}

Stretches merge_with_next(const Stretches& stretches) {
  Stretches merged;  // from the last to the first
  bool before_match = false;
  for (auto it = stretches.rbegin(); it != stretches.rend(); ++it) {
    if (it->is_match && !before_match && !merged.empty()) {
      merged.back().begin = it->begin;
    } else {
      merged.push_back(*it);
    }
    before_match = it->is_match;
  }
  std::reverse(merged.begin(), merged.end());
  return merged;
}

Stretches merge_alike(const Stretches& stretches) {
  Stretches merged;
  for (const Stretch& stretch : stretches) {
    if (!merged.empty() && merged.back().is_match == stretch.is_match) {
      merged.back().end = stretch.end;
    } else {
      merged.push_back(stretch);
    }
  }
  return merged;
}

Stretches behave(SplitBehavior behavior, Stretches stretches) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return stretches;
    case SplitBehavior::kRemoved:
      std::erase_if(stretches, [](const Stretch& stretch) { return stretch.is_match; });
      return stretches;
    case SplitBehavior::kMergedWithPrevious:
      return merge_with_previous(stretches);
    case SplitBehavior::kMergedWithNext:
      return merge_with_next(stretches);
    case SplitBehavior::kContiguous:
      return merge_alike(stretches);
  }
  CHECK(false, "no such SplitBehavior");
}

template <class Finder>
Result<Words> split(Finder&& finder, SplitBehavior behavior, bool invert, Words words) {
  std::vector<Words::Range> ranges;
  for (const Words::Range& range : words.ranges) {
    auto found = finder.find(words.word(range));
    if (!found) return std::move(found).error();
    Stretches stretches = std::move(found).value();
    if (invert) {
      for (Stretch& stretch : stretches) stretch.is_match = !stretch.is_match;
    }
    for (const Stretch& stretch : behave(behavior, std::move(stretches))) {
      if (stretch.begin == stretch.end) continue;
      ranges.push_back({range.begin + stretch.begin, range.begin + stretch.end});
    }
  }
  words.ranges = std::move(ranges);
  return words;
}

Result<Words> apply(const SplitRegex& step, Words words, bool) {
  RegexFinder finder(step.pattern, words.text.size());
  return split(finder, step.behavior, step.invert, std::move(words));
}

Result<Words> apply(const SplitText& step, Words words, bool) {
  return split(TextFinder{step.text}, step.behavior, step.invert, std::move(words));
}

Result<Words> apply(const SplitCharacters& step, Words words, bool) {
  return split(CharacterFinder{step.matches}, step.behavior, false, std::move(words));
}

// The words rewritten one by one: `rewrite(word, is_first, out)` appends the new text of a word.
template <class Rewrite>
Words rewrite_words(const Words& words, Rewrite rewrite) {
  Words out;
  out.text.reserve(words.text.size() + words.text.size() / 4);
  out.ranges.reserve(words.ranges.size());
  for (const Words::Range& range : words.ranges) {
    const std::size_t begin = out.text.size();
    rewrite(words.word(range), range.begin == 0, out.text);
    out.ranges.push_back({begin, out.text.size()});
  }
  return out;
}

Result<Words> apply(const ByteLevelCut& step, Words words, bool) {
  if (step.add_prefix_space) {
    words = rewrite_words(words, [](std::string_view word, bool, std::string& out) {
      if (word.front() != ' ') out += ' ';
      out += word;
    });
  }
  if (step.pattern) {
    RegexFinder finder(*step.pattern, words.text.size());
    auto cut = split(finder, SplitBehavior::kIsolated, false, std::move(words));
    if (!cut) return cut;
    words = std::move(cut).value();
  }
  return rewrite_words(
      words, [](std::string_view word, bool, std::string& out) { append_byte_level(out, word); });
}

Result<Words> apply(const MetaspaceCut& step, Words words, bool at_start) {
  using Prepend = MetaspaceCut::Prepend;
  words = rewrite_words(words, [&](std::string_view word, bool is_first, std::string& out) {
    const std::string replaced = replace_all(word, " ", step.replacement);
    const bool prepend = step.prepend == Prepend::kAlways ||
                         (step.prepend == Prepend::kFirst && at_start && is_first);
    if (prepend && replaced.compare(0, step.replacement.size(), step.replacement) != 0) {
      out += step.replacement;
    }
    out += replaced;
  });
  if (!step.split) return words;
  return split(TextFinder{step.replacement}, SplitBehavior::kMergedWithNext, false,
               std::move(words));
}

Result<Words> apply(const CutBeforeMark& step, Words words, bool) {
  std::vector<Words::Range> ranges;
  for (Words::Range range : words.ranges) {
    const std::string_view word = words.word(range);
    const std::size_t begin = range.begin;
    std::size_t after_mark = 0;  // the end of the last mark
    for (std::size_t at = word.find(step.mark); at != std::string_view::npos;
         at = word.find(step.mark, after_mark)) {
      if (at > after_mark) {
        ranges.push_back({range.begin, begin + at});
        range.begin = begin + at;
      }
      after_mark = at + step.mark.size();
    }
    ranges.push_back(range);
  }
  words.ranges = std::move(ranges);
  return words;
}

}  // namespace

void PreTokenizer::add(PreTokenizerStep step) { steps_.push_back(std::move(step)); }

Result<Words> PreTokenizer::cut(std::string text, bool at_start) const {
  Words words;
  words.text = std::move(text);
  if (!words.text.empty()) words.ranges.push_back({0, words.text.size()});
  for (const PreTokenizerStep& step : steps_) {
    auto next =
        std::visit([&](const auto& kind) { return apply(kind, std::move(words), at_start); }, step);
    if (!next) return std::move(next).error();
    words = std::move(next).value();
  }
  return words;
}

}  // namespace bora
