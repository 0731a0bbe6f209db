// eval, verify, doctor and template: what they measure, and the keys they print.
#include "base/cpu_topology.h"
#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace bora {
namespace {

using Json = nlohmann::json;
using testing::bora;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::TempFolder;

std::string golden_file(const std::string& name) {
  return std::string(BORA_TEST_DATA_DIR) + "/golden/" + name;
}

TEST(Eval, PrintsTheLogitsOfEveryPosition) {
  const Json golden = Json::parse(testing::read_file(golden_model("llama2") + "/golden.json"));
  std::string ids;
  for (const Json& id : golden["input_ids"]) ids += (ids.empty() ? "" : ",") + id.dump();
  const Outcome outcome = bora({"eval", golden_model("llama2"), "--prompt-ids", ids, "--top-logits",
                                "5", "--compute", "f32"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json positions = Json::parse(outcome.out)["positions"];
  ASSERT_EQ(positions.size(), golden["input_ids"].size());
  for (std::size_t p = 0; p < positions.size(); ++p) {
    const Json& recorded = golden["logits_last"][p];
    EXPECT_NEAR(positions[p]["logsumexp"].get<double>(), recorded["logsumexp"].get<double>(), 2e-3);
    ASSERT_EQ(positions[p]["top"].size(), 5);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(positions[p]["top"][i][0], recorded["ids"][i]) << "position " << p;
      EXPECT_NEAR(positions[p]["top"][i][1].get<double>(), recorded["values"][i].get<double>(),
                  2e-3);
    }
  }
}

class EvalText : public ::testing::Test {
 protected:
  Json eval(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"eval", model_, "--text", text_, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = bora(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return Json::parse(outcome.out);
  }

  TempFolder scratch_;
  std::string model_ = testing::model_with_tokenizer(scratch_, "llama2");
  std::string text_ = scratch_.write("text.txt", "the quick brown fox jumps over a dog");
};

TEST_F(EvalText, MeasuresPerplexityOverEveryTokenButTheFirst) {
  const Json whole = eval({});
  EXPECT_EQ(whole["tokens"], 35);
  EXPECT_EQ(whole["windows"], 1);
  EXPECT_NEAR(whole["perplexity"].get<double>(), std::exp(whole["nll"].get<double>() / 35), 1e-9);
  EXPECT_FALSE(whole.contains("kl_mean"));
  const Json windows = eval({"--ctx", "16"});
  EXPECT_EQ(windows["tokens"], 35);
  EXPECT_EQ(windows["window"], 16);
  EXPECT_EQ(windows["windows"], 3);
}

TEST_F(EvalText, LeavesOutTheHeadOfEachWindow) {
  const std::string head_file = scratch_.write("head.txt", "the quick brown fox jum");
  const Outcome head = bora({"eval", model_, "--text", head_file, "--json"});
  ASSERT_EQ(head.exit_code, 0) << head.err;
  const Json counted = Json::parse(head.out);
  const auto skip = counted["tokens"].get<int>();
  const Json whole = eval({});
  const Json tail = eval({"--skip", std::to_string(skip)});
  EXPECT_EQ(tail["tokens"], 35 - skip);
  EXPECT_NEAR(tail["nll"].get<double>(), whole["nll"].get<double>() - counted["nll"].get<double>(),
              1e-3);
  EXPECT_EQ(eval({"--ctx", "16", "--skip", "10"})["tokens"], 5 + 5);  // windows of 16, 16 and 6
  EXPECT_EQ(eval({"--skip", "34", "--against", model_})["tokens"], 1);
}

TEST_F(EvalText, FindsNoDivergenceOfAModelFromItself) {
  const Json same = eval({"--against", model_});
  EXPECT_EQ(same["kl_mean"], 0.0);
  EXPECT_EQ(same["kl_p99"], 0.0);
  EXPECT_EQ(same["top1_agreement"], 1.0);
  EXPECT_EQ(same["nll"], eval({})["nll"]);
}

TEST_F(EvalText, FindsDivergenceFromAnotherModel) {
  const Json other = eval({"--against", golden_model("mistral_v02")});
  EXPECT_GT(other["kl_mean"].get<double>(), 0.1);
  EXPECT_GE(other["kl_p99"].get<double>(), other["kl_mean"].get<double>());
  EXPECT_LT(other["top1_agreement"].get<double>(), 1.0);
}

TEST_F(EvalText, RejectsWhatCannotBeMeasured) {
  const std::string one_token = scratch_.write("one.txt", "a");
  const std::vector<std::tuple<std::vector<std::string>, int, std::string>> cases = {
      {{"eval", model_}, 2, "expected either --text or --prompt-ids"},
      {{"eval", model_, "--prompt-ids", "1"}, 2, "--top-logits: expected together"},
      {{"eval", model_, "--text", one_token}, 2, "expected at least 2 tokens"},
      {{"eval", model_, "--text", "/nonexistent"}, 4, "/nonexistent"},
      {{"eval", model_, "--text", text_, "--skip", "35"}, 2, "less than the 35 predictions"},
      {{"eval", model_, "--text", text_, "--skip", "35", "--against", model_}, 2, "found 35"},
      {{"eval", model_, "--prompt-ids", "1", "--top-logits", "1", "--skip", "1"}, 2, "--skip"},
      {{"eval", golden_model("llama2"), "--text", text_}, 4, "expected a tokenizer"},
      {{"eval", model_, "--prompt-ids", "999", "--top-logits", "1"}, 2, "found 999"},
      {{"verify", model_}, 2, "--golden: expected a file, found none"},
      {{"verify", model_, "--golden", text_}, 3, "text.txt"},
      {{"template", "--messages", text_, "--template", "/nonexistent"}, 2, "messages"},
      {{"template"}, 2, "--messages: expected a file, found none"},
  };
  for (const auto& [arguments, exit_code, expected] : cases) {
    const Outcome outcome = bora(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(expected));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(Verify, PassesTheGoldenOfEveryModel) {
  for (const std::string name :
       {"llama2", "llama31_rope_tied", "mistral_nemo", "mistral_v01_swa", "mistral_v02"}) {
    const Outcome outcome = bora(
        {"verify", golden_model(name), "--golden", golden_model(name) + "/golden.json", "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << name << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_EQ(json["checked"], 49);
    EXPECT_EQ(json["failed"], 0);
    EXPECT_LT(json["max_abs_logit_error"].get<double>(), 2e-3);
    EXPECT_EQ(json["top1_agreement"], 1.0);
    EXPECT_EQ(json["greedy_match"], true);
    EXPECT_EQ(json["passed"], true);
  }
}

TEST(Verify, FailsWithExitCode1WhereAValueDiffers) {
  const TempFolder scratch;
  Json golden = Json::parse(testing::read_file(golden_model("llama2") + "/golden.json"));
  golden["logits_last"][3]["values"][2] = 99.0;
  golden["greedy"][4] = 0;
  const std::string file = scratch.write("golden.json", golden.dump());
  const Outcome outcome = bora({"verify", golden_model("llama2"), "--golden", file, "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("position 3: logit of id "));
  EXPECT_THAT(outcome.err, HasSubstr("greedy token 4: expected 0, found "));
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["failed"], 2);
  EXPECT_EQ(json["greedy_match"], false);
  EXPECT_EQ(json["passed"], false);
  EXPECT_GT(json["max_abs_logit_error"].get<double>(), 50.0);
}

TEST(Verify, StopsComparingGreedyIdsAtANearTie) {
  const TempFolder scratch;
  Json golden = Json::parse(testing::read_file(golden_model("llama2") + "/golden.json"));
  golden["greedy"][4] = 0;
  golden["greedy_margin"][4] = 0.009;
  const std::string file = scratch.write("golden.json", golden.dump());
  EXPECT_EQ(bora({"verify", golden_model("llama2"), "--golden", file}).exit_code, 0);
}

TEST(Verify, ChecksTokenizersAndTemplatesWithoutAModel) {
  const std::string tokenizers = std::string(BORA_TEST_DATA_DIR) + "/tokenizers/";
  EXPECT_EQ(bora({"verify", tokenizers + "tokenizer.model.v1", "--golden",
                  golden_file("tokenize_mistral_v1.json")})
                .exit_code,
            0);
  EXPECT_EQ(bora({"verify", tokenizers + "mistral_instruct_tokenizer_240323.model.v3", "--golden",
                  golden_file("tokenize_mistral_v3.json")})
                .exit_code,
            0);
  EXPECT_EQ(bora({"verify", tokenizers + "tokenizer.model.v1", "--golden",
                  golden_file("tokenize_mistral_v3.json")})
                .exit_code,
            1);
  const Outcome templates = bora({"verify", "--golden", golden_file("chat_templates.json")});
  EXPECT_EQ(templates.exit_code, 0) << templates.err;
}

TEST(Doctor, PrintsEveryKeyOfItsJson) {
  const TempFolder scratch;
  const Outcome outcome = bora({"doctor", "--json", "--cache-dir", scratch.path().string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  for (const char* key : {"version",
                          "cpu",
                          "features",
                          "isa",
                          "cores",
                          "cpus",
                          "numa_nodes",
                          "cpu_quota",
                          "threads",
                          "memory_bytes",
                          "memory_available_bytes",
                          "read_bandwidth_gb_s",
                          "fma_gflops",
                          "int8_gops",
                          "gpus",
                          "cache_dir",
                          "default_model",
                          "default_model_present",
                          "hub",
                          "notes"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["default_model_present"], false);
  EXPECT_EQ(json["threads"], default_threads());
  EXPECT_EQ(json["cores"], cpu_topology().cores);
}

TEST(Doctor, SaysWhatItKnowsOfTheHubButNoSecret) {
  const TempFolder scratch;
  const std::string home = scratch.path().string();
  testing::Launch launch;
  launch.arguments = {"doctor", "--json", "--threads", "1"};
  launch.variables = {{"HOME", home},
                      {"HF_HOME", home + "/hf"},
                      {"HF_ENDPOINT", "https://user:hf_pass@hub.example:8443"},
                      {"HF_TOKEN", "hf_secret"},
                      {"HF_HUB_OFFLINE", "1"}};
  const Outcome given = testing::run_program(launch);
  ASSERT_EQ(given.exit_code, 0) << given.err;
  const Json hub = Json::parse(given.out)["hub"];
  EXPECT_EQ(hub["endpoint"], "https://hub.example:8443/");
  EXPECT_EQ(hub["cache_dir"], home + "/hf/hub");
  EXPECT_GT(hub["free_bytes"].get<std::uint64_t>(), 0U);
  EXPECT_EQ(hub["token_from"], "HF_TOKEN");
  EXPECT_EQ(hub["offline"], true);
  EXPECT_THAT(given.out, ::testing::Not(HasSubstr("hf_")));

  launch.arguments = {"doctor", "--threads", "1"};
  launch.variables = {{"HOME", home}, {"HF_TOKEN_PATH", scratch.write("token", "hf_secret\n")}};
  const Outcome stored = testing::run_program(launch);
  EXPECT_THAT(stored.out, HasSubstr("hub       https://huggingface.co/\n"));
  EXPECT_THAT(stored.out, HasSubstr("token     from " + home + "/token\n"));
  EXPECT_THAT(stored.out, ::testing::Not(HasSubstr("hf_")));
  launch.variables = {{"HOME", home}};
  EXPECT_THAT(testing::run_program(launch).out, HasSubstr("token     none\n"));
}

TEST(Template, RendersAFileAndAModelsOwn) {
  const TempFolder scratch;
  const std::string model = testing::model_with_tokenizer(scratch, "llama2");
  const std::string messages = scratch.write(
      "messages.json",
      R"({"messages": [{"role": "user", "content": "hi"}], "kwargs": {"name": "x"}})");
  EXPECT_EQ(bora({"template", model, "--messages", messages}).out, "user:hi\n");
  const std::string source = scratch.write("t.jinja", "{{ name }}-{{ messages[0].content }}");
  EXPECT_EQ(bora({"template", "--template", source, "--messages", messages}).out, "x-hi");
  EXPECT_EQ(bora({"template", "--template", source, "--messages", messages, "--json"}).out,
            "{\"text\":\"x-hi\"}\n");
}

TEST(Template, AnswersATemplatesErrorWithExitCode3) {
  const TempFolder scratch;
  const std::string model = testing::model_with_tokenizer(scratch, "llama2");
  const Outcome outcome = bora({"template", model, "--messages", "-"},
                               R"({"messages": [{"role": "user", "content": "raise"}]})");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("no such talk"));
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace bora
