// HTML escaping and jinja2's Markup: strings that count as escaped already.
#pragma once

#include "text/jinja/value.h"

#include <string>
#include <string_view>

namespace bora::jinja {

std::string escape_html(std::string_view text);
// Character references replaced by what they stand for: the five of XML, nbsp, and numeric ones.
std::string unescape_html(std::string_view text);
// Markup's striptags: comments and tags removed, white space collapsed, references replaced.
std::string strip_tags(std::string_view text);
// The text of a string, escaped unless it is Markup already. Precondition: is_string().
std::string markup_text(const Value& string);

}  // namespace bora::jinja
