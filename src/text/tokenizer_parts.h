// TokenizerParts: what a Tokenizer is made of, as the readers of the four kinds of file fill it.
// Private to src/text. Immutable once it is inside a Tokenizer.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"
#include "text/word_model.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct TokenizerParts {
  Vocabulary vocabulary;
  std::unique_ptr<const WordModel> model;

  // encode: raw_tokens, normalizer, normalized_tokens, pre_tokenizer, model, then prefix and
  // suffix.
  AddedTokens raw_tokens;
  Normalizer normalizer;
  AddedTokens normalized_tokens;
  PreTokenizer pre_tokenizer;
  std::vector<TokenId> prefix, suffix;
  bool parse_special = true;

  Decoder decoder;
  std::vector<bool> special;  // by id; may be shorter than the vocabulary

  std::optional<TokenId> bos, eos, unk, pad;
  std::optional<std::string> chat_template;

  void mark_special(TokenId id);

  // Puts a token under its id and where it is looked for. Errors: kBadModel.
  Result<void> add_token(const AddedToken& token);

  // Lets the model encode word by word a text that nothing has cut, where no piece reaches across
  // the beginning of a word ("\u2581the"): the ids are the same. Called last.
  void cut_before_words();

  // The id of a special token by its text: an added token first, then a piece.
  [[nodiscard]] std::optional<TokenId> find_token(std::string_view text) const;

  // bos, eos, unk, pad and the chat template, where the configuration names them.
  void take_names(const TokenizerConfig& config);

 private:
  std::vector<std::pair<std::string, TokenId>> added_;
};

// The readers. `name` is the file's, for errors; errors are kBadModel.
Result<TokenizerParts> read_tokenizer_json(std::string_view text, const std::string& name);
Result<TokenizerParts> read_tekken_json(std::string_view text, const std::string& name);
Result<TokenizerParts> read_sentencepiece_model(std::span<const std::byte> bytes,
                                                const std::string& name,
                                                const TokenizerConfig& config);
Result<TokenizerParts> read_gguf_vocabulary(std::span<const std::byte> bytes,
                                            const std::string& name);

}  // namespace bora
