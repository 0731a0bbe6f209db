#include "formats/packed.h"

#include "base/check.h"
#include "base/float16.h"
#include "formats/unpack.h"
#include "tensor/blocks.h"

#include <cmath>
#include <cstring>

namespace bora {
namespace {

constexpr std::size_t kGroup = 16;

constexpr std::array kPackedTypes = {
    PackedType{6, DType::kQ8_0, 32, 22, unpack::q5_0},
    PackedType{7, DType::kF16, 32, 24, unpack::q5_1},
    PackedType{10, DType::kF16, 256, 84, unpack::q2_k},
    PackedType{11, DType::kQ6K, 256, 110, unpack::q3_k},
    PackedType{16, DType::kQ8_0, 256, 66, unpack::iq2_xxs},
    PackedType{17, DType::kF16, 256, 74, unpack::iq2_xs},
    PackedType{18, DType::kQ6K, 256, 98, unpack::iq3_xxs},
    PackedType{19, DType::kQ6K, 256, 50, unpack::iq1_s},
    PackedType{20, DType::kQ8_0, 32, 18, unpack::iq4_nl},
    PackedType{21, DType::kQ6K, 256, 110, unpack::iq3_s},
    PackedType{22, DType::kF16, 256, 82, unpack::iq2_s},
    PackedType{23, DType::kQ8_0, 256, 136, unpack::iq4_xs},
    PackedType{29, DType::kQ6K, 256, 56, unpack::iq1_m},
    PackedType{34, DType::kQ6K, 256, 54, unpack::tq1_0},
    PackedType{35, DType::kQ6K, 256, 66, unpack::tq2_0},
};

// Rounds to f16; `fits` becomes false where that makes a finite number infinite.
F16 rounded(float value, bool& fits) {
  const F16 half = to_f16(value);
  fits = fits && (std::isfinite(to_float(half)) || !std::isfinite(value));
  return half;
}

// The products of an f16 and two small whole numbers fit f32: the only rounding is that to f16,
// and, where there is an offset, one of 2^-24 before it.
bool write_f16(const UnpackedBlock& block, std::size_t values, std::byte* out) {
  bool fits = true;
  for (std::size_t v = 0; v < values; ++v) {
    const UnpackedBlock::Group& group = block.groups[v / kGroup];
    const float scale = block.unit * static_cast<float>(group.multiplier);
    const float value = scale * static_cast<float>(group.codes[v % kGroup]) + group.offset;
    const F16 half = rounded(value, fits);
    std::memcpy(out + v * sizeof(F16), &half, sizeof(F16));
  }
  return fits;
}

bool write_q8_0(const UnpackedBlock& block, std::size_t values, std::byte* out) {
  bool fits = true;
  for (std::size_t b = 0; b < values / kBlockValues; ++b) {
    const UnpackedBlock::Group* pair = &block.groups[2 * b];
    BlockQ8_0 q8_0;
    q8_0.scale = rounded(block.unit * static_cast<float>(pair->multiplier), fits);
    std::memcpy(q8_0.quants.data(), pair[0].codes.data(), kGroup);
    std::memcpy(q8_0.quants.data() + kGroup, pair[1].codes.data(), kGroup);
    std::memcpy(out + b * sizeof(q8_0), &q8_0, sizeof(q8_0));
  }
  return fits;
}

bool write_q6_k(const UnpackedBlock& block, std::byte* out) {
  bool fits = true;
  BlockQ6K q6_k{};
  q6_k.scale = rounded(block.unit, fits);
  for (std::size_t g = 0; g < block.groups.size(); ++g) {
    q6_k.scales[g] = static_cast<std::int8_t>(block.groups[g].multiplier);
  }
  for (std::size_t v = 0; v < kSuperBlockValues; ++v) {
    const int code = block.groups[v / kGroup].codes[v % kGroup] + 32;
    DCHECK(code >= 0 && code < 64, "codes of six bits");
    const std::size_t half = v / 128;
    const std::size_t part = v / 32 % 4;
    const std::size_t i = v % 32;
    auto& low = q6_k.nibbles[64 * half + 32 * (part % 2) + i];
    auto& high = q6_k.high_bits[32 * half + i];
    low = static_cast<std::uint8_t>(low | (code & 15) << (part / 2 * 4));
    high = static_cast<std::uint8_t>(high | (code >> 4) << (2 * part));
  }
  std::memcpy(out, &q6_k, sizeof(q6_k));
  return fits;
}

bool write(DType dtype, const UnpackedBlock& block, std::size_t values, std::byte* out) {
  if (dtype == DType::kQ8_0) return write_q8_0(block, values, out);
  if (dtype == DType::kQ6K) return write_q6_k(block, out);
  CHECK(dtype == DType::kF16, "one of the types of kPackedTypes");
  return write_f16(block, values, out);
}

}  // namespace

std::span<const PackedType> packed_types() { return kPackedTypes; }

const PackedType* find_packed_type(std::uint32_t ggml_type) {
  for (const PackedType& type : kPackedTypes) {
    if (type.ggml_type == ggml_type) return &type;
  }
  return nullptr;
}

bool widen_packed_row(const PackedType& type, const std::byte* row, std::size_t values,
                      std::byte* out) {
  CHECK(values % type.block_values == 0, "a row is a whole number of blocks");
  const std::size_t out_bytes = row_bytes(type.widened, type.block_values);
  bool fits = true;
  UnpackedBlock block;
  for (std::size_t b = 0; b < values / type.block_values; ++b) {
    type.unpack(row + b * type.block_bytes, block);
    fits &= write(type.widened, block, type.block_values, out + b * out_bytes);
  }
  return fits;
}

}  // namespace bora
