// Safetensors files and their index: any bytes are an error, or a header whose every promise holds.
// An input that begins with {" is read as an index (and is lost as a file with that header length).
#include "base/check.h"
#include "formats/safetensors.h"
#include "tests/formats/touch_all.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace {

void read_index(std::string_view text) {
  const bora::Result<bora::JsonDocument> document = bora::JsonDocument::parse(text, "fuzz.json");
  if (!document) return;
  const auto entries = bora::parse_shard_index(*document);
  if (!entries) return;
  for (const bora::ShardEntry& entry : *entries) {
    CHECK(entry.file.find('/') == std::string::npos, "a shard stays in its folder");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("{\"")) {
    read_index(text);
    return 0;
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const auto tensors = bora::parse_safetensors(bytes, "fuzz.safetensors");
  if (tensors) bora::testing::touch_all(*tensors, bytes);
  return 0;
}
