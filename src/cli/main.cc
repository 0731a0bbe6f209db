// The program: what has to happen once a process, then the command, then its error if any.
#include "base/log.h"
#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/interrupt.h"

#include <csignal>

// What the standard library throws, out of memory, ends the program.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is a full disk: an error of write()
  bora::install_sigbus_guard();
  bora::install_interrupt_handler();
  bora::install_log_sink();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const bora::Result<bora::ExitCode> done = bora::run_cli(arguments);
  return static_cast<int>(done ? *done : bora::print_error(done.error()));
}
