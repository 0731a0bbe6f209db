// ConfigReader: one view of a model's config, whether it lies in config.json or in the metadata of
// a GGUF file. Keys are Hugging Face's; for GGUF they are translated ("hidden_size" is
// "llama.embedding_length").
//
// Getters return a usable value or remember the first error, so that a parse function reads like a
// list of keys; finish() tells. Errors are kBadModel and name the key as the file spells it, what
// was expected and what was found. Borrows the document. Owner: the loading thread.
#pragma once

#include "base/result.h"
#include "formats/json.h"
#include "formats/metadata.h"
#include "model/model_config.h"

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace bora {

class ConfigReader {
 public:
  explicit ConfigReader(JsonObject config) : source_(std::move(config)) {}
  // `architecture`: general.architecture, the prefix of its keys. The metadata must outlive this.
  ConfigReader(const Metadata& metadata, std::string architecture)
      : source_(&metadata), architecture_(std::move(architecture)) {}

  [[nodiscard]] bool is_gguf() const { return source_.index() == 1; }

  // Present and not null.
  [[nodiscard]] bool has(std::string_view key) const;

  // Not there at all: null is something that is there.
  [[nodiscard]] bool is_absent(std::string_view key) const;

  // A whole number in [1, limit]; without a fallback the key is required.
  std::size_t count(std::string_view key, std::size_t limit,
                    std::optional<std::size_t> fallback = std::nullopt);
  // A number in [low, high].
  double number(std::string_view key, double low, double high,
                std::optional<double> fallback = std::nullopt);
  bool flag(std::string_view key, bool fallback);
  // The value, or `fallback` where there is none, is one of `allowed`; "" on failure.
  std::string_view choice(std::string_view key, std::initializer_list<std::string_view> allowed,
                          std::string_view fallback);
  // A list of which each is one of `allowed`; empty where there is none, and on failure.
  std::vector<std::string_view> choices(std::string_view key,
                                        std::initializer_list<std::string_view> allowed);
  // A list of numbers in [low, high] (config.json only); empty where there is none, and on failure.
  std::vector<float> numbers(std::string_view key, double low, double high);
  // Ids of tokens, each in [0, vocab_size): none, one or a list.
  std::vector<TokenId> token_ids(std::string_view key, std::size_t vocab_size);
  // Entries of the vocabulary inside a GGUF file; 0 where there is none.
  [[nodiscard]] std::size_t vocabulary_entries() const;

  // The object under `key` (config.json only), of which failures count as this reader's: see
  // adopt().
  [[nodiscard]] std::optional<ConfigReader> object(std::string_view key);
  void adopt(const ConfigReader& part);

  // Remembers "KEY: expected EXPECTED, found <what is there>" unless `holds`.
  void expect(bool holds, std::string_view key, std::string_view expected);

  // The config where nothing failed, else the first error.
  Result<ModelConfig> finish(ModelConfig config) const;

 private:
  [[nodiscard]] std::string stored_key(std::string_view key) const;
  template <class Read>
  auto at(std::string_view key, Read read) const;
  template <class T>
  T keep(Result<T> result, T otherwise);

  std::variant<JsonObject, const Metadata*> source_;
  std::string architecture_;
  std::optional<Error> failure_;
};

}  // namespace bora
