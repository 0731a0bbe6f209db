// Reading what a user gives: stdin, files, lines. Sizes are bounded; an interrupt ends a read that
// waits. Errors: kNotFound (no such file, not allowed), kUsage (more than the limit), kFailed (the
// system), kInterrupted.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bora {

inline constexpr std::size_t kTextLimit = std::size_t{256} << 20;

bool stdin_is_terminal();

// An open file to read from, or stdin.
class Input {
 public:
  // "-" is stdin.
  static Result<Input> open(const std::string& path);
  ~Input();
  Input(Input&& other) noexcept;
  Input& operator=(Input&& other) noexcept;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // The next line without its newline; nullopt at the end.
  Result<std::optional<std::string>> next_line();
  // All that is left.
  Result<std::string> rest();

 private:
  Input(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  // Appends what the system has to buffer_; false at the end.
  Result<bool> fill();

  int descriptor_;
  std::string name_;
  std::string buffer_;
  std::size_t taken_ = 0;  // bytes of buffer_ already handed out
};

}  // namespace bora
