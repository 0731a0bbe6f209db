// The pre-tokenizers that GGUF files name by tokenizer.ggml.pre instead of carrying them. The names
// are llama.cpp's; the patterns are those of the models' own tokenizer.json, in the same order.
// Private to src/text.
#pragma once

#include "base/result.h"
#include "text/tokenizer_parts.h"

#include <array>
#include <string_view>

namespace bora {

struct GgufPreTokenizer {
  static constexpr std::size_t kMaxPatterns = 6;
  std::array<std::string_view, kMaxPatterns> patterns;  // each cuts what the one before left
  bool ignore_merges = false;                           // a word that is a piece is taken whole
  bool add_bos = false;                                 // where the file does not say
  bool nfc = false;                                     // the text is composed first
};

// Null for a name that is not known.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);

// Adds the steps, and the byte-level alphabet after them. Errors: kBadModel.
Result<void> add_gguf_pre_tokenizer(const GgufPreTokenizer& pre, TokenizerParts& parts);

}  // namespace bora
