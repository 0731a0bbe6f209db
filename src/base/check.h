// CHECK: our own invariants at cold edges, always on; DCHECK: the same in hot loops, only without
// NDEBUG. Neither may ever see user input: that is Result (base/result.h). A failed check prints
// the place and aborts: the program is wrong, not its input.
#pragma once

#include <string_view>

namespace bora::detail {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message) noexcept;
}  // namespace bora::detail

#define CHECK(condition, message)                                              \
  do {                                                                         \
    if (!(condition)) [[unlikely]]                                             \
      ::bora::detail::check_failed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition, message) \
  do {                             \
  } while (false)
#else
#define DCHECK(condition, message) CHECK(condition, message)
#endif
