#include "text/tokenizer_json_steps.h"

#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bora {
namespace {

namespace dom = simdjson::dom;

// Sequences inside sequences; published files have one level.
constexpr int kMaxNesting = 8;
// Steps of one chain, so that a hostile file cannot make each word pass through thousands.
constexpr int kMaxSteps = 64;

// Calls read(step) for the step under `key`, or for all of them where it is a Sequence.
template <class Read>
class ChainReader {
 public:
  ChainReader(std::string_view list_key, Read read) : list_key_(list_key), read_(read) {}

  Result<void> run(const JsonObject& object, std::string_view key) {
    if (!object.has(key)) return {};
    auto step = object.get_object(key);
    if (!step) return std::move(step).error();
    return visit(*step, 0);
  }

 private:
  Result<void> visit(const JsonObject& step, int depth) {
    auto type = step.get_string("type");
    if (!type) return std::move(type).error();
    if (*type != "Sequence") {
      if (++count_ > kMaxSteps) return step.error("type", "at most 64 steps");
      return read_(step, *type);
    }
    if (depth >= kMaxNesting) return step.error("type", "at most 8 nested sequences");
    auto list = step.get_array(list_key_);
    if (!list) return std::move(list).error();
    for (const dom::element element : *list) {
      dom::object inner;
      if (element.get(inner) != simdjson::SUCCESS)
        return step.error(list_key_, "a list of objects");
      if (auto done = visit(JsonObject(inner, std::string(list_key_) + ": "), depth + 1); !done) {
        return done;
      }
    }
    return {};
  }

  std::string_view list_key_;
  Read read_;
  int count_ = 0;
};

Error unsupported(const JsonObject& step, std::string_view what) {
  return step.error("type", "a supported " + std::string(what));
}

// {"String": ".."} or {"Regex": ".."}.
struct Pattern {
  std::string text;
  bool is_regex = false;
};

Result<Pattern> read_pattern(const JsonObject& step) {
  auto object = step.get_object("pattern");
  if (!object) return std::move(object).error();
  const bool is_regex = object->has("Regex");
  auto text = object->get_string(is_regex ? "Regex" : "String");
  if (!text) return std::move(text).error();
  return Pattern{std::string(*text), is_regex};
}

Result<void> read_unicode_form(std::string_view type, const JsonObject& step,
                               Normalizer& normalizer) {
  const std::pair<std::string_view, UnicodeForm> forms[] = {{"NFC", UnicodeForm::kNfc},
                                                            {"NFD", UnicodeForm::kNfd},
                                                            {"NFKC", UnicodeForm::kNfkc},
                                                            {"NFKD", UnicodeForm::kNfkd}};
  for (const auto& [name, form] : forms) {
    if (type == name) {
      normalizer.add(form);
      return {};
    }
  }
  return unsupported(step, "normalizer");
}

Result<void> read_replace(const JsonObject& step, Normalizer& normalizer) {
  auto pattern = read_pattern(step);
  if (!pattern) return std::move(pattern).error();
  auto content = step.get_string("content");
  if (!content) return std::move(content).error();
  if (!pattern->is_regex) {
    normalizer.add(ReplaceText{pattern->text, std::string(*content)});
    return {};
  }
  auto regex = Regex::compile(pattern->text);
  if (!regex) return std::move(regex).error();
  normalizer.add(ReplaceRegex{std::move(regex).value(), std::string(*content)});
  return {};
}

Result<void> read_normalizer_step(const JsonObject& step, std::string_view type,
                                  Normalizer& normalizer) {
  if (type == "Replace") return read_replace(step, normalizer);
  if (type == "Prepend") {
    auto text = step.get_string("prepend");
    if (!text) return std::move(text).error();
    normalizer.add(PrependText{std::string(*text)});
  } else if (type == "Lowercase") {
    normalizer.add(Lowercase{});
  } else if (type == "StripAccents") {
    normalizer.add(StripAccents{});
  } else if (type == "Strip") {
    auto left = step.get_bool("strip_left", true);
    if (!left) return std::move(left).error();
    auto right = step.get_bool("strip_right", true);
    if (!right) return std::move(right).error();
    normalizer.add(StripWhiteSpace{*left, *right});
  } else {
    return read_unicode_form(type, step, normalizer);
  }
  return {};
}

Result<SplitBehavior> read_behavior(const JsonObject& step, std::string_view fallback) {
  auto name = step.get_string("behavior", fallback);
  if (!name) return std::move(name).error();
  const std::pair<std::string_view, SplitBehavior> behaviors[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous}};
  for (const auto& [known, behavior] : behaviors) {
    if (*name == known) return behavior;
  }
  return step.error("behavior", "a split behavior");
}

