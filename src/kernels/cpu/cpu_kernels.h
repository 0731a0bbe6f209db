// CpuKernels: the kernels of one instruction set, as one constexpr table per ISA.
//
// A kernel is pure compute on raw pointers: no allocation, no threads, no errors; any number of
// threads may call it on disjoint outputs and workspaces. Contracts are in kernels/<op>.h.
#pragma once

#include "base/result.h"
#include "kernels/activation_tiles.h"
#include "kernels/activations.h"
#include "kernels/add_rows.h"
#include "kernels/attention.h"
#include "kernels/compute_type.h"
#include "kernels/cpu/cpu_features.h"
#include "kernels/embed.h"
#include "kernels/gelu_mul.h"
#include "kernels/linear.h"
#include "kernels/probe.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/silu_mul.h"
#include "kernels/softcap.h"
#include "kernels/store_kv.h"

#include <optional>
#include <string_view>

namespace bora::kernels {

struct CpuKernels {
  std::string_view isa;    // as reports name it
  std::size_t lanes;       // partial sums of an output (vectors: their f32 values): what the
                           // tolerances of the contracts depend on
  bool fused;              // multiply-add rounds once
  bool bf16_activations;   // linear() of bf16 weights rounds its activations to bf16
  bool int16_activations;  // linear() of quantized weights wants LinearArgs::rounded
  std::size_t row_tile;    // rows that linear() reads at once: split work at multiples of it

  void (*embed)(const EmbedArgs& args) noexcept;
  void (*rms_norm)(const RmsNormArgs& args) noexcept;
  void (*linear)(const LinearArgs& args) noexcept;
  void (*round_activations)(const RoundActivationsArgs& args) noexcept;
  // nullptr where linear() wants no LinearArgs::pairs.
  void (*round_pairs)(const RoundActivationsArgs& args) noexcept;
  // nullptr where linear() wants no LinearArgs::tiles.
  void (*tile_activations)(const TileActivationsArgs& args) noexcept;
  void (*rope)(const RopeArgs& args) noexcept;
  void (*store_kv)(const StoreKvArgs& args) noexcept;
  void (*attention)(const AttentionArgs& args) noexcept;
  void (*silu_mul)(const SiluMulArgs& args) noexcept;
  void (*gelu_mul)(const GeluMulArgs& args) noexcept;
  void (*softcap)(const SoftcapArgs& args) noexcept;
  void (*add_rows)(const AddRowsArgs& args) noexcept;

  ProbeResult (*probe_fma)(std::size_t turns) noexcept;
  ProbeResult (*probe_int8)(std::size_t turns) noexcept;
  // The inner loop of this table's linear() of such weights.
  ProbeResult (*probe_linear)(DType weights, std::size_t turns) noexcept;
  // Reads `bytes` bytes, a multiple of 1 KB, once: one after the other, or as kManyStreams streams
  // at a time, fetched ahead.
  ProbeResult (*probe_read)(const std::byte* from, std::size_t bytes, std::size_t streams) noexcept;
};

// The table of the ISA named `forced`, or of the best one that `features` allow. For kF32 no table
// rounds activations, and amx and avx512_bf16 are that of avx512. The tables live for the whole
// program. Errors: kUsage for a name that is unknown or that the CPU lacks.
Result<const CpuKernels*> select_cpu_kernels(const CpuFeatures& features,
                                             std::optional<std::string_view> forced,
                                             ComputeType compute);

}  // namespace bora::kernels
