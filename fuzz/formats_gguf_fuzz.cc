// GGUF headers: any bytes are an error, or a header whose every promise holds.
#include "formats/gguf.h"
#include "tests/formats/touch_all.h"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const bora::Result<bora::GgufHeader> header = bora::parse_gguf(bytes, "fuzz.gguf");
  if (header) {
    bora::testing::touch_all(header->metadata);
    bora::testing::touch_all(header->tensors, bytes);
  }
  return 0;
}