Result<void> read_split(const JsonObject& step, PreTokenizer& pre_tokenizer) {
  auto pattern = read_pattern(step);
  if (!pattern) return std::move(pattern).error();
  auto behavior = read_behavior(step, "Isolated");
  if (!behavior) return std::move(behavior).error();
  auto invert = step.get_bool("invert", false);
  if (!invert) return std::move(invert).error();
  if (!pattern->is_regex) {
    pre_tokenizer.add(SplitText{pattern->text, *behavior, *invert});
    return {};
  }
  auto regex = Regex::compile(pattern->text);
  if (!regex) return std::move(regex).error();
  pre_tokenizer.add(SplitRegex{std::move(regex).value(), *behavior, *invert});
  return {};
}

Result<void> read_byte_level(const JsonObject& step, PreTokenizer& pre_tokenizer) {
  auto add_prefix_space = step.get_bool("add_prefix_space", true);
  if (!add_prefix_space) return std::move(add_prefix_space).error();
  auto use_regex = step.get_bool("use_regex", true);
  if (!use_regex) return std::move(use_regex).error();
  ByteLevelCut cut{*add_prefix_space, std::nullopt};
  if (*use_regex) {
    auto regex = Regex::compile(kGpt2Pattern);
    if (!regex) return std::move(regex).error();
    cut.pattern = std::move(regex).value();
  }
  pre_tokenizer.add(std::move(cut));
  return {};
}

// Before prepend_scheme there was add_prefix_space.
Result<MetaspaceCut::Prepend> read_prepend_scheme(const JsonObject& step) {
  auto add_prefix_space = step.get_bool("add_prefix_space", true);
  if (!add_prefix_space) return std::move(add_prefix_space).error();
  auto scheme = step.get_string("prepend_scheme", *add_prefix_space ? "always" : "never");
  if (!scheme) return std::move(scheme).error();
  if (*scheme == "always") return MetaspaceCut::Prepend::kAlways;
  if (*scheme == "first") return MetaspaceCut::Prepend::kFirst;
  if (*scheme == "never") return MetaspaceCut::Prepend::kNever;
  return step.error("prepend_scheme", "always, first or never");
}

Result<void> read_metaspace(const JsonObject& step, PreTokenizer& pre_tokenizer) {
  auto replacement = step.get_string("replacement", "\u2581");
  if (!replacement) return std::move(replacement).error();
  auto prepend = read_prepend_scheme(step);
  if (!prepend) return std::move(prepend).error();
  auto split = step.get_bool("split", true);
  if (!split) return std::move(split).error();
  pre_tokenizer.add(MetaspaceCut{std::string(*replacement), *prepend, *split});
  return {};
}

Result<void> read_word_split(PreTokenizer& pre_tokenizer) {
  auto regex = Regex::compile(R"(\w+|[^\w\s]+)");
  if (!regex) return std::move(regex).error();
  pre_tokenizer.add(SplitRegex{std::move(regex).value(), SplitBehavior::kRemoved, true});
  return {};
}

