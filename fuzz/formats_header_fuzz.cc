// Headers read by ranges: of any file the beginning that is asked for says all that the whole file
// would, and asking comes to an end. The first byte of an input is how much is had at first, the
// others are the file, once as safetensors and once as GGUF.
#include "base/check.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "tests/formats/touch_all.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using Bytes = std::span<const std::byte>;

// The file with nothing but zeros from `begin` on, as an outline of it is.
std::vector<std::byte> with_hole(Bytes file, std::size_t begin) {
  std::vector<std::byte> hollow(file.begin(), file.end());
  std::fill(hollow.begin() + static_cast<std::ptrdiff_t>(begin), hollow.end(), std::byte{0});
  return hollow;
}

void check_same(const std::vector<bora::StoredTensor>& a,
                const std::vector<bora::StoredTensor>& b) {
  const auto same = [](const bora::StoredTensor& x, const bora::StoredTensor& y) {
    return x.name == y.name && x.dtype == y.dtype && x.type_name == y.type_name &&
           x.shape == y.shape && x.offset == y.offset && x.bytes == y.bytes &&
           x.packed == y.packed && x.obstacle == y.obstacle;
  };
  CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end(), same), "the same tensors");
}

void read_safetensors(Bytes file, std::size_t first) {
  std::size_t had = std::min(first, file.size());
  for (int asked = 0;; ++asked) {
    const std::uint64_t wanted = bora::safetensors_header_bytes(file.first(had), file.size());
    CHECK(wanted <= file.size(), "no more than there is");
    if (wanted <= had) break;
    CHECK(asked < 2, "first the length, then what it says");
    had = wanted;
  }
  const std::vector<std::byte> outline = with_hole(file, had);
  const auto whole = bora::parse_safetensors(file, "fuzz.safetensors");
  const auto hollow = bora::parse_safetensors(outline, "fuzz.safetensors");
  CHECK(whole.has_value() == hollow.has_value(), "an outline opens as the file does");
  if (!whole) {
    CHECK(whole.error().message == hollow.error().message, "the same fault");
    return;
  }
  check_same(*whole, *hollow);
  bora::testing::touch_all(*hollow, outline);
}

void read_gguf(Bytes file, std::size_t first) {
  std::size_t had = std::min(first, file.size());
  while (bora::gguf_header_goes_on(file.first(had), file.size())) {
    CHECK(had < file.size(), "a whole file does not go on");
    had = std::min(had * 2, file.size());
  }
  const std::vector<std::byte> outline = with_hole(file, had);
  const auto whole = bora::parse_gguf(file, "fuzz.gguf");
  const auto hollow = bora::parse_gguf(outline, "fuzz.gguf");
  CHECK(whole.has_value() == hollow.has_value(), "an outline opens as the file does");
  if (!whole) {
    CHECK(whole.error().message == hollow.error().message, "the same fault");
    return;
  }
  check_same(whole->tensors, hollow->tensors);
  CHECK(whole->metadata.values().size() == hollow->metadata.values().size(), "the same metadata");
  bora::testing::touch_all(hollow->metadata);
  bora::testing::touch_all(hollow->tensors, outline);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t first = std::size_t{1} + data[0];
  const Bytes file = std::as_bytes(std::span(data + 1, size - 1));
  read_safetensors(file, first);
  read_gguf(file, first);
  return 0;
}
