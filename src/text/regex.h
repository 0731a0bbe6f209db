// Regex: one compiled regular expression over UTF-8, as tokenizer files write them.
//
// Oniguruma with its Ruby syntax, which is what the tokenizers library runs, so that a pattern
// means here what it meant in training. Matching is bounded: a search that backtracks too much is
// an error and never a hang. Move-only; const use by any thread.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bora {

struct Match {
  std::size_t begin = 0, end = 0;
};

class Regex {
 public:
  // Errors: kBadModel, with the pattern and what is wrong about it.
  static Result<Regex> compile(std::string_view pattern);

  // The leftmost match that begins at or after `from`; the text before `from` is seen by
  // look-behinds. Errors: kFailed, the search took too many steps. Precondition: valid UTF-8.
  [[nodiscard]] Result<std::optional<Match>> search(std::string_view text, std::size_t from) const;

 private:
  struct Compiled;
  struct Free {
    void operator()(Compiled* compiled) const;
  };
  explicit Regex(std::unique_ptr<Compiled, Free> compiled) : compiled_(std::move(compiled)) {}
  std::unique_ptr<Compiled, Free> compiled_;
};

// The quantifiers that end an alternative of the whole pattern, made possessive: nothing follows
// that could make them give back what they took, so the matches are the same, but the matcher need
// not remember a way back for each character. "a+|b* c+" -> "a++|b* c++". Exposed for its test.
std::string make_last_quantifiers_possessive(std::string_view pattern);

}  // namespace bora
