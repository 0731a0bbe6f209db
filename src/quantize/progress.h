// How far the making of weights has come: quantized ones, or copies.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bora {

struct QuantizeProgress {
  enum class Stage {
    kWaiting,     // for another process that makes the same file; the counts are 0
    kQuantizing,  // bytes are those read of the source
    kChecking,    // bytes are those of the cached file
    kCopying,     // into memory of the process's own; there are no counts of tensors
  };
  Stage stage = Stage::kQuantizing;
  std::size_t tensors_done = 0;
  std::size_t tensors = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes = 0;
};

}  // namespace bora
