#include "quantize/codec.h"

#include "base/check.h"
#include "base/float16.h"
#include "tensor/blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace bora {
namespace {

constexpr float kMaxF16 = 65504.0F;
constexpr float kLeastF16 = 0x1p-24F;
constexpr int kLanes = 8;  // independent sums, in a fixed shape, that compilers turn into vectors

using Group = std::span<const float, kBlockValues>;

// Nearest integer, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no bit for a fraction.
float round_even(float x) { return (x + 0x1.8p23F) - 0x1.8p23F; }

float sum(const std::array<float, kLanes>& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Bits of the largest magnitude. Without their sign, floats order as their bits do, NaN above
// infinity above all numbers.
std::uint32_t largest_bits(Group x) {
  std::uint32_t largest = 0;
  for (const float value : x) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU);
  }
  return largest;
}

CodecFault check_range(std::uint32_t bits, DType dtype) {
  if (bits >= 0x7F800000U) return CodecFault::kNotFinite;
  return std::bit_cast<float>(bits) > max_magnitude(dtype) ? CodecFault::kTooLarge
                                                           : CodecFault::kNone;
}

F16 scale_q8_0(float largest) {
  if (largest < kLeastF16 / 2) return {};
  F16 scale = to_f16(largest / 127.0F);
  // Only scales below 2^-14, which have few bits, round down that far.
  if (largest >= 127.5F * to_float(scale)) ++scale.bits;
  return scale;
}

BlockQ8_0 quantize_q8_0(Group x, float largest) {
  BlockQ8_0 block{.scale = scale_q8_0(largest), .quants = {}};
  if (block.scale.bits == 0) return block;
  const float scale = to_float(block.scale);
  for (std::size_t i = 0; i < x.size(); ++i) {
    block.quants[i] = static_cast<std::int8_t>(round_even(x[i] / scale));
  }
  return block;
}

float quant_q4_0(float value, float inverse) {
  return round_even(std::min(std::max(value * inverse, -8.0F), 7.0F));
}

float squared_error(Group x, float scale) {
  const float inverse = 1.0F / scale;
  std::array<float, kLanes> lanes{};
  for (std::size_t i = 0; i < x.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float error = x[i + lane] - scale * quant_q4_0(x[i + lane], inverse);
      lanes[lane] += error * error;
    }
  }
  return sum(lanes);
}

// The scale with the least squared error for the quants that `scale` gives.
float least_squares(Group x, float scale) {
  const float inverse = 1.0F / scale;
  std::array<float, kLanes> products{};
  std::array<float, kLanes> squares{};
  for (std::size_t i = 0; i < x.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float quant = quant_q4_0(x[i + lane], inverse);
      products[lane] += x[i + lane] * quant;
      squares[lane] += quant * quant;
    }
  }
  const float norm = sum(squares);
  return norm > 0.0F ? sum(products) / norm : scale;
}

// Which level the value of the largest magnitude comes to lie on. Beyond -8 and 7 it is clipped,
// which pays where the others gain more. Whole levels reproduce what is on such a grid already.
constexpr std::array kLevels = {-8.0F, -9.0F, -8.5F, -7.5F, -7.0F, -6.5F, -6.0F, -5.0F,
                                7.0F,  8.0F,  7.5F,  6.5F,  6.0F,  5.5F,  5.0F};

F16 search_scale_q4_0(Group x, float extreme) {
  F16 best{};
  float least = 0.0F;
  const auto try_scale = [&](float wanted) {
    F16 scale = to_f16(std::clamp(wanted, -kMaxF16, kMaxF16));
    if ((scale.bits & 0x7FFFU) == 0) ++scale.bits;
    const float error = squared_error(x, to_float(scale));
    if (best.bits != 0 && !(error < least)) return;
    best = scale;
    least = error;
  };
  for (const float level : kLevels) try_scale(extreme / level);
  for (int step = 0; step < 2; ++step) try_scale(least_squares(x, to_float(best)));
  return best;
}

BlockQ4_0 quantize_q4_0(Group x, float largest) {
  BlockQ4_0 block{.scale = {}, .nibbles = {}};
  float inverse = 0.0F;  // every quant 0
  if (largest >= kLeastF16 / 2) {
    const float extreme =
        *std::find_if(x.begin(), x.end(), [&](float v) { return std::fabs(v) == largest; });
    block.scale = search_scale_q4_0(x, extreme);
    inverse = 1.0F / to_float(block.scale);
  }
  for (std::size_t i = 0; i < block.nibbles.size(); ++i) {
    const auto low = static_cast<unsigned>(static_cast<int>(quant_q4_0(x[i], inverse)) + 8);
    const auto high = static_cast<unsigned>(
        static_cast<int>(quant_q4_0(x[i + block.nibbles.size()], inverse)) + 8);
    block.nibbles[i] = static_cast<std::uint8_t>(low | (high << 4U));
  }
  return block;
}

template <class Block>
CodecFault quantize_groups(DType dtype, Block (*quantize)(Group, float), std::span<const float> row,
                           std::byte* out) {
  for (std::size_t i = 0; i < row.size(); i += kBlockValues) {
    const Group group = row.subspan(i).first<kBlockValues>();
    const std::uint32_t bits = largest_bits(group);
    if (const CodecFault fault = check_range(bits, dtype); fault != CodecFault::kNone) return fault;
    const Block block = quantize(group, std::bit_cast<float>(bits));
    std::memcpy(out, &block, sizeof block);
    out += sizeof block;
  }
  return CodecFault::kNone;
}

}  // namespace

bool has_codec(DType dtype) { return dtype == DType::kQ8_0 || dtype == DType::kQ4_0; }

std::string_view codec_name(DType dtype) {
  CHECK(has_codec(dtype), "no codec for this type");
  return dtype == DType::kQ8_0 ? "int8" : "int4";
}

float max_magnitude(DType dtype) {
  CHECK(has_codec(dtype), "no codec for this type");
  return (dtype == DType::kQ8_0 ? 127.0F : 8.0F) * kMaxF16;
}

CodecFault quantize_row(DType dtype, std::span<const float> row, std::byte* out) {
  CHECK(has_codec(dtype) && row.size() % kBlockValues == 0, "whole blocks of a type with a codec");
  return dtype == DType::kQ8_0 ? quantize_groups(dtype, quantize_q8_0, row, out)
                               : quantize_groups(dtype, quantize_q4_0, row, out);
}

}  // namespace bora
