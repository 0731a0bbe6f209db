// Runs the built `bora` as a user does: arguments, stdin, an environment; its stdout, stderr and
// exit code. Each call has a time limit, after which the program is killed and the test fails.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bora::testing {

struct Outcome {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;
  std::string out;
  std::string err;
};

struct Launch {
  std::vector<std::string> arguments;
  std::string input;                                           // stdin
  std::vector<std::pair<std::string, std::string>> variables;  // added to a bare environment
  std::chrono::seconds limit{120};
  // Called whenever stdout has grown, with all of it so far and the process id.
  std::function<void(const std::string& out, int pid)> on_output;
  std::optional<std::chrono::milliseconds> interrupt_after;  // sends SIGINT once
  bool close_stdout_early = false;  // after the first bytes, as `| head` does
};

Outcome run_program(const Launch& launch);

// The usual call: `bora ARGUMENTS`.
inline Outcome bora(std::vector<std::string> arguments, std::string input = {}) {
  Launch launch;
  launch.arguments = std::move(arguments);
  launch.input = std::move(input);
  return run_program(launch);
}

// Runs it with a reader that goes away: it must end at once as if all were read, and say nothing.
void expect_quiet_end_without_reader(Launch launch);

// The environment variable BORA_TEST_SMOLLM2, the path of the default model.
std::optional<std::string> smollm2();

}  // namespace bora::testing
