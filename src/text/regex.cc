#include "text/regex.h"

#include <fmt/format.h>
#include <oniguruma.h>

namespace bora {
namespace {

// A pattern of a real tokenizer is below 2 kB.
constexpr std::size_t kMaxPattern = 64 * 1024;
// Oniguruma counts steps back and can be told how many a search may take, but not how many it took.
// So each search begins with few; one that needs more is repeated with four times as many, and all
// these are taken from a budget for the whole text. Real patterns take one or two a byte.
constexpr unsigned long kFirstSteps = 256;
constexpr unsigned long kStepsPerByte = 64;
constexpr unsigned long kFreeSteps = 1'000'000;

// Steps forward are not counted, so a pattern that looks far ahead from every place ("a*b|a") is
// stopped by the clock, at twenty times what a real pattern takes.
constexpr std::chrono::milliseconds kFreeTime{2000};
constexpr std::chrono::microseconds kTimePerByte{10};

const OnigUChar* bytes(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

bool initialize() {
  OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
  return onig_initialize(encodings, 1) == ONIG_NORMAL;
}

std::string message_of(int code, OnigErrorInfo* info) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = onig_error_code_to_str(text, code, info);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

Error search_error(std::string_view found) {
  return {ErrorCode::kFailed,
          fmt::format("splitting the text: expected a bounded search, found: {}", found),
          {"the pattern of this tokenizer takes too many steps on this text"}};
}

struct FreeRegion {
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};
struct FreeParam {
  void operator()(OnigMatchParam* param) const { onig_free_match_param(param); }
};

// Walks over a pattern item by item: an escape, a class, a bracket or one character.
class PatternWalk {
 public:
  explicit PatternWalk(std::string_view pattern) : pattern_(pattern) {}

  [[nodiscard]] bool done() const { return at_ >= pattern_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : pattern_[at_]; }
  [[nodiscard]] std::size_t at() const { return at_; }

  void step() {
    if (peek() == '\\') {
      step_escape();
    } else if (peek() == '[') {
      step_class();
    } else {
      ++at_;
    }
  }

 private:
  void step_escape() {
    at_ += 2;
    const char kind = at_ <= pattern_.size() ? pattern_[at_ - 1] : '\0';
    if ((kind == 'p' || kind == 'P' || kind == 'x') && peek() == '{') {
      while (!done() && peek() != '}') ++at_;
      if (!done()) ++at_;
    }
  }

  void step_class() {
    std::size_t depth = 0;  // classes nest in this syntax
    do {
      if (peek() == '\\') {
        step_escape();
        continue;
      }
      if (peek() == '[') ++depth;
      if (peek() == ']') --depth;
      ++at_;
    } while (!done() && depth > 0);
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
};

}  // namespace

std::string make_last_quantifiers_possessive(std::string_view pattern) {
  std::string out;
  PatternWalk walk(pattern);
  bool after_atom = false;  // an escape or a class at depth 0 was the last item
  int depth = 0;
  while (!walk.done()) {
    const char c = walk.peek();
    const std::size_t begin = walk.at();
    walk.step();
    out += pattern.substr(begin, walk.at() - begin);
    if (c == '(') ++depth;
    if (c == ')') --depth;
    const bool is_quantifier = c == '+' || c == '*';
    if (is_quantifier && after_atom && (walk.done() || walk.peek() == '|')) out += '+';
    after_atom = depth == 0 && (c == '\\' || c == '[');
  }
  return out;
}

struct Regex::Compiled {
  OnigRegex onig = nullptr;
};

void Regex::Free::operator()(Compiled* compiled) const {
  if (compiled->onig != nullptr) onig_free(compiled->onig);
  delete compiled;
}

Result<Regex> Regex::compile(std::string_view pattern) {
  static const bool ready = initialize();
  if (!ready) return Error{ErrorCode::kFailed, "Oniguruma: expected to start, found an error", {}};
  if (pattern.size() > kMaxPattern) {
    return Error{
        ErrorCode::kBadModel,
        fmt::format("regex: expected at most {} bytes, found {}", kMaxPattern, pattern.size()),
        {}};
  }
  std::unique_ptr<Compiled, Free> compiled(new Compiled);
  const std::string source = make_last_quantifiers_possessive(pattern);
  OnigErrorInfo info{};
  const int code =
      onig_new(&compiled->onig, bytes(source.data()), bytes(source.data() + source.size()),
               ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
  if (code != ONIG_NORMAL) {
    compiled->onig = nullptr;
    return Error{ErrorCode::kBadModel,
                 fmt::format("regex \"{}\": expected a regular expression, found: {}",
                             pattern.substr(0, 200), message_of(code, &info)),
                 {}};
  }
  return Regex(std::move(compiled));
}

Result<std::optional<Match>> Regex::search(std::string_view text) const {
  return RegexSearch(*this, text.size()).next(text, 0);
}

struct RegexSearch::Memory {
  std::unique_ptr<OnigRegion, FreeRegion> region{onig_region_new()};
  std::unique_ptr<OnigMatchParam, FreeParam> param{onig_new_match_param()};
};

RegexSearch::RegexSearch(const Regex& regex, std::size_t text_bytes)
    : regex_(regex),
      memory_(std::make_unique<Memory>()),
      steps_left_(kFreeSteps + kStepsPerByte * text_bytes),
      deadline_(Clock::now() + kFreeTime + kTimePerByte * text_bytes) {}

RegexSearch::~RegexSearch() = default;

int RegexSearch::run(std::string_view text, std::size_t from, unsigned long most_steps) {
  OnigMatchParam* param = memory_->param.get();
  onig_set_retry_limit_in_match_of_match_param(param, most_steps);
  onig_set_retry_limit_in_search_of_match_param(param, most_steps);
  const OnigUChar* begin = bytes(text.data());
  const OnigUChar* end = begin + text.size();
  return onig_search_with_param(regex_.compiled_->onig, begin, end, begin + from, end,
                                memory_->region.get(), ONIG_OPTION_NONE, param);
}

Result<std::optional<Match>> RegexSearch::next(std::string_view text, std::size_t from) {
  if (!memory_->region || !memory_->param) {
    return Error{ErrorCode::kFailed, "regex: out of memory", {}};
  }
  constexpr unsigned kCallsPerLook = 64;
  if (++calls_ % kCallsPerLook == 0 && Clock::now() > deadline_) {
    return search_error("time limit over");
  }
  unsigned long steps = kFirstSteps;
  int found = run(text, from, steps);
  while (
      (found == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER || found == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER) &&
      steps_left_ >= 4 * steps) {
    steps *= 4;
    steps_left_ -= steps;
    found = run(text, from, steps);
  }
  if (found == ONIG_MISMATCH) return std::optional<Match>();
  if (found < 0) return search_error(message_of(found, nullptr));
  const OnigRegion& region = *memory_->region;
  return std::optional<Match>(
      Match{static_cast<std::size_t>(region.beg[0]), static_cast<std::size_t>(region.end[0])});
}

}  // namespace bora
