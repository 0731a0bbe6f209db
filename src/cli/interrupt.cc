#include "cli/interrupt.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace bora {
namespace {

std::atomic<bool> interrupted{false};
std::atomic<int> wake_descriptor{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "used by a signal handler");

void on_interrupt(int) {
  const int saved = errno;
  interrupted.store(true, std::memory_order_relaxed);
  if (const int descriptor = wake_descriptor.load(); descriptor >= 0) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(descriptor, &one, sizeof one);
  }
  errno = saved;
}

void install(int flags) {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace

// One shot: the second SIGINT finds the default action. Without SA_RESTART a read of stdin that
// waits returns.
void install_interrupt_handler() { install(static_cast<int>(SA_RESETHAND)); }

const std::atomic<bool>& interrupt_flag() { return interrupted; }

int keep_running_on_interrupt() {
  if (wake_descriptor.load() < 0) wake_descriptor.store(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  install(0);
  return wake_descriptor.load();
}

void clear_interrupt() {
  interrupted.store(false, std::memory_order_relaxed);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_descriptor.load(), &count, sizeof count);
}

}  // namespace bora
