// ModelRef: what a user calls a model of the Hub, "OWNER/NAME[@REVISION][:FILE.gguf]", and which
// words of the Hub may become names in a file system. Whatever a server says is checked here before
// it becomes a path: nothing may lead out of the cache.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace bora {

struct ModelRef {
  std::string repo;               // "mistralai/Mistral-7B-v0.1"
  std::string revision = "main";  // a branch, a tag, a commit, "refs/pr/1"
  std::string file;               // of a GGUF repository: a name or a type ("Q4_K_M"); empty: any

  // As a user would write it.
  [[nodiscard]] std::string text() const;
};

// nullopt where `text` has not this form (a local path, say). Case is kept.
std::optional<ModelRef> parse_model_ref(std::string_view text);

// Whether a word of the Hub is what it should be.
bool is_repo_id(std::string_view text);   // one slash; letters, digits and "-_." around it
bool is_revision(std::string_view text);  // no "..", no part that starts with a dot or is empty
bool is_commit(std::string_view text);    // 40 digits of lower-case hex
bool is_etag(std::string_view text);      // 40 (a git blob) or 64 (a SHA-256) such digits

// A file's name inside of a repository: relative, every part a name. Errors: kBadModel.
Result<void> check_file_name(std::string_view name);

}  // namespace bora
