// Which bora this is: set by the build (src/base/CMakeLists.txt), shown by `bora --version` and in
// reports.
#pragma once

#include <string_view>

namespace bora {

// The release, as "0.1.0".
std::string_view version();

// The abbreviated git commit that was built, or "unknown" outside a git checkout. Changes not yet
// committed do not show.
std::string_view git_commit();

}  // namespace bora
