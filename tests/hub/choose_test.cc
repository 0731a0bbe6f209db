#include "hub/choose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<RemoteFile> named(const std::vector<std::string>& names) {
  std::vector<RemoteFile> files;
  for (const std::string& name : names) files.push_back({name, 1000, std::string(40, 'a')});
  return files;
}

std::vector<std::string> names_of(const Result<FileChoice>& choice) {
  std::vector<std::string> names;
  if (!choice) return {choice.error().message};
  for (const RemoteFile& file : choice->files) names.push_back(file.name);
  return names;
}

// As on the Hub, mistralai/Mistral-7B-v0.1 and some more that others have.
const std::vector<std::string> kMistral = {".gitattributes",
                                           "README.md",
                                           "config.json",
                                           "consolidated.safetensors",
                                           "generation_config.json",
                                           "model-00001-of-00002.safetensors",
                                           "model-00002-of-00002.safetensors",
                                           "model.safetensors.index.json",
                                           "original/consolidated.00.pth",
                                           "original/tokenizer.model",
                                           "pytorch_model-00001-of-00002.bin",
                                           "pytorch_model-00002-of-00002.bin",
                                           "pytorch_model.bin.index.json",
                                           "special_tokens_map.json",
                                           "tokenizer.json",
                                           "tokenizer.model",
                                           "tokenizer_config.json"};

TEST(ChooseFiles, TakesTheWeightsOnce) {
  EXPECT_THAT(names_of(choose_files(named(kMistral), {})),
              ElementsAre("config.json", "generation_config.json", "model.safetensors.index.json",
                          "special_tokens_map.json", "tokenizer.json", "tokenizer.model",
                          "tokenizer_config.json", "model-00001-of-00002.safetensors",
                          "model-00002-of-00002.safetensors"));
}

TEST(ChooseFiles, PrefersOneFileToItsParts) {
  EXPECT_THAT(names_of(choose_files(named({"config.json", "model-00001-of-00001.safetensors",
                                           "model.fp16.safetensors", "model.safetensors"}),
                                    {})),
              ElementsAre("config.json", "model.safetensors"));
}

TEST(ChooseFiles, TakesWeightsOfAnotherNameWhereThereAreNoOthers) {
  EXPECT_THAT(names_of(choose_files(named({"a.safetensors", "adapter_model.safetensors",
                                           "config.json", "consolidated.safetensors"}),
                                    {})),
              ElementsAre("config.json", "a.safetensors"));
}

TEST(ChooseFiles, KeepsToThePatterns) {
  ChoiceOptions options;
  options.include = {"*.bin", "original/"};
  options.exclude = {"*-00002-of-*"};
  EXPECT_THAT(names_of(choose_files(named(kMistral), options)),
              ElementsAre("original/consolidated.00.pth", "original/tokenizer.model",
                          "pytorch_model-00001-of-00002.bin"));
  options = {};
  options.exclude = {"tokenizer.model", "special*"};
  EXPECT_EQ(names_of(choose_files(named(kMistral), options)).size(), 7U);
  options.include = {"nothing"};
  EXPECT_THAT(names_of(choose_files(named(kMistral), options)),
              ElementsAre("--include: expected to match a file, found none"));
}

TEST(ChooseFiles, SaysWhereNothingCanRun) {
  const Result<FileChoice> choice = choose_files(named({"config.json", "pytorch_model.bin"}), {});
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::kBadModel);
  EXPECT_THAT(choice.error().message, HasSubstr("PyTorch's own format only"));
}

std::vector<RemoteFile> gguf_repository() {
  const std::string etag(64, 'b');
  constexpr std::uint64_t kGb = 1'000'000'000;
  return {{"README.md", 100, std::string(40, 'a')},
          {"m.Q4_K_M.gguf", 4 * kGb, etag},
          {"m.Q4_K_S.gguf", 3 * kGb, etag},
          {"m.Q8_0.gguf", 8 * kGb, etag},
          {"m.f16-00001-of-00002.gguf", 8 * kGb, etag},
          {"m.f16-00002-of-00002.gguf", 7 * kGb, etag},
          {"mmproj-m.gguf", kGb, etag}};
}

TEST(ChooseGguf, TakesTheLargestThatFitsAndSaysWhy) {
  struct Case {
    std::uint64_t memory;
    const char* first;
  };
  for (const Case& one :
       {Case{0, "m.f16-00001-of-00002.gguf"}, Case{17'100'000'000, "m.f16-00001-of-00002.gguf"},
        Case{17'000'000'000, "m.Q8_0.gguf"}, Case{6'000'000'000, "m.Q4_K_M.gguf"},
        Case{4'000'000'000, "m.Q4_K_S.gguf"}}) {
    ChoiceOptions options;
    options.memory = one.memory;
    const Result<FileChoice> choice = choose_files(gguf_repository(), options);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->gguf, one.first) << one.memory;
    EXPECT_EQ(choice->files.size(), one.memory == 0 || one.memory > 17'000'000'000 ? 2U : 1U);
    EXPECT_THAT(choice->reason, HasSubstr("the largest of 4 that fits"));
  }
  ChoiceOptions options;
  options.memory = 3'000'000'000;
  const Result<FileChoice> none = choose_files(gguf_repository(), options);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kDoesNotFit);
  EXPECT_THAT(none.error().message, HasSubstr("m.Q4_K_S.gguf of 3.0 GB, found 3.0 GB"));
}

TEST(ChooseGguf, TakesTheOneThatIsNamed) {
  ChoiceOptions options;
  options.memory = 1;
  for (const char* word : {"m.Q4_K_M.gguf", "Q4_K_M", "q4_k_m"}) {
    options.file = word;
    EXPECT_THAT(names_of(choose_files(gguf_repository(), options)), ElementsAre("m.Q4_K_M.gguf"));
  }
  options.file = "f16";
  EXPECT_EQ(names_of(choose_files(gguf_repository(), options)).size(), 2U);
  for (const char* word : {"Q4_K", "Q5_K_M", "nothing.gguf"}) {
    options.file = word;
    const Result<FileChoice> choice = choose_files(gguf_repository(), options);
    ASSERT_FALSE(choice) << word;
    EXPECT_EQ(choice.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(choice.error().hints.front(), HasSubstr("it has m.Q4_K_M.gguf, "));
  }
}

TEST(PartName, IsReadFromItsEnd) {
  const std::optional<PartName> part = part_name("a-b-00002-of-00005.gguf");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->stem, "a-b");
  EXPECT_EQ(part->part, 2U);
  EXPECT_EQ(part->parts, 5U);
  for (const char* name :
       {"a.gguf", "a-0002-of-00005.gguf", "-00002-of-00005.gguf", "", "a-0000x-of-00005.gguf"}) {
    EXPECT_FALSE(part_name(name)) << name;
  }
}

}  // namespace
}  // namespace bora
