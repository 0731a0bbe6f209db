#include "cli/flags.h"

#include "base/nearest.h"
#include "base/printable.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kShown = 60;  // bytes of a word that an error repeats
constexpr std::size_t kHelpColumn = 30;
constexpr std::size_t kHelpWidth = 100;

// The long name of "-p,--prompt", which errors use.
std::string_view long_name(std::string_view names) {
  const std::size_t comma = names.find(',');
  return comma == std::string_view::npos ? names : names.substr(comma + 1);
}

// Appends `text`, wrapped at kHelpWidth, every line but the first indented to kHelpColumn.
void append_wrapped(std::string& out, std::string_view text) {
  std::size_t column = kHelpColumn;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (column > kHelpColumn && column + 1 + word.size() > kHelpWidth) {
      out += '\n';
      out.append(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column > kHelpColumn) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  out += '\n';
}

// "a,b" has two words, "" one.
std::vector<std::string_view> split_at_commas(std::string_view list) {
  std::vector<std::string_view> words;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    more = comma != std::string_view::npos;
    words.push_back(list.substr(0, comma));
    list.remove_prefix(more ? comma + 1 : list.size());
  }
  return words;
}

// The words that a choice takes.
struct ChoiceWords {
  std::vector<std::string> now;
  std::vector<std::string> later;
  std::string shown;  // "auto|f32"

  explicit ChoiceWords(std::span<const Choice> choices) {
    for (const Choice& choice : choices) (choice.later ? later : now).emplace_back(choice.word);
    shown = fmt::format("{}", fmt::join(now, "|"));
  }

  [[nodiscard]] Result<void> check(std::string_view word) const {
    if (std::ranges::find(now, word) != now.end()) return {};
    Error error{ErrorCode::kUsage,
                fmt::format("expected one of {}, found {}", shown, quoted(word, kShown)),
                {}};
    // "cuda:0" is cuda, and later too.
    if (std::ranges::find(later, word.substr(0, word.find(':'))) != later.end()) {
      error.hints.push_back(fmt::format("{} comes with a later version of bora", word));
    }
    return error;
  }
};

}  // namespace

FlagTable::FlagTable(std::string_view command)
    : command_(command), see_help_(fmt::format("bora {} --help lists them", command)) {}

void FlagTable::group(std::string_view title) { group_ = title; }

FlagTable::Row& FlagTable::add(const Names& names,
                               std::function<Result<void>(std::string_view)> set) {
  Row row;
  row.names = names.names;
  row.value = names.value;
  row.help = names.help;
  row.group = group_;
  row.set = std::move(set);
  rows_.push_back(std::move(row));
  return rows_.back();
}

void FlagTable::positional(std::string_view name, std::string_view help, std::string& out,
                           bool required) {
  Row& row = add({name, name, help}, [&out](std::string_view word) -> Result<void> {
    out = word;
    return {};
  });
  row.positional = true;
  row.required = required;
}

void FlagTable::positional(std::string_view name, std::string_view help,
                           std::optional<std::string>& out) {
  add({name, name, help}, [&out](std::string_view word) -> Result<void> {
    out = std::string(word);
    return {};
  }).positional = true;
}

void FlagTable::bytes(std::string_view names, std::string_view help,
                      std::optional<std::size_t>& out) {
  add({names, "SIZE", help}, [&out](std::string_view word) -> Result<void> {
    Result<std::size_t> size = parse_bytes(word);
    if (!size) return std::move(size).error();
    out = *size;
    return {};
  });
}

void FlagTable::toggle(std::string_view names, std::string_view help, bool& out) {
  add({names, "", help}, [&out](std::string_view) -> Result<void> {
    out = true;
    return {};
  });
}

void FlagTable::text(std::string_view names, std::string_view value, std::string_view help,
                     std::optional<std::string>& out) {
  add({names, value, help}, [&out](std::string_view word) -> Result<void> {
    out = std::string(word);
    return {};
  });
}

void FlagTable::text(std::string_view names, std::string_view value, std::string_view help,
                     std::string& out) {
  add({names, value, help}, [&out](std::string_view word) -> Result<void> {
    out = word;
    return {};
  });
}

void FlagTable::texts(std::string_view names, std::string_view value, std::string_view help,
                      std::vector<std::string>& out) {
  add({names, value, help}, [&out](std::string_view word) -> Result<void> {
    out.emplace_back(word);
    return {};
  }).repeatable = true;
}

void FlagTable::choice(std::string_view names, std::string_view help,
                       std::span<const Choice> choices, std::string& out) {
  const ChoiceWords words(choices);
  Row& row = add({names, words.shown, help}, [&out, words](std::string_view word) -> Result<void> {
    Result<void> known = words.check(word);
    if (known) out = word;
    return known;
  });
  row.choices = words.now;
}

void FlagTable::choices(std::string_view names, std::string_view help,
                        std::span<const Choice> choices, std::vector<std::string>& out) {
  const ChoiceWords words(choices);
  Row& row =
      add({names, words.shown + ",..", help}, [&out, words](std::string_view list) -> Result<void> {
        std::vector<std::string> chosen;
        for (const std::string_view word : split_at_commas(list)) {
          if (Result<void> known = words.check(word); !known) return known;
          chosen.emplace_back(word);
        }
        out = std::move(chosen);
        return {};
      });
  row.choices = words.now;
}

