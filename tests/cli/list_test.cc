#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::TempFolder;

class List : public ::testing::Test {
 protected:
  [[nodiscard]] Outcome list(std::vector<std::string> flags = {}) const {
    testing::Launch launch;
    launch.arguments = {"list", "--cache-dir", scratch_.path().string()};
    launch.arguments.insert(launch.arguments.end(), flags.begin(), flags.end());
    launch.variables = {{"HF_HOME", (scratch_.path() / "hf").string()}};
    return testing::run_program(launch);
  }
  void fill() const {
    fs::create_directory(scratch_.path() / "models");
    fs::copy(testing::golden_model("llama2"), scratch_.path() / "models" / "tiny");
    fs::create_directory(scratch_.path() / "models" / "bro\nken");
    (void)scratch_.write("models/SmolLM2-135M-Instruct.Q4_1.gguf", "no model");
    const fs::path snapshot = scratch_.path() / "hf/hub/models--org--name/snapshots/abc";
    fs::create_directories(snapshot.parent_path());
    fs::copy(testing::golden_model("mistral_v02"), snapshot);
  }

  TempFolder scratch_;
};

TEST_F(List, SaysHowToGetAModelWhereThereIsNone) {
  const Outcome outcome = list();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("no models in\n  " + (scratch_.path() / "models").string()));
  EXPECT_THAT(outcome.err, HasSubstr("hf/hub\nmake model"));
  EXPECT_EQ(list({"--json"}).out, "{\"models\":[]}\n");
}

TEST_F(List, PutsEveryKeyIntoItsJson) {
  fill();
  const Outcome outcome = list({"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const Json models = Json::parse(outcome.out)["models"];
  ASSERT_EQ(models.size(), 4);
  EXPECT_EQ(models[0]["name"], "SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_EQ(models[0]["default"], true);
  EXPECT_EQ(models[0]["bytes"], 8);
  EXPECT_TRUE(models[0]["architecture"].is_null());
  EXPECT_THAT(models[0]["error"].get<std::string>(), HasSubstr("expected"));
  EXPECT_EQ(models[2]["name"], "tiny");
  EXPECT_EQ(models[2]["default"], false);
  EXPECT_EQ(models[2]["architecture"], "llama");
  EXPECT_EQ(models[2]["weights"], "bf16");
  EXPECT_TRUE(models[2]["error"].is_null());
  EXPECT_EQ(models[3]["name"], "org/name");
  EXPECT_EQ(models[3]["architecture"], "mistral");
  // The path is what other commands take.
  const Outcome run = testing::bora({"run", models[3]["path"].get<std::string>(), "--prompt-ids",
                                     "5", "--max-new-tokens", "1", "--quiet"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(List, KeepsAModelOnItsLineWhateverItIsCalled) {
  fill();
  const Outcome outcome = list();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("\nbro\\x0aken "));
  EXPECT_THAT(outcome.out, HasSubstr("\n  cannot run: "));
  EXPECT_THAT(outcome.out, HasSubstr(" (default)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("org/name "));
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1 + 4 + 2);
}

}  // namespace
}  // namespace bora
