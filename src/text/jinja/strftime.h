// Dates: what `now` of the messages file holds, and strftime in the C locale.
#pragma once

#include "text/jinja/runtime.h"

#include <optional>
#include <string>
#include <string_view>

namespace bora::jinja {

// "2024-07-26", with "T14:05", ":09" and ".123456" behind it or not; nothing where it is not a
// date.
std::optional<DateTime> parse_date_time(std::string_view text);

// Python's datetime.strftime for a time without a zone.
std::string format_date_time(Runtime& rt, const DateTime& time, std::string_view format);

}  // namespace bora::jinja
