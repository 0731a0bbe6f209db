// A model in every quantized GGUF type gives the logits of the same numbers in f32, computed in f32
// bit for bit; by products of integers, which round activations, its own however it is cut. The
// numbers are the golden blocks', held to the Python package gguf by
// tests/model/gguf_blocks_test.cc.
#include "kernels/reference/weights.h"
#include "tests/base/temp_folder.h"
#include "tests/engine/golden.h"
#include "tests/formats/gguf_blocks.h"
#include "tests/formats/gguf_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bora {
namespace {

using testing::GgufBlocks;
using testing::GgufBuilder;
using testing::TempFolder;
using testing::TestEngine;

constexpr std::uint64_t kHidden = 256;
constexpr std::uint64_t kIntermediate = 512;
constexpr std::uint64_t kVocab = 24;
constexpr std::uint32_t kF32 = 0;
const std::vector<TokenId> kPrompt = {1, 5, 9, 2, 23, 0, 7, 7, 11, 4, 3};

// A golden type's blocks, and the same as f32: what bora computes with.
struct Blocks {
  explicit Blocks(const GgufBlocks& golden) : type(golden) {
    const testing::GgufRow row = testing::row_of(golden);
    for (std::size_t k = 0; k < golden.values.size(); ++k) {
      values.push_back(
          static_cast<float>(kernels::reference::weight_value(row.dtype, row.data(), k)));
    }
  }
  const GgufBlocks& type;
  std::vector<float> values;
};

// A file whose weights are blocks drawn at random, as they are or as f32: the same draws.
class TypedFile {
 public:
  TypedFile(const Blocks& blocks, bool as_f32) : blocks_(blocks), as_f32_(as_f32) {
    file_.text("general.architecture", "llama");
    const std::pair<const char*, std::uint64_t> counts[] = {{"embedding_length", kHidden},
                                                            {"feed_forward_length", kIntermediate},
                                                            {"block_count", 1},
                                                            {"attention.head_count", 4},
                                                            {"context_length", 256},
                                                            {"attention.head_count_kv", 2},
                                                            {"vocab_size", kVocab},
                                                            {"rope.dimension_count", kHidden / 4}};
    for (const auto& [key, number] : counts) {
      file_.value(std::string("llama.") + key, MetadataType::kUint32,
                  static_cast<std::uint32_t>(number));
    }
    file_.value("llama.attention.layer_norm_rms_epsilon", MetadataType::kFloat32, 1e-5F);
    add_matrix("token_embd.weight", kVocab, kHidden);
    add_norm("blk.0.attn_norm.weight");
    add_matrix("blk.0.attn_q.weight", kHidden, kHidden);
    add_matrix("blk.0.attn_k.weight", kHidden / 2, kHidden);
    add_matrix("blk.0.attn_v.weight", kHidden / 2, kHidden);
    add_matrix("blk.0.attn_output.weight", kHidden, kHidden);
    add_norm("blk.0.ffn_norm.weight");
    add_matrix("blk.0.ffn_gate.weight", kIntermediate, kHidden);
    add_matrix("blk.0.ffn_up.weight", kIntermediate, kHidden);
    add_matrix("blk.0.ffn_down.weight", kHidden, kIntermediate);
    add_norm("output_norm.weight");
    add_matrix("output.weight", kVocab, kHidden);
  }
  [[nodiscard]] std::string bytes() const { return file_.bytes(); }

 private:
  void add_norm(std::string_view name) {
    std::string data;
    for (std::uint64_t i = 0; i < kHidden; ++i) GgufBuilder::put(data, 1.0F);
    file_.tensor(name, {kHidden}, kF32, data);
  }
  void add_matrix(std::string_view name, std::uint64_t rows, std::uint64_t columns) {
    const GgufBlocks& type = blocks_.type;
    const std::size_t count = type.values.size() / type.block_values;
    const std::size_t block_bytes = type.bytes.size() / count;
    std::string data;
    for (std::uint64_t at = 0; at < rows * columns; at += type.block_values) {
      const std::size_t block = random_() % count;
      if (as_f32_) {
        data.append(
            reinterpret_cast<const char*>(blocks_.values.data() + block * type.block_values),
            type.block_values * sizeof(float));
      } else {
        data.append(type.bytes, block * block_bytes, block_bytes);
      }
    }
    file_.tensor(name, {columns, rows}, as_f32_ ? kF32 : type.ggml_type, data);
  }

