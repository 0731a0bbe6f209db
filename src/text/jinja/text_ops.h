// String operations that methods and filters share. Views point into the text given.
#pragma once

#include "text/jinja/format.h"
#include "text/jinja/runtime.h"

#include <string>
#include <string_view>
#include <vector>

namespace bora::jinja {

enum class StripSide : uint8_t { kLeft, kRight, kBoth };

std::string_view strip_space(std::string_view text, StripSide side);
// Removes characters that occur in `chars`.
std::string_view strip_chars(std::string_view text, std::string_view chars, StripSide side);

// str.split and str.rsplit with at most `splits` cuts. Precondition: separator not empty.
std::vector<std::string_view> split_text(std::string_view text, std::string_view separator,
                                         size_t splits);
std::vector<std::string_view> rsplit_text(std::string_view text, std::string_view separator,
                                          size_t splits);
// The same at runs of white space.
std::vector<std::string_view> split_space(std::string_view text, size_t splits);
std::vector<std::string_view> rsplit_space(std::string_view text, size_t splits);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

// str.replace; count < 0: all. Fails where the result exceeds kMaxStringBytes.
std::string replace_text(Runtime& rt, std::string_view text, std::string_view before,
                         std::string_view after, int64_t count);

// str.center: where the padding is odd, the larger half is on the left if the width is odd too.
std::string centered(Runtime& rt, const std::string& text, const FormatSpec& spec);

// str.isupper and str.islower: some `wanted` character, none that is `unwanted` or titlecase.
bool all_cased(std::string_view text, bool (*wanted)(char32_t), bool (*unwanted)(char32_t));

}  // namespace bora::jinja
