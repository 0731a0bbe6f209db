#include "quantize/recipe.h"

#include "base/check.h"
#include "quantize/codec.h"
#include "tensor/blocks.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

namespace bora {
namespace {

// Names as Hugging Face and GGUF spell them. The embedding and the output projection:
constexpr std::array<std::string_view, 4> kTables = {"model.embed_tokens.weight", "lm_head.weight",
                                                     "token_embd.weight", "output.weight"};
// Routers:
constexpr std::array<std::string_view, 3> kRouters = {".block_sparse_moe.gate.weight",
                                                      ".mlp.gate.weight", ".ffn_gate_inp.weight"};

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62U;  // a tensor has at most 2^50

bool is_table(std::string_view name) {
  return std::find(kTables.begin(), kTables.end(), name) != kTables.end();
}

bool is_router(std::string_view name) {
  return std::any_of(kRouters.begin(), kRouters.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

bool is_weight(const StoredTensor& tensor) {
  return tensor.dtype && tensor.shape.rank() >= 2 && tensor.bytes > 0 && !is_router(tensor.name);
}

// The type it gets; its own where it stays.
DType wanted_type(const StoredTensor& tensor, DType weights) {
  if (weights != DType::kQ4_0 || !is_table(tensor.name)) return weights;
  // What is stored in fewer bits already gains nothing from int8.
  const std::uint64_t int8_bytes = row_bytes(DType::kQ8_0, tensor.shape.columns());
  return tensor.bytes < int8_bytes * tensor.shape.rows() ? *tensor.dtype : DType::kQ8_0;
}

}  // namespace

Recipe make_recipe(const Checkpoint& source, DType weights) {
  CHECK(has_codec(weights), "int8 is q8_0, int4 is q4_0");
  Recipe recipe;
  for (const StoredTensor& tensor : source.tensors()) {
    if (!is_weight(tensor)) continue;
    if (tensor.shape.columns() % kBlockValues != 0) {
      recipe.kept.push_back(tensor.name);
      continue;
    }
    const DType dtype = wanted_type(tensor, weights);
    if (dtype == *tensor.dtype) continue;
    StoredTensor written = tensor;  // with the place of its source until all are known
    written.dtype = dtype;
    written.type_name = info(dtype).name;
    recipe.source_bytes += tensor.bytes;
    recipe.tensors.push_back(std::move(written));
  }
  // The disk reads forward.
  std::sort(recipe.tensors.begin(), recipe.tensors.end(),
            [](const StoredTensor& a, const StoredTensor& b) {
              return std::tie(a.file, a.offset, a.name) < std::tie(b.file, b.offset, b.name);
            });
  for (StoredTensor& tensor : recipe.tensors) {
    tensor.file = 0;
    tensor.offset =
        (recipe.data_bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
    tensor.bytes = row_bytes(*tensor.dtype, tensor.shape.columns()) * tensor.shape.rows();
    // A file may show the same bytes often: the sum stays where no disk has room for it.
    recipe.data_bytes = std::min(tensor.offset + tensor.bytes, kMostBytes);
  }
  return recipe;
}

}  // namespace bora
