#include "backend/cpu/prepared_activations.h"

#include <algorithm>

namespace bora {
namespace {

Result<void> grow(Buffer& buffer, std::size_t bytes) {
  if (bytes <= buffer.bytes().size()) return {};
  Result<Buffer> larger = Buffer::allocate(bytes);
  if (!larger) return std::move(larger).error();
  buffer = std::move(larger).value();
  return {};
}

}  // namespace

PreparedActivations::Sizes PreparedActivations::sizes(std::size_t max_tokens,
                                                      std::size_t max_columns) const {
  Sizes sizes{};
  max_tokens = std::min(max_tokens, kMostTokens);
  if (kernels_.int16_activations) {
    sizes.rounded = whole_pages(max_tokens * kernels::rounded_row_bytes(max_columns));
  }
  if (kernels_.tile_activations != nullptr) {
    using enum kernels::TileForm;
    for (const kernels::TileForm form : {kPairs, kIntegers, kCodes}) {
      const std::size_t bytes = kernels::tiles_bytes(form, max_tokens, max_columns);
      sizes.tiles = std::max(sizes.tiles, whole_pages(bytes));
    }
  }
  if (kernels_.round_pairs != nullptr) {
    sizes.pairs = whole_pages(max_tokens * kernels::pair_row_bytes(max_columns));
  }
  return sizes;
}

std::size_t PreparedActivations::bytes(std::size_t max_tokens, std::size_t max_columns) const {
  const Sizes all = sizes(max_tokens, max_columns);
  return all.rounded + all.pairs + all.tiles;
}

Result<void> PreparedActivations::reserve(std::size_t max_tokens, std::size_t max_columns) {
  max_tokens_ = std::max(max_tokens_, std::min(max_tokens, kMostTokens));
  max_columns_ = std::max(max_columns_, max_columns);
  const Sizes all = sizes(max_tokens_, max_columns_);
  if (Result<void> grown = grow(rounded_, all.rounded); !grown) return grown;
  if (Result<void> grown = grow(pairs_, all.pairs); !grown) return grown;
  return grow(tiles_, all.tiles);
}

bool PreparedActivations::share_tiles(const LinearParams& params) const {
  std::optional<kernels::TileForm> first;
  for (const Projection& each : params.projections) {
    if (!wants_tiles(each.weight.dtype)) continue;
    const kernels::TileForm form = kernels::tile_form(each.weight.dtype);
    if (first.value_or(form) != form) return false;
    first = form;
  }
  return true;
}

void PreparedActivations::round(const float* x, std::size_t in_features, Range tokens) {
  const std::size_t row_bytes = kernels::rounded_row_bytes(in_features);
  kernels_.round_activations({.x = x + tokens.begin * in_features,
                              .tokens = tokens.size(),
                              .in_features = in_features,
                              .out = rounded_.bytes().data() + tokens.begin * row_bytes});
}

void PreparedActivations::round_pairs(const float* x, std::size_t in_features, Range tokens) {
  const std::size_t row_bytes = kernels::pair_row_bytes(in_features);
  kernels_.round_pairs({.x = x + tokens.begin * in_features,
                        .tokens = tokens.size(),
                        .in_features = in_features,
                        .out = pairs_.bytes().data() + tokens.begin * row_bytes});
}

void PreparedActivations::tile(kernels::TileForm form, const float* x, std::size_t in_features,
                               std::size_t tokens, Range groups) {
  kernels_.tile_activations({.form = form,
                             .x = x,
                             .rounded = rounded_.bytes().data(),
                             .tokens = tokens,
                             .first_group = groups.begin,
                             .end_group = groups.end,
                             .in_features = in_features,
                             .out = tiles_.bytes().data()});
}

}  // namespace bora
