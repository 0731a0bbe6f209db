// The golden blocks of tests/data/golden/gguf_blocks: bytes of every quantized GGUF type, and the
// values that the Python package gguf reads in them.
#pragma once

#include "formats/json.h"
#include "formats/packed.h"
#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace bora::testing {

struct GgufBlocks {
  std::string type;  // "Q4_K"
  std::uint32_t ggml_type = 0;
  std::size_t block_values = 0;
  std::string bytes;          // of all blocks
  std::vector<float> values;  // of all blocks

  // What a failure calls them.
  friend void PrintTo(const GgufBlocks& blocks, std::ostream* out) { *out << blocks.type; }
};

inline std::string from_hexadecimal(std::string_view text) {
  std::string bytes(text.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned char byte = 0;
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
    bytes[i] = static_cast<char>(byte);
  }
  return bytes;
}

inline GgufBlocks read_gguf_blocks(const std::filesystem::path& path) {
  const JsonDocument document = *JsonDocument::read(path);
  const JsonObject root = *document.object();
  GgufBlocks golden{.type = std::string(*root.get_string("type")),
                    .ggml_type = static_cast<std::uint32_t>(*root.get_int("ggml_type")),
                    .block_values = *root.get_positive("block_values"),
                    .bytes = {},
                    .values = {}};
  const std::vector<std::string_view> blocks = *root.get_strings("blocks");
  for (const std::string_view block : blocks) {
    golden.bytes += from_hexadecimal(block);
  }
  const std::vector<std::string_view> rows = *root.get_strings("values");
  for (const std::string_view row : rows) {
    const std::string bits = from_hexadecimal(row);
    const std::size_t before = golden.values.size();
    golden.values.resize(before + bits.size() / sizeof(float));
    std::memcpy(golden.values.data() + before, bits.data(), bits.size());
  }
  return golden;
}

// All of them, by name.
inline std::vector<GgufBlocks> all_gguf_blocks() {
  std::vector<std::filesystem::path> paths;
  const auto folder = std::filesystem::path(BORA_TEST_DATA_DIR) / "golden" / "gguf_blocks";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<GgufBlocks> blocks;
  for (const auto& path : paths) blocks.push_back(read_gguf_blocks(path));
  EXPECT_FALSE(blocks.empty()) << folder;
  return blocks;
}

// The blocks as one row of a type that kernels compute with.
struct GgufRow {
  DType dtype;
  std::string bytes;

  [[nodiscard]] const std::byte* data() const {
    return reinterpret_cast<const std::byte*>(bytes.data());
  }
};

// As they are, or widened as at load.
inline GgufRow row_of(const GgufBlocks& golden) {
  if (const auto dtype = dtype_from_ggml(golden.ggml_type)) return {*dtype, golden.bytes};
  const PackedType* packed = find_packed_type(golden.ggml_type);
  EXPECT_NE(packed, nullptr) << golden.type;
  GgufRow row{packed->widened, std::string(row_bytes(packed->widened, golden.values.size()), '\0')};
  EXPECT_TRUE(widen_packed_row(*packed, reinterpret_cast<const std::byte*>(golden.bytes.data()),
                               golden.values.size(),
                               reinterpret_cast<std::byte*>(row.bytes.data())));
  return row;
}

}  // namespace bora::testing
