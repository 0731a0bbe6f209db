#include "model/config_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bora {
namespace {

// Hugging Face's key, GGUF's without the architecture in front; an absolute one starts with '/'.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
struct KeyPair {
  std::string_view hugging_face;
  std::string_view gguf;
};

constexpr std::array kGgufKeys = {
    KeyPair{"hidden_size", "embedding_length"},
    KeyPair{"intermediate_size", "feed_forward_length"},
    KeyPair{"num_hidden_layers", "block_count"},
    KeyPair{"num_attention_heads", "attention.head_count"},
    KeyPair{"num_key_value_heads", "attention.head_count_kv"},
    KeyPair{"head_dim", "attention.key_length"},
    KeyPair{"v_head_dim", "attention.value_length"},
    KeyPair{"rotary_dim", "rope.dimension_count"},
    KeyPair{"max_position_embeddings", "context_length"},
    KeyPair{"rms_norm_eps", "attention.layer_norm_rms_epsilon"},
    KeyPair{"rope_theta", "rope.freq_base"},
    KeyPair{"sliding_window", "attention.sliding_window"},
    KeyPair{"rope_type", "rope.scaling.type"},
    KeyPair{"factor", "rope.scaling.factor"},
    KeyPair{"scale_linear", "rope.scale_linear"},
    KeyPair{"attention_factor", "rope.scaling.attn_factor"},
    KeyPair{"original_max_position_embeddings", "rope.scaling.original_context_length"},
    KeyPair{"num_local_experts", "expert_count"},
    KeyPair{"num_experts_per_tok", "expert_used_count"},
    KeyPair{"bos_token_id", "/tokenizer.ggml.bos_token_id"},
    KeyPair{"eos_token_id", "/tokenizer.ggml.eos_token_id"},
    KeyPair{"eot_token_id", "/tokenizer.ggml.eot_token_id"},
};

}  // namespace

std::string ConfigReader::stored_key(std::string_view key) const {
  if (!is_gguf()) return std::string(key);
  const auto pair = std::find_if(kGgufKeys.begin(), kGgufKeys.end(),
                                 [key](const KeyPair& p) { return p.hugging_face == key; });
  const std::string_view name = pair == kGgufKeys.end() ? key : pair->gguf;
  if (name.starts_with('/')) return std::string(name.substr(1));
  return fmt::format("{}.{}", architecture_, name);
}

// Calls read(getters, key): JsonObject and Metadata have the same getters.
template <class Read>
auto ConfigReader::at(std::string_view key, Read read) const {
  const std::string name = stored_key(key);
  if (const auto* json = std::get_if<JsonObject>(&source_)) return read(*json, name);
  return read(*std::get<const Metadata*>(source_), name);
}

template <class T>
T ConfigReader::keep(Result<T> result, T otherwise) {
  if (result) return std::move(result).value();
  if (!failure_) failure_ = std::move(result).error();
  return otherwise;
}

bool ConfigReader::has(std::string_view key) const {
  return at(key, [](const auto& source, std::string_view name) { return source.has(name); });
}

bool ConfigReader::is_absent(std::string_view key) const {
  return at(key, [](const auto& source, std::string_view name) { return !source.find(name); });
}

void ConfigReader::expect(bool holds, std::string_view key, std::string_view expected) {
  if (holds || failure_) return;
  failure_ = at(
      key, [&](const auto& source, std::string_view name) { return source.error(name, expected); });
}

std::size_t ConfigReader::count(std::string_view key, std::size_t limit,
                                std::optional<std::size_t> fallback) {
  const std::size_t value = keep(at(key,
                                    [&](const auto& source, std::string_view name) {
                                      return fallback && !source.has(name)
                                                 ? Result<std::size_t>(*fallback)
                                                 : source.get_positive(name);
                                    }),
                                 std::size_t{1});
  expect(value <= limit, key, fmt::format("an integer from 1 to {}", limit));
  return std::min(value, limit);
}

