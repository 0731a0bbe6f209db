// PreTokenizer: how normalized text is cut into the words that the model encodes one by one.
//
// A chain of the tokenizers library's pre-tokenizers (https://huggingface.co/docs/tokenizers/
// components), with the same names and meaning. Each step cuts the words of the one before it; some
// rewrite them too (ByteLevel, Metaspace). Immutable; any thread.
#pragma once

#include "base/result.h"
#include "text/regex.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bora {

// Words as ranges of one text: ascending, not overlapping, none of them empty.
struct Words {
  struct Range {
    std::size_t begin = 0, end = 0;
  };
  std::string text;
  std::vector<Range> ranges;

  [[nodiscard]] std::string_view word(const Range& range) const {
    return std::string_view(text).substr(range.begin, range.end - range.begin);
  }
};

// What becomes of a match that splits a word.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitRegex {
  Regex pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // the pattern says what is between the matches
};
struct SplitText {
  std::string text;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;
};
struct SplitCharacters {  // a character of the class is a match by itself
  bool (*matches)(char32_t) = nullptr;
  SplitBehavior behavior = SplitBehavior::kIsolated;
};
struct ByteLevelCut {
  bool add_prefix_space = false;
  std::optional<Regex> pattern;  // GPT-2's, where use_regex is on
};
struct MetaspaceCut {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string replacement;
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

// Cuts before each `mark` that follows something else: where no piece of a vocabulary reaches
// across such a place, the words are encoded apart with the same result, and much faster than a
// long text.
struct CutBeforeMark {
  std::string mark;
};

using PreTokenizerStep =
    std::variant<SplitRegex, SplitText, SplitCharacters, ByteLevelCut, MetaspaceCut, CutBeforeMark>;

class PreTokenizer {
 public:
  void add(PreTokenizerStep step);

  // `at_start`: the text begins where the input begins (for Metaspace's "first").
  // Errors: kFailed, a regex took too many steps.
  [[nodiscard]] Result<Words> cut(std::string text, bool at_start) const;

 private:
  std::vector<PreTokenizerStep> steps_;
};

// GPT-2's pattern, the default of ByteLevel.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

}  // namespace bora
