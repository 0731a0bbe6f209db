#include "text/tokenizer.h"

#include "base/mapped_file.h"
#include "formats/gguf.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 30;

using Path = std::filesystem::path;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string_view::npos && text[first] == '{';
}

// tekken.json keeps settings under "config" and bytes under "token_bytes"; tokenizer.json neither.
bool looks_like_tekken(std::string_view text) {
  const std::string_view head = text.substr(0, 4096);
  return head.find("\"config\"") != head.npos || head.find("\"token_bytes\"") != head.npos;
}

Result<TokenizerParts> read_parts(std::span<const std::byte> bytes, const std::string& name,
                                  const TokenizerConfig& config) {
  const std::string_view text = as_text(bytes);
  if (is_gguf(bytes)) return read_gguf_vocabulary(bytes, name);
  if (!looks_like_json(text)) return read_sentencepiece_model(bytes, name, config);
  return looks_like_tekken(text) ? read_tekken_json(text, name) : read_tokenizer_json(text, name);
}

Result<Path> find_tokenizer_file(const Path& model) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(model, ignored)) return model;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tekken.json"}) {
    if (std::filesystem::is_regular_file(model / name, ignored)) return model / name;
  }
  return Error{
      ErrorCode::kNotFound,
      fmt::format("{}: expected tokenizer.json, tokenizer.model or tekken.json, found none",
                  model.string()),
      {}};
}

// One encode: the text goes through the stages fragment by fragment, ids come out.
class Encoding {
 public:
  Encoding(const TokenizerParts& parts, bool parse_special)
      : parts_(parts), parse_special_(parse_special) {}

  Result<void> add_text(std::string_view text) {
    for (const Fragment& fragment : parts_.raw_tokens.split(text, parse_special_)) {
      if (fragment.id != Fragment::kText) {
        ids_.push_back(fragment.id);
        continue;
      }
      const auto part = text.substr(fragment.begin, fragment.end - fragment.begin);
      if (auto done = add_raw(part, fragment.begin == 0); !done) return done;
    }
    return {};
  }

  void add_ids(const std::vector<TokenId>& ids) { ids_.insert(ids_.end(), ids.begin(), ids.end()); }

  std::vector<TokenId> take() { return std::move(ids_); }

 private:
  Result<void> add_raw(std::string_view text, bool at_start) {
    auto normalized = parts_.normalizer.apply(text);
    if (!normalized) return std::move(normalized).error();
    const std::string_view whole = *normalized;
    for (const Fragment& fragment : parts_.normalized_tokens.split(whole, parse_special_)) {
      if (fragment.id != Fragment::kText) {
        ids_.push_back(fragment.id);
        continue;
      }
      const auto part = whole.substr(fragment.begin, fragment.end - fragment.begin);
      if (auto done = add_words(part, at_start && fragment.begin == 0); !done) return done;
    }
    return {};
  }

  Result<void> add_words(std::string_view text, bool at_start) {
    auto words = parts_.pre_tokenizer.cut(std::string(text), at_start);
    if (!words) return std::move(words).error();
    for (const Words::Range& range : words->ranges) {
      parts_.model->encode(parts_.vocabulary, words->word(range), scratch_, ids_);
    }
    return {};
  }

  const TokenizerParts& parts_;
  bool parse_special_;
  MergeScratch scratch_;
  std::vector<TokenId> ids_;
};

}  // namespace

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& model) {
  auto path = find_tokenizer_file(model);
  if (!path) return std::move(path).error();
  auto file = MappedFile::open(*path);
  if (!file) return std::move(file).error();
  TokenizerConfig config;
  if (!is_gguf(file->bytes())) {
    auto read = read_tokenizer_config(path->parent_path());
    if (!read) return std::move(read).error();
    config = std::move(read).value();
  }
  auto parts = read_parts(file->bytes(), path->filename().string(), config);
  if (!parts) return std::move(parts).error();
  parts->take_names(config);
  return Tokenizer(std::make_shared<const TokenizerParts>(std::move(parts).value()));
}

Result<Tokenizer> Tokenizer::parse(std::span<const std::byte> bytes, const std::string& name) {
  auto parts = read_parts(bytes, name, TokenizerConfig{});
  if (!parts) return std::move(parts).error();
  return Tokenizer(std::make_shared<const TokenizerParts>(std::move(parts).value()));
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text,
                                               const EncodeOptions& options) const {
  if (text.size() > kMaxText) {
    return Error{ErrorCode::kUsage,
                 fmt::format("text: expected at most {} bytes, found {}", kMaxText, text.size()),
                 {}};
  }
  if (!is_valid_utf8(text)) {
    return Error{ErrorCode::kUsage, "text: expected UTF-8, found other bytes", {}};
  }
  Encoding encoding(*parts_, options.parse_special.value_or(parts_->parse_special));
  if (options.add_special) encoding.add_ids(parts_->prefix);
  if (auto done = encoding.add_text(text); !done) return std::move(done).error();
  if (options.add_special) encoding.add_ids(parts_->suffix);
  return encoding.take();
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> ids,
                                      const DecodeOptions& options) const {
  std::string text;
  DecodeStream stream(parts_->decoder);
  for (const TokenId id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocab_size()) {
      return Error{ErrorCode::kUsage,
                   fmt::format("token id: expected 0..{}, found {}",
                               static_cast<std::int64_t>(vocab_size()) - 1, id),
                   {}};
    }
    if (!contains(id) || (options.skip_special && is_special(id))) continue;
    stream.push(piece(id), text);
  }
  stream.finish(text);
  return text;
}

std::size_t Tokenizer::vocab_size() const { return parts_->vocabulary.size(); }

bool Tokenizer::contains(TokenId id) const { return parts_->vocabulary.contains(id); }

std::string_view Tokenizer::piece(TokenId id) const { return parts_->vocabulary.piece(id); }

bool Tokenizer::is_special(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < parts_->special.size() &&
         parts_->special[static_cast<std::size_t>(id)];
}

std::optional<TokenId> Tokenizer::find(std::string_view text) const {
  return parts_->find_token(text);
}

std::optional<TokenId> Tokenizer::bos_id() const { return parts_->bos; }

std::optional<TokenId> Tokenizer::eos_id() const { return parts_->eos; }

std::string_view Tokenizer::special_text(std::string_view name) const {
  std::optional<TokenId> id;
  if (name == "bos_token") id = parts_->bos;
  if (name == "eos_token") id = parts_->eos;
  if (name == "unk_token") id = parts_->unk;
  if (name == "pad_token") id = parts_->pad;
  return id ? piece(*id) : std::string_view();
}

std::optional<std::string_view> Tokenizer::chat_template() const {
  if (!parts_->chat_template) return std::nullopt;
  return *parts_->chat_template;
}

const Decoder& Tokenizer::decoder() const { return parts_->decoder; }

}  // namespace bora
