#include "text/tokenizer_config.h"

#include "base/mapped_file.h"
#include "formats/json.h"

#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

namespace bora {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxTemplateBytes = std::size_t{16} << 20;

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

// A special token is written as its text, or as an object with its text under "content".
Result<void> read_token(const JsonObject& object, std::string_view key,
                        std::optional<std::string>& token) {
  if (token || !object.has(key)) return {};
  dom::object details;
  if (object.find(key)->get(details) != simdjson::SUCCESS) {
    auto text = object.get_string(key);
    if (!text) return std::move(text).error();
    token = *text;
    return {};
  }
  auto inner = object.get_object(key);
  if (!inner) return std::move(inner).error();
  auto content = inner->get_string("content");
  if (!content) return std::move(content).error();
  token = *content;
  return {};
}

Result<void> read_special_tokens(const JsonObject& object, TokenizerConfig& config) {
  const std::pair<std::string_view, std::optional<std::string>*> tokens[] = {
      {"bos_token", &config.bos_token},
      {"eos_token", &config.eos_token},
      {"unk_token", &config.unk_token},
      {"pad_token", &config.pad_token}};
  for (const auto& [key, token] : tokens) {
    if (auto done = read_token(object, key, *token); !done) return done;
  }
  return {};
}

Result<void> read_flag(const JsonObject& object, std::string_view key, std::optional<bool>& flag) {
  if (!object.has(key)) return {};
  auto value = object.get_bool(key);
  if (!value) return std::move(value).error();
  flag = *value;
  return {};
}

// A template, or a list of {"name", "template"} of which "default" is meant.
Result<void> read_chat_template(const JsonObject& object, TokenizerConfig& config) {
  if (!object.has("chat_template")) return {};
  dom::array templates;
  if (object.find("chat_template")->get(templates) != simdjson::SUCCESS) {
    auto text = object.get_string("chat_template");
    if (!text) return std::move(text).error();
    config.chat_template = *text;
    return {};
  }
  for (const dom::element entry : templates) {
    std::string_view name;
    std::string_view text;
    if (entry["name"].get(name) != simdjson::SUCCESS ||
        entry["template"].get(text) != simdjson::SUCCESS) {
      return object.error("chat_template", "a list of name and template");
    }
    if (name == "default") config.chat_template = text;
  }
  return {};
}

// {"<id>": {"content", ..}, ..}
Result<void> read_added_tokens_decoder(const JsonObject& object, TokenizerConfig& config) {
  if (!object.has("added_tokens_decoder")) return {};
  auto added = object.get_object("added_tokens_decoder");
  if (!added) return std::move(added).error();
  for (const dom::key_value_pair member : added->members()) {
    const std::string_view key = member.key;
    TokenId id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      return added->error(key, "a token id as its key");
    }
    auto entry = added->get_object(key);
    if (!entry) return std::move(entry).error();
    auto token = read_added_token(*entry, id);
    if (!token) return std::move(token).error();
    config.added_tokens.push_back(std::move(token).value());
  }
  return {};
}

Result<void> read_main_file(const std::filesystem::path& path, TokenizerConfig& config) {
  auto document = JsonDocument::read(path);
  if (!document) return std::move(document).error();
  auto object = document->object();
  if (!object) return std::move(object).error();
  config.has_file = true;
  if (auto done = read_special_tokens(*object, config); !done) return done;
  if (auto done = read_chat_template(*object, config); !done) return done;
  if (auto done = read_flag(*object, "add_bos_token", config.add_bos_token); !done) return done;
  if (auto done = read_flag(*object, "add_eos_token", config.add_eos_token); !done) return done;
  auto legacy = object->get_bool("legacy", true);
  if (!legacy) return std::move(legacy).error();
  config.legacy = *legacy;
  return read_added_tokens_decoder(*object, config);
}

// {"<token>": id, ..}: the older form of added_tokens_decoder.
Result<void> read_added_tokens_file(const std::filesystem::path& path, TokenizerConfig& config) {
  auto document = JsonDocument::read(path);
  if (!document) return std::move(document).error();
  auto object = document->object();
  if (!object) return std::move(object).error();
  for (const dom::key_value_pair member : object->members()) {
    auto id = object->get_int(member.key);
    if (!id) return std::move(id).error();
    AddedToken token;
    token.id = static_cast<TokenId>(*id);
    if (token.id != *id) return object->error(member.key, "a token id");
    token.content = member.key;
    config.added_tokens.push_back(std::move(token));
  }
  return {};
}

}  // namespace

Result<AddedToken> read_added_token(const JsonObject& entry, TokenId id) {
  AddedToken token;
  token.id = id;
  auto content = entry.get_string("content");
  if (!content) return std::move(content).error();
  token.content = *content;
  const std::pair<const char*, bool*> flags[] = {{"special", &token.special},
                                                 {"normalized", &token.normalized},
                                                 {"lstrip", &token.lstrip},
                                                 {"rstrip", &token.rstrip},
                                                 {"single_word", &token.single_word}};
  for (const auto& [name, flag] : flags) {
    auto value = entry.get_bool(name, false);
    if (!value) return std::move(value).error();
    *flag = *value;
  }
  return token;
}

Result<TokenizerConfig> read_tokenizer_config(const std::filesystem::path& folder) {
  TokenizerConfig config;
  if (const auto path = folder / "tokenizer_config.json"; is_file(path)) {
    if (auto done = read_main_file(path, config); !done) return std::move(done).error();
  }
  if (const auto path = folder / "special_tokens_map.json"; is_file(path)) {
    auto document = JsonDocument::read(path);
    if (!document) return std::move(document).error();
    auto object = document->object();
    if (!object) return std::move(object).error();
    if (auto done = read_special_tokens(*object, config); !done) return std::move(done).error();
  }
  const auto added_tokens = folder / "added_tokens.json";
  if (config.added_tokens.empty() && is_file(added_tokens)) {
    if (auto done = read_added_tokens_file(added_tokens, config); !done) {
      return std::move(done).error();
    }
  }
  if (const auto path = folder / "chat_template.jinja"; is_file(path)) {
    auto text = read_text_file(path, kMaxTemplateBytes);
    if (!text) return std::move(text).error();
    config.chat_template = std::move(text).value();
  }
  return config;
}

}  // namespace bora
