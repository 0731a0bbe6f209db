// Reads the header of a safetensors file, and the index of a checkpoint split into several. Reads
// no tensor data. Every offset is checked against the file before use, and the tensors must cover
// the data without gaps, as the format demands. Source:
// https://github.com/huggingface/safetensors#format
#pragma once

#include "base/result.h"
#include "formats/json.h"
#include "formats/stored_tensor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// `bytes`: the whole file. `name`: the file's, for errors. The tensors come in the order of their
// data, with `file` 0. Errors are kBadModel.
Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> bytes,
                                                    std::string_view name);

// Of a file of `file_bytes` that begins with `first`: how many bytes of it parse_safetensors()
// wants to read before it can say anything; first.size() where those are enough, a header that lies
// about its length included.
std::uint64_t safetensors_header_bytes(std::span<const std::byte> first, std::uint64_t file_bytes);

// One line of an index: which file of the folder holds the tensor.
struct ShardEntry {
  std::string tensor;
  std::string file;
};

// The weight_map of model.safetensors.index.json, ordered by file, then tensor; never empty. File
// names are plain names: nothing in them leaves the folder. Errors are kBadModel.
Result<std::vector<ShardEntry>> parse_shard_index(const JsonDocument& index);

}  // namespace bora
