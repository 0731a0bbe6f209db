#include "base/checksum.h"

#include "base/check.h"

#include <xxhash.h>

namespace bora {

struct RunningChecksum::State {
  XXH3_state_t* xxh = XXH3_createState();
};

std::uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

RunningChecksum::RunningChecksum() : state_(std::make_unique<State>()) {
  CHECK(state_->xxh != nullptr, "out of memory for 600 bytes");
  XXH3_64bits_reset(state_->xxh);
}

RunningChecksum::~RunningChecksum() { XXH3_freeState(state_->xxh); }

void RunningChecksum::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_->xxh, bytes.data(), bytes.size());
}

std::uint64_t RunningChecksum::value() const { return XXH3_64bits_digest(state_->xxh); }

Fingerprint fingerprint(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

}  // namespace bora