  const Blocks& blocks_;
  bool as_f32_;
  GgufBuilder file_;
  std::mt19937 random_;
};

using Logits = std::vector<std::vector<float>>;

Logits logits_of(const std::filesystem::path& file, const TestEngine::Options& options) {
  auto engine = TestEngine::open(file, options);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? (*engine)->all_logits(kPrompt) : Logits();
}

std::vector<CpuBackendOptions> backends() {
  std::vector<CpuBackendOptions> all;
  for (const std::string& isa : testing::usable_isas()) {
    for (const ComputeType compute : {ComputeType::kF32, ComputeType::kAuto}) {
      all.push_back({.threads = 1, .isa = isa, .compute = compute});
    }
  }
  return all;
}

class GgufTypes : public ::testing::TestWithParam<GgufBlocks> {
 protected:
  GgufTypes()
      : typed_(folder_.write("typed.gguf", TypedFile(blocks_, false).bytes())),
        plain_(folder_.write("plain.gguf", TypedFile(blocks_, true).bytes())) {}

  const Blocks blocks_{GetParam()};
  const TempFolder folder_;
  const std::filesystem::path typed_;
  const std::filesystem::path plain_;
};

TEST_P(GgufTypes, GiveTheLogitsOfTheSameNumbersInF32) {
  for (const CpuBackendOptions& backend : backends()) {
    if (backend.compute != ComputeType::kF32) continue;
    const Logits expected = logits_of(plain_, {.backend = backend});
    ASSERT_EQ(expected.size(), kPrompt.size());
    EXPECT_EQ(logits_of(typed_, {.backend = backend}), expected) << *backend.isa;
  }
}

TEST_P(GgufTypes, GiveTheSameLogitsInChunksAndOnTwoThreads) {
  for (CpuBackendOptions backend : backends()) {
    const Logits expected = logits_of(typed_, {.backend = backend});
    backend.threads = 2;
    for (const std::size_t chunk : {1U, 7U}) {
      EXPECT_EQ(logits_of(typed_, {.backend = backend, .engine = {.prefill_chunk = chunk}}),
                expected)
          << *backend.isa << " chunks of " << chunk;
    }
  }
}

// Tokens drawn and, to the bit, the likeliest of what each was drawn from.
std::vector<float> answer_of(TokenStream& stream) {
  std::vector<float> answer;
  while (const std::optional<TokenEvent> event = stream.next()) {
    answer.push_back(static_cast<float>(event->id));
    for (const TokenLogprob& top : event->top_logprobs) answer.push_back(top.logprob);
  }
  EXPECT_TRUE(stream.wait());
  return answer;
}

// Of other lengths: the third begins with a whole block of the cache.
std::vector<Request> five_requests() {
  std::vector<Request> requests(5);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    for (std::size_t t = 0; t < (i == 2 ? 70 : 3 + 4 * i); ++t) {
      requests[i].prompt.push_back(static_cast<TokenId>((t * 7 + t / 5 + i) % kVocab));
    }
    requests[i].max_new_tokens = 6 + i;
    requests[i].ignore_eos = true;
    requests[i].sampling = {.temperature = 0.7F, .seed = 9 + i, .logprobs = 20};
  }
  return requests;
}

TEST_P(GgufTypes, GiveTheSameBitsAloneInABatchOfFiveAndFromThePrefixCache) {
  const std::vector<Request> requests = five_requests();
  for (CpuBackendOptions backend : backends()) {
    std::vector<std::vector<float>> expected;
    auto single = TestEngine::open(typed_, {.backend = backend});
    ASSERT_TRUE(single) << single.error().message;
    for (Request request : requests) {
      request.use_prefix_cache = false;
      auto stream = (**single)->submit(request);
      ASSERT_TRUE(stream) << stream.error().message;
      expected.push_back(answer_of(*stream));
      ASSERT_EQ(expected.back().size(), 21 * request.max_new_tokens);
    }
    backend.threads = 2;
    auto five = TestEngine::open(
        typed_, {.backend = backend, .engine = {.prefill_chunk = 7, .max_sequences = 5}});
    ASSERT_TRUE(five) << five.error().message;
    for (const std::size_t cached : {0U, 64U}) {
      auto streams = (**five)->submit_all(requests);
      ASSERT_TRUE(streams) << streams.error().message;
      for (std::size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(answer_of((*streams)[i]), expected[i]) << *backend.isa << " request " << i;
      }
      EXPECT_EQ((*streams)[2].wait()->cached_tokens, cached);
    }
  }
}

TEST_P(GgufTypes, AreConvertedLikeTheSameNumbersInF32) {
  const LoadOptions load{.weights = DType::kBF16, .threads = 2};
  EXPECT_EQ(logits_of(typed_, {.load = load}), logits_of(plain_, {.load = load}));
}

INSTANTIATE_TEST_SUITE_P(Golden, GgufTypes, ::testing::ValuesIn(testing::all_gguf_blocks()),
                         [](const auto& instance) { return instance.param.type; });

}  // namespace
}  // namespace bora
