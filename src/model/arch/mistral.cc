// Mistral 7B and Nemo (https://arxiv.org/abs/2310.06825): Llama's layer with grouped queries and,
// in v0.1, a window: a query sees the last sliding_window positions, its own included, and the
// cache needs to hold no more. v0.2 and v0.3 have no window; Nemo's heads are not hidden_size /
// heads wide.
#include "model/decoder.h"
#include "model/decoder_config.h"
#include "model/registry.h"

#include <utility>

namespace bora::arch {
namespace {

Result<ModelConfig> parse_config(ConfigReader& reader) {
  // Where a key is absent, as transformers has it; null says no window, and a head of keys and
  // values for each head.
  constexpr std::size_t kDefaultWindow = 4096;
  ModelConfig config = read_decoder_config(reader, {.num_key_value_heads = 8});
  if (reader.has("sliding_window")) {
    config.sliding_window = reader.count("sliding_window", kMaxPositions);
  } else if (reader.is_absent("sliding_window")) {
    config.sliding_window = kDefaultWindow;
  }
  return reader.finish(std::move(config));
}

}  // namespace

extern const ArchSpec kMistral = {.name = "mistral",
                                  .hf_architecture = "MistralForCausalLM",
                                  .parse_config = parse_config,
                                  .bind_weights = bind_decoder};

}  // namespace bora::arch
