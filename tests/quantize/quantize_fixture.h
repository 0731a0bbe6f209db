// A tiny checkpoint and a cache folder, for tests of what quantizing makes and keeps.
#pragma once

#include "base/float16.h"
#include "quantize/cache_file.h"
#include "quantize/quantize.h"
#include "tests/base/temp_folder.h"
#include "tests/formats/safetensors_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace bora::testing {

using Stage = QuantizeProgress::Stage;

inline constexpr const char* kEmbedding = "model.embed_tokens.weight";
inline constexpr const char* kLinear = "model.layers.0.mlp.up_proj.weight";
inline constexpr const char* kLong = "model.layers.0.mlp.down_proj.weight";
inline constexpr const char* kOdd = "model.layers.0.odd.weight";
inline constexpr const char* kNorm = "model.norm.weight";
inline constexpr const char* kRouter = "model.layers.0.mlp.gate.weight";

inline float weight(std::size_t i) {
  return static_cast<float>(static_cast<int>(i * 37 % 255) - 127) / 512.0F;
}

inline std::string bf16_data(std::size_t values) {
  std::string data(2 * values, '\0');
  for (std::size_t i = 0; i < values; ++i) {
    const Bf16 value = to_bf16(weight(i));
    std::memcpy(&data[2 * i], &value, sizeof value);
  }
  return data;
}

// Bytes of a tensor.
inline std::string bytes_of(const Checkpoint& checkpoint, const char* name) {
  const Result<TensorView> view = checkpoint.tensor(name);
  if (!view) return view.error().message;
  return {reinterpret_cast<const char*>(view->data), view->bytes()};
}

class QuantizeTest : public ::testing::Test {
 protected:
  QuantizeTest() {
    std::filesystem::create_directory(model_);
    write("config.json", "{}");
    data_[kLinear] = bf16_data(48 * 64);
  }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(model_ / name, std::ios::binary) << bytes;
  }

  [[nodiscard]] Checkpoint source() {
    SafetensorsBuilder file;
    file.tensor(kEmbedding, "BF16", {16, 64}, bf16_data(16 * 64))
        .tensor(kLinear, "BF16", {48, 64}, data_[kLinear])
        .tensor(kLong, "BF16", {2, 4128}, bf16_data(2 * 4128))
        .tensor(kOdd, "BF16", {4, 12}, bf16_data(48))
        .tensor(kRouter, "BF16", {2, 64}, bf16_data(128))
        .tensor(kNorm, "BF16", {64}, bf16_data(64));
    // Written once: a second time would be another state of the model.
    if (!std::filesystem::exists(model_ / "model.safetensors"))
      write("model.safetensors", file.bytes());
    return opened(model_);
  }

  [[nodiscard]] static Checkpoint opened(const std::filesystem::path& path) {
    Result<Checkpoint> checkpoint = Checkpoint::open(path);
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    return *std::move(checkpoint);
  }

  [[nodiscard]] QuantizeOptions options() {
    QuantizeOptions options;
    options.weights = weights_;
    options.cache = cache_;
    options.threads = threads_;
    options.on_progress = [this](const QuantizeProgress& progress) { steps_.push_back(progress); };
    options.on_note = [this](std::string_view line) { notes_.emplace_back(line); };
    return options;
  }

  // A start of the program: what it notes and does is what notes_ and steps_ hold afterwards.
  Result<Checkpoint> start() {
    notes_.clear();
    steps_.clear();
    return quantize_checkpoint(source(), options());
  }

  // How many panels or tensors a start spent on it.
  [[nodiscard]] std::size_t count(Stage stage) const {
    return static_cast<std::size_t>(
        std::count_if(steps_.begin(), steps_.end(),
                      [&](const QuantizeProgress& step) { return step.stage == stage; }));
  }

  [[nodiscard]] CachePlace place() { return cache_place(cache_, source(), weights_); }

  [[nodiscard]] std::vector<std::string> names_in_cache() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(place().folder)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TempFolder folder_;
  std::filesystem::path model_ = folder_.path() / "tiny";
  std::filesystem::path cache_ = folder_.path() / "cache" / "quantized";
  DType weights_ = DType::kQ8_0;
  int threads_ = 2;
  std::map<std::string, std::string> data_;
  std::vector<std::string> notes_;
  std::vector<QuantizeProgress> steps_;
};

}  // namespace bora::testing
