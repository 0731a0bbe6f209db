// Shell completion, made from the same tables as --help: no list of flags is written twice.
#pragma once

#include "cli/flags.h"

#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct CommandInfo {
  std::string name;
  std::string summary;
  std::vector<FlagInfo> flags;
};

// A script for the shell to source. Values are completed where they are files, folders or one of a
// few words.
std::string bash_completion(const std::vector<CommandInfo>& commands);
std::string zsh_completion(const std::vector<CommandInfo>& commands);
std::string fish_completion(const std::vector<CommandInfo>& commands);

}  // namespace bora
