// TokenizerConfig: what stands beside a tokenizer file in a checkpoint's folder:
// tokenizer_config.json, special_tokens_map.json, added_tokens.json and chat_template.jinja, as far
// as they are present.
#pragma once

#include "base/result.h"
#include "text/added_tokens.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bora {

class JsonObject;

struct TokenizerConfig {
  bool has_file = false;  // there is a tokenizer_config.json
  std::optional<std::string> bos_token, eos_token, unk_token, pad_token;
  std::optional<std::string> chat_template;
  std::optional<bool> add_bos_token, add_eos_token;
  bool legacy = true;  // SentencePiece: a prefix space after each special token, not only in front
  std::vector<AddedToken> added_tokens;  // added_tokens.json and added_tokens_decoder
};

// chat_template.jinja wins over tokenizer_config.json; of a list of templates, "default" is taken.
// Files that are missing are no error; a file that cannot be read or parsed is (kBadModel).
Result<TokenizerConfig> read_tokenizer_config(const std::filesystem::path& folder);

// An added token as tokenizer.json and added_tokens_decoder describe it: "content" and flags.
Result<AddedToken> read_added_token(const JsonObject& entry, TokenId id);

}  // namespace bora
