// Which files of a repository a model takes: configuration, tokenizer and weights, each once. The
// same weights often lie there in several forms (safetensors, .bin, consolidated.*, original/);
// safetensors is taken, or one .gguf.
#pragma once

#include "base/result.h"
#include "hub/api.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct ChoiceOptions {
  std::string file;                  // of a GGUF repository: a name, or a type as "Q4_K_M"
  std::vector<std::string> include;  // patterns; not empty: these files, whatever they are
  std::vector<std::string> exclude;  // patterns; not these
  std::uint64_t memory = 0;          // bytes a model may take; 0: any
};

struct FileChoice {
  std::vector<RemoteFile> files;
  std::string gguf;    // the file to open, where it is one
  std::string reason;  // why this one of several, in a sentence; empty where there was no choice
};

// Errors: kNotFound (no such file), kBadModel (nothing that bora reads), kDoesNotFit (no .gguf
// does).
Result<FileChoice> choose_files(const std::vector<RemoteFile>& files, const ChoiceOptions& options);

// fnmatch(3) as Python has it: "*" also matches "/"; "folder/" stands for "folder/*".
bool matches(std::string_view pattern, std::string_view name);

// What "model-00002-of-00005.gguf" says; nullopt for a name that is not so.
struct PartName {
  std::string_view stem;  // "model"
  std::size_t part = 0;   // 2
  std::size_t parts = 0;  // 5
};
std::optional<PartName> part_name(std::string_view name);

// The largest of these .gguf sizes that leaves room for the rest of a run in `memory`; the index,
// or sizes.size(). 0: the largest.
std::size_t best_that_fits(const std::vector<std::uint64_t>& sizes, std::uint64_t memory);

}  // namespace bora
