// The models that lie on this machine: bora's own folder of them, and the cache that Hugging Face's
// tools keep. Looks at headers, never at weights; what cannot be read is listed with the reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bora {

struct LocalModel {
  std::string name;            // of the file or folder; in the Hub's cache "org/name", see below
  std::filesystem::path path;  // what to open
  std::string architecture;    // "llama"; empty with an error
  std::string weights;         // the type most of them have, "q4_1"; empty with an error
  std::uint64_t bytes = 0;     // of the files
  std::string revision;        // of the Hub's cache: the commit; else empty
  std::int64_t last_used =
      0;  // seconds since 1970 of the last read that the system noted; 0: not known
  bool discarded = false;  // the original weights are not here, only those made of them
  std::string error;       // why bora cannot run it; empty: it can
};

// The .gguf files of `folder` and the folders in it, by name. No such folder: none.
std::vector<LocalModel> list_models(const std::filesystem::path& folder);

// The snapshots in a cache of huggingface_hub, models--ORG--NAME/snapshots/REVISION, by name. Named
// "org/name" where refs/main points to it or it is the only one, else "org/name@revision"; a .gguf
// file in it has ":file.gguf" after that. No such folder: none.
std::vector<LocalModel> list_hub_models(const std::filesystem::path& hub);

// What --discard-original left of models of the Hub: outlines (hub/outline.h) with quantized
// weights beside them, one for each type; named as above. No such folder: none.
std::vector<LocalModel> list_discarded_models(const std::filesystem::path& outlines);

// A folder of weights that quantize/ made of a model, and the model.
struct QuantizedWeights {
  std::filesystem::path model;
  std::filesystem::path folder;
};

// Those in the folder `quantized` that were made of models of a repository, HUB/models--ORG--NAME,
// as they are now.
std::vector<QuantizedWeights> quantized_weights(const std::filesystem::path& repository,
                                                const std::filesystem::path& quantized);

}  // namespace bora
