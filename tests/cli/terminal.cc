#include "tests/cli/terminal.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bora::testing {
namespace {

constexpr int kLimitMs = 60'000;

[[noreturn]] void become(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{BORA_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string home = "HOME=/nonexistent";
  std::string term = "TERM=xterm";
  std::array<char*, 3> environment = {home.data(), term.data(), nullptr};
  execve(BORA_BINARY, argv.data(), environment.data());
  _exit(127);
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& arguments) {
  winsize size = {};
  size.ws_col = 100;
  size.ws_row = 30;
  pid_ = forkpty(&screen_, nullptr, nullptr, &size);
  if (pid_ == 0) become(arguments);
  EXPECT_GT(pid_, 0);
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (screen_ >= 0) close(screen_);
}

void Terminal::type(const std::string& keys) const {
  EXPECT_EQ(write(screen_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

// False: the program has ended, or nothing came for too long.
bool Terminal::read_more() {
  pollfd wait = {screen_, POLLIN, 0};
  if (poll(&wait, 1, kLimitMs) <= 0) {
    ADD_FAILURE() << "nothing more came; so far:\n" << seen_;
    kill(pid_, SIGKILL);
    return false;
  }
  std::array<char, 4096> chunk{};
  const ssize_t got = read(screen_, chunk.data(), chunk.size());
  if (got <= 0) return false;
  seen_.append(chunk.data(), static_cast<std::size_t>(got));
  return true;
}

std::string Terminal::wait_for(const std::string& text) {
  for (;;) {
    const std::size_t found = seen_.find(text, waited_);
    if (found != std::string::npos) {
      const std::size_t end = found + text.size();
      std::string came = seen_.substr(waited_, end - waited_);
      waited_ = end;
      return came;
    }
    if (!read_more()) {
      ADD_FAILURE() << "expected to see \"" << text << "\", found:\n" << seen_.substr(waited_);
      return {};
    }
  }
}

void Terminal::wait_for_more(std::size_t bytes) {
  while (seen_.size() < waited_ + bytes && read_more()) {
  }
  EXPECT_GE(seen_.size(), waited_ + bytes);
}

int Terminal::wait_for_end() {
  while (read_more()) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace bora::testing
