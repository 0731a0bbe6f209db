// tokenizer.json, the format of the tokenizers library: model BPE, with all steps around it.
// https://huggingface.co/docs/tokenizers
#include "formats/json.h"
#include "text/tokenizer_json_steps.h"
#include "text/tokenizer_parts.h"

#include <fmt/format.h>

#include <utility>

namespace bora {
namespace {

namespace dom = simdjson::dom;

Result<void> read_vocabulary(const JsonObject& model, Vocabulary& vocabulary) {
  auto pieces = model.get_object("vocab");
  if (!pieces) return std::move(pieces).error();
  const dom::object members = pieces->members();
  constexpr std::size_t kGuessedBytes = 8;  // of an average piece
  vocabulary.reserve(members.size(), members.size() * kGuessedBytes);
  for (const dom::key_value_pair member : members) {
    std::int64_t id = 0;
    if (member.value.get(id) != simdjson::SUCCESS) {
      return pieces->error(member.key, "an integer id");
    }
    if (auto done = vocabulary.add(id, member.key); !done) return done;
  }
  return {};
}

// "left right", or ["left", "right"] where a piece holds a space.
bool read_merge(dom::element element, std::string_view& left, std::string_view& right) {
  std::string_view both;
  if (element.get(both) == simdjson::SUCCESS) {
    const std::size_t space = both.find(' ');
    if (space == std::string_view::npos) return false;
    left = both.substr(0, space);
    right = both.substr(space + 1);
    return true;
  }
  dom::array pair;
  return element.get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
         pair.at(0).get(left) == simdjson::SUCCESS && pair.at(1).get(right) == simdjson::SUCCESS;
}

Result<void> read_merges(const JsonObject& model, const Vocabulary& vocabulary, MergeRules& rules) {
  auto list = model.get_array("merges");
  if (!list) return std::move(list).error();
  // The count that simdjson keeps saturates at 2^24: only a hint, the table grows.
  rules.reserve(list->size());
  std::uint32_t rank = 0;
  std::string joined;
  for (const dom::element element : *list) {
    std::string_view left;
    std::string_view right;
    if (!read_merge(element, left, right)) {
      return model.error("merges", fmt::format("a pair of pieces as merge {}", rank));
    }
    joined.assign(left).append(right);
    const auto left_id = vocabulary.find(left);
    const auto right_id = vocabulary.find(right);
    const auto id = vocabulary.find(joined);
    if (!left_id || !right_id || !id) {
      return model.error("merges", fmt::format("pieces of the vocabulary as merge {}", rank));
    }
    rules.add(*left_id, *right_id, {rank, *id});
    ++rank;
  }
  return {};
}

// Options that change the result and that no supported model uses.
Result<void> refuse_unsupported(const JsonObject& model) {
  auto type = model.get_string("type", "BPE");  // older files leave it out
  if (!type) return std::move(type).error();
  if (*type != "BPE") return model.error("type", "the tokenizer model BPE");
  auto dropout = model.get_number("dropout", 0.0);
  if (!dropout) return std::move(dropout).error();
  if (*dropout != 0.0) return model.error("dropout", "null");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    auto affix = model.get_string(key, "");
    if (!affix) return std::move(affix).error();
    if (!affix->empty()) return model.error(key, "null");
  }
  return {};
}

Result<void> read_unknown_policy(const JsonObject& model, TokenizerParts& parts,
                                 UnknownPolicy& policy) {
  auto byte_fallback = model.get_bool("byte_fallback", false);
  if (!byte_fallback) return std::move(byte_fallback).error();
  if (*byte_fallback) policy.byte_ids = find_byte_pieces(parts.vocabulary);
  auto fuse = model.get_bool("fuse_unk", false);
  if (!fuse) return std::move(fuse).error();
  policy.fuse_unknown = *fuse;
  if (!model.has("unk_token")) return {};
  auto unknown = model.get_string("unk_token");
  if (!unknown) return std::move(unknown).error();
  policy.unknown = parts.vocabulary.find(*unknown);
  if (!policy.unknown) return model.error("unk_token", "a piece of the vocabulary");
  parts.unk = policy.unknown;
  return {};
}

Result<void> read_model(const JsonObject& root, TokenizerParts& parts) {
  auto model = root.get_object("model");
  if (!model) return std::move(model).error();
  if (auto done = refuse_unsupported(*model); !done) return done;
  if (auto done = read_vocabulary(*model, parts.vocabulary); !done) return done;
  auto bpe = std::make_unique<MergeBpe>();
  if (auto done = read_merges(*model, parts.vocabulary, bpe->rules); !done) return done;
  if (auto done = read_unknown_policy(*model, parts, bpe->unknown); !done) return done;
  auto ignore_merges = model->get_bool("ignore_merges", false);
  if (!ignore_merges) return std::move(ignore_merges).error();
  bpe->ignore_merges = *ignore_merges;
  parts.model = std::move(bpe);
  return {};
}

Result<void> read_added_tokens(const JsonObject& root, TokenizerParts& parts) {
  if (!root.has("added_tokens")) return {};
  auto list = root.get_array("added_tokens");
  if (!list) return std::move(list).error();
  for (const dom::element element : *list) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
      return root.error("added_tokens", "a list of objects");
    }
    const JsonObject entry(object, "added_tokens: ");
    auto id = entry.get_int("id");
    if (!id) return std::move(id).error();
    if (*id < 0 || *id > Vocabulary::kMaxId) return entry.error("id", "a token id");
    auto token = read_added_token(entry, static_cast<TokenId>(*id));
    if (!token) return std::move(token).error();
    if (auto done = parts.add_token(*token); !done) return done;
  }
  return {};
}

}  // namespace

Result<TokenizerParts> read_tokenizer_json(std::string_view text, const std::string& name) {
  auto document = JsonDocument::parse(text, name);
  if (!document) return std::move(document).error();
  auto root = document->object();
  if (!root) return std::move(root).error();
  TokenizerParts parts;
  if (auto done = read_model(*root, parts); !done) {
    return std::move(done).error();
  }
  // Added tokens may be looked for in their normal form, and templates name their ids.
  for (const auto read : {read_normalizer, read_added_tokens, read_pre_tokenizer, read_decoder,
                          read_post_processor}) {
    if (auto done = read(*root, parts); !done) return std::move(done).error();
  }
  auto ignore_merges = root->get_object("model")->get_bool("ignore_merges", false);
  if (!*ignore_merges) parts.cut_before_words();
  return parts;
}

}  // namespace bora
