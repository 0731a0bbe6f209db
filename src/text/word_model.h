// WordModel: the part of a tokenizer that turns one word (what the pre-tokenizer left whole) into
// ids. Immutable after loading; any thread.
#pragma once

#include "base/ids.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/vocabulary.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace bora {

// What stands for a character that the vocabulary lacks: the pieces <0x00>..<0xFF> of its bytes,
// else the unknown token, else nothing.
struct UnknownPolicy {
  std::optional<std::array<TokenId, 256>> byte_ids;
  std::optional<TokenId> unknown;
  bool fuse_unknown = false;  // one unknown token for neighbours
};

// The ids of <0x00>..<0xFF>, if the vocabulary has them all.
std::optional<std::array<TokenId, 256>> find_byte_pieces(const Vocabulary& vocabulary);

class WordModel {
 public:
  WordModel() = default;
  virtual ~WordModel() = default;
  WordModel(const WordModel&) = delete;
  WordModel& operator=(const WordModel&) = delete;
  WordModel(WordModel&&) = delete;
  WordModel& operator=(WordModel&&) = delete;

  // Appends the ids of `word`. Precondition: valid UTF-8 (raw bytes for BytePieceBpe).
  virtual void encode(const Vocabulary& vocabulary, std::string_view word, MergeScratch& scratch,
                      std::vector<TokenId>& ids) const = 0;
};

// tokenizer.json's BPE and the GGUF kind gpt2: characters, merged by a list of rules.
class MergeBpe final : public WordModel {
 public:
  MergeRules rules;
  UnknownPolicy unknown;
  bool ignore_merges = false;  // a word that is a piece is taken whole

  void encode(const Vocabulary& vocabulary, std::string_view word, MergeScratch& scratch,
              std::vector<TokenId>& ids) const override;
};

// SentencePiece's BPE: characters, merged into whatever piece has the best score.
class PieceBpe final : public WordModel {
 public:
  PieceRanks ranks;
  UnknownPolicy unknown;
  AddedTokens user_defined;  // pieces that are taken whole wherever they stand

  void encode(const Vocabulary& vocabulary, std::string_view word, MergeScratch& scratch,
              std::vector<TokenId>& ids) const override;
};

// tiktoken's and tekken's: bytes, merged into the piece of the least rank; all bytes are pieces.
class BytePieceBpe final : public WordModel {
 public:
  PieceRanks ranks;

  void encode(const Vocabulary& vocabulary, std::string_view word, MergeScratch& scratch,
              std::vector<TokenId>& ids) const override;
};

}  // namespace bora
