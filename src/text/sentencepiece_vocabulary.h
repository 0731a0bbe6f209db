// A SentencePiece vocabulary as the tokenizer.model file and the GGUF kind "llama" both hold it,
// and how it becomes a tokenizer: as Hugging Face's LlamaTokenizer (legacy) does it. Private to
// src/text.
#pragma once

#include "text/tokenizer_parts.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bora {

// The numbers are those of sentencepiece_model.proto, and of GGUF's token_type.
enum class PieceType : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct SentencePieceVocabulary {
  struct Piece {
    std::string_view text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };
  std::vector<Piece> pieces;                            // by id
  std::int64_t bos = -1, eos = -1, unk = -1, pad = -1;  // -1: none
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = false;
  bool escape_whitespaces = true;
  bool byte_fallback = true;
  bool legacy = true;  // a prefix space after each special token, not only in front
};

// Fills all of parts but prefix, suffix and the chat template. Errors: kBadModel.
Result<void> build_sentencepiece(const SentencePieceVocabulary& vocabulary, TokenizerParts& parts);

}  // namespace bora
