// The vocabulary inside a GGUF file: kinds "llama" (SentencePiece by scores) and "gpt2" (byte-level
// BPE by merges, with the name of a pre-tokenizer).
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer
#include "formats/gguf.h"
#include "text/gguf_pre_tokenizer.h"
#include "text/sentencepiece_vocabulary.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

#include <fmt/format.h>

#include <utility>

namespace bora {
namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kMerges = "tokenizer.ggml.merges";
constexpr const char* kPre = "tokenizer.ggml.pre";

struct GgufTokens {
  std::vector<std::string_view> texts;
  std::vector<std::int64_t> types;  // all normal where the file has none
};

Result<GgufTokens> read_tokens(const Metadata& metadata) {
  auto texts = metadata.get_strings(kTokens);
  if (!texts) return std::move(texts).error();
  if (texts->empty() || texts->size() > static_cast<std::size_t>(Vocabulary::kMaxId)) {
    return metadata.error(kTokens, "1 to 4194303 tokens");
  }
  GgufTokens tokens{std::move(texts).value(), {}};
  for (const std::string_view text : tokens.texts) {
    if (!is_valid_utf8(text)) return metadata.error(kTokens, "tokens in UTF-8");
  }
  if (!metadata.has(kTypes)) {
    tokens.types.assign(tokens.texts.size(), static_cast<std::int64_t>(PieceType::kNormal));
    return tokens;
  }
  auto types = metadata.get_ints(kTypes);
  if (!types) return std::move(types).error();
  if (types->size() != tokens.texts.size()) return metadata.error(kTypes, "one type a token");
  for (std::int64_t& type : *types) {
    if (type == 0) type = static_cast<std::int64_t>(PieceType::kNormal);  // "undefined"
    if (type < 1 || type > 6) return metadata.error(kTypes, "types of 0..6");
  }
  tokens.types = std::move(types).value();
  return tokens;
}

Result<void> take_special_id(const Metadata& metadata, const char* key, std::size_t count,
                             std::int64_t& id) {
  auto value = metadata.get_int(key, -1);
  if (!value) return std::move(value).error();
  if (*value == 0xFFFFFFFF) return {};  // -1 as 32 bits without a sign: none
  if (*value >= static_cast<std::int64_t>(count))
    return metadata.error(key, "an id of the vocabulary");
  id = *value;
  return {};
}

struct SpecialIds {
  std::int64_t bos = -1, eos = -1, unk = -1, pad = -1;
};

Result<SpecialIds> read_special_ids(const Metadata& metadata, std::size_t count) {
  SpecialIds ids;
  const std::pair<const char*, std::int64_t*> keys[] = {
      {"tokenizer.ggml.bos_token_id", &ids.bos},
      {"tokenizer.ggml.eos_token_id", &ids.eos},
      {"tokenizer.ggml.unknown_token_id", &ids.unk},
      {"tokenizer.ggml.padding_token_id", &ids.pad}};
  for (const auto& [key, id] : keys) {
    if (auto done = take_special_id(metadata, key, count, *id); !done)
      return std::move(done).error();
  }
  return ids;
}

Result<void> read_llama(const Metadata& metadata, const GgufTokens& tokens, const SpecialIds& ids,
                        TokenizerParts& parts) {
  auto scores = metadata.get_floats(kScores);
  if (!scores) return std::move(scores).error();
  if (scores->size() != tokens.texts.size()) return metadata.error(kScores, "one score a token");
  SentencePieceVocabulary vocabulary;
  vocabulary.pieces.reserve(tokens.texts.size());
  for (std::size_t i = 0; i < tokens.texts.size(); ++i) {
    vocabulary.pieces.push_back(
        {tokens.texts[i], (*scores)[i], static_cast<PieceType>(tokens.types[i])});
  }
  auto add_space_prefix = metadata.get_bool("tokenizer.ggml.add_space_prefix", true);
  if (!add_space_prefix) return std::move(add_space_prefix).error();
  vocabulary.add_dummy_prefix = *add_space_prefix;
  auto remove_spaces = metadata.get_bool("tokenizer.ggml.remove_extra_whitespaces", false);
  if (!remove_spaces) return std::move(remove_spaces).error();
  vocabulary.remove_extra_whitespaces = *remove_spaces;
  // What the file leaves out is as in Llama.
  vocabulary.bos = metadata.has("tokenizer.ggml.bos_token_id") ? ids.bos : 1;
  vocabulary.eos = metadata.has("tokenizer.ggml.eos_token_id") ? ids.eos : 2;
  vocabulary.unk = metadata.has("tokenizer.ggml.unknown_token_id") ? ids.unk : 0;
  vocabulary.pad = ids.pad;
  return build_sentencepiece(vocabulary, parts);
}

Result<void> add_gpt2_tokens(const GgufTokens& tokens, TokenizerParts& parts) {
  constexpr std::size_t kGuessedBytes = 8;  // of an average piece
  parts.vocabulary.reserve(tokens.texts.size(), tokens.texts.size() * kGuessedBytes);
  for (std::size_t i = 0; i < tokens.texts.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const auto type = static_cast<PieceType>(tokens.types[i]);
    if (type == PieceType::kNormal || type == PieceType::kByte) {
      if (auto done = parts.vocabulary.add(id, tokens.texts[i]); !done) return done;
      continue;
    }
    if (type == PieceType::kUnused) {  // padding up to the size of the embedding
      if (auto done = parts.vocabulary.add_hidden(id, tokens.texts[i]); !done) return done;
      continue;
    }
    AddedToken token;
    token.id = id;
    token.content = tokens.texts[i];
    token.special = type != PieceType::kUserDefined;
    if (auto done = parts.add_token(token); !done) return done;
  }
  return {};
}

Result<void> add_gpt2_merges(const Metadata& metadata, const Vocabulary& vocabulary,
                             MergeRules& rules) {
  auto merges = metadata.get_strings(kMerges);
  if (!merges) return std::move(merges).error();
  rules.reserve(merges->size());
  std::uint32_t rank = 0;
  std::string joined;
  for (const std::string_view merge : *merges) {
    // The space that parts the two is never the first character, which may be one of a piece.
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) {
      return metadata.error(kMerges, fmt::format("two pieces as merge {}", rank));
    }
    const auto left = merge.substr(0, space);
    const auto right = merge.substr(space + 1);
    joined.assign(left).append(right);
    const auto left_id = vocabulary.find(left);
    const auto right_id = vocabulary.find(right);
    const auto id = vocabulary.find(joined);
    // Converters keep merges of pieces that later became special tokens: they can never apply.
    if (left_id && right_id && id) rules.add(*left_id, *right_id, {rank, *id});
    ++rank;
  }
  return {};
}

