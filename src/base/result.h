// Result<T>: a value or an Error, for whatever the outside world can break (files, network,
// requests, memory limits). Not for our own invariants: those are CHECK (base/check.h).
//
// Shaped like std::expected, which GCC 12 with C++20 does not have. No exceptions, no allocation
// beyond what T and the message need. Values are moved; a Result is owned by one thread.
#pragma once

#include "base/check.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bora {

// What kind of failure, as a user's script sees it: src/cli maps each to the exit code of
// docs/cli.md.
enum class ErrorCode {
  kFailed,       // at run time: I/O, network, out of memory (exit 1)
  kUsage,        // wrong usage: a flag, a prompt, an id (exit 2)
  kBadModel,     // bad or unsupported model file (exit 3)
  kNotFound,     // not found or not allowed (exit 4)
  kDoesNotFit,   // does not fit into memory (exit 5)
  kInterrupted,  // by the user (exit 130)
};

// `message` is one line, "WHAT: expected X, found Y", without the "bora: " prefix and without a
// full stop; `hints` are at most three lines of what to do.
struct Error {
  ErrorCode code = ErrorCode::kFailed;
  std::string message;
  std::vector<std::string> hints;

  // The same error, seen from one level up: "context: message".
  [[nodiscard]] Error with_context(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // Implicit, because `return value;` and `return Error{...};` read best.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Precondition of all accessors: has_value() (value) or !has_value() (error); CHECKed.
  [[nodiscard]] T& value() & { return checked_value(); }
  [[nodiscard]] const T& value() const& {
    CHECK(has_value(), "Result holds an error: " + std::get<1>(state_).message);
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && { return std::move(checked_value()); }
  T& operator*() & { return checked_value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked_value()); }
  T* operator->() { return &checked_value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const& {
    CHECK(!has_value(), "Result holds a value");
    return std::get<1>(state_);
  }
  [[nodiscard]] Error&& error() && {
    CHECK(!has_value(), "Result holds a value");
    return std::move(std::get<1>(state_));
  }

 private:
  T& checked_value() {
    CHECK(has_value(), "Result holds an error: " + std::get<1>(state_).message);
    return std::get<0>(state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const& {
    CHECK(error_.has_value(), "Result holds a value");
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    CHECK(error_.has_value(), "Result holds a value");
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace bora
