#include "base/version.h"

namespace bora {

std::string_view version() { return BORA_VERSION; }

std::string_view git_commit() { return BORA_GIT_COMMIT; }

}  // namespace bora
