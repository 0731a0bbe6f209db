// Tokenizer: text to token ids and back, as the checkpoint's own tokenizer does it.
//
// Reads tokenizer.json, SentencePiece's tokenizer.model, Mistral's tekken.json and the vocabulary
// of a GGUF file; never a weight. Copies are cheap and share the same immutable vocabulary; const
// use from any thread. Errors of load: kNotFound (no such file, no tokenizer in the folder),
// kBadModel (damaged, or a kind that is not supported, which the message names).
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

class Decoder;
struct TokenizerParts;

struct EncodeOptions {
  // BOS, EOS and what else the tokenizer puts around a text.
  bool add_special = true;
  // Special tokens that are written in the text count as such; nullopt: the tokenizer's own
  // default.
  std::optional<bool> parse_special = std::nullopt;
};

struct DecodeOptions {
  bool skip_special = true;
};

class Tokenizer {
 public:
  // `model`: a folder (tokenizer.json, else tokenizer.model, else tekken.json), one of these files
  // or a .gguf file. tokenizer_config.json and its like are read from beside the file.
  static Result<Tokenizer> load(const std::filesystem::path& model);

  // The bytes of one tokenizer file of whatever kind; `name` is for errors. What load() does once
  // the file is read, without anything beside it.
  static Result<Tokenizer> parse(std::span<const std::byte> bytes, const std::string& name);

  // Errors: kUsage (the text is not UTF-8, or above 1 GiB), kFailed (a pattern of the tokenizer
  // needs too many steps on this text).
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text,
                                                    const EncodeOptions& options = {}) const;

  // Bytes that are no UTF-8 become U+FFFD. Errors: kUsage, an id outside of [0, vocab_size()). An
  // id inside that has no piece is no text.
  [[nodiscard]] Result<std::string> decode(std::span<const TokenId> ids,
                                           const DecodeOptions& options = {}) const;

  // One past the highest id; ids without a piece included.
  [[nodiscard]] std::size_t vocab_size() const;
  [[nodiscard]] bool contains(TokenId id) const;

  // The piece as the vocabulary writes it ("▁the", "Ġthe", "<0x0A>"); for tekken its bytes, which
  // need not be UTF-8. Empty for an id without a piece. Lives as long as a copy of the tokenizer.
  [[nodiscard]] std::string_view piece(TokenId id) const;
  [[nodiscard]] bool is_special(TokenId id) const;
  // The id of a special token or piece by its exact text.
  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;

  [[nodiscard]] std::optional<TokenId> bos_id() const;
  [[nodiscard]] std::optional<TokenId> eos_id() const;
  // The text of "bos_token", "eos_token", "unk_token" or "pad_token", as chat templates call them;
  // empty where there is none.
  [[nodiscard]] std::string_view special_text(std::string_view name) const;
  // The chat template that comes with the tokenizer, as it is written.
  [[nodiscard]] std::optional<std::string_view> chat_template() const;

  // For StreamDecoder.
  [[nodiscard]] const Decoder& decoder() const;

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const TokenizerParts> parts_;
};

}  // namespace bora
