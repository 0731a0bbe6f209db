#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bora {
namespace {

using Json = nlohmann::json;
using testing::bora;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using ::testing::StartsWith;
using testing::TempFolder;

const std::vector<std::string> kModels = {"llama2", "llama31_rope_tied", "mistral_nemo",
                                          "mistral_v01_swa", "mistral_v02"};

std::string comma_separated(const Json& ids) {
  std::string text;
  for (const Json& id : ids) text += (text.empty() ? "" : ",") + id.dump();
  return text;
}

Json golden_of(const std::string& name) {
  return Json::parse(testing::read_file(golden_model(name) + "/golden.json"));
}

TEST(Run, AnswersTheGoldenIdsOfEveryModelGreedily) {
  for (const std::string& name : kModels) {
    const Json golden = golden_of(name);
    const Outcome outcome =
        bora({"run", golden_model(name), "--prompt-ids", comma_separated(golden["input_ids"]),
              "--ignore-eos", "--max-new-tokens", "24", "--compute", "f32", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["ids"], golden["greedy"]) << name;
  }
}

TEST(Run, AnswersTheSameFromTheMapAndFromACopy) {
  Json ids;
  for (const std::string load : {"map", "copy"}) {
    const Outcome outcome = bora({"run", golden_model("mistral_v02"), "--prompt-ids", "5,6,7",
                                  "--max-new-tokens", "9", "--load", load, "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_EQ(json["load"], load);
    if (load == "map") ids = json["ids"];
    EXPECT_EQ(json["ids"], ids);
  }
}

TEST(Run, PrintsEveryKeyOfItsJson) {
  const Outcome outcome = bora({"run", golden_model("llama2"), "--prompt-ids", "5,6,7",
                                "--max-new-tokens", "3", "--ignore-eos", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["text"], "");
  EXPECT_EQ(json["prompt_ids"], Json({5, 6, 7}));
  EXPECT_EQ(json["ids"].size(), 3);
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["model"], "llama2");
  EXPECT_EQ(json["device"], "cpu");
  EXPECT_EQ(json["weights"], "bf16");
  EXPECT_TRUE(json["isa"].is_string());
  EXPECT_TRUE(json["load"] == "map" || json["load"] == "copy");
  const Json& timings = json["timings"];
  for (const char* key : {"load_s", "prefill_s", "prefill_tokens_per_s", "decode_s",
                          "decode_tokens_per_s", "total_tokens_per_s", "weight_bytes_per_token"}) {
    EXPECT_TRUE(timings[key].is_number()) << key;
    EXPECT_GE(timings[key].get<double>(), 0.0) << key;
  }
  EXPECT_GE(json["speculation"]["drafted"], json["speculation"]["accepted"]);
  EXPECT_FALSE(json.contains("logprobs"));
}

TEST(Run, AnswersTheSameWithAndWithoutDrafts) {
  const auto run = [](const std::string& speculate) {
    return bora({"run", golden_model("llama2"), "--prompt-ids", "5,6,7,8,5,6,7", "--ignore-eos",
                 "--max-new-tokens", "24", "--json", "--speculate", speculate});
  };
  const Json off = Json::parse(run("off").out);
  const Json none = {{"drafted", 0}, {"accepted", 0}};
  Json expected = none;
  expected["lookup"] = none;
  expected["model"] = none;
  EXPECT_EQ(off["speculation"], expected);
  EXPECT_FALSE(off.contains("draft_model"));
  for (const char* speculate : {"auto", "lookup"}) {
    EXPECT_EQ(Json::parse(run(speculate).out)["ids"], off["ids"]) << speculate;
  }
  EXPECT_EQ(run("never").exit_code, 2);
}

TEST(Run, AnswersTheSameWithADraftModel) {
  const auto run = [](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> all = {"run",          golden_model(model), "--prompt-ids", "5,6,7",
                                    "--ignore-eos", "--max-new-tokens",  "24",           "--json"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = bora(all);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return Json::parse(outcome.out);
  };
  for (const auto& [model, draft] : {std::pair{"llama2", "llama2"}, {"llama2", "mistral_v02"}}) {
    for (const std::string temperature : {"0", "0.7"}) {
      const Json off = run(model, {"--temperature", temperature, "--speculate", "off"});
      for (const char* speculate : {"auto", "model"}) {
        const Json found = run(model, {"--temperature", temperature, "--speculate", speculate,
                                       "--draft-model", golden_model(draft)});
        EXPECT_EQ(found["ids"], off["ids"]) << draft << ", " << speculate;
        EXPECT_EQ(found["draft_model"], draft);
        if (speculate == std::string("auto")) continue;  // how much it drafts is a matter of time
        EXPECT_GT(found["speculation"]["model"]["drafted"], 20);
        EXPECT_EQ(found["speculation"]["model"]["drafted"], found["speculation"]["drafted"]);
        EXPECT_EQ(found["speculation"]["lookup"]["drafted"], 0);
      }
    }
  }
}

TEST(Run, NamesWhatIsWrongWithADraftModel) {
  const auto error = [](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"run", golden_model("llama2"), "--prompt-ids", "5"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = bora(all);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(error({"--speculate", "model"}),
              HasSubstr("--speculate model: expected --draft-model with it, found none"));
  EXPECT_THAT(error({"--draft-weights", "int8"}),
              HasSubstr("--draft-weights: expected --draft-model with it, found none"));
  EXPECT_THAT(error({"--speculate", "lookup", "--draft-model", golden_model("llama2")}),
              HasSubstr("--draft-model: expected --speculate auto or model with it, found lookup"));
  EXPECT_THAT(error({"--draft-model", golden_model("mistral_nemo")}),
              HasSubstr("draft model mistral_nemo: expected the vocabulary of llama2, 512 tokens, "
                        "found 520"));
}

TEST(Run, HasFiniteNumbersForOneTokenOfAPromptOfOne) {
  const Outcome outcome =
      bora({"run", golden_model("llama2"), "--prompt-ids", "5", "--max-new-tokens", "1", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("null")));
  EXPECT_EQ(Json::parse(outcome.out)["timings"]["decode_tokens_per_s"], 0.0);
}

TEST(Run, GivesTheSameTokensForTheSameSeed) {
  const auto ids = [](const std::string& seed) {
    return Json::parse(bora({"run", golden_model("llama2"), "--prompt-ids", "5,6", "--json",
                             "--ignore-eos", "--temperature", "1.5", "--top-k", "50", "--top-p",
                             "0.95", "--min-p", "0.01", "--seed", seed, "--max-new-tokens", "16"})
                           .out)["ids"];
  };
  EXPECT_EQ(ids("1"), ids("1"));
  EXPECT_NE(ids("1"), ids("2"));
}

TEST(Run, AnswersInParallelAndPrintsTheFirst) {
  const std::vector<std::string> alone = {"run", golden_model("llama2"), "--prompt-ids",
                                          "5,6", "--ignore-eos",         "--temperature",
                                          "1.5", "--max-new-tokens",     "16"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), alone.begin(), alone.end());
    return bora(more);
  };
  const Json one = Json::parse(with({"--json"}).out);
  const Json four = Json::parse(with({"--json", "--parallel", "4"}).out);
  EXPECT_EQ(four["ids"], one["ids"]);
  EXPECT_EQ(four["parallel"], 4);
  EXPECT_FALSE(one.contains("parallel"));
  EXPECT_GT(four["timings"]["decode_tokens_per_s"].get<double>(), 0.0);
  const Outcome report = with({"--parallel", "4"});
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_THAT(report.err, HasSubstr("parallel 4 answers, 64 tokens"));
  EXPECT_EQ(with({"--parallel", "0"}).exit_code, 2);
}

TEST(Run, ReportsTheLikeliestTokensWhenAsked) {
  const Json json = Json::parse(bora({"run", golden_model("llama2"), "--prompt-ids", "5,6",
                                      "--json", "--max-new-tokens", "2", "--logprobs", "3"})
                                    .out);
  ASSERT_EQ(json["logprobs"].size(), json["ids"].size());
  EXPECT_EQ(json["logprobs"][0]["id"], json["ids"][0]);
  EXPECT_EQ(json["logprobs"][0]["top"].size(), 3);
  EXPECT_EQ(json["logprobs"][0]["top"][0][0], json["ids"][0]);  // greedy
}

// Bad model files: one line that names the file, the exit code of a bad or missing file.
TEST(RunBadModel, NamesWhatIsWrong) {
  const TempFolder scratch;
  const auto copy = [&](const std::string& name) {
    std::filesystem::path folder = scratch.path() / name;
    std::filesystem::copy(golden_model("llama2"), folder);
    return folder;
  };
  const auto with_config = [&](const std::string& name, const std::string& key, const Json& value) {
    const std::filesystem::path folder = copy(name);
    Json config = Json::parse(testing::read_file(folder / "config.json"));
    config[key] = value;
    if (key == "model_type") config["architectures"] = Json::array({"MambaForCausalLM"});
    std::ofstream(folder / "config.json") << config.dump();
    return folder.string();
  };
  const std::filesystem::path truncated = copy("truncated");
  std::filesystem::resize_file(truncated / "model.safetensors", 1000);
  const std::filesystem::path half = copy("half");
  std::filesystem::resize_file(half / "model.safetensors",
                               std::filesystem::file_size(half / "model.safetensors") / 2);
  const std::filesystem::path no_config = copy("no_config");
  std::filesystem::remove(no_config / "config.json");
  const std::filesystem::path no_weights = copy("no_weights");
  std::filesystem::remove(no_weights / "model.safetensors");
  std::filesystem::create_directory(scratch.path() / "empty");
  std::string other_dtype = testing::read_file(copy("dtype") / "model.safetensors");
  const std::size_t at = other_dtype.find("\"BF16\"");
  ASSERT_NE(at, std::string::npos);
  other_dtype.replace(at, 6, "\"QF16\"");
  std::ofstream(scratch.path() / "dtype" / "model.safetensors", std::ios::binary) << other_dtype;

  const std::vector<std::tuple<std::string, int>> cases = {
      {truncated.string(), 3},
      {half.string(), 3},
      {no_config.string(), 3},
      {no_weights.string(), 3},
      {(scratch.path() / "empty").string(), 3},
      {with_config("architecture", "model_type", "mamba"), 3},
      {with_config("hidden", "hidden_size", 60), 3},
      {with_config("heads", "num_attention_heads", -4), 3},
      {(scratch.path() / "dtype").string(), 3},
      {scratch.write("not_a_model.gguf", "GGUX and more bytes than that"), 3},
      {scratch.write("empty.gguf", ""), 3},
      {(scratch.path() / "missing").string(), 4},
      {"/dev/null", 3},
  };
  for (const auto& [model, exit_code] : cases) {
    const Outcome outcome = bora({"run", model, "--prompt-ids", "1,2", "--json"});
    EXPECT_EQ(outcome.exit_code, exit_code) << model << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("bora: "));
    EXPECT_THAT(outcome.err, HasSubstr("expected")) << model;
  }
}

}  // namespace
}  // namespace bora
