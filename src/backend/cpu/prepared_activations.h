// PreparedActivations: the activations of a linear op in the forms that its weights want.
//
// Quantized weights want them rounded to integers, bf16 ones to bf16 (kernels/activations.h),
// instructions on tiles want sixteen tokens together (kernels/activation_tiles.h). Made once
// for all workers.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/split.h"
#include "kernels/cpu/cpu_kernels.h"
#include "tensor/buffer.h"

#include <optional>

namespace bora {

class PreparedActivations {
 public:
  explicit PreparedActivations(const kernels::CpuKernels& kernels) : kernels_(kernels) {}

  // Tokens that are prepared at once at most; a longer batch is computed in parts.
  static constexpr std::size_t kMostTokens = 512;

  // For batches of so many tokens, or of kMostTokens, of at most `max_columns` values each; never
  // for less than before. Errors: kOutOfMemory.
  Result<void> reserve(std::size_t max_tokens, std::size_t max_columns);
  // What reserve() allocates where it is called once.
  [[nodiscard]] std::size_t bytes(std::size_t max_tokens, std::size_t max_columns) const;

  // Whether weights of this type want x in another form than it has.
  [[nodiscard]] bool are_wanted(DType weight) const {
    return wants_pairs(weight) || wants_rounded(weight);
  }
  [[nodiscard]] std::size_t max_tokens() const { return max_tokens_; }
  [[nodiscard]] std::size_t max_columns() const { return max_columns_; }

  // Whether the weights of all projections want the same tiles, or none: one form is kept.
  [[nodiscard]] bool share_tiles(const LinearParams& params) const;
  // Prepares x [tokens, in_features], at most what was reserved, for weights of the types that
  // params.projections, which share tiles, have. share(items, values_per_item, work) calls
  // work(Range) for all items.
  template <class Share>
  void prepare(const LinearParams& params, const float* x, std::size_t tokens, const Share& share);

  // What LinearArgs of weights of this type want; nullptr where that is nothing.
  [[nodiscard]] const std::byte* rounded(DType weight) const {
    return wants_rounded(weight) ? rounded_.bytes().data() : nullptr;
  }
  [[nodiscard]] const std::byte* tiles(DType weight) const {
    return wants_tiles(weight) ? tiles_.bytes().data() : nullptr;
  }
  [[nodiscard]] const std::byte* pairs(DType weight) const {
    const bool wanted = kernels_.round_pairs != nullptr && wants_pairs(weight);
    return wanted ? pairs_.bytes().data() : nullptr;
  }

 private:
  struct Sizes {
    std::size_t rounded;
    std::size_t pairs;
    std::size_t tiles;
  };
  [[nodiscard]] Sizes sizes(std::size_t max_tokens, std::size_t max_columns) const;

  [[nodiscard]] bool wants_rounded(DType weight) const {
    return kernels_.int16_activations && info(weight).block_values > 1;
  }
  [[nodiscard]] bool wants_pairs(DType weight) const {
    const bool either = kernels_.tile_activations != nullptr || kernels_.round_pairs != nullptr;
    return either && weight == DType::kBF16;
  }

  [[nodiscard]] bool wants_tiles(DType weight) const {
    return kernels_.tile_activations != nullptr && (wants_pairs(weight) || wants_rounded(weight));
  }

  void round(const float* x, std::size_t in_features, Range tokens);
  void round_pairs(const float* x, std::size_t in_features, Range tokens);
  // Some groups of 16 of all `tokens` tokens, of x or of the rounded ones.
  void tile(kernels::TileForm form, const float* x, std::size_t in_features, std::size_t tokens,
            Range groups);

  const kernels::CpuKernels& kernels_;
  std::size_t max_tokens_ = 0;
  std::size_t max_columns_ = 0;
  Buffer rounded_;
  Buffer pairs_;
  Buffer tiles_;
};

template <class Share>
void PreparedActivations::prepare(const LinearParams& params, const float* x, std::size_t tokens,
                                  const Share& share) {
  bool rounded = false;
  bool pairs = false;
  std::optional<kernels::TileForm> form;
  for (const Projection& each : params.projections) {
    const DType weight = each.weight.dtype;
    rounded = rounded || wants_rounded(weight);
    pairs = pairs || wants_pairs(weight);
    if (wants_tiles(weight) && (wants_pairs(weight) || tokens >= kernels::kIntegerTileTokens)) {
      form = kernels::tile_form(weight);
    }
  }
  const std::size_t in_features = params.x.shape.columns();
  if (pairs && kernels_.round_pairs != nullptr) {
    share(tokens, in_features, [&](Range some) { round_pairs(x, in_features, some); });
  }
  if (rounded) share(tokens, in_features, [&](Range some) { round(x, in_features, some); });
  if (!form) return;
  share(kernels::tile_groups(tokens), kernels::kTileTokens16 * in_features,
        [&](Range some) { tile(*form, x, in_features, tokens, some); });
}

}  // namespace bora
