// The built-in filters, tests and globals, by name.
#pragma once

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

#include <span>
#include <string_view>

namespace bora::jinja {

// Null where there is none of that name. A filter's or test's input is the function's `self`.
const NamedFunction* find_filter(std::string_view name);
const NamedFunction* find_test(std::string_view name);

// The tables that find_filter looks through, one a source file.
std::span<const NamedFunction> text_filters();
std::span<const NamedFunction> markup_filters();
std::span<const NamedFunction> sequence_filters();
std::span<const NamedFunction> selection_filters();
std::span<const NamedFunction> number_filters();

// Global functions and classes: range, dict, namespace, cycler, joiner, raise_exception,
// strftime_now.
std::span<const NamedFunction> global_functions();

}  // namespace bora::jinja
