// Numbers and lists of ids as a user types them. Errors: kUsage with "expected X, found Y" and no
// name in front: the caller knows which flag or line it was.
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace bora {

template <class T>
struct Bounds {
  T low;
  T high;
};

inline constexpr Bounds<std::int64_t> kAnyCount{0, std::numeric_limits<std::int32_t>::max()};
inline constexpr Bounds<std::int64_t> kPositiveCount{1, std::numeric_limits<std::int32_t>::max()};

Result<std::int64_t> parse_whole(std::string_view word, Bounds<std::int64_t> range);
Result<double> parse_real(std::string_view word, Bounds<double> range);

// A size in bytes: "8G", "1.5GiB", "512M", "1000000000", at least 1. K, M, G and T are powers of
// 1024, in either case.
Result<std::size_t> parse_bytes(std::string_view word);

// "1,2,3"; blanks around a number are allowed; an empty text is an empty list.
Result<std::vector<TokenId>> parse_ids(std::string_view text);

}  // namespace bora
