// Normalizer: what a tokenizer does to text before cutting it: a chain of rewrites.
//
// The steps are those of the tokenizers library
// (https://huggingface.co/docs/tokenizers/components), with the same names and meaning. Input and
// output are valid UTF-8. Immutable; any thread.
#pragma once

#include "base/result.h"
#include "text/regex.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bora {

struct PrependText {  // before a text that is not empty
  std::string text;
};
struct ReplaceText {
  std::string from;
  std::string to;
};
struct ReplaceRegex {
  Regex from;
  std::string to;
};
enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };
struct Lowercase {};
struct StripWhiteSpace {
  bool left = true;
  bool right = true;
};
struct StripAccents {};  // drops the marks that a decomposition left

using NormalizerStep = std::variant<PrependText, ReplaceText, ReplaceRegex, UnicodeForm, Lowercase,
                                    StripWhiteSpace, StripAccents>;

class Normalizer {
 public:
  void add(NormalizerStep step);
  [[nodiscard]] bool is_identity() const { return steps_.empty(); }

  // Errors: kFailed, a regex took too many steps.
  [[nodiscard]] Result<std::string> apply(std::string_view text) const;

 private:
  std::vector<NormalizerStep> steps_;
};

// All non-overlapping occurrences of `from`, left to right; the text as it is where `from` is
// empty.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace bora
