// Text that came from a file, made fit for a one-line message: control characters and bytes that
// are not UTF-8 become \xNN, and what is longer than `limit` bytes is cut and ends in "...".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bora {

std::string printable(std::string_view text, std::size_t limit = 120);

// The same in double quotes.
std::string quoted(std::string_view text, std::size_t limit = 120);

}  // namespace bora
