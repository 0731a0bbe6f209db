// Uses everything that a parsed header offers, so that a sanitizer sees a header that lies: decodes
// each metadata value in every way, and reads the ends of each tensor. Bytes read are summed so
// that no read is dropped.
#pragma once

#include "base/check.h"
#include "formats/metadata.h"
#include "formats/packed.h"
#include "formats/stored_tensor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bora::testing {

inline std::uint64_t touch_all(const Metadata& metadata) {
  std::uint64_t sum = 0;
  for (const MetadataValue& value : metadata.values()) {
    const std::string_view key = value.key;
    CHECK(metadata.find(key) == &value, "every value is found by its key");
    if (const auto integer = metadata.get_int(key)) sum += static_cast<std::uint64_t>(*integer);
    if (const auto size = metadata.get_positive(key, 1)) sum += *size;
    if (const auto number = metadata.get_number(key, 0.0)) sum += *number > 0 ? 1 : 0;
    if (const auto truth = metadata.get_bool(key)) sum += *truth ? 1 : 0;
    if (const auto text = metadata.get_string(key)) {
      for (const char c : *text) sum += static_cast<unsigned char>(c);
    }
    if (const auto strings = metadata.get_strings(key)) {
      CHECK(strings->size() == value.count, "an array holds what it counts");
      for (const std::string_view text : *strings) {
        sum += text.size() + (text.ends_with('x') ? 1 : 0);
      }
    }
    if (const auto integers = metadata.get_ints(key)) sum += integers->size();
    if (const auto numbers = metadata.get_floats(key)) sum += numbers->size();
    sum += metadata.error(key, "another value").message.size();
  }
  return sum;
}

// A hostile file may show the same bytes as many tensors.
inline constexpr std::size_t kMostBytesWidened = 4096;

inline std::uint64_t widened_sum(const StoredTensor& tensor, std::span<const std::byte> data) {
  const PackedType& type = *tensor.packed;
  const std::size_t values = tensor.shape.values();
  CHECK(data.size() == values / type.block_values * type.block_bytes, "whole blocks");
  std::vector<std::byte> out(row_bytes(type.widened, values));
  std::uint64_t sum = widen_packed_row(type, data.data(), values, out.data()) ? 1 : 0;
  for (const std::byte byte : out) sum += static_cast<std::uint64_t>(byte);
  return sum;
}

inline std::uint64_t touch_all(std::span<const StoredTensor> tensors,
                               std::span<const std::byte> file) {
  std::uint64_t sum = 0;
  for (const StoredTensor& tensor : tensors) {
    CHECK(tensor.dtype.has_value() == tensor.obstacle.empty(), "a view, or why there is none");
    CHECK(tensor.offset <= file.size() && tensor.bytes <= file.size() - tensor.offset,
          "a tensor lies inside its file");
    const std::span<const std::byte> data = file.subspan(tensor.offset, tensor.bytes);
    if (!data.empty()) sum += static_cast<std::uint64_t>(data.front() ^ data.back());
    if (tensor.packed != nullptr && !data.empty() && tensor.bytes < kMostBytesWidened) {
      CHECK(!tensor.dtype, "widened, or computed with");
      sum += widened_sum(tensor, data);
    }
    if (!tensor.dtype) continue;
    const TensorView view{data.data(), *tensor.dtype, tensor.shape};
    CHECK(view.bytes() == tensor.bytes, "a view is as large as the tensor");
    sum += view.shape.values();
  }
  return sum;
}

}  // namespace bora::testing
