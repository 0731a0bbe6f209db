// The log sink: library code hands lines to it and prints nothing itself. The default sink drops
// everything; main() installs one that writes to stderr. Set once before other threads start.
#pragma once

#include <string_view>

namespace bora {

enum class LogLevel { kDebug, kInfo, kWarn };

using LogSink = void (*)(LogLevel level, std::string_view line);

void set_log_sink(LogSink sink);
void log(LogLevel level, std::string_view line);

}  // namespace bora
