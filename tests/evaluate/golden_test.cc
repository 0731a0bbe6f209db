#include "evaluate/verify.h"
#include "tests/base/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace bora {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kGolden = std::filesystem::path(BORA_TEST_DATA_DIR) / "golden";

class GoldenFile : public ::testing::Test {
 protected:
  Result<Golden> read(const std::string& text) {
    return Golden::read(folder_.write("golden.json", text));
  }

  testing::TempFolder folder_;
};

TEST_F(GoldenFile, IsKnownByItsKey) {
  const std::vector<std::pair<std::string, Golden::Kind>> cases = {
      {"models/llama2/golden.json", Golden::Kind::kLogits},
      {"smollm2.json", Golden::Kind::kPrompts},
      {"tokenize_smollm2.json", Golden::Kind::kTokens},
      {"chat_templates.json", Golden::Kind::kTemplates},
  };
  for (const auto& [name, kind] : cases) {
    const Result<Golden> golden = Golden::read(kGolden / name);
    ASSERT_TRUE(golden) << golden.error().message;
    EXPECT_EQ(golden->kind(), kind) << name;
  }
}

TEST_F(GoldenFile, OfNoKnownKindIsRejected) {
  const Result<Golden> golden = read("{\"other\": []}");
  ASSERT_FALSE(golden);
  EXPECT_EQ(golden.error().code, ErrorCode::kBadModel);
  EXPECT_THAT(golden.error().message, HasSubstr("expected one of the keys logits_last, prompts"));
}

TEST_F(GoldenFile, WithMalformedEntriesIsAnErrorAndNoFailure) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"templates\": 1}", "templates: expected an array"},
      {"{\"templates\": [1]}", "templates: expected a list of objects"},
      {"{\"templates\": [{\"cases\": []}]}", "templates[0].template"},
      {"{\"templates\": [{\"template\": \"x\"}]}", "templates[0].cases"},
      {"{\"templates\": [{\"template\": \"x\", \"cases\": [{\"messages\": []}]}]}",
       "cases[0].rendered"},
      {"{\"templates\": [], \"now\": \"yesterday\"}", "now: expected a time"},
  };
  for (const auto& [text, expected] : cases) {
    const Result<Golden> golden = read(text);
    ASSERT_TRUE(golden);
    const Result<VerifyReport> report = verify_templates(*golden);
    ASSERT_FALSE(report) << text;
    EXPECT_EQ(report.error().code, ErrorCode::kBadModel);
    EXPECT_THAT(report.error().message, HasSubstr(expected));
  }
}

TEST_F(GoldenFile, ReportsWhatATemplateRendersOtherwise) {
  const Result<Golden> golden = read(
      R"({"templates": [{"name": "t", "template": "{{ messages[0].content }}", "cases": [
        {"messages": [{"role": "user", "content": "hello"}], "rendered": "hello"},
        {"messages": [{"role": "user", "content": "hello"}], "rendered": "help"},
        {"messages": [{"role": "user", "content": "hello"}], "error": "no", "error_type": "TemplateError"}
      ]}]})");
  ASSERT_TRUE(golden);
  const Result<VerifyReport> report = verify_templates(*golden);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->checked, 3);
  EXPECT_EQ(report->failed, 2);
  EXPECT_FALSE(report->passed());
  EXPECT_THAT(report->failures[0], HasSubstr("t.cases[1]: byte 3: expected \"p\", found \"lo\""));
  EXPECT_THAT(report->failures[1], HasSubstr("expected the error \"no\", found text"));
}

TEST_F(GoldenFile, OfChatTemplatesIsRenderedToTheLetter) {
  const Result<Golden> golden = Golden::read(kGolden / "chat_templates.json");
  ASSERT_TRUE(golden);
  const Result<VerifyReport> report = verify_templates(*golden);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->failures, ::testing::IsEmpty());
  EXPECT_EQ(report->checked, 79);
}

}  // namespace
}  // namespace bora
