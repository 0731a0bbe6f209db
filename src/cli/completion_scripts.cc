#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bora {
namespace {

enum class ValueKind { kNone, kAny, kFile, kFolder, kWords };

ValueKind kind_of(const FlagInfo& flag) {
  if (!flag.choices.empty()) return ValueKind::kWords;
  if (flag.value.empty()) return ValueKind::kNone;
  if (flag.value == "DIR") return ValueKind::kFolder;
  // A MODEL is a file or a folder, and completing files completes both.
  if (flag.value == "FILE" || flag.value.starts_with("MODEL")) return ValueKind::kFile;
  return ValueKind::kAny;
}

// Puts a backslash before each of `special`.
std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Within single quotes of a POSIX shell.
std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string names_of(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CommandInfo& command : commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, " "));
}

// --- bash

// "--a|--b|-c" of the flags whose value is of that kind; empty where there is none.
std::string bash_pattern(const CommandInfo& command, ValueKind kind) {
  std::vector<std::string> names;
  for (const FlagInfo& flag : command.flags) {
    if (flag.positional || kind_of(flag) != kind) continue;
    names.push_back(flag.name);
    if (!flag.short_name.empty()) names.push_back(flag.short_name);
  }
  return fmt::format("{}", fmt::join(names, "|"));
}

std::string bash_case(const CommandInfo& command) {
  std::string text = fmt::format("    {})\n      case $before in\n", command.name);
  std::vector<std::string> names{"--help"};
  std::string positional = "none";
  std::string words;
  for (const FlagInfo& flag : command.flags) {
    if (flag.positional) {
      if (kind_of(flag) == ValueKind::kFile) positional = "file";
      if (kind_of(flag) == ValueKind::kWords)
        words = fmt::format("{}", fmt::join(flag.choices, " "));
      continue;
    }
    names.push_back(flag.name);
    if (kind_of(flag) != ValueKind::kWords) continue;
    text += fmt::format("        {}) value=words words='{}' ;;\n", flag.name,
                        fmt::join(flag.choices, " "));
  }
  constexpr std::pair<ValueKind, std::string_view> kKinds[] = {
      {ValueKind::kFile, "file"}, {ValueKind::kFolder, "folder"}, {ValueKind::kAny, "none"}};
  for (const auto& [kind, value] : kKinds) {
    const std::string pattern = bash_pattern(command, kind);
    if (!pattern.empty()) text += fmt::format("        {}) value={} ;;\n", pattern, value);
  }
  text += words.empty() ? fmt::format("        *) positional={} ;;\n", positional)
                        : fmt::format("        *) positional=words words='{}' ;;\n", words);
  return text + fmt::format("      esac\n      flags='{}' ;;\n", fmt::join(names, " "));
}

constexpr std::string_view kBashBegin =
    R"(# Completion of bora for bash, made by: bora completion bash
_bora() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local value='' words='' positional='' flags=''
  # bash takes --flag=value apart at the =.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
)";
constexpr std::string_view kBashEnd = R"(  esac
  if [[ -z $value && $word == -* ]]; then
    value=words words=$flags
  fi
  case ${value:-$positional} in
    words) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
    file | folder)
      local what=-f
      [[ ${value:-$positional} == folder ]] && what=-d
      mapfile -t COMPREPLY < <(compgen "$what" -- "$word")
      compopt -o filenames 2>/dev/null ;;
  esac
  return 0
}
complete -F _bora bora
)";

// --- zsh

std::string zsh_action(const FlagInfo& flag) {
  switch (kind_of(flag)) {
    case ValueKind::kNone:
      return "";
    case ValueKind::kAny:
      return fmt::format(":{}: ", escaped(flag.value, ":\\"));
    case ValueKind::kFile:
      return fmt::format(":{}:_files", flag.value);
    case ValueKind::kFolder:
      return fmt::format(":{}:_files -/", flag.value);
    case ValueKind::kWords:
      return fmt::format(":value:({})", fmt::join(flag.choices, " "));
  }
  return "";
}

