// What a model will take of the memory under the options it is to be opened with, before any of it
// is taken: config and headers are read, weights are not.
//
// Errors of all: kBadModel and kUsage as Llm::open().
#pragma once

#include "base/cpu_topology.h"
#include "base/result.h"
#include "formats/checkpoint.h"
#include "plan/alternatives.h"
#include "plan/memory_plan.h"
#include <bora/llm.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bora {

// As --weights spells it: "auto" for nullopt, "int8" for q8_0, "int4" for q4_0.
std::string weights_flag(std::optional<DType> weights);
// Whether they are blocks, which Llm::open() makes by quantize/ and not by load_model().
bool is_quantized(std::optional<DType> weights);

// The plan that Llm::open() goes by; weights are copied where bytes.weights.copied says so. Also
// kDoesNotFit, with what would fit.
Result<MemoryPlan> plan_checkpoint(const Checkpoint& checkpoint, const Backend& backend,
                                   const LlmOptions& options);

// The same of a model's folder or file, of which only the headers need be there. Also kNotFound.
Result<void> check_fits(const std::filesystem::path& model, const LlmOptions& options);

// Everything about it, for people to look at.
struct ModelPlan {
  // The weights in one type, all other options as they are.
  struct Row {
    WeightChoice weights;
    MemoryPlan plan;
    std::size_t largest_context = 0;  // that fits; 0: none
  };

  std::string name;             // the file's or folder's
  std::string architecture;     // "mistral"
  std::string stored;           // the type most of the weights are stored in, "bf16"
  std::string device;           // "cpu"
  std::string isa;              // "avx2"
  int threads = 0;              //
  std::string threads_from;     // what decided on so many: "flag", "cores" or "quota"
  CpuTopology topology;         // of this machine
  Row wanted;                   // what the options ask for
  std::vector<Row> by_weights;  // as stored, bf16, int8, int4, and the wanted ones
  std::vector<Alternative>
      alternatives;  // that fit, the least loss first, where the wanted does not
};

// Whether it fits or not: that is no error here. Also kNotFound.
Result<ModelPlan> plan_model(const std::filesystem::path& model, const LlmOptions& options);

}  // namespace bora
