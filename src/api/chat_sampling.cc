#include "api/chat_sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace bora {
namespace {

constexpr std::array<std::string_view, 6> kSamplingKeys = {
    "do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty"};
constexpr std::int32_t kTransformersTopK = 50;

struct Key {
  std::string_view name;
  std::string_view expected;
  double low;
  double high;
  float off;     // what null means
  float absent;  // what leaving it out means
};

// The ranges of SamplingParams.
constexpr Key kTemperature{"temperature", "a number from 0 to 100", 0.0, 100.0, 1.0F, 1.0F};
constexpr Key kTopP{"top_p", "a number above 0 and up to 1", 1e-9, 1.0, 1.0F, 1.0F};
constexpr Key kMinP{"min_p", "a number from 0 to 1", 0.0, 1.0, 0.0F, 0.0F};
constexpr Key kRepetition{
    "repetition_penalty", "a number above 0 and up to 100", 1e-6, 100.0, 1.0F, 1.0F};

Error bad_value(const JsonObject& config, std::string_view key, std::string_view expected) {
  Error error = config.error(key, expected);
  std::string flag = fmt::format("--{}", key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  error.hints = {fmt::format("{} overrides it", flag)};
  return error;
}

Result<float> read_number(const JsonObject& config, const Key& key,
                          const std::optional<float>& wish) {
  if (wish) return *wish;
  if (!config.find(key.name)) return key.absent;
  if (!config.has(key.name)) return key.off;
  const Result<double> number = config.get_number(key.name);
  // Written so that NaN fails.
  if (!number || !(*number >= key.low && *number <= key.high)) {
    return bad_value(config, key.name, key.expected);
  }
  return static_cast<float>(*number);
}

Result<std::int32_t> read_top_k(const JsonObject& config, const std::optional<std::int32_t>& wish) {
  if (wish) return *wish;
  if (!config.find("top_k")) return kTransformersTopK;
  const Result<std::int64_t> number = config.get_int("top_k", 0);
  if (!number || *number < -1 || *number > std::numeric_limits<std::int32_t>::max()) {
    return bad_value(config, "top_k", "a whole number from 0");
  }
  return static_cast<std::int32_t>(std::max<std::int64_t>(0, *number));
}

Result<SamplingParams> from_file(const JsonObject& config, const SamplingWishes& wishes) {
  SamplingParams params;
  Result<float> temperature = read_number(config, kTemperature, wishes.temperature);
  if (!temperature) return std::move(temperature).error();
  Result<std::int32_t> top_k = read_top_k(config, wishes.top_k);
  if (!top_k) return std::move(top_k).error();
  Result<float> top_p = read_number(config, kTopP, wishes.top_p);
  if (!top_p) return std::move(top_p).error();
  Result<float> min_p = read_number(config, kMinP, wishes.min_p);
  if (!min_p) return std::move(min_p).error();
  Result<float> repetition = read_number(config, kRepetition, wishes.repetition_penalty);
  if (!repetition) return std::move(repetition).error();
  params.temperature = *temperature;
  params.top_k = *top_k;
  params.top_p = *top_p;
  params.min_p = *min_p;
  params.repetition_penalty = *repetition;
  if (wishes.temperature) return params;
  const Result<bool> sample = config.get_bool("do_sample", false);
  if (!sample) {
    Error error = config.error("do_sample", "true or false");
    error.hints = {"--temperature overrides it"};
    return error;
  }
  if (!*sample) params.temperature = 0.0F;
  return params;
}

bool speaks_of_sampling(const JsonObject& config) {
  return std::any_of(kSamplingKeys.begin(), kSamplingKeys.end(),
                     [&](std::string_view key) { return config.find(key).has_value(); });
}

}  // namespace

Result<SamplingParams> chat_sampling(const std::optional<JsonObject>& generation_config,
                                     const SamplingWishes& wishes) {
  if (generation_config && speaks_of_sampling(*generation_config)) {
    return from_file(*generation_config, wishes);
  }
  SamplingParams params;
  params.temperature = wishes.temperature.value_or(kChatTemperature);
  params.top_k = wishes.top_k.value_or(params.top_k);
  params.top_p = wishes.top_p.value_or(kChatTopP);
  params.min_p = wishes.min_p.value_or(params.min_p);
  params.repetition_penalty = wishes.repetition_penalty.value_or(params.repetition_penalty);
  return params;
}

}  // namespace bora