std::string zsh_flag(const FlagInfo& flag, std::size_t& position) {
  if (flag.positional) {
    ++position;
    return single_quoted(fmt::format("{}:{}", position, zsh_action(flag)));
  }
  const std::string rest = fmt::format("[{}]{}", escaped(flag.help, "[]:\\"), zsh_action(flag));
  if (!flag.short_name.empty()) {
    return fmt::format("'({0} {1})'{{{0},{1}}}{2}", flag.short_name, flag.name,
                       single_quoted(rest));
  }
  return single_quoted((flag.repeatable ? "*" : "") + flag.name + rest);
}

std::string zsh_case(const CommandInfo& command) {
  std::string text =
      fmt::format("        {})\n          _arguments '--help[all options]'", command.name);
  std::size_t position = 0;
  for (const FlagInfo& flag : command.flags) text += " \\\n            " + zsh_flag(flag, position);
  return text + " ;;\n";
}

constexpr std::string_view kZshBegin = R"(#compdef bora
# Completion of bora for zsh, made by: bora completion zsh
_bora() {
  local curcontext="$curcontext" state
  local -a line commands
  _arguments -C '--help[all commands]' '--version[which bora this is]' \
    '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      commands=(
)";
constexpr std::string_view kZshMiddle = R"(      )
      _describe -t commands command commands ;;
    argument)
      case $line[1] in
)";
constexpr std::string_view kZshEnd = R"(      esac ;;
  esac
}
if [[ $funcstack[1] == _bora ]]; then
  _bora "$@"
else
  compdef _bora bora
fi
)";

// --- fish

std::string fish_quoted(std::string_view text) { return "'" + escaped(text, "'\\") + "'"; }

std::string fish_value(const FlagInfo& flag) {
  switch (kind_of(flag)) {
    case ValueKind::kNone:
      return "";
    case ValueKind::kAny:
      return " -x";
    case ValueKind::kFile:
      return " -r -F";
    case ValueKind::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::kWords:
      return fmt::format(" -x -a '{}'", fmt::join(flag.choices, " "));
  }
  return "";
}

std::string fish_flag(const CommandInfo& command, const FlagInfo& flag) {
  std::string line =
      fmt::format("complete -c bora -n '__fish_seen_subcommand_from {}'", command.name);
  if (flag.positional) {
    if (kind_of(flag) == ValueKind::kFile) return line + " -F\n";
    if (kind_of(flag) != ValueKind::kWords) return "";
    return line + fmt::format(" -a '{}'\n", fmt::join(flag.choices, " "));
  }
  if (!flag.short_name.empty()) line += " -s " + flag.short_name.substr(1);
  return line + fmt::format(" -l {}{} -d {}\n", flag.name.substr(2), fish_value(flag),
                            fish_quoted(flag.help));
}

}  // namespace

std::string bash_completion(const std::vector<CommandInfo>& commands) {
  std::string text(kBashBegin);
  text += fmt::format(
      "    mapfile -t COMPREPLY < <(compgen -W '{} --help --version' -- \"$word\")\n"
      "    return 0\n  fi\n  case ${{COMP_WORDS[1]}} in\n",
      names_of(commands));
  for (const CommandInfo& command : commands) text += bash_case(command);
  return text + std::string(kBashEnd);
}

std::string zsh_completion(const std::vector<CommandInfo>& commands) {
  std::string text(kZshBegin);
  for (const CommandInfo& command : commands) {
    text += "        " + single_quoted(command.name + ":" + escaped(command.summary, ":\\")) + "\n";
  }
  text += kZshMiddle;
  for (const CommandInfo& command : commands) text += zsh_case(command);
  return text + std::string(kZshEnd);
}

std::string fish_completion(const std::vector<CommandInfo>& commands) {
  std::string text =
      "# Completion of bora for fish, made by: bora completion fish\n"
      "complete -c bora -f\n"
      "complete -c bora -n __fish_use_subcommand -l version -d 'which bora this is'\n"
      "complete -c bora -l help -d 'all options'\n";
  for (const CommandInfo& command : commands) {
    text += fmt::format("complete -c bora -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.summary));
    for (const FlagInfo& flag : command.flags) text += fish_flag(command, flag);
  }
  return text;
}

}  // namespace bora
