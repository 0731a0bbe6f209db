// BlobDigest: the hash by which the Hub names a file's content, of bytes that come in pieces, with
// a state that can be kept and taken up by another process. Nettle does the arithmetic.
//
// 64 digits are the SHA-256 of the content, 40 the SHA-1 of the git blob: "blob SIZE\0" before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bora {

class BlobDigest {
 public:
  // For a file of that many bytes, and the kind of hash that `etag` is (is_etag() holds).
  BlobDigest(std::string_view etag, std::uint64_t bytes);
  ~BlobDigest();
  BlobDigest(BlobDigest&& other) noexcept;
  BlobDigest& operator=(BlobDigest&& other) noexcept;
  BlobDigest(const BlobDigest&) = delete;
  BlobDigest& operator=(const BlobDigest&) = delete;

  void add(std::span<const std::byte> bytes);
  // Of the content, so far.
  [[nodiscard]] std::uint64_t added() const { return added_; }

  // The state as hex digits. Only for a SHA-256, after a multiple of 64 bytes; else empty.
  [[nodiscard]] std::string save() const;
  // What save() gave after `added` bytes. False, and nothing changed, where it is not that.
  bool restore(std::string_view state, std::uint64_t added);

  // In hex digits. Called once, last.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t added_ = 0;
};

}  // namespace bora
