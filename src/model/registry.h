// The architectures bora knows: one ArchSpec each, one line in registry.cc. Finding one, and
// loading a model by it.
#pragma once

#include "base/result.h"
#include "model/model.h"
#include "model/model_config.h"
#include "model/weight_binder.h"

#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace bora {

class ConfigReader;

struct ArchSpec {
  std::string_view name;             // config.json's model_type; GGUF's general.architecture
  std::string_view hf_architecture;  // config.json's architectures[0], "LlamaForCausalLM"
  Result<ModelConfig> (*parse_config)(ConfigReader& reader);
  // Asks the binder for every weight and makes the model. Errors: the binder's; kBadModel for a
  // tensor whose values cannot be.
  Result<std::unique_ptr<Model>> (*bind_weights)(ModelConfig config, WeightBinder& binder);
};

std::span<const ArchSpec* const> architectures();

struct LoadOptions {
  std::optional<DType> weights =
      std::nullopt;  // f32, f16 or bf16: convert to it at load; nullopt: as stored
  int threads = 0;   // for converting; 0: default_threads()
  // Copy what is not converted into memory of the model's own, where this backend reads it best;
  // null: it stays in the map.
  Backend* copy_to = nullptr;
  OnCopied on_copied = nullptr;
};

// The type that --weights names, q8_0 for "int8" and q4_0 for "int4" (which quantize/ makes, not
// load_model()); nullopt for "auto". Errors: kUsage for an unknown name.
Result<std::optional<DType>> parse_weight_type(std::string_view name);

// Reads only the config: no weight is touched. Errors: kBadModel naming the key, what was expected
// and what was found; an unknown architecture lists those bora knows.
Result<ModelConfig> read_model_config(const Checkpoint& checkpoint);

// Binds the weights, which stay where they lie (checkpoint must outlive the model) unless
// options.weights asks for another type than the stored one, the stored one is widened
// (formats/packed.h; a line of the log says so), or options.copy_to asks for copies.
// Errors: as read_model_config; kBadModel with all missing, misshapen and unclaimed tensors at
// once; kDoesNotFit where a conversion or a copy lacks the memory; kInterrupted, as on_copied says.
Result<std::unique_ptr<Model>> load_model(const Checkpoint& checkpoint, const LoadOptions& options);

// The same model with the same errors, but nothing is converted: it knows its config and how many
// bytes it will take, to be asked before load_model() takes them. forward() must not be called.
Result<std::unique_ptr<const Model>> outline_model(const Checkpoint& checkpoint,
                                                   std::optional<DType> weights);

}  // namespace bora