double ConfigReader::number(std::string_view key, double low, double high,
                            std::optional<double> fallback) {
  const double value = keep(at(key,
                               [&](const auto& source, std::string_view name) {
                                 return fallback && !source.has(name) ? Result<double>(*fallback)
                                                                      : source.get_number(name);
                               }),
                            low);
  expect(value >= low && value <= high, key, fmt::format("a number from {} to {}", low, high));
  return value;
}

bool ConfigReader::flag(std::string_view key, bool fallback) {
  return keep(at(key, [&](const auto& source,
                          std::string_view name) { return source.get_bool(name, fallback); }),
              fallback);
}

std::string_view ConfigReader::choice(std::string_view key,
                                      std::initializer_list<std::string_view> allowed,
                                      std::string_view fallback) {
  const std::string_view value =
      keep(at(key, [&](const auto& source,
                       std::string_view name) { return source.get_string(name, fallback); }),
           fallback);
  const bool known = std::find(allowed.begin(), allowed.end(), value) != allowed.end();
  expect(known, key, fmt::format("one of {}", fmt::join(allowed, ", ")));
  return known ? value : std::string_view();
}

std::vector<std::string_view> ConfigReader::choices(
    std::string_view key, std::initializer_list<std::string_view> allowed) {
  std::vector<std::string_view> values;
  if (has(key)) {
    values = keep(at(key, [&](const auto& source,
                              std::string_view name) { return source.get_strings(name); }),
                  values);
  }
  for (const std::string_view value : values) {
    const bool known = std::find(allowed.begin(), allowed.end(), value) != allowed.end();
    expect(known, key, fmt::format("a list of {}", fmt::join(allowed, ", ")));
  }
  return values;
}

std::vector<float> ConfigReader::numbers(std::string_view key, double low, double high) {
  const auto* json = std::get_if<JsonObject>(&source_);
  if (json == nullptr || !json->has(key)) return {};
  std::vector<float> values;
  for (const double value : keep(json->get_numbers(key), std::vector<double>())) {
    expect(value >= low && value <= high, key, fmt::format("numbers from {} to {}", low, high));
    values.push_back(static_cast<float>(value));
  }
  return values;
}

std::vector<TokenId> ConfigReader::token_ids(std::string_view key, std::size_t vocab_size) {
  std::vector<TokenId> ids;
  if (!has(key)) return ids;
  std::vector<std::int64_t> found;
  if (is_gguf()) {
    const auto* metadata = std::get<const Metadata*>(source_);
    found.push_back(keep(metadata->get_int(stored_key(key)), std::int64_t{0}));
  } else {
    found = keep(std::get<JsonObject>(source_).get_ints(key), std::vector<std::int64_t>());
  }
  for (const std::int64_t id : found) {
    const bool valid = id >= 0 && static_cast<std::uint64_t>(id) < vocab_size;
    expect(valid, key, fmt::format("token ids from 0 to {}", vocab_size - 1));
    if (valid) ids.push_back(static_cast<TokenId>(id));
  }
  return ids;
}

std::size_t ConfigReader::vocabulary_entries() const {
  if (!is_gguf()) return 0;
  const MetadataValue* tokens = std::get<const Metadata*>(source_)->find("tokenizer.ggml.tokens");
  return tokens == nullptr || !tokens->is_array ? 0 : tokens->count;
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) {
  const auto* json = std::get_if<JsonObject>(&source_);
  if (json == nullptr || !json->has(key)) return std::nullopt;
  Result<JsonObject> part = json->get_object(key);
  if (part) return ConfigReader(std::move(part).value());
  if (!failure_) failure_ = std::move(part).error();
  return std::nullopt;
}

void ConfigReader::adopt(const ConfigReader& part) {
  if (!failure_) failure_ = part.failure_;
}

Result<ModelConfig> ConfigReader::finish(ModelConfig config) const {
  if (failure_) return *failure_;
  return config;
}

}  // namespace bora
