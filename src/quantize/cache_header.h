// The header of a file of quantized weights, `<cache>/quantized/<model>-<hash>/int8.bora`.
//
//   offset   0  magic "boraqwts"
//            8  u32 version of this layout and of the codecs
//           12  u32 bytes of the header, its checksum included
//           16  u64 bytes of the file
//           24  u64 x 2 fingerprint of what it was made from
//           40  u64 count of tensors, then for each
//                 u64 length and bytes of the name, u32 type (ggml's numbers), u32 rank,
//                 u64 x rank dimensions (outermost first), u64 offset of the data, u64 its checksum
//          end  u64 checksum of all the header before it
//
// Little-endian, no padding; tensor data at multiples of kTensorAlignment, blocks as
// tensor/blocks.h has them, which is what the kernels read. Checksums (checksum.h) find
// damage, not malice, so every number is checked against the file all the same.
#pragma once

#include "base/checksum.h"
#include "base/result.h"
#include "formats/stored_tensor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

inline constexpr std::uint32_t kCacheVersion = 1;

struct CacheHeader {
  Fingerprint fingerprint;
  std::vector<StoredTensor> tensors;     // offsets count from the beginning of the file
  std::vector<std::uint64_t> checksums;  // of each tensor's data
};

// Bytes that the header of these tensors takes, rounded up to where the first tensor's data begins.
std::uint64_t cache_data_begin(std::span<const StoredTensor> tensors);

// The bytes of the header.
std::string write_cache_header(const CacheHeader& header);

// `bytes`: the whole file. `name`: the file's, for errors. Reads no tensor data. Errors: kBadModel
// naming the field, what was expected and what was found.
Result<CacheHeader> parse_cache_header(std::span<const std::byte> bytes, std::string_view name);

}  // namespace bora
