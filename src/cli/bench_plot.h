// What bench measured as a picture: the roofline with the measured points, and speed over context
// beside its limit. One SVG file that needs nothing else; no owner, no state.
#pragma once

#include "cli/bench_table.h"

#include <string>

namespace bora {

std::string bench_svg(const BenchReport& report);

}  // namespace bora
