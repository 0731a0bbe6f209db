// The name a user knows a model by.
#pragma once

#include <filesystem>
#include <string>

namespace bora {

// The file's or folder's, also where the path is "." or a link; of a snapshot in the Hub's cache
// the repository's: "owner/name", with ":FILE" of a file in it.
std::string model_name(const std::filesystem::path& model);

}  // namespace bora
