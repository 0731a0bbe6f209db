// How chat samples: as the user says, else as the model's generation_config.json says, else as
// bora does.
#pragma once

#include "base/result.h"
#include "engine/sampler.h"
#include "formats/json.h"

#include <cstdint>
#include <optional>

namespace bora {

// What the user has set; the file's value of it is not even read.
struct SamplingWishes {
  std::optional<float> temperature = std::nullopt;
  std::optional<std::int32_t> top_k = std::nullopt;
  std::optional<float> top_p = std::nullopt;
  std::optional<float> min_p = std::nullopt;
  std::optional<float> repetition_penalty = std::nullopt;
};

// Where the model says nothing of sampling (a GGUF file, no generation_config.json, or one with
// token ids only): neither greedy, which repeats itself, nor so free that a small model loses the
// thread.
inline constexpr float kChatTemperature = 0.6F;
inline constexpr float kChatTopP = 0.9F;

// `generation_config`: the model's, where it has one. Keys that it leaves out are as in
// transformers: greedy without do_sample, temperature 1, the 50 likeliest. A top_k of 0 or -1, and
// a null, switch a filter off. The fields that a file does not speak of are those of
// SamplingParams{}. Errors: kBadModel naming the key of a value that is out of range.
Result<SamplingParams> chat_sampling(const std::optional<JsonObject>& generation_config,
                                     const SamplingWishes& wishes);

}  // namespace bora
