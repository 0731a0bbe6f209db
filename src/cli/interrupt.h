// Ctrl-C: the first ends an answer with what there is, the second ends the process at once. A
// session of many answers asks for another rule: each Ctrl-C ends the answer of its time.
#pragma once

#include <atomic>

namespace bora {

// Installs the SIGINT handler. Called once, by main(), before other threads start.
void install_interrupt_handler();

// Set by SIGINT; cleared by clear_interrupt() only.
const std::atomic<bool>& interrupt_flag();

// From now on SIGINT sets the flag, however often it comes, and makes the descriptor that is
// returned readable, so that a poll() of it and of the terminal misses none. -1 where the system
// gives no descriptor.
int keep_running_on_interrupt();

// What SIGINT has set, undone.
void clear_interrupt();

}  // namespace bora