Result<void> read_pre_tokenizer_step(const JsonObject& step, std::string_view type,
                                     PreTokenizer& pre_tokenizer) {
  if (type == "Split") return read_split(step, pre_tokenizer);
  if (type == "ByteLevel") return read_byte_level(step, pre_tokenizer);
  if (type == "Metaspace") return read_metaspace(step, pre_tokenizer);
  if (type == "Whitespace") return read_word_split(pre_tokenizer);
  if (type == "WhitespaceSplit") {
    pre_tokenizer.add(SplitCharacters{is_white_space, SplitBehavior::kRemoved});
  } else if (type == "Digits") {
    auto individual = step.get_bool("individual_digits", false);
    if (!individual) return std::move(individual).error();
    pre_tokenizer.add(SplitCharacters{
        is_numeric, *individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous});
  } else if (type == "Punctuation") {
    auto behavior = read_behavior(step, "Isolated");
    if (!behavior) return std::move(behavior).error();
    pre_tokenizer.add(SplitCharacters{is_punctuation, *behavior});
  } else {
    return unsupported(step, "pre-tokenizer");
  }
  return {};
}

Result<DecoderStep> read_decoder_replace(const JsonObject& step) {
  auto pattern = read_pattern(step);
  if (!pattern) return std::move(pattern).error();
  if (pattern->is_regex) return step.error("pattern", "a String in a decoder");
  auto content = step.get_string("content");
  if (!content) return std::move(content).error();
  return DecoderStep(ReplaceInPiece{pattern->text, std::string(*content)});
}

Result<DecoderStep> read_decoder_strip(const JsonObject& step) {
  auto content = step.get_string("content");
  if (!content) return std::move(content).error();
  auto start = step.get_int("start", 0);
  if (!start) return std::move(start).error();
  auto stop = step.get_int("stop", 0);
  if (!stop) return std::move(stop).error();
  constexpr std::int64_t kMost = 1024;  // characters it may hold back
  if (content->empty() || *start < 0 || *start > kMost || *stop < 0 || *stop > kMost) {
    return step.error("content", "one character, with start and stop of 0..1024");
  }
  return DecoderStep(StripPiece{std::string(*content), static_cast<std::size_t>(*start),
                                static_cast<std::size_t>(*stop)});
}

Result<DecoderStep> read_decoder_metaspace(const JsonObject& step) {
  auto replacement = step.get_string("replacement", "\u2581");
  if (!replacement) return std::move(replacement).error();
  auto prepend = read_prepend_scheme(step);
  if (!prepend) return std::move(prepend).error();
  return DecoderStep(
      MetaspaceToSpace{std::string(*replacement), *prepend != MetaspaceCut::Prepend::kNever});
}

Result<DecoderStep> read_decoder_step(const JsonObject& step, std::string_view type) {
  if (type == "ByteLevel") return DecoderStep(FromByteLevel{});
  if (type == "ByteFallback") return DecoderStep(JoinByteFallback{});
  if (type == "Fuse") return DecoderStep(FusePieces{});
  if (type == "Replace") return read_decoder_replace(step);
  if (type == "Strip") return read_decoder_strip(step);
  if (type == "Metaspace") return read_decoder_metaspace(step);
  return unsupported(step, "decoder");
}

// The ids that a template puts before and after the text.
class TemplateReader {
 public:
  explicit TemplateReader(TokenizerParts& parts) : parts_(parts) {}

  Result<void> read(const JsonObject& step) {
    auto single = step.get_array("single");
    if (!single) return std::move(single).error();
    for (const dom::element element : *single) {
      dom::object item;
      std::string_view name;
      if (element["Sequence"].get(item) == simdjson::SUCCESS) {
        if (item["id"].get(name) != simdjson::SUCCESS || name != "A" || seen_text_) {
          return step.error("single", "one sequence A");
        }
        seen_text_ = true;
      } else if (element["SpecialToken"]["id"].get(name) == simdjson::SUCCESS) {
        if (auto done = add_special(step, name); !done) return done;
      } else {
        return step.error("single", "a list of SpecialToken and Sequence");
      }
    }
    if (!seen_text_) return step.error("single", "the sequence A in it");
    parts_.prefix.insert(parts_.prefix.begin(), before_.begin(), before_.end());
    parts_.suffix.insert(parts_.suffix.end(), after_.begin(), after_.end());
    return {};
  }

