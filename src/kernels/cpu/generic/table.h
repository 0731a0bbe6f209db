// The table of a vector wrapper: every kernel from its generic algorithm.
//
// linear() and attention() are too large to be compiled for all types at once: `Parts` of
// cpu/<isa>/parts.h declares them, one object file a type defines them. A table has the linear() of
// quantized weights by products of f32 or, with kIntegers, by those of integers.
#pragma once

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/generic/add_rows.h"
#include "kernels/cpu/generic/embed.h"
#include "kernels/cpu/generic/gelu_mul.h"
#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/probe.h"
#include "kernels/cpu/generic/rms_norm.h"
#include "kernels/cpu/generic/rope.h"
#include "kernels/cpu/generic/round_activations.h"
#include "kernels/cpu/generic/silu_mul.h"
#include "kernels/cpu/generic/softcap.h"
#include "kernels/cpu/generic/store_kv.h"
#include "kernels/cpu/generic/tile_activations.h"

#include <utility>

namespace bora::kernels::generic {

// Simd is a template parameter of all that is instantiated here, so that none of it is a symbol
// that another object file could link (generic/simd.h).
using LinearFunction = void (*)(const LinearArgs&) noexcept;

template <class Simd, class Parts, bool kIntegers, DType kType>
consteval LinearFunction linear_of() {
  if constexpr (kIntegers && info(kType).block_values > 1) {
    return Parts::template linear_int16<kType>;
  } else {
    return Parts::template linear<kType>;
  }
}

template <class Simd, class Parts, bool kIntegers, std::size_t... kIndex>
[[gnu::always_inline]] inline void dispatch_linear(const LinearArgs& args,
                                                   std::index_sequence<kIndex...> /*types*/) {
  static constexpr LinearFunction kByType[] = {
      linear_of<Simd, Parts, kIntegers, kDTypes[kIndex].dtype>()...};
  kByType[static_cast<std::size_t>(args.weight_dtype)](args);
}

template <class Simd, class Parts, bool kIntegers>
void dispatch_linear(const LinearArgs& args) noexcept {
  dispatch_linear<Simd, Parts, kIntegers>(args, std::make_index_sequence<kDTypes.size()>());
}

template <class Simd, class Parts>
void dispatch_attention(const AttentionArgs& args) noexcept {
  if (args.dtype == DType::kF16) return Parts::template attention<DType::kF16>(args);
  if (args.dtype == DType::kBF16) return Parts::template attention<DType::kBF16>(args);
  Parts::template attention<DType::kF32>(args);
}

// Wrappers that offer what tiles.h asks.
template <class Simd>
concept HasTiles = requires(typename Simd::I32 v) {
  Simd::join(v, v);
};

using TileFunction = void (*)(const TileActivationsArgs&) noexcept;

template <class Simd>
consteval TileFunction tile_function() {
  if constexpr (HasTiles<Simd>) return tile_activations<Simd>;
  return nullptr;
}

using RoundFunction = void (*)(const RoundActivationsArgs&) noexcept;

template <class Simd>
consteval RoundFunction pairs_function() {
  if constexpr (HasPairs<Simd> && !HasTiles<Simd>) return round_pairs<Simd>;
  return nullptr;
}

template <class Simd, bool kIntegers>
consteval std::size_t row_tile() {
  if (HasTiles<Simd>) return 2 * kTileRows16;
  return kIntegers && Simd::kLanes > kTileRows ? Simd::kLanes : kTileRows;
}

template <class Simd, class Parts, bool kIntegers = false>
consteval CpuKernels make_table(std::string_view isa) {
  static_assert(kStep % Simd::kLanes == 0 && Simd::kLanes <= 16);
  return {.isa = isa,
          .lanes = Simd::kLanes,
          .fused = Simd::kIsFused,
          .bf16_activations = HasPairs<Simd>,
          .int16_activations = kIntegers,
          .row_tile = row_tile<Simd, kIntegers>(),
          .embed = embed<Simd>,
          .rms_norm = rms_norm<Simd>,
          .linear = dispatch_linear<Simd, Parts, kIntegers>,
          .round_activations = round_activations<Simd>,
          .round_pairs = pairs_function<Simd>(),
          .tile_activations = tile_function<Simd>(),
          .rope = rope<Simd>,
          .store_kv = store_kv<Simd>,
          .attention = dispatch_attention<Simd, Parts>,
          .silu_mul = silu_mul<Simd>,
          .gelu_mul = gelu_mul<Simd>,
          .softcap = softcap<Simd>,
          .add_rows = add_rows<Simd>,
          .probe_fma = probe_fma<Simd>,
          .probe_int8 = probe_int8<Simd>,
          .probe_linear = probe_linear<Simd, kIntegers>,
          .probe_read = probe_read<Simd>};
}

}  // namespace bora::kernels::generic
