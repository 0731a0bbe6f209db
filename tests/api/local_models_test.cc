#include "api/local_models.h"

#include "tests/base/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace bora {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path kModels = fs::path(BORA_TEST_DATA_DIR) / "golden/models";

class LocalModels : public ::testing::Test {
 protected:
  // As huggingface_hub does: the snapshot holds links.
  void add_snapshot(const std::string& repository, const std::string& revision,
                    const std::string& model) const {
    const fs::path snapshot = folder_ / repository / "snapshots" / revision;
    fs::create_directories(snapshot);
    for (const fs::directory_entry& file : fs::directory_iterator(kModels / model)) {
      fs::create_symlink(file.path(), snapshot / file.path().filename());
    }
  }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }

  testing::TempFolder temp_;
  const fs::path& folder_ = temp_.path();
};

std::vector<std::string> names(const std::vector<LocalModel>& models) {
  std::vector<std::string> all;
  for (const LocalModel& model : models) all.push_back(model.name);
  return all;
}

TEST_F(LocalModels, AreNoneWhereThereIsNoFolder) {
  EXPECT_THAT(list_models(folder_ / "nowhere"), IsEmpty());
  EXPECT_THAT(list_hub_models(folder_ / "nowhere"), IsEmpty());
  EXPECT_THAT(list_models(folder_), IsEmpty());
}

TEST_F(LocalModels, SayWhatTheyAre) {
  fs::copy(kModels / "mistral_nemo", folder_ / "nemo");
  const std::vector<LocalModel> models = list_models(folder_);
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0].name, "nemo");
  EXPECT_EQ(models[0].path, folder_ / "nemo");
  EXPECT_EQ(models[0].architecture, "mistral");
  EXPECT_EQ(models[0].weights, "bf16");
  EXPECT_GT(models[0].bytes, 100'000U);
  EXPECT_EQ(models[0].error, "");
}

TEST_F(LocalModels, AreListedWithTheReasonWhereTheyCannotBeRead) {
  fs::copy(kModels / "llama2", folder_ / "good");
  fs::create_directory(folder_ / "empty");
  fs::copy(kModels / "llama2", folder_ / "truncated");
  fs::resize_file(folder_ / "truncated" / "model.safetensors", 100);
  fs::copy(kModels / "llama2", folder_ / "foreign");
  write("foreign/config.json", R"({"model_type": "mamba", "architectures": ["Mamba"]})");
  write("broken.gguf", "GGUX");
  write("model-00001-of-00002.gguf", "");
  write("model-00002-of-00002.gguf", "");
  write("notes.txt", "no model");
  write(".lock", "");
  fs::create_symlink("nothing", folder_ / "dangling.gguf");
  const std::vector<LocalModel> models = list_models(folder_);
  EXPECT_THAT(names(models),
              ::testing::ElementsAre("broken.gguf", "dangling.gguf", "empty", "foreign", "good",
                                     "model-00001-of-00002.gguf", "truncated"));
  for (const LocalModel& model : models) {
    EXPECT_EQ(model.error.empty(), model.name == "good") << model.name << ": " << model.error;
    EXPECT_EQ(model.architecture.empty(), model.name != "good");
    if (model.name == "good") continue;
    EXPECT_THAT(model.error, HasSubstr("expected"));
  }
  EXPECT_EQ(models[0].bytes, 4U);
}

TEST_F(LocalModels, AreFoundInTheCacheOfHuggingFace) {
  add_snapshot("models--org--one", "abc", "llama2");
  add_snapshot("models--org--two-x", "aaa", "llama2");
  add_snapshot("models--org--two-x", "bbb", "mistral_v02");
  write("models--org--two-x/refs/main", "bbb\n");
  add_snapshot("models--plain", "ccc", "llama2");
  add_snapshot("datasets--org--data", "ddd", "llama2");
  write("models--org--gguf/snapshots/eee/a.Q4_K_M.gguf", "GGUF");
  write("models--org--gguf/snapshots/eee/b.gguf", "GGUF");
  write("models--org--half/refs/main", "fff");
  write("models--file", "not a folder");
  const std::vector<LocalModel> models = list_hub_models(folder_);
  EXPECT_THAT(names(models),
              ::testing::ElementsAre("org/gguf:a.Q4_K_M.gguf", "org/gguf:b.gguf", "org/half",
                                     "org/one", "org/two-x@aaa", "org/two-x", "plain"));
  EXPECT_EQ(models[3].path, folder_ / "models--org--one" / "snapshots" / "abc");
  EXPECT_EQ(models[3].error, "");
  EXPECT_GT(models[3].bytes, 100'000U) << "what the links lead to";
  EXPECT_EQ(models[5].architecture, "mistral");
  EXPECT_THAT(models[2].error, HasSubstr("expected at least one, found none"));
  EXPECT_FALSE(models[0].error.empty());
}

}  // namespace
}  // namespace bora
