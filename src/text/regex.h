// Regex: one compiled regular expression over UTF-8, as tokenizer files write them.
//
// Oniguruma with its Ruby syntax, which is what the tokenizers library runs, so that a pattern
// means here what it meant in training. Matching is bounded: a search that backtracks too much is
// an error and never a hang. Move-only; const use by any thread.
#pragma once

#include "base/result.h"

#include <chrono>
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

  // The leftmost match in the text. Errors and precondition as RegexSearch::next.
  [[nodiscard]] Result<std::optional<Match>> search(std::string_view text) const;

 private:
  friend class RegexSearch;
  struct Compiled;
  struct Free {
    void operator()(Compiled* compiled) const;
  };
  explicit Regex(std::unique_ptr<Compiled, Free> compiled) : compiled_(std::move(compiled)) {}
  std::unique_ptr<Compiled, Free> compiled_;
};

// The searches of one regex over one text: keeps the matcher's working memory, and bounds the steps
// that all of them take together. One thread; the regex must outlive it.
class RegexSearch {
 public:
  RegexSearch(const Regex& regex, std::size_t text_bytes);
  ~RegexSearch();
  RegexSearch(const RegexSearch&) = delete;
  RegexSearch& operator=(const RegexSearch&) = delete;
  RegexSearch(RegexSearch&&) = delete;
  RegexSearch& operator=(RegexSearch&&) = delete;

  // The leftmost match that begins at or after `from`; what is before `from` is seen by
  // look-behinds. Errors: kFailed, the search took too many steps. Precondition: valid UTF-8.
  Result<std::optional<Match>> next(std::string_view text, std::size_t from);

 private:
  struct Memory;
  using Clock = std::chrono::steady_clock;

  int run(std::string_view text, std::size_t from, unsigned long most_steps);

  const Regex& regex_;
  std::unique_ptr<Memory> memory_;
  unsigned long steps_left_;
  Clock::time_point deadline_;
  unsigned calls_ = 0;
};

// The quantifiers that end an alternative of the whole pattern, made possessive: nothing follows
// that could make them give back what they took, so the matches are the same, but the matcher need
// not remember a way back for each character. "a+|b* c+" -> "a++|b* c++". Exposed for its test.
std::string make_last_quantifiers_possessive(std::string_view pattern);

}  // namespace bora
