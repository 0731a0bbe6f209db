// bora login, bora logout: the Hub's token, stored where Hugging Face's tools look for it.
#include "base/atomic_file.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/hub_access.h"
#include "cli/input.h"
#include "cli/output.h"
#include "hub/api.h"

#include <fmt/format.h>

#include <termios.h>
#include <unistd.h>

namespace bora {
namespace {

namespace fs = std::filesystem;

constexpr HelpText kLoginHelp = {"bora login [--token TOKEN]",
                                 "Asks for a token of the Hub (or reads it from stdin), has the "
                                 "Hub check it, and stores it where\n"
                                 "Hugging Face's tools look: HF_TOKEN_PATH, HF_HOME/token, "
                                 "~/.cache/huggingface/token; only you\n"
                                 "may read that file. HF_TOKEN, where it is set, comes before it.",
                                 ""};

constexpr HelpText kLogoutHelp = {"bora logout", "Removes the token that bora login has stored.",
                                  ""};

FlagTable make_login_flags(std::string& token) {
  FlagTable flags("login");
  flags.text("--token", "TOKEN", "the token; other users may see it in the list of processes",
             token);
  return flags;
}

// Typed letters are not shown while it lives.
class NoEcho {
 public:
  NoEcho() : changed_(tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!changed_) return;
    termios without = before_;
    without.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &without);
  }
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_;
};

Result<std::string> read_token(const std::string& endpoint) {
  std::optional<NoEcho> hidden;
  if (stdin_is_terminal()) {
    print_note(fmt::format("a token from {}/settings/tokens (not shown): ", endpoint));
    hidden.emplace();
  }
  Result<Input> input = Input::open("-");
  if (!input) return std::move(input).error();
  Result<std::optional<std::string>> line = input->next_line();
  if (hidden) print_note("\n");
  if (!line) return std::move(line).error();
  std::string token = line->value_or("");
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty()) {
    return Error{ErrorCode::kUsage, "token: expected one on stdin, found none", {}};
  }
  return token;
}

Result<fs::path> token_file(const HubEnvironment& environment) {
  if (!environment.token_file.empty()) return environment.token_file;
  return Error{ErrorCode::kFailed,
               "token: expected HOME, HF_HOME or HF_TOKEN_PATH to be set, found none",
               {}};
}

Result<void> store(const fs::path& path, const std::string& token) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  constexpr unsigned kOwnerOnly = 0600;
  return write_file_whole(path, token, kOwnerOnly);
}

}  // namespace

FlagTable login_flags() {
  static std::string token;
  return make_login_flags(token);
}

FlagTable logout_flags() { return FlagTable("logout"); }

Result<ExitCode> login_command(Arguments arguments) {
  std::string token;
  FlagTable flags = make_login_flags(token);
  Result<bool> parsed = parse_arguments(flags, kLoginHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  const HubEnvironment environment = hub_environment();
  Result<fs::path> path = token_file(environment);
  if (!path) return std::move(path).error();
  if (token.empty()) {
    Result<std::string> read =
        read_token(environment.endpoint.empty() ? HubOptions().endpoint : environment.endpoint);
    if (!read) return std::move(read).error();
    token = *std::move(read);
  }
  Result<HubAccess> hub = HubAccess::open(environment, {.token = token});
  if (!hub) return std::move(hub).error();
  Result<std::string> name = who_am_i(hub->session());
  if (!name) return std::move(name).error();
  if (Result<void> stored = store(*path, token); !stored) return std::move(stored).error();
  print_note(fmt::format("logged in as {}; the token is in {}\n", printable(*name),
                         printable(path->string(), 1000)));
  return ExitCode::kDone;
}

Result<ExitCode> logout_command(Arguments arguments) {
  FlagTable flags = logout_flags();
  Result<bool> parsed = parse_arguments(flags, kLogoutHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  Result<fs::path> path = token_file(hub_environment());
  if (!path) return std::move(path).error();
  std::error_code error;
  const bool removed = fs::remove(*path, error);
  if (error) {
    return Error{ErrorCode::kFailed,
                 fmt::format("{}: expected to remove it, found: {}",
                             printable(path->string(), 1000), error.message()),
                 {}};
  }
  print_note(removed ? "logged out\n" : "nobody was logged in\n");
  return ExitCode::kDone;
}

}  // namespace bora
