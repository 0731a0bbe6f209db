// tekken.json, the tokenizer file of mistral-common: byte strings by rank, as tiktoken has them,
// and a block of special tokens whose ids come first. https://github.com/mistralai/mistral-common
// (tokens/tokenizers/tekken.py)
#include "formats/json.h"
#include "text/tokenizer_parts.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace bora {
namespace {

namespace dom = simdjson::dom;

// What files before version 7 leave out.
constexpr std::string_view kFirstSpecialTokens[] = {"<unk>",
                                                    "<s>",
                                                    "</s>",
                                                    "[INST]",
                                                    "[/INST]",
                                                    "[AVAILABLE_TOOLS]",
                                                    "[/AVAILABLE_TOOLS]",
                                                    "[TOOL_RESULTS]",
                                                    "[/TOOL_RESULTS]",
                                                    "[TOOL_CALLS]",
                                                    "[IMG]",
                                                    "<pad>",
                                                    "[IMG_BREAK]",
                                                    "[IMG_END]",
                                                    "[PREFIX]",
                                                    "[MIDDLE]",
                                                    "[SUFFIX]",
                                                    "[SYSTEM_PROMPT]",
                                                    "[/SYSTEM_PROMPT]",
                                                    "[TOOL_CONTENT]"};

constexpr int kNotBase64 = -1;

constexpr std::array<int, 256> make_base64_digits() {
  std::array<int, 256> digits{};
  digits.fill(kNotBase64);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int>(i);
  }
  return digits;
}

// RFC 4648, with padding.
bool decode_base64(std::string_view text, std::string& bytes) {
  static constexpr std::array<int, 256> kDigits = make_base64_digits();
  bytes.clear();
  if (text.size() % 4 != 0) return false;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kNotBase64) return false;
    bits = (bits << 6) | static_cast<unsigned>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<char>((bits >> held) & 0xFF));
    }
  }
  return true;
}

struct TekkenConfig {
  std::string pattern;
  std::size_t special = 0;  // ids of special tokens
  std::size_t ranks = 0;    // ids of byte strings, after them
};

Result<TekkenConfig> read_config(const JsonObject& root) {
  auto object = root.get_object("config");
  if (!object) return std::move(object).error();
  auto pattern = object->get_string("pattern");
  if (!pattern) return std::move(pattern).error();
  auto size = object->get_positive("default_vocab_size");
  if (!size) return std::move(size).error();
  auto special = object->get_positive("default_num_special_tokens");
  if (!special) return std::move(special).error();
  constexpr std::size_t kMaxSpecial = 65536;  // published files have 1000
  if (*special > kMaxSpecial) return object->error("default_num_special_tokens", "at most 65536");
  if (*size > static_cast<std::size_t>(Vocabulary::kMaxId) || *special >= *size) {
    return object->error("default_vocab_size", "at most 4194303, and above the special tokens");
  }
  return TekkenConfig{std::string(*pattern), *special, *size - *special};
}

// "special_tokens" where the file has them; what is missing up to the count are fillers.
Result<std::vector<std::string>> read_special_tokens(const JsonObject& root, std::size_t count) {
  std::vector<std::string> tokens(count);
  if (root.has("special_tokens")) {
    auto list = root.get_array("special_tokens");
    if (!list) return std::move(list).error();
    for (const dom::element element : *list) {
      std::int64_t rank = -1;
      std::string_view text;
      if (element["rank"].get(rank) != simdjson::SUCCESS ||
          element["token_str"].get(text) != simdjson::SUCCESS || rank < 0 ||
          static_cast<std::uint64_t>(rank) >= count) {
        return root.error("special_tokens", "a list of rank and token_str");
      }
      tokens[static_cast<std::size_t>(rank)] = text;
    }
  } else {
    for (std::size_t i = 0; i < std::min(count, std::size(kFirstSpecialTokens)); ++i) {
      tokens[i] = kFirstSpecialTokens[i];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (tokens[i].empty()) tokens[i] = fmt::format("<SPECIAL_{}>", i);
  }
  return tokens;
}

Result<void> add_special_tokens(const JsonObject& root, std::size_t count, TokenizerParts& parts) {
  auto tokens = read_special_tokens(root, count);
  if (!tokens) return std::move(tokens).error();
  for (std::size_t i = 0; i < count; ++i) {
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = (*tokens)[i];
    token.special = true;
    if (auto done = parts.add_token(token); !done) return done;
  }
  parts.bos = parts.find_token("<s>");
  parts.eos = parts.find_token("</s>");
  parts.unk = parts.find_token("<unk>");
  parts.pad = parts.find_token("<pad>");
  return {};
}

// The first `ranks` byte strings; the file may hold more than the vocabulary takes.
Result<void> add_byte_strings(const JsonObject& root, const TekkenConfig& config,
                              TokenizerParts& parts) {
  auto list = root.get_array("vocab");
  if (!list) return std::move(list).error();
  std::size_t index = 0;
  std::string bytes;
  for (const dom::element element : *list) {
    if (index == config.ranks) break;
    std::string_view encoded;
    std::int64_t rank = -1;
    if (element["token_bytes"].get(encoded) != simdjson::SUCCESS ||
        element["rank"].get(rank) != simdjson::SUCCESS || !decode_base64(encoded, bytes) ||
        bytes.empty() || rank != static_cast<std::int64_t>(index)) {
      return root.error("vocab", fmt::format("rank {0} and its token_bytes as entry {0}", index));
    }
    const auto id = static_cast<std::int64_t>(config.special + index);
    if (auto done = parts.vocabulary.add(id, bytes); !done) return done;
    ++index;
  }
  if (index < config.ranks) {
    return root.error("vocab", fmt::format("{} entries", config.ranks));
  }
  return {};
}

Result<void> set_model(const TekkenConfig& config, TokenizerParts& parts) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!parts.vocabulary.find(std::string(1, static_cast<char>(byte)))) {
      return Error{ErrorCode::kBadModel,
                   fmt::format("vocab: expected every byte as a piece, found none for {}", byte),
                   {}};
    }
  }
  auto model = std::make_unique<BytePieceBpe>();
  model->ranks.rank.resize(parts.vocabulary.size(), PieceRanks::kUnmergeable);
  for (std::size_t rank = 0; rank < config.ranks; ++rank) {
    model->ranks.rank[config.special + rank] = static_cast<std::uint32_t>(rank);
  }
  parts.model = std::move(model);
  auto pattern = Regex::compile(config.pattern);
  if (!pattern) return std::move(pattern).error();
  parts.pre_tokenizer.add(SplitRegex{std::move(pattern).value(), SplitBehavior::kIsolated, false});
  return parts.decoder.add(RawBytes{});
}

}  // namespace

Result<TokenizerParts> read_tekken_json(std::string_view text, const std::string& name) {
  auto document = JsonDocument::parse(text, name);
  if (!document) return std::move(document).error();
  auto root = document->object();
  if (!root) return std::move(root).error();
  auto config = read_config(*root);
  if (!config) return std::move(config).error();
  TokenizerParts parts;
  parts.parse_special = false;  // mistral-common builds its prompts from ids, not from text
  if (auto done = add_special_tokens(*root, config->special, parts); !done) {
    return std::move(done).error();
  }
  if (auto done = add_byte_strings(*root, *config, parts); !done) return std::move(done).error();
  if (auto done = set_model(*config, parts); !done) return std::move(done).error();
  if (parts.bos) parts.prefix = {*parts.bos};
  return parts;
}

}  // namespace bora