Result<void> read_gpt2(const Metadata& metadata, const GgufTokens& tokens, const SpecialIds& ids,
                       TokenizerParts& parts) {
  auto name = metadata.get_string(kPre, "default");
  if (!name) return std::move(name).error();
  const GgufPreTokenizer* pre = find_gguf_pre_tokenizer(*name);
  if (pre == nullptr) return metadata.error(kPre, "a supported pre-tokenizer");
  if (auto done = add_gguf_pre_tokenizer(*pre, parts); !done) return done;
  if (auto done = add_gpt2_tokens(tokens, parts); !done) return done;
  auto model = std::make_unique<MergeBpe>();
  if (auto done = add_gpt2_merges(metadata, parts.vocabulary, model->rules); !done) return done;
  model->ignore_merges = pre->ignore_merges;
  parts.model = std::move(model);
  const auto take = [](std::int64_t id) {
    return id < 0 ? std::nullopt : std::optional<TokenId>(static_cast<TokenId>(id));
  };
  parts.bos = take(ids.bos);
  parts.eos = take(ids.eos);
  parts.unk = take(ids.unk);
  parts.pad = take(ids.pad);
  return parts.decoder.add(FromByteLevel{});
}

// BOS and EOS around the text: what the file says, else what the kind of tokenizer does.
Result<void> add_bos_eos(const Metadata& metadata, bool kind_adds_bos, TokenizerParts& parts) {
  auto add_bos = metadata.get_bool("tokenizer.ggml.add_bos_token", kind_adds_bos);
  if (!add_bos) return std::move(add_bos).error();
  auto add_eos = metadata.get_bool("tokenizer.ggml.add_eos_token", false);
  if (!add_eos) return std::move(add_eos).error();
  if (*add_bos && parts.bos) parts.prefix = {*parts.bos};
  if (*add_eos && parts.eos) parts.suffix = {*parts.eos};
  return {};
}

Result<void> read_metadata(const Metadata& metadata, TokenizerParts& parts) {
  auto kind = metadata.get_string("tokenizer.ggml.model");
  if (!kind) return std::move(kind).error();
  auto tokens = read_tokens(metadata);
  if (!tokens) return std::move(tokens).error();
  auto ids = read_special_ids(metadata, tokens->texts.size());
  if (!ids) return std::move(ids).error();
  bool kind_adds_bos = true;
  if (*kind == "llama") {
    if (auto done = read_llama(metadata, *tokens, *ids, parts); !done) return done;
  } else if (*kind == "gpt2") {
    if (auto done = read_gpt2(metadata, *tokens, *ids, parts); !done) return done;
    const auto name = metadata.get_string(kPre, "default");
    kind_adds_bos = find_gguf_pre_tokenizer(*name)->add_bos;
  } else {
    return metadata.error("tokenizer.ggml.model", "llama or gpt2");
  }
  if (metadata.has("tokenizer.chat_template")) {
    auto text = metadata.get_string("tokenizer.chat_template");
    if (!text) return std::move(text).error();
    parts.chat_template = *text;
  }
  return add_bos_eos(metadata, kind_adds_bos, parts);
}

}  // namespace

Result<TokenizerParts> read_gguf_vocabulary(std::span<const std::byte> bytes,
                                            const std::string& name) {
  auto header = parse_gguf(bytes, name);
  if (!header) return std::move(header).error();
  TokenizerParts parts;
  if (auto done = read_metadata(header->metadata, parts); !done) return std::move(done).error();
  return parts;
}

}  // namespace bora
