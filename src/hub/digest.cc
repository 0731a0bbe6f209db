#include "hub/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

namespace bora {
namespace {

const std::uint8_t* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

constexpr std::size_t kWordDigits = 8;

}  // namespace

struct BlobDigest::State {
  bool git = false;
  sha256_ctx sha256{};
  sha1_ctx sha1{};
};

BlobDigest::BlobDigest(std::string_view etag, std::uint64_t bytes)
    : state_(std::make_unique<State>()) {
  state_->git = etag.size() == 2 * SHA1_DIGEST_SIZE;
  sha256_init(&state_->sha256);
  sha1_init(&state_->sha1);
  if (!state_->git) return;
  const std::string begin = fmt::format("blob {}", bytes);
  sha1_update(&state_->sha1, begin.size() + 1,  // with its NUL
              octets(std::as_bytes(std::span(begin.c_str(), begin.size() + 1))));
}

BlobDigest::~BlobDigest() = default;
BlobDigest::BlobDigest(BlobDigest&& other) noexcept = default;
BlobDigest& BlobDigest::operator=(BlobDigest&& other) noexcept = default;

void BlobDigest::add(std::span<const std::byte> bytes) {
  if (state_->git) {
    sha1_update(&state_->sha1, bytes.size(), octets(bytes));
  } else {
    sha256_update(&state_->sha256, bytes.size(), octets(bytes));
  }
  added_ += bytes.size();
}

std::string BlobDigest::save() const {
  if (state_->git || added_ % SHA256_BLOCK_SIZE != 0) return {};
  std::string text;
  for (const std::uint32_t word : state_->sha256.state) text += fmt::format("{:08x}", word);
  return text;
}

bool BlobDigest::restore(std::string_view state, std::uint64_t added) {
  std::array<std::uint32_t, 8> words{};
  static_assert(sizeof words == sizeof state_->sha256.state);
  if (state_->git || state.size() != words.size() * kWordDigits || added % SHA256_BLOCK_SIZE != 0) {
    return false;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const char* digits = state.data() + i * kWordDigits;
    const auto [end, error] = std::from_chars(digits, digits + kWordDigits, words[i], 16);
    if (error != std::errc() || end != digits + kWordDigits) return false;
  }
  sha256_init(&state_->sha256);
  std::ranges::copy(words, state_->sha256.state);
  state_->sha256.count = added / SHA256_BLOCK_SIZE;
  added_ = added;
  return true;
}

std::string BlobDigest::finish() {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  if (state_->git) {
    sha1_digest(&state_->sha1, SHA1_DIGEST_SIZE, digest.data());
    return hex(std::span(digest).first(SHA1_DIGEST_SIZE));
  }
  sha256_digest(&state_->sha256, digest.size(), digest.data());
  return hex(digest);
}

}  // namespace bora
