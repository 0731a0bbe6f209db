// StoredTensor: what a file's header says of one tensor, checked against the file. Both formats end
// here. Holds no pointer into the file, so it may outlive it.
#pragma once

#include "tensor/dtype.h"
#include "tensor/tensor_view.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace bora {

struct PackedType;

struct StoredTensor {
  std::string name;
  std::string type_name;       // as the format spells it: "BF16", "Q4_K"
  std::optional<DType> dtype;  // where a TensorView can show it: see `obstacle`
  Shape shape;                 // outermost first; empty where a Shape cannot hold it
  std::uint64_t offset = 0;    // of the first byte, from the beginning of the file
  std::uint64_t bytes = 0;
  std::uint32_t file = 0;  // index into Checkpoint::files()

  // A GGUF type that is widened at load (formats/packed.h); nullptr for all others.
  const PackedType* packed = nullptr;

  // Why there is no view of it: "expected f32, f16, bf16, ..., found type Q4_K". Such a tensor
  // fails the model that reads it, not the file: many carry some that no model reads. Empty with a
  // dtype.
  std::string obstacle;
};

}  // namespace bora
