// SentencePiece models for tests, made field by field.
#pragma once

#include "text/sentencepiece_vocabulary.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bora::testing {

inline void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  out += static_cast<char>(value);
}

inline void put_number(std::string& out, unsigned field, std::uint64_t value) {
  put_varint(out, std::uint64_t{field} << 3);
  put_varint(out, value);
}

inline void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_varint(out, (std::uint64_t{field} << 3) | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

inline void put_float(std::string& out, unsigned field, float value) {
  put_varint(out, (std::uint64_t{field} << 3) | 5);
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof raw);
}

// The bytes of a ModelProto. <unk>, <s>, </s> come first.
class SentencePieceFile {
 public:
  std::uint64_t model_type = 2;  // BPE
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = false;
  std::string charsmap;

  SentencePieceFile() {
    piece("<unk>", 0, PieceType::kUnknown);
    piece("<s>", 0, PieceType::kControl);
    piece("</s>", 0, PieceType::kControl);
  }

  SentencePieceFile& piece(std::string_view text, float score,
                           PieceType type = PieceType::kNormal) {
    std::string message;
    put_bytes(message, 1, text);
    put_float(message, 2, score);
    put_number(message, 3, static_cast<std::uint64_t>(type));
    put_bytes(pieces_, 1, message);
    return *this;
  }

  [[nodiscard]] std::string bytes() const {
    std::string trainer;
    put_number(trainer, 3, model_type);
    put_number(trainer, 35, byte_fallback ? 1 : 0);
    std::string normalizer;
    put_bytes(normalizer, 1, charsmap.empty() ? "identity" : "nmt_nfkc");
    put_bytes(normalizer, 2, charsmap);
    put_number(normalizer, 3, add_dummy_prefix ? 1 : 0);
    put_number(normalizer, 4, remove_extra_whitespaces ? 1 : 0);
    std::string file = pieces_;
    put_bytes(file, 2, trainer);
    put_bytes(file, 3, normalizer);
    return file;
  }

 private:
  std::string pieces_;
};

}  // namespace bora::testing
