// --weights int8|int4, as a user meets it: the cache folder, its damage, a disk without room.
#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <thread>

namespace bora {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::AllOf;
using testing::bora;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Outcome;
using testing::TempFolder;

class QuantizedRun : public ::testing::Test {
 protected:
  [[nodiscard]] Outcome run(const std::string& weights, const std::string& model = "llama2") const {
    return bora({"run", model.front() == '/' ? model : golden_model(model), "--prompt-ids", "5,6,7",
                 "--max-new-tokens", "8", "--ignore-eos", "--json", "--weights", weights,
                 "--cache-dir", cache_.string()});
  }

  // The cached file of that name; empty where there is none.
  [[nodiscard]] fs::path cached(const std::string& name) const {
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(cache_, ignored)) {
      if (entry.path().filename() == name) return entry.path();
    }
    return {};
  }

  [[nodiscard]] std::vector<std::string> unfinished() const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(cache_, ignored)) {
      if (entry.path().extension() == ".unfinished") names.push_back(entry.path());
    }
    return names;
  }

  TempFolder scratch_;
  fs::path cache_ = scratch_.path() / "cache";
};

TEST_F(QuantizedRun, KeepsTheWeightsInTheCacheFolder) {
  for (const std::string weights : {"int8", "int4"}) {
    const Outcome first = run(weights);
    ASSERT_EQ(first.exit_code, 0) << first.err;
    EXPECT_EQ(first.err, "");
    EXPECT_EQ(Json::parse(first.out)["weights"], weights);
    const fs::path file = cached(weights + ".bora");
    ASSERT_FALSE(file.empty());
    EXPECT_EQ(file.parent_path().parent_path(), cache_ / "quantized");
    const auto written = fs::last_write_time(file);
    const Outcome second = run(weights);
    EXPECT_EQ(Json::parse(second.out)["ids"], Json::parse(first.out)["ids"]);
    EXPECT_EQ(fs::last_write_time(file), written);
  }
}

TEST_F(QuantizedRun, GivesOneAnswerToManyAtOnce) {
  std::vector<Outcome> outcomes(3);
  std::vector<std::thread> users;
  for (Outcome& outcome : outcomes) users.emplace_back([&] { outcome = run("int8"); });
  for (std::thread& user : users) user.join();
  for (const Outcome& outcome : outcomes) {
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(Json::parse(outcome.out)["ids"], Json::parse(outcomes[0].out)["ids"]);
  }
}

TEST_F(QuantizedRun, MakesADamagedCacheAgainWithANote) {
  const Outcome first = run("int8");
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const fs::path file = cached("int8.bora");
  fs::resize_file(file, fs::file_size(file) / 2);
  const Outcome again = run("int8");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("bora: " + file.string() + ": expected a file of"));
  EXPECT_THAT(again.err, HasSubstr("it is made again"));
  EXPECT_EQ(Json::parse(again.out)["ids"], Json::parse(first.out)["ids"]);
  EXPECT_EQ(run("int8").err, "");
}

TEST_F(QuantizedRun, NamesThePathAndTheBytesWhereThereIsNoRoom) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);  // children inherit it
  const Outcome outcome = run("int8");
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("int8.bora: expected room for "));
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(cached("int8.bora").empty());
  EXPECT_THAT(unfinished(), IsEmpty());
}

TEST_F(QuantizedRun, WorksWhereNothingCanBeKept) {
  if (!fs::exists("/sys/kernel")) GTEST_SKIP() << "needs a folder that nobody may write";
  cache_ = "/sys/kernel/bora-test";
  const Outcome outcome = run("int4");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("the weights are quantized in memory"));
  EXPECT_EQ(Json::parse(outcome.out)["weights"], "int4");
}

TEST_F(QuantizedRun, NamesAWeightThatIsNotANumber) {
  const fs::path model = scratch_.path() / "model";
  fs::copy(golden_model("llama2"), model, fs::copy_options::recursive);
  const fs::path file = model / "model.safetensors";
  std::string bytes = testing::read_file(file);
  const std::size_t norm = 128;  // bytes of the last tensor, which stays as it is
  bytes[bytes.size() - norm - 1] = '\x7f';
  bytes[bytes.size() - norm - 2] = '\xff';
  std::ofstream(file, std::ios::binary) << bytes;
  const Outcome outcome = run("int8", model);
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("model.layers.2.self_attn.v_proj.weight: expected weights of"),
                    HasSubstr("found nan at [63, 63]")));
  EXPECT_TRUE(cached("int8.bora").empty());
}

TEST_F(QuantizedRun, IsMeasuredAgainstTheStoredWeights) {
  const std::string model = testing::model_with_tokenizer(scratch_, "llama2");
  const std::string text = scratch_.write("text.txt", "the quick brown fox jumps over a dog");
  const auto kl = [&](const std::string& weights) {
    const Outcome outcome =
        bora({"eval", model, "--text", text, "--json", "--weights", weights, "--against", model,
              "--against-weights", "auto", "--cache-dir", cache_.string()});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return Json::parse(outcome.out)["kl_mean"].get<double>();
  };
  EXPECT_EQ(kl("auto"), 0.0);
  EXPECT_GT(kl("int8"), 0.0);
  EXPECT_LT(kl("int8"), 0.01);
  EXPECT_GT(kl("int4"), kl("int8"));
}

}  // namespace
}  // namespace bora
