// Bounds of the chat template engine. Templates and messages come from model repositories, so each
// is hostile: exceeding a bound is an Error that names it, never a crash, a hang or an allocation
// that fails. Published templates stay below a hundredth of every one of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora::jinja {

inline constexpr size_t kMaxTemplateBytes = size_t{4} << 20;
inline constexpr int kMaxParseDepth = 150;  // nested parentheses, blocks, unary operators
inline constexpr int kMaxNodeHeight = 400;  // of one expression tree; `a+b+c+...` grows to the left
inline constexpr int kMaxEvalDepth = 900;   // expressions and statements being evaluated at once
inline constexpr int kMaxJsonDepth = 100;   // of messages, tools and kwargs
inline constexpr int kMaxValueDepth = 200;  // lists within lists at run time
inline constexpr uint64_t kMaxSteps =
    10'000'000;  // evaluated nodes, elements; 64 bytes count as one
inline constexpr size_t kMaxOutputBytes = size_t{64} << 20;
inline constexpr size_t kMaxStringBytes = size_t{64} << 20;
inline constexpr size_t kMaxListItems = size_t{4} << 20;
inline constexpr size_t kMaxPinnedObjects =
    100'000;                                     // namespaces and scopes that live until the end
inline constexpr int64_t kMaxRange = 100'000;    // as jinja2's sandbox
inline constexpr int64_t kMaxWidth = 1'000'000;  // padding of format, center, indent; precision

}  // namespace bora::jinja
