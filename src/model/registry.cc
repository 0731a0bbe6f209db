#include "model/registry.h"

#include "base/cpu_topology.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "model/config_reader.h"
#include "model/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace bora {

// Defined in arch/<name>.cc.
namespace arch {
extern const ArchSpec kGemma2;
extern const ArchSpec kLlama;
extern const ArchSpec kMistral;
extern const ArchSpec kMixtral;
extern const ArchSpec kPhi3;
extern const ArchSpec kQwen2;
extern const ArchSpec kQwen3;
}  // namespace arch

namespace {

constexpr std::array kArchitectures = {
    &arch::kLlama, &arch::kMistral, &arch::kMixtral, &arch::kGemma2,
    &arch::kPhi3,  &arch::kQwen2,   &arch::kQwen3,
};

std::string known_names(std::string_view ArchSpec::*name) {
  std::string names;
  for (const ArchSpec* spec : kArchitectures) {
    if (!names.empty()) names += ", ";
    names += spec->*name;
  }
  return names;
}

const ArchSpec* find_spec(std::string_view ArchSpec::*field, std::string_view name) {
  const auto spec = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                 [&](const ArchSpec* s) { return s->*field == name; });
  return spec == kArchitectures.end() ? nullptr : *spec;
}

// By architectures[0]; by model_type where a config has no architectures.
Result<const ArchSpec*> hugging_face_spec(const JsonObject& config) {
  const bool listed = config.has("architectures");
  std::string_view name;
  if (listed) {
    Result<std::vector<std::string_view>> names = config.get_strings("architectures");
    if (!names) return std::move(names).error();
    if (!names->empty()) name = names->front();
  } else {
    Result<std::string_view> type = config.get_string("model_type");
    if (!type) return std::move(type).error();
    name = *type;
  }
  const auto field = listed ? &ArchSpec::hf_architecture : &ArchSpec::name;
  if (const ArchSpec* spec = find_spec(field, name)) return spec;
  return Error{ErrorCode::kBadModel,
               fmt::format("config.json: {}: expected one of {}, found \"{}\"",
                           listed ? "architectures" : "model_type", known_names(field), name),
               {}};
}

Result<const ArchSpec*> gguf_spec(const Metadata& metadata) {
  Result<std::string_view> name = metadata.get_string("general.architecture");
  if (!name) return std::move(name).error();
  if (const ArchSpec* spec = find_spec(&ArchSpec::name, *name)) return spec;
  return metadata.error("general.architecture", "one of " + known_names(&ArchSpec::name));
}

Result<const ArchSpec*> spec_of(const Checkpoint& checkpoint) {
  return checkpoint.kind() == Checkpoint::Kind::kGguf ? gguf_spec(checkpoint.metadata())
                                                      : hugging_face_spec(checkpoint.config());
}

ConfigReader reader_of(const Checkpoint& checkpoint, const ArchSpec& spec) {
  if (checkpoint.kind() == Checkpoint::Kind::kHuggingFace) {
    return ConfigReader(checkpoint.config());
  }
  return {checkpoint.metadata(), std::string(spec.name)};
}

// GGUF has no keys for these: the tensors tell.
void infer_from_tensors(const Checkpoint& checkpoint, ModelConfig& config) {
  const WeightBinder names(checkpoint, std::nullopt, nullptr);
  config.tie_word_embeddings = !names.has("lm_head.weight");
  config.attention_bias = names.has("model.layers.0.self_attn.q_proj.bias");
  config.attention_output_bias = names.has("model.layers.0.self_attn.o_proj.bias");
  config.mlp_bias = names.has("model.layers.0.mlp.gate_proj.bias");
}

Result<ModelConfig> read_config(const Checkpoint& checkpoint, const ArchSpec& spec) {
  ConfigReader reader = reader_of(checkpoint, spec);
  Result<ModelConfig> config = spec.parse_config(reader);
  if (!config) return config;
  config->architecture = spec.name;
  if (reader.is_gguf()) {
    infer_from_tensors(checkpoint, *config);
  } else if (const auto generation = checkpoint.generation_config()) {
    // transformers stops where generation_config.json says, if it says.
    ConfigReader stops(*generation);
    auto ids = stops.token_ids("eos_token_id", config->vocab_size);
    if (!ids.empty()) config->eos_token_ids = std::move(ids);
    return stops.finish(std::move(config).value());
  }
  return config;
}

// `pool` null: for sizes only. `copies`: as WeightBinder.
Result<std::unique_ptr<Model>> bind_model(const Checkpoint& checkpoint,
                                          std::optional<DType> weights, ThreadPool* pool,
                                          WeightCopies* copies = nullptr) {
  Result<const ArchSpec*> spec = spec_of(checkpoint);
  if (!spec) return std::move(spec).error();
  Result<ModelConfig> config = read_config(checkpoint, **spec);
  if (!config) return std::move(config).error();
  WeightBinder binder(checkpoint, weights, pool, copies);
  return (*spec)->bind_weights(*std::move(config), binder);
}

}  // namespace

std::span<const ArchSpec* const> architectures() { return kArchitectures; }

Result<std::optional<DType>> parse_weight_type(std::string_view name) {
  if (name == "auto") return std::optional<DType>();
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    if (name == info(dtype).name) return std::optional<DType>(dtype);
  }
  if (name == "int8") return std::optional<DType>(DType::kQ8_0);
  if (name == "int4") return std::optional<DType>(DType::kQ4_0);
  return Error{
      ErrorCode::kUsage,
      fmt::format("--weights: expected auto, f32, f16, bf16, int8 or int4, found \"{}\"", name),
      {}};
}

Result<ModelConfig> read_model_config(const Checkpoint& checkpoint) {
  Result<const ArchSpec*> spec = spec_of(checkpoint);
  if (!spec) return std::move(spec).error();
  return read_config(checkpoint, **spec);
}

Result<std::unique_ptr<Model>> load_model(const Checkpoint& checkpoint,
                                          const LoadOptions& options) {
  std::unique_ptr<ThreadPool> pool;
  const std::string note = widening_note(checkpoint);
  if (!note.empty()) log(LogLevel::kInfo, note);
  if (options.weights || !note.empty()) {
    const CpuTopology topology = cpu_topology();
    auto made = ThreadPool::create(
        options.threads > 0 ? options.threads : default_threads(topology), topology);
    if (!made) return std::move(made).error();
    pool = std::move(made).value();
  }
  if (options.copy_to == nullptr) return bind_model(checkpoint, options.weights, pool.get());
  auto outline = outline_model(checkpoint, options.weights);
  if (!outline) return std::move(outline).error();
  Result<WeightCopies> copies =
      WeightCopies::create(*options.copy_to, (*outline)->copyable_bytes(), options.on_copied);
  if (!copies) return std::move(copies).error();
  auto model = bind_model(checkpoint, options.weights, pool.get(), &*copies);
  if (model) (*model)->keep(std::move(*copies).take());
  return model;
}

Result<std::unique_ptr<const Model>> outline_model(const Checkpoint& checkpoint,
                                                   std::optional<DType> weights) {
  Result<std::unique_ptr<Model>> model = bind_model(checkpoint, weights, nullptr);
  if (!model) return std::move(model).error();
  return std::unique_ptr<const Model>(*std::move(model));
}

}  // namespace bora
