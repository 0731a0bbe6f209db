#include "api/model_name.h"

#include "hub/cache.h"

#include <optional>
#include <system_error>
#include <vector>

namespace bora {
namespace {

namespace fs = std::filesystem;

// .../models--OWNER--NAME/snapshots/COMMIT[/FILE]; nullopt: another path.
std::optional<std::string> name_in_hub(const fs::path& path) {
  const std::vector<fs::path> parts(path.begin(), path.end());
  for (std::size_t i = 0; i + 2 < parts.size(); ++i) {
    std::optional<std::string> repo = repo_of_folder(parts[i].string());
    if (!repo || parts[i + 1] != "snapshots") continue;
    fs::path file;
    for (std::size_t rest = i + 3; rest < parts.size(); ++rest) file /= parts[rest];
    return file.empty() ? *repo : *repo + ":" + file.string();
  }
  return std::nullopt;
}

}  // namespace

std::string model_name(const fs::path& model) {
  std::error_code ignored;
  // As it is written, since the files of a snapshot may be links.
  const fs::path written = fs::absolute(model, ignored).lexically_normal();
  if (std::optional<std::string> name = name_in_hub(written)) return *std::move(name);
  const fs::path absolute = fs::canonical(model, ignored);
  return (absolute.empty() ? model : absolute).filename().string();
}

}  // namespace bora
