// The names of a GGUF model's parts: NAME-00001-of-00003.gguf, as llama-gguf-split writes them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bora {

struct GgufPartName {
  std::string model;       // NAME
  std::size_t number = 0;  // from 1
  std::size_t count = 0;
};

// nullopt where a file's name is not one of these, or counts beyond its parts.
std::optional<GgufPartName> parse_part_name(std::string_view file_name);

std::string to_file_name(const GgufPartName& part);

// Whether all are names of parts of one model. False for no names.
bool are_parts_of_one(std::span<const std::string> file_names);

}  // namespace bora
