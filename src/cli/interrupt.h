// Ctrl-C: the first ends an answer with what there is, the second ends the process at once.
#pragma once

#include <atomic>

namespace bora {

// Installs the SIGINT handler. Called once, by main(), before other threads start.
void install_interrupt_handler();

// Set by the first SIGINT and never cleared.
const std::atomic<bool>& interrupt_flag();

}  // namespace bora
