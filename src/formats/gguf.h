// Reads the header of a GGUF file (versions 2 and 3, little-endian): metadata and tensor infos.
// Reads no tensor data. Every count, length and offset is checked against the file before use, so
// what comes out can be followed without a further check. Source:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include "base/result.h"
#include "formats/metadata.h"
#include "formats/stored_tensor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bora {

// Which part of a model in several files a file is; a whole model is the only part.
struct GgufSplit {
  std::size_t number = 0;  // from 0
  std::size_t count = 1;
  std::size_t tensors = 0;  // of all parts together; 0 where the file does not say
};

struct GgufHeader {
  Metadata metadata;                  // borrows from the bytes
  std::vector<StoredTensor> tensors;  // in file order, `file` is 0
  GgufSplit split;
};

// `bytes`: the whole file. `name`: the file's, for errors. Errors are kBadModel.
Result<GgufHeader> parse_gguf(std::span<const std::byte> bytes, std::string_view name);

// Of a file of `file_bytes` that begins with `first`: whether parse_gguf() would read beyond them.
// False also where they are no header of such a file.
bool gguf_header_goes_on(std::span<const std::byte> first, std::uint64_t file_bytes);

// Whether the bytes begin as a GGUF file does.
bool is_gguf(std::span<const std::byte> bytes);

}  // namespace bora
