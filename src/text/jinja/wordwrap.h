// Breaking a line into shorter ones, as Python's textwrap does for the wordwrap filter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bora::jinja {

struct WrapStyle {
  size_t width = 79;  // code points, > 0
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

// White space at the breaks is dropped. An empty line gives none.
std::vector<std::string> wrap_line(std::string_view line, const WrapStyle& style);

}  // namespace bora::jinja
