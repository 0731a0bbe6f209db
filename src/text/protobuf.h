// ProtobufReader: the fields of one protocol buffer message, in order, without a schema.
//
// Borrows the bytes; allocates nothing. Every length is checked against the message. Groups (which
// proto2 deprecated) count as damage. https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace bora {

struct ProtobufField {
  enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  std::uint32_t number = 0;
  Wire wire = Wire::kVarint;
  std::uint64_t value = 0;  // of a number
  std::string_view bytes;   // of a string or an embedded message

  [[nodiscard]] bool is_varint() const { return wire == Wire::kVarint; }
  [[nodiscard]] bool is_bytes() const { return wire == Wire::kBytes; }
  [[nodiscard]] bool is_fixed32() const { return wire == Wire::kFixed32; }
  [[nodiscard]] float as_float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value));
  }
  // Negative numbers are written as 64 bits.
  [[nodiscard]] std::int32_t as_int32() const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
  }
};

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // False at the end, and where the message is damaged: ok() tells which.
  bool next(ProtobufField& field);
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool read_varint(std::uint64_t& value);
  bool read_fixed(std::size_t bytes, std::uint64_t& value);
  bool read_bytes(std::string_view& bytes);

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace bora
