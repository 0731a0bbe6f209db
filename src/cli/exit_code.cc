#include "cli/exit_code.h"

#include "base/printable.h"

#include <algorithm>
#include <cstdio>

namespace bora {
namespace {

constexpr std::size_t kMaxHints = 3;

constexpr std::size_t kMaxLine = 2000;

}  // namespace

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
      return ExitCode::kFailed;
    case ErrorCode::kUsage:
      return ExitCode::kUsage;
    case ErrorCode::kBadModel:
      return ExitCode::kBadModel;
    case ErrorCode::kNotFound:
      return ExitCode::kNotFound;
    case ErrorCode::kDoesNotFit:
      return ExitCode::kDoesNotFit;
    case ErrorCode::kInterrupted:
      return ExitCode::kInterrupted;
  }
  return ExitCode::kFailed;
}

std::string format_error(const Error& error) {
  std::string text = "bora: " + printable(error.message, kMaxLine) + "\n";
  const std::size_t hints = std::min(error.hints.size(), kMaxHints);
  for (std::size_t i = 0; i < hints; ++i) text += "  " + printable(error.hints[i], kMaxLine) + "\n";
  return text;
}

ExitCode print_error(const Error& error) {
  const std::string text = format_error(error);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return exit_code(error.code);
}

}  // namespace bora
