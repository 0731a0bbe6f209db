// bench as a program: what it measures, its keys, its plot and its errors.
#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace bora {
namespace {

using testing::bora;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using testing::TempFolder;
using Json = nlohmann::json;

TEST(Bench, PrintsEveryKeyOfItsJson) {
  const Outcome outcome = bora({"bench", golden_model("llama2"), "--prompt-tokens", "8",
                                "--new-tokens", "4", "--depth", "3", "--reps", "2", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("null")));
  const Json json = Json::parse(outcome.out);
  const Json& machine = json["machine"];
  for (const char* key : {"threads", "read_bandwidth_gb_s", "fma_gflops", "int8_gops"}) {
    EXPECT_GT(machine[key].get<double>(), 0.0) << key;
  }
  EXPECT_TRUE(machine["cpu"].is_string());
  EXPECT_TRUE(machine["isa"].is_string());
  EXPECT_GE(machine["read_bandwidth_spread"].get<double>(), 0.0);
  EXPECT_EQ(machine["steady"].get<bool>(), machine["read_bandwidth_spread"].get<double>() <= 0.15);
  ASSERT_EQ(machine["inner_loop_gops"].size(), 2) << "of the weights and of attention";
  EXPECT_GT(machine["inner_loop_gops"]["bf16"].get<double>(), 0.0);
  EXPECT_GT(machine["inner_loop_gops"]["f32"].get<double>(), 0.0);
  ASSERT_EQ(json["results"].size(), 1);
  const Json& result = json["results"][0];
  EXPECT_EQ(result["weights"], "bf16");
  EXPECT_EQ(result["batch"], 1);
  EXPECT_EQ(result["prompt_tokens"], 8);
  EXPECT_EQ(result["new_tokens"], 4);
  EXPECT_EQ(result["depth"], 3);
  EXPECT_TRUE(result["prefill_tokens_per_s"].is_number());
  EXPECT_TRUE(result["prefill_fraction"].is_number());
  EXPECT_TRUE(result["prefill_gops"].is_number());
  for (const char* key :
       {"decode_tokens_per_s", "bandwidth_fraction", "read_bandwidth_gb_s", "decode_fraction",
        "prefill_limit_tokens_per_s", "decode_limit_tokens_per_s", "prefill_limit_gops",
        "decode_limit_gops", "decode_gops", "prefill_operations_per_byte",
        "decode_operations_per_byte"}) {
    EXPECT_GT(result[key].get<double>(), 0.0) << key;
  }
  for (const char* key : {"prefill_bound", "decode_bound"}) {
    EXPECT_TRUE(result[key] == "memory" || result[key] == "compute") << key;
  }
  EXPECT_EQ(result["steady"].get<bool>(), result["read_bandwidth_spread"].get<double>() <= 0.15);
}

TEST(Bench, MeasuresEachBatchSize) {
  const Outcome outcome = bora({"bench", golden_model("mistral_v01_swa"), "--prompt-tokens", "8",
                                "--new-tokens", "4", "--reps", "1", "--batch", "1,3", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  ASSERT_EQ(json["results"].size(), 2);
  EXPECT_EQ(json["results"][0]["batch"], 1);
  EXPECT_EQ(json["results"][1]["batch"], 3);
  EXPECT_GT(json["results"][1]["decode_tokens_per_s"].get<double>(), 0.0);
  EXPECT_GT(json["results"][1]["prefill_tokens_per_s"].get<double>(), 0.0);
}

TEST(Bench, MeasuresEachCombinationOfWeightsDepthsAndLengths) {
  const TempFolder scratch;
  const Outcome outcome = bora({"bench", golden_model("llama2"), "--weights", "auto,f32", "--depth",
                                "0,16", "--prompt-tokens", "4,8", "--new-tokens", "2", "--reps",
                                "1", "--json", "--cache-dir", scratch.path().string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  std::vector<std::string> found;
  for (const Json& result : json["results"]) {
    found.push_back(result["weights"].get<std::string>() + " " + result["depth"].dump() + " " +
                    result["prompt_tokens"].dump());
  }
  EXPECT_THAT(found, ::testing::ElementsAre("bf16 0 4", "bf16 0 8", "bf16 16 4", "bf16 16 8",
                                            "f32 0 4", "f32 0 8", "f32 16 4", "f32 16 8"));
  const Json& results = json["results"];
  EXPECT_EQ(results[0]["decode_tokens_per_s"], results[1]["decode_tokens_per_s"])
      << "an answer does not depend on another prompt's length and is measured once";
  EXPECT_LT(results[4]["decode_operations_per_byte"].get<double>(),
            results[0]["decode_operations_per_byte"].get<double>())
      << "f32 weights have twice the bytes of bf16";
}

TEST(Bench, PrintsARowForEachPhase) {
  const Outcome outcome =
      bora({"bench", golden_model("llama2"), "--prompt-tokens", "4,8", "--new-tokens", "2",
            "--depth", "3", "--batch", "2", "--reps", "1"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* text : {"bf16 prefill 2 x 4 at 3", "bf16 prefill 2 x 8 at 3",
                           "bf16 decode 2 x 2 at 3", " GB/s", "inner loops, Gop/s: f32 "}) {
    EXPECT_THAT(outcome.out, HasSubstr(text));
  }
}

TEST(Bench, WritesAPlotWhole) {
  const TempFolder scratch;
  const std::filesystem::path plot = scratch.path() / "out.svg";
  const Outcome outcome =
      bora({"bench", golden_model("llama2"), "--prompt-tokens", "8", "--new-tokens", "2", "--depth",
            "0,16", "--reps", "1", "--json", "--plot", plot.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(Json::parse(outcome.out)["results"].is_array());
  const std::string svg = read_file(plot);
  EXPECT_TRUE(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n")) << svg;
  for (const char* text : {"Roofline", "Prefill over context", "Decode over context", "bf16"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf\"")));
}

TEST(Bench, RefusesWhatItCannotMeasureOrWriteBeforeItBegins) {
  const TempFolder scratch;
  const std::string model = golden_model("llama2");
  struct Case {
    std::vector<std::string> flags;
    int exit_code;
    const char* message;
  };
  const std::string folder = scratch.path().string();
  for (const Case& each : std::vector<Case>{
           {{"--batch", "4,0"}, 2, "--batch: expected a whole number from 1"},
           {{"--depth", "1,"}, 2, "--depth: expected a whole number"},
           {{"--weights", "bf16,int3"}, 2, "expected one of auto|f32|f16|bf16|int8|int4, found"},
           {{"--plot", folder}, 2, "expected a file to write, found a folder"},
           {{"--plot", folder + "/none/out.svg"},
            1,
            "/none/out.svg: expected a folder that can be written, found"}}) {
    std::vector<std::string> arguments = {"bench", model};
    arguments.insert(arguments.end(), each.flags.begin(), each.flags.end());
    const Outcome outcome = bora(arguments);
    EXPECT_EQ(outcome.exit_code, each.exit_code) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(each.message));
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace bora
