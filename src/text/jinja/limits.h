// Bounds of the chat template engine. Templates and messages come from model repositories, so each
// is hostile: exceeding a bound is an Error that names it, never a crash, a hang or an allocation
// that fails. Published templates stay below a hundredth of every one of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::jinja {

inline constexpr size_t kMaxTemplateBytes = size_t{4} << 20;
// Nested parentheses, blocks, unary operators.
inline constexpr int kMaxParseDepth = 150;
// Of one expression's tree: `a + b + c + ...` grows to the left.
inline constexpr int kMaxNodeHeight = 400;
// Expressions and statements being evaluated at once: bounds the recursion of macros.
inline constexpr int kMaxEvalDepth = 900;
// Levels of messages, tools and kwargs; lists within lists at run time.
inline constexpr int kMaxJsonDepth = 100;
inline constexpr int kMaxValueDepth = 200;
// Evaluated nodes, elements walked, and text: so many bytes read or written are one step.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
inline constexpr uint64_t kMaxSteps = 100'000;  // a fuzzer writes endless loops all the time
#else
inline constexpr uint64_t kMaxSteps = 10'000'000;
#endif
inline constexpr uint64_t kBytesPerStep = 32;
inline constexpr size_t kMaxOutputBytes = size_t{64} << 20;
inline constexpr size_t kMaxStringBytes = size_t{64} << 20;
inline constexpr size_t kMaxListItems = size_t{1} << 20;
// Namespaces and scopes of macros, which live until the render ends.
inline constexpr size_t kMaxPinnedObjects = 100'000;
// As in jinja2's sandbox.
inline constexpr int64_t kMaxRange = 100'000;
// Padding of format, center and indent; precision.
inline constexpr int64_t kMaxWidth = 1'000'000;

}  // namespace bora::jinja