void FlagTable::positional_choice(std::string_view name, std::string_view help,
                                  std::span<const Choice> choices, std::string& out) {
  choice(name, help, choices, out);
  rows_.back().positional = true;
  rows_.back().required = true;
}

void FlagTable::wholes(std::string_view names, std::string_view help, Bounds<std::int64_t> range,
                       std::vector<std::size_t>& out) {
  add({names, "N,N,..", help}, [&out, range](std::string_view list) -> Result<void> {
    std::vector<std::size_t> numbers;
    for (const std::string_view word : split_at_commas(list)) {
      Result<std::int64_t> number = parse_whole(word, range);
      if (!number) return std::move(number).error();
      numbers.push_back(static_cast<std::size_t>(*number));
    }
    out = std::move(numbers);
    return {};
  });
}

void FlagTable::ids(std::string_view names, std::string_view help,
                    std::optional<std::vector<TokenId>>& out) {
  add({names, "1,2,3", help}, [&out](std::string_view word) -> Result<void> {
    Result<std::vector<TokenId>> ids = parse_ids(word);
    if (!ids) return std::move(ids).error();
    out = *std::move(ids);
    return {};
  });
}

Error FlagTable::unknown(std::string_view word) const {
  if (word.empty() || word.front() != '-') {
    return {ErrorCode::kUsage,
            fmt::format("{}: expected no more arguments, found {}", command_, quoted(word, kShown)),
            {"quote a text that has blanks in it"}};
  }
  const std::string_view flag = word.substr(0, word.find('='));
  std::vector<std::string_view> known{"--help"};
  for (const Row& row : rows_) {
    if (!row.positional) known.push_back(long_name(row.names));
  }
  Error error{
      ErrorCode::kUsage,
      fmt::format("{}: expected one of its flags, found {}", command_, quoted(flag, kShown)),
      {}};
  const std::string_view guess = nearest(flag, known);
  if (!guess.empty()) error.hints.push_back(fmt::format("did you mean {}?", guess));
  error.hints.push_back(see_help_);
  return error;
}

Result<void> FlagTable::apply(const Row& row, std::span<const std::string> values) const {
  if (values.empty()) {
    if (!row.required) return {};
    return Error{ErrorCode::kUsage, fmt::format("{}: expected one, found none", row.names), {}};
  }
  if (!row.repeatable) values = values.last(1);
  for (const std::string& value : values) {
    if (row.value.empty() && value != "true") {  // CLI11 gives a bare switch this value
      return Error{ErrorCode::kUsage,
                   fmt::format("{}: expected no value, found {}", long_name(row.names),
                               quoted(value, kShown)),
                   {}};
    }
    Result<void> set = row.set(value);
    if (!set) return std::move(set).error().with_context(long_name(row.names));
  }
  return {};
}

Result<void> FlagTable::parse(std::span<const std::string> args) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<const CLI::Option*> options;
  const CLI::Option* help = app.add_flag("-h,--help");
  try {
    for (const Row& row : rows_) {
      CLI::Option* option = row.value.empty()
                                ? app.add_flag(row.names)
                                : app.add_option(row.names)->expected(1)->allow_extra_args(false);
      options.push_back(option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
    }
    // CLI11 takes the arguments from the back.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ArgumentMismatch& mismatch) {
    const std::string_view what = mismatch.what();
    return Error{ErrorCode::kUsage,
                 fmt::format("{}: expected a value, found none", what.substr(0, what.find(':'))),
                 {}};
  } catch (const CLI::Error& error) {
    return Error{ErrorCode::kUsage, fmt::format("command line: {}", error.what()), {}};
  }
  wants_help_ = help->count() > 0;
  if (wants_help_) return {};
  for (const std::string& word : app.remaining()) {
    if (word != "--") return unknown(word);
  }
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Result<void> applied = apply(rows_[i], options[i]->results());
    if (!applied) return applied;
  }
  return {};
}

std::vector<FlagInfo> FlagTable::rows() const {
  std::vector<FlagInfo> all;
  for (const Row& row : rows_) {
    const std::string_view name = long_name(row.names);
    const std::size_t comma = row.names.find(',');
    all.push_back({.name = std::string(name),
                   .short_name = comma == std::string::npos ? "" : row.names.substr(0, comma),
                   .value = row.value,
                   .help = row.help,
                   .choices = row.choices,
                   .positional = row.positional,
                   .repeatable = row.repeatable});
  }
  return all;
}

std::string FlagTable::help() const {
  std::string out;
  std::string_view group;
  for (const Row& row : rows_) {
    if (row.group != group || out.empty()) {
      if (!out.empty()) out += '\n';
      group = row.group;
      if (!group.empty()) out += fmt::format("{}:\n", group);
    }
    std::string left = "  " + row.names;
    if (const std::size_t comma = left.find(','); comma != std::string::npos) {
      left.insert(comma + 1, " ");
    }
    if (!row.positional && !row.value.empty()) left += " " + row.value;
    if (left.size() + 2 > kHelpColumn) {
      out += left + "\n" + std::string(kHelpColumn, ' ');
    } else {
      out += left + std::string(kHelpColumn - left.size(), ' ');
    }
    append_wrapped(out, row.help);
  }
  return out;
}

}  // namespace bora
