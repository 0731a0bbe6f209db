#include "cli/output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <system_error>
#include <unistd.h>

namespace bora {

Result<void> Output::write(std::string_view text) {
  constexpr std::size_t kFull = std::size_t{64} << 10;
  if (closed_) return {};
  buffer_ += text;
  return buffer_.size() >= kFull ? flush() : Result<void>();
}

Result<void> Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !closed_) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      const int reason = errno;
      buffer_.clear();
      closed_ = true;
      return Error{ErrorCode::kFailed,
                   fmt::format("stdout: expected to write, found {}",
                               std::generic_category().message(reason)),
                   {}};
    }
  }
  buffer_.clear();
  return {};
}

Result<ExitCode> print_all(std::string_view text) {
  Output out;
  Result<void> written = out.write(text);
  if (written) written = out.flush();
  if (!written) return std::move(written).error();
  return ExitCode::kDone;
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

double finite(double value) { return std::isfinite(value) ? value : 0.0; }

void print_note(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace bora
