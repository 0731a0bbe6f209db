#include "model/moe.h"

#include "model/registry.h"
#include "tests/model/tiny_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TinyCheckpoint;
using testing::with_key;

constexpr std::size_t kExpertBytes = std::size_t{2} * 3 * 96;  // bf16: gate, up and down

// The tiny Llama gets three experts in place of each MLP, two of which compute a token.
void make_mixtral(TinyCheckpoint& tiny) {
  tiny.config = with_key(tiny.config, "architectures", R"(["MixtralForCausalLM"])");
  tiny.config = with_key(tiny.config, "num_local_experts", "3");
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char* name : {"gate_proj", "up_proj", "down_proj"}) {
      tiny.tensors.erase(layer + "mlp." + name + ".weight");
    }
    const std::string moe = layer + "block_sparse_moe.";
    tiny.add(moe + "gate.weight", {3, 8});
    for (int e = 0; e < 3; ++e) {
      const std::string expert = fmt::format("{}experts.{}.", moe, e);
      tiny.add(expert + "w1.weight", {12, 8});
      tiny.add(expert + "w2.weight", {8, 12});
      tiny.add(expert + "w3.weight", {12, 8});
    }
  }
}

TEST(Moe, ReadsOnlyTheExpertsThatATokenChooses) {
  TinyCheckpoint tiny;
  make_mixtral(tiny);
  const auto checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {});
  ASSERT_TRUE(model) << model.error().message;
  const std::size_t table = std::size_t{2} * 80;
  EXPECT_EQ((*model)->weight_bytes() - (*model)->weight_bytes_per_token(),
            table + 2 * kExpertBytes);
}

TEST(Moe, MultipliesOnlyWithTheExpertsThatATokenChooses) {
  TinyCheckpoint tiny;
  make_mixtral(tiny);
  const auto checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {});
  ASSERT_TRUE(model) << model.error().message;
  std::size_t values = 0;
  for (const Product& product : (*model)->products()) values += product.values;
  EXPECT_EQ(values, 2 * (64 + 32 + 32 + 64 + 3 * 8 + 2 * 3 * 96) + 80);
}

TEST(Moe, NamesTheExpertsThatAreMissing) {
  TinyCheckpoint tiny;
  make_mixtral(tiny);
  tiny.tensors.erase("model.layers.1.block_sparse_moe.experts.2.w1.weight");
  tiny.add("model.layers.0.block_sparse_moe.gate.weight", {4, 8});
  const auto checkpoint = tiny.open();
  const auto model = load_model(*checkpoint, {});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message,
              AllOf(HasSubstr("found 2 at fault"),
                    HasSubstr("block_sparse_moe.gate.weight has shape [4, 8] instead of [3, 8]"),
                    HasSubstr("experts.2.w1.weight is missing")));
}

}  // namespace
}  // namespace bora
