#include "base/log.h"

#include <atomic>

namespace bora {
namespace {
std::atomic<LogSink> current_sink{nullptr};
}  // namespace

void set_log_sink(LogSink sink) { current_sink.store(sink); }

void log(LogLevel level, std::string_view line) {
  if (const LogSink sink = current_sink.load()) sink(level, line);
}

}  // namespace bora