 private:
  Result<void> add_special(const JsonObject& step, std::string_view name) {
    auto tokens = step.get_object("special_tokens");
    if (!tokens) return std::move(tokens).error();
    auto token = tokens->get_object(name);
    if (!token) return std::move(token).error();
    auto ids = token->get_ints("ids");
    if (!ids) return std::move(ids).error();
    for (const std::int64_t id : *ids) {
      if (id < 0 || id > Vocabulary::kMaxId ||
          !parts_.vocabulary.contains(static_cast<TokenId>(id)))
        return token->error("ids", "ids of the vocabulary");
      (seen_text_ ? after_ : before_).push_back(static_cast<TokenId>(id));
    }
    return {};
  }

  TokenizerParts& parts_;
  std::vector<TokenId> before_, after_;
  bool seen_text_ = false;
};

// BertProcessing and RobertaProcessing: "cls" in front, "sep" behind, each [text, id].
Result<void> read_cls_sep(const JsonObject& step, TokenizerParts& parts) {
  for (const char* key : {"cls", "sep"}) {
    auto pair = step.get_array(key);
    if (!pair) return std::move(pair).error();
    std::int64_t id = -1;
    if (pair->at(1).get(id) != simdjson::SUCCESS || id < 0 || id > Vocabulary::kMaxId ||
        !parts.vocabulary.contains(static_cast<TokenId>(id))) {
      return step.error(key, "a token and its id");
    }
    if (key == std::string_view("cls")) {
      parts.prefix.insert(parts.prefix.begin(), static_cast<TokenId>(id));
    } else {
      parts.suffix.push_back(static_cast<TokenId>(id));
    }
  }
  return {};
}

Result<void> read_post_processor_step(const JsonObject& step, std::string_view type,
                                      TokenizerParts& parts) {
  if (type == "TemplateProcessing") return TemplateReader(parts).read(step);
  if (type == "ByteLevel") return {};  // moves offsets only
  if (type == "BertProcessing" || type == "RobertaProcessing") return read_cls_sep(step, parts);
  return unsupported(step, "post-processor");
}

}  // namespace

Result<void> read_normalizer(const JsonObject& root, TokenizerParts& parts) {
  const auto read = [&](const JsonObject& step, std::string_view type) {
    return read_normalizer_step(step, type, parts.normalizer);
  };
  return ChainReader("normalizers", read).run(root, "normalizer");
}

Result<void> read_pre_tokenizer(const JsonObject& root, TokenizerParts& parts) {
  const auto read = [&](const JsonObject& step, std::string_view type) {
    return read_pre_tokenizer_step(step, type, parts.pre_tokenizer);
  };
  return ChainReader("pretokenizers", read).run(root, "pre_tokenizer");
}

Result<void> read_decoder(const JsonObject& root, TokenizerParts& parts) {
  if (!root.has("decoder")) return parts.decoder.add(SpaceBetween{});
  const auto read = [&](const JsonObject& step, std::string_view type) -> Result<void> {
    auto kind = read_decoder_step(step, type);
    if (!kind) return std::move(kind).error();
    return parts.decoder.add(std::move(kind).value());
  };
  return ChainReader("decoders", read).run(root, "decoder");
}

Result<void> read_post_processor(const JsonObject& root, TokenizerParts& parts) {
  const auto read = [&](const JsonObject& step, std::string_view type) {
    return read_post_processor_step(step, type, parts);
  };
  return ChainReader("processors", read).run(root, "post_processor");
}

}  // namespace bora
