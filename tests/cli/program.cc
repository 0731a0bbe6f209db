#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace bora::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read_end = -1;
  int write_end = -1;

  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read_end = ends[0];
    write_end = ends[1];
  }
};

void close_end(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// In the child: becomes the program.
[[noreturn]] void become(const Launch& launch, const Pipe& in, const Pipe& out, const Pipe& err) {
  dup2(in.read_end, STDIN_FILENO);
  dup2(out.write_end, STDOUT_FILENO);
  dup2(err.write_end, STDERR_FILENO);
  std::vector<std::string> words{BORA_BINARY};
  words.insert(words.end(), launch.arguments.begin(), launch.arguments.end());
  std::vector<std::string> settings;
  for (const auto& [name, value] : launch.variables) settings.push_back(name + "=" + value);
  settings.emplace_back("HOME=/nonexistent");  // the first of two of a name counts
  settings.emplace_back("PATH=/usr/bin:/bin");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (std::string& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);
  execve(BORA_BINARY, argv.data(), environment.data());
  _exit(127);
}

void receive(int& from, std::string& text) {
  std::array<char, 4096> chunk{};
  const ssize_t got = read(from, chunk.data(), chunk.size());
  if (got > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(got));
  } else {
    close_end(from);
  }
}

// Moves bytes both ways until the program has closed its ends or the time is up.
void exchange(const Launch& launch, pid_t pid, int& to, int& out, int& err, Outcome& outcome) {
  const Clock::time_point end = Clock::now() + launch.limit;
  std::size_t sent = 0;
  fcntl(to, F_SETFL, O_NONBLOCK);
  while (out >= 0 || err >= 0) {
    if (sent == launch.input.size()) close_end(to);
    std::array<pollfd, 3> waits{{{to, POLLOUT, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0 ||
        poll(waits.data(), waits.size(), static_cast<int>(left.count())) == 0) {
      ADD_FAILURE() << "bora took longer than " << launch.limit.count() << " s";
      kill(pid, SIGKILL);
      return;
    }
    if (waits[0].revents != 0) {
      const ssize_t written = write(to, launch.input.data() + sent, launch.input.size() - sent);
      sent = written > 0 ? sent + static_cast<std::size_t>(written) : launch.input.size();
    }
    if (waits[1].revents != 0) {
      receive(out, outcome.out);
      if (launch.on_output) launch.on_output(outcome.out, pid);
      if (launch.close_stdout_early) close_end(out);
    }
    if (waits[2].revents != 0) receive(err, outcome.err);
  }
}

}  // namespace

Outcome run_program(const Launch& launch) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t pid = fork();
  if (pid == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    become(launch, in, out, err);
  }
  close_end(in.read_end);
  close_end(out.write_end);
  close_end(err.write_end);
  Outcome outcome;
  std::thread interrupter;
  if (launch.interrupt_after) {
    interrupter = std::thread([pid, pause = *launch.interrupt_after] {
      std::this_thread::sleep_for(pause);
      kill(pid, SIGINT);
    });
  }
  exchange(launch, pid, in.write_end, out.read_end, err.read_end, outcome);
  close_end(in.write_end);
  close_end(out.read_end);
  close_end(err.read_end);
  if (interrupter.joinable()) interrupter.join();  // before the process id is free again
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

void expect_quiet_end_without_reader(Launch launch) {
  launch.close_stdout_early = true;
  const Outcome outcome = run_program(launch);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.signal, 0);
  EXPECT_THAT(outcome.err, ::testing::Not(::testing::HasSubstr("bora: ")));
}

std::optional<std::string> smollm2() {
  const char* path = std::getenv("BORA_TEST_SMOLLM2");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) return std::nullopt;
  return std::string(path);
}

}  // namespace bora::testing
