// Files of cached weights: any bytes are an error, or a header whose every promise holds. The
// header's checksum would hide everything behind it from a fuzzer, so each input is read twice: as
// it is, and with the size and the checksum that it should have.
#include "base/check.h"
#include "quantize/cache_header.h"
#include "quantize/recipe.h"
#include "tests/formats/touch_all.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace {

void read(std::span<const std::byte> bytes) {
  const bora::Result<bora::CacheHeader> header = bora::parse_cache_header(bytes, "fuzz.bora");
  if (!header) return;
  CHECK(!header->tensors.empty(), "a cache holds something");
  CHECK(header->tensors.size() == header->checksums.size(), "a checksum for every tensor");
  bora::testing::touch_all(header->tensors, bytes);
  for (const bora::StoredTensor& tensor : header->tensors) {
    CHECK(tensor.offset % bora::kTensorAlignment == 0, "data is aligned");
  }
}

// The same bytes as a file whose size and header checksum are right.
std::string mended(std::string file) {
  std::uint32_t header = 0;
  if (file.size() < 56) return file;
  const std::uint64_t size = file.size();
  std::memcpy(file.data() + 16, &size, sizeof size);
  std::memcpy(&header, file.data() + 12, sizeof header);
  if (header < 56 || header > file.size()) return file;
  const std::uint64_t sum = bora::checksum(std::as_bytes(std::span(file)).first(header - 8));
  std::memcpy(file.data() + header - 8, &sum, sizeof sum);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(std::as_bytes(std::span(data, size)));
  const std::string file = mended(std::string(reinterpret_cast<const char*>(data), size));
  read(std::as_bytes(std::span(file)));
  return 0;
}
