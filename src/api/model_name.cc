#include "api/model_name.h"

#include <system_error>

namespace bora {

std::string model_name(const std::filesystem::path& model) {
  std::error_code ignored;
  const std::filesystem::path absolute = std::filesystem::canonical(model, ignored);
  return (absolute.empty() ? model : absolute).filename().string();
}

}  // namespace bora
