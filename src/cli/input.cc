#include "cli/input.h"

#include "base/printable.h"
#include "cli/interrupt.h"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

Result<Input> Input::open(const std::string& path) {
  if (path == "-") return Input(STDIN_FILENO, "stdin");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected a file, found: {}", printable(path),
                             std::generic_category().message(errno)),
                 {}};
  }
  return Input(descriptor, printable(path));
}

Input::~Input() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

Input::Input(Input&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      taken_(other.taken_) {}

Input& Input::operator=(Input&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(name_, other.name_);
  std::swap(buffer_, other.buffer_);
  std::swap(taken_, other.taken_);
  return *this;
}

Result<bool> Input::fill() {
  constexpr std::size_t kChunk = std::size_t{64} << 10;
  buffer_.erase(0, std::exchange(taken_, 0));
  const std::size_t old_size = buffer_.size();
  if (old_size > kTextLimit) {
    return Error{
        ErrorCode::kUsage,
        fmt::format("{}: expected at most {} MB at a time, found more", name_, kTextLimit >> 20),
        {}};
  }
  buffer_.resize(old_size + kChunk);
  for (;;) {
    const ssize_t got = ::read(descriptor_, buffer_.data() + old_size, kChunk);
    if (got >= 0) {
      buffer_.resize(old_size + static_cast<std::size_t>(got));
      return got > 0;
    }
    if (errno != EINTR) {
      return Error{ErrorCode::kFailed,
                   fmt::format("{}: expected to read, found: {}", name_,
                               std::generic_category().message(errno)),
                   {}};
    }
    if (interrupt_flag().load()) {
      return Error{ErrorCode::kInterrupted, name_ + ": interrupted", {}};
    }
  }
}

Result<std::optional<std::string>> Input::next_line() {
  std::size_t searched = taken_;
  for (;;) {
    const std::size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      std::string line = buffer_.substr(taken_, newline - taken_);
      taken_ = newline + 1;
      return std::optional(std::move(line));
    }
    searched = buffer_.size() - taken_;
    Result<bool> more = fill();
    if (!more) return std::move(more).error();
    if (*more) continue;
    if (buffer_.empty()) return std::optional<std::string>();
    return std::optional(std::exchange(buffer_, std::string()));
  }
}

Result<std::string> Input::rest() {
  for (;;) {
    Result<bool> more = fill();
    if (!more) return std::move(more).error();
    if (!*more) return std::exchange(buffer_, std::string());
  }
}

}  // namespace bora
