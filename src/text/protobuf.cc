#include "text/protobuf.h"

namespace bora {

bool ProtobufReader::next(ProtobufField& field) {
  if (!ok_ || rest_.empty()) return false;
  std::uint64_t tag = 0;
  constexpr std::uint64_t kMaxNumber = (1U << 29) - 1;
  ok_ = read_varint(tag) && (tag >> 3) >= 1 && (tag >> 3) <= kMaxNumber;
  if (!ok_) return false;
  field = {};
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.wire = static_cast<ProtobufField::Wire>(tag & 7);
  switch (field.wire) {
    case ProtobufField::Wire::kVarint:
      ok_ = read_varint(field.value);
      break;
    case ProtobufField::Wire::kFixed64:
      ok_ = read_fixed(8, field.value);
      break;
    case ProtobufField::Wire::kFixed32:
      ok_ = read_fixed(4, field.value);
      break;
    case ProtobufField::Wire::kBytes:
      ok_ = read_bytes(field.bytes);
      break;
    default:
      ok_ = false;
  }
  return ok_;
}

bool ProtobufReader::read_varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool ProtobufReader::read_fixed(std::size_t bytes, std::uint64_t& value) {
  if (rest_.size() < bytes) return false;
  value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
  }
  rest_.remove_prefix(bytes);
  return true;
}

bool ProtobufReader::read_bytes(std::string_view& bytes) {
  std::uint64_t length = 0;
  if (!read_varint(length) || length > rest_.size()) return false;
  bytes = rest_.substr(0, static_cast<std::size_t>(length));
  rest_.remove_prefix(static_cast<std::size_t>(length));
  return true;
}

}  // namespace bora
