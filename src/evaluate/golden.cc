#include "evaluate/verify.h"

#include <array>
#include <utility>

namespace bora {
namespace {

constexpr std::array<std::pair<const char*, Golden::Kind>, 4> kKinds = {{
    {"logits_last", Golden::Kind::kLogits},
    {"prompts", Golden::Kind::kPrompts},
    {"encode", Golden::Kind::kTokens},
    {"templates", Golden::Kind::kTemplates},
}};

}  // namespace

Result<Golden> Golden::read(const std::filesystem::path& path) {
  Result<JsonDocument> document = JsonDocument::read(path);
  if (!document) return std::move(document).error();
  Result<JsonObject> root = document->object();
  if (!root) return std::move(root).error();
  for (const auto& [key, kind] : kKinds) {
    if (!root->has(key)) continue;
    const simdjson::dom::object members = root->members();
    return Golden(*std::move(document), members, kind, path.parent_path());
  }
  return Error{ErrorCode::kBadModel,
               document->name() +
                   ": expected one of the keys logits_last, prompts, encode, templates, found none",
               {}};
}

}  // namespace bora
