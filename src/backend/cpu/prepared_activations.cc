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
  const bool tiles = kernels_.tile_activations != nullptr;
  const std::size_t groups = kernels::tile_groups(max_tokens);
  const std::size_t columns = kernels::tile_columns(max_tokens);
  if (kernels_.int16_activations) {
    sizes.rounded = whole_pages(max_tokens * kernels::rounded_row_bytes(max_columns));
    if (tiles) {
      sizes.integers = whole_pages(groups * kernels::integer_group_bytes(max_columns, columns));
    }
  }
  if (tiles) sizes.pairs = whole_pages(groups * kernels::pair_group_bytes(max_columns, columns));
  if (kernels_.round_pairs != nullptr) {
    sizes.pairs = whole_pages(max_tokens * kernels::pair_row_bytes(max_columns));
  }
  return sizes;
}

std::size_t PreparedActivations::bytes(std::size_t max_tokens, std::size_t max_columns) const {
  const Sizes all = sizes(max_tokens, max_columns);
  return all.rounded + all.pairs + all.integers;
}

Result<void> PreparedActivations::reserve(std::size_t max_tokens, std::size_t max_columns) {
  max_tokens_ = std::max(max_tokens_, std::min(max_tokens, kMostTokens));
  max_columns_ = std::max(max_columns_, max_columns);
  const Sizes all = sizes(max_tokens_, max_columns_);
  if (Result<void> grown = grow(rounded_, all.rounded); !grown) return grown;
  if (Result<void> grown = grow(pairs_, all.pairs); !grown) return grown;
  return grow(integers_, all.integers);
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

void PreparedActivations::tile(const float* x, std::size_t in_features, std::size_t tokens,
                               Range groups) {
  const std::size_t columns = kernels::tile_columns(tokens);
  const std::size_t begin = groups.begin * kernels::kTileTokens16;
  kernels::TileActivationsArgs args{
      .x = x,
      .rounded = nullptr,
      .tokens = std::min(tokens, groups.end * kernels::kTileTokens16) - begin,
      .columns = columns,
      .in_features = in_features,
      .out = nullptr};
  if (x != nullptr) {
    args.x += begin * in_features;
    args.out =
        pairs_.bytes().data() + groups.begin * kernels::pair_group_bytes(in_features, columns);
  } else {
    args.rounded = rounded_.bytes().data() + begin * kernels::rounded_row_bytes(in_features);
    args.out = integers_.bytes().data() +
               groups.begin * kernels::integer_group_bytes(in_features, columns);
  }
  kernels_.tile_activations(args);
}

}  // namespace bora
