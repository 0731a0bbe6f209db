// FlagTable: the flags of one command, written once. The same rows parse the arguments into the
// command's options struct, check ranges, and make --help.
//
// Rows refer to fields of the options, which must outlive the table. Parsing fails with kUsage and
// names the flag; an unknown flag is answered with the nearest one. CLI11 splits the command line;
// the values are read here, so that every error has our form. Not thread-safe; a command owns one.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "cli/parse.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// A word a choice flag takes, or one that it will take later.
struct Choice {
  std::string_view word;
  bool later = false;
};

// A row as others than the parser see it.
struct FlagInfo {
  std::string name;        // "--prompt"; of a positional argument: "MODEL"
  std::string short_name;  // "-p"; mostly empty
  std::string value;       // what kind of value, "FILE"; empty: a switch
  std::string help;
  std::vector<std::string> choices;  // the values there are; empty: any
  bool positional = false;
  bool repeatable = false;
};

class FlagTable {
 public:
  explicit FlagTable(std::string_view command);

  // Starts a group of --help; rows that follow belong to it.
  void group(std::string_view title);

  // Arguments without a flag, in order. `required`: its absence is an error.
  void positional(std::string_view name, std::string_view help, std::string& out,
                  bool required = false);
  void positional(std::string_view name, std::string_view help, std::optional<std::string>& out);

  // `names`: "--prompt" or "-p,--prompt". `value`: how --help shows the value ("TEXT").
  void toggle(std::string_view names, std::string_view help, bool& out);
  void text(std::string_view names, std::string_view value, std::string_view help,
            std::optional<std::string>& out);
  void text(std::string_view names, std::string_view value, std::string_view help,
            std::string& out);
  void texts(std::string_view names, std::string_view value, std::string_view help,
             std::vector<std::string>& out);  // may be given several times
  void choice(std::string_view names, std::string_view help, std::span<const Choice> choices,
              std::string& out);
  // "bf16,int8": at least one of the words.
  void choices(std::string_view names, std::string_view help, std::span<const Choice> choices,
               std::vector<std::string>& out);
  // "1,4,16": at least one number.
  void wholes(std::string_view names, std::string_view help, Bounds<std::int64_t> range,
              std::vector<std::size_t>& out);
  // A positional argument that is one of these words, and required.
  void positional_choice(std::string_view name, std::string_view help,
                         std::span<const Choice> choices, std::string& out);
  void ids(std::string_view names, std::string_view help, std::optional<std::vector<TokenId>>& out);

  // T: an integer type, or an optional of one.
  template <class T>
  void whole(std::string_view names, std::string_view help, Bounds<std::int64_t> range, T& out) {
    add({names, "N", help}, [&out, range](std::string_view word) -> Result<void> {
      Result<std::int64_t> number = parse_whole(word, range);
      if (!number) return std::move(number).error();
      out = static_cast<decltype(number_of(out))>(*number);
      return {};
    });
  }

  // A size in bytes, as parse_bytes() reads it.
  void bytes(std::string_view names, std::string_view help, std::optional<std::size_t>& out);

  // T: double, float or an optional of one.
  template <class T>
  void real(std::string_view names, std::string_view help, Bounds<double> range, T& out) {
    add({names, "X", help}, [&out, range](std::string_view word) -> Result<void> {
      Result<double> number = parse_real(word, range);
      if (!number) return std::move(number).error();
      out = static_cast<decltype(number_of(out))>(*number);
      return {};
    });
  }

  // Fills the options. Every row may be given at most as often as it makes sense: the last wins,
  // except for texts(). --help is known to every table: wants_help() tells.
  Result<void> parse(std::span<const std::string> args);
  [[nodiscard]] bool wants_help() const { return wants_help_; }

  // All rows, in order; --help is none of them.
  [[nodiscard]] std::vector<FlagInfo> rows() const;

  // The groups and rows, aligned, for --help.
  [[nodiscard]] std::string help() const;

 private:
  struct Names {
    std::string_view names;
    std::string_view value;
    std::string_view help;
  };
  struct Row {
    std::string names;
    std::string value;  // empty: a switch
    std::string help;
    std::string group;
    std::vector<std::string> choices;
    bool positional = false;
    bool required = false;
    bool repeatable = false;
    std::function<Result<void>(std::string_view)> set;
  };

  template <class T>
  static T number_of(const T&);
  template <class T>
  static T number_of(const std::optional<T>&);

  Row& add(const Names& names, std::function<Result<void>(std::string_view)> set);
  [[nodiscard]] Error unknown(std::string_view word) const;
  [[nodiscard]] Result<void> apply(const Row& row, std::span<const std::string> values) const;

  std::string command_;
  std::string see_help_;
  std::vector<Row> rows_;
  std::string group_;
  bool wants_help_ = false;
};

}  // namespace bora
