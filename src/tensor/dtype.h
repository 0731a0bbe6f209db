// DType: how the values of a tensor are stored, and one constexpr table of what follows from it.
//
// A block type packs `block_values` consecutive values of a row into `block_bytes`; for plain types
// a block is one value. A row's length is always a whole number of blocks. Names as safetensors and
// GGUF write them: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bora {

enum class DType : std::uint8_t { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ4K, kQ5K, kQ6K };

struct DTypeInfo {
  DType dtype;
  std::string_view name;         // as --weights and reports print it
  std::string_view safetensors;  // "" where safetensors has no such type
  std::int32_t ggml_type;
  std::uint32_t block_values;
  std::uint32_t block_bytes;
};

inline constexpr std::array kDTypes = {
    DTypeInfo{DType::kF32, "f32", "F32", 0, 1, 4},
    DTypeInfo{DType::kF16, "f16", "F16", 1, 1, 2},
    DTypeInfo{DType::kBF16, "bf16", "BF16", 30, 1, 2},
    DTypeInfo{DType::kQ8_0, "q8_0", "", 8, 32, 34},
    DTypeInfo{DType::kQ4_0, "q4_0", "", 2, 32, 18},
    DTypeInfo{DType::kQ4_1, "q4_1", "", 3, 32, 20},
    DTypeInfo{DType::kQ4K, "q4_k", "", 12, 256, 144},
    DTypeInfo{DType::kQ5K, "q5_k", "", 13, 256, 176},
    DTypeInfo{DType::kQ6K, "q6_k", "", 14, 256, 210},
};

constexpr const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)]; }

static_assert(
    [] {
      for (std::size_t i = 0; i < kDTypes.size(); ++i) {
        if (static_cast<std::size_t>(kDTypes[i].dtype) != i) return false;
      }
      return true;
    }(),
    "kDTypes is indexed by DType");

// The type of that name in the format's own spelling; nullopt where bora does not know it.
std::optional<DType> dtype_from_safetensors(std::string_view name);
std::optional<DType> dtype_from_ggml(std::uint32_t ggml_type);

// Bytes of a row of `values` values. Precondition: a whole number of blocks, no overflow (CHECKed:
// formats/ has checked the file's numbers before).
std::size_t row_bytes(DType dtype, std::size_t values);

}  // namespace bora
