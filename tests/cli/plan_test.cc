// bora plan: what a user sees of it.
#include "tests/cli/models.h"
#include "tests/model/sparse_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace bora {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using testing::bora;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Outcome;
using testing::SparseCheckpoint;
using ::testing::StartsWith;

nlohmann::json json_of(const Outcome& outcome) {
  return nlohmann::json::parse(outcome.out, nullptr, false);
}

TEST(Plan, ShowsWhereTheBytesGo) {
  const Outcome outcome = bora({"plan", golden_model("llama2"), "--threads", "1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out,
              AllOf(StartsWith("llama2: llama, auto (bf16) weights, f16 keys and values\ncpu, "),
                    HasSubstr("\nweights, mapped               896 B"),
                    HasSubstr("\nweights, copied          417.50 KiB"),
                    HasSubstr("\nkeys and values            3.00 MiB"), HasSubstr("  fits into "),
                    HasSubstr("\nint8 "), HasSubstr("\nint4 "), Not(HasSubstr("what fits"))));
}

TEST(Plan, CountsADraftModel) {
  const auto plan = [](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"plan", golden_model("llama2"), "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = bora(all);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  };
  const std::string draft = golden_model("mistral_v02");
  EXPECT_THAT(plan({"--draft-model", draft}), HasSubstr("\ndraft model "));
  const auto alone = nlohmann::json::parse(plan({"--json"}));
  const auto with = nlohmann::json::parse(plan({"--draft-model", draft, "--json"}));
  EXPECT_EQ(alone["bytes"]["draft"], 0);
  EXPECT_GT(with["bytes"]["draft"], 0);
  EXPECT_EQ(with["total_bytes"],
            alone["total_bytes"].get<std::size_t>() + with["bytes"]["draft"].get<std::size_t>());
}

TEST(Plan, PrintsTheKeysOfItsHelp) {
  const std::string help = bora({"plan", "--help"}).out;
  const Outcome outcome = bora({"plan", golden_model("mistral_v01_swa"), "--ctx", "100", "--kv",
                                "bf16", "--prefill-chunk", "7", "--parallel", "3", "--weights",
                                "f32", "--memory-limit", "64M", "--threads", "2", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json json = json_of(outcome);
  ASSERT_TRUE(json.is_object()) << outcome.out;
  for (const auto& [key, value] : json.items()) EXPECT_THAT(help, HasSubstr(key));
  for (const auto& [key, value] : json["bytes"].items()) EXPECT_THAT(help, HasSubstr(key));
  for (const auto& [key, value] : json["by_weights"][0].items()) EXPECT_THAT(help, HasSubstr(key));
  EXPECT_EQ(json["model"], "mistral_v01_swa");
  EXPECT_EQ(json["architecture"], "mistral");
  EXPECT_EQ(json["stored_weights"], "bf16");
  EXPECT_EQ(json["weights"], "f32");
  EXPECT_EQ(json["kv"], "bf16");
  EXPECT_EQ(json["context"], 100);
  EXPECT_EQ(json["prefill_chunk"], 7);
  EXPECT_EQ(json["sequences"], 3);
  EXPECT_EQ(json["threads"], 2);
  EXPECT_EQ(json["threads_from"], "flag");
  EXPECT_GE(json["cpus"], json["cores"]);
  EXPECT_GE(json["numa_nodes"], 1);
  EXPECT_EQ(json["memory_limit_bytes"], 64 << 20);
  EXPECT_EQ(json["fits"], true);
  EXPECT_GT(json["bytes"]["weights_converted"], 0);
  EXPECT_EQ(json["by_weights"][0]["weights"], "f32");
  EXPECT_THAT(json["alternatives"], IsEmpty());
  std::uint64_t sum = 0;
  for (const auto& [key, value] : json["bytes"].items()) sum += value.get<std::uint64_t>();
  EXPECT_EQ(json["total_bytes"], sum);
}

TEST(Plan, CountsCopiedWeightsAsSuch) {
  const auto plan = [](const std::string& load) {
    return json_of(bora({"plan", golden_model("mistral_v02"), "--load", load, "--json"}));
  };
  const nlohmann::json map = plan("map");
  const nlohmann::json copy = plan("copy");
  EXPECT_EQ(map["load"], "map");
  EXPECT_EQ(copy["load"], "copy");
  EXPECT_EQ(map["bytes"]["weights_copied"], 0);
  EXPECT_GT(copy["bytes"]["weights_copied"], copy["bytes"]["weights_mapped"]) << "the norms";
  EXPECT_EQ(map["total_bytes"], copy["total_bytes"]);
  const Outcome text = bora({"plan", golden_model("mistral_v02"), "--load", "copy"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("\nweights, copied "), HasSubstr("; cores: ")));
}

TEST(Plan, SaysWhySoManyThreads) {
  const std::string model = golden_model("llama2");
  EXPECT_THAT(bora({"plan", model, "--threads", "3"}).out,
              HasSubstr("3 threads, as --threads says; cores: "));
  EXPECT_THAT(bora({"plan", model}).out, AnyOf(HasSubstr(", one a core; cores: "),
                                               HasSubstr(", as many as the quota; cores: ")));
}

TEST(Plan, OfSevenBillionInEightGigabytesEndsWithExitCode5AndItsTable) {
  const SparseCheckpoint files;
  const std::string model = files.path().string();
  const Outcome text = bora({"plan", model, "--memory-limit", "8G", "--ctx", "4096"});
  EXPECT_EQ(text.exit_code, 5);
  // std::regex, since glibc's waits for ever under AddressSanitizer.
  const std::regex share("\nweights, mapped           13.49 GiB    9[45]\\.[0-9] %  ####");
  EXPECT_TRUE(std::regex_search(text.out, share)) << text.out;
  EXPECT_THAT(text.out, AllOf(HasSubstr("does not fit into 8.00 GiB\n"),
                              HasSubstr("\nwhat fits, the least loss first:\n  --weights int8 ")));

  const Outcome outcome = bora({"plan", model, "--memory-limit", "8G", "--ctx", "4096", "--json"});
  EXPECT_EQ(outcome.exit_code, 5);
  const nlohmann::json json = json_of(outcome);
  EXPECT_EQ(json["fits"], false);
  EXPECT_EQ(json["largest_context"], 0);
  EXPECT_EQ(json["alternatives"][0]["flags"], "--weights int8");
  EXPECT_LE(json["alternatives"][0]["total_bytes"], std::uint64_t{8} << 30);
  EXPECT_EQ(json["alternatives"][1]["flags"], "--weights int4");
}

TEST(Plan, IsWhatRunIsRefusedBy) {
  const SparseCheckpoint files;
  const Outcome outcome = bora({"run", files.path().string(), "--prompt-ids", "1,2", "--ctx",
                                "4096", "--memory-limit", "8G", "--weights", "f32"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(StartsWith("bora: memory: expected at most 8.00 GiB, found 27."),
                                 HasSubstr("\n  --weights int8 fits: 7.")));
}

TEST(Plan, TakesNoModelThatIsNone) {
  EXPECT_EQ(bora({"plan", "/nowhere"}).exit_code, 4);
  EXPECT_EQ(bora({"plan", golden_model("llama2"), "--ctx", "5000"}).exit_code, 2);
  EXPECT_EQ(bora({"plan", golden_model("llama2"), "--memory-limit", "much"}).exit_code, 2);
}

}  // namespace
}  // namespace bora
