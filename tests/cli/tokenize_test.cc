#include "tests/base/temp_folder.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace bora {
namespace {

using Json = nlohmann::json;
using testing::bora;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::TempFolder;

// A byte-level tokenizer of a few pieces, as tokenizer.json writes one.
class TokenizeTest : public ::testing::Test {
 protected:
  TokenizeTest() {
    const Json file = {{"added_tokens",
                        {{{"id", 5},
                          {"content", "<end>"},
                          {"special", true},
                          {"single_word", false},
                          {"lstrip", false},
                          {"rstrip", false},
                          {"normalized", false}}}},
                       {"normalizer", nullptr},
                       {"pre_tokenizer",
                        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
                       {"post_processor", nullptr},
                       {"decoder", {{"type", "ByteLevel"}}},
                       {"model",
                        {{"type", "BPE"},
                         {"vocab", {{"a", 0}, {"b", 1}, {"\u0120", 2}, {"ab", 3}, {"\u0120ab", 4}}},
                         {"merges", {"a b", "\u0120 ab"}}}}};
    static_cast<void>(scratch_.write("tokenizer.json", file.dump()));
    model_ = scratch_.path().string();
  }

  TempFolder scratch_;
  std::string model_;
};

TEST_F(TokenizeTest, NeedsTheVocabularyOnly) {
  const Outcome outcome = bora({"tokenize", model_, "ab ab", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "{\"ids\":[3,4],\"pieces\":[\"ab\",\"\u0120ab\"]}\n");
}

TEST_F(TokenizeTest, ShowsAnIdAndItsPieceALine) {
  EXPECT_EQ(bora({"tokenize", model_, "ab a"}).out,
            "      3  \"ab\"\n      2  \"\u0120\"\n      0  \"a\"\n");
}

TEST_F(TokenizeTest, ReadsStdinAsItIs) {
  EXPECT_EQ(bora({"tokenize", model_, "--json"}, "ab ab").out,
            bora({"tokenize", model_, "ab ab", "--json"}).out);
  EXPECT_EQ(bora({"tokenize", model_, "--json"}, "").out, "{\"ids\":[],\"pieces\":[]}\n");
}

TEST_F(TokenizeTest, DecodesWithoutSpecialTokensUnlessAsked) {
  EXPECT_EQ(bora({"tokenize", model_, "--decode", "3,5,4"}).out, "ab ab\n");
  EXPECT_EQ(bora({"tokenize", model_, "--decode", "3,5,4", "--keep-special", "--json"}).out,
            "{\"text\":\"ab<end> ab\"}\n");
}

TEST_F(TokenizeTest, TakesSpecialTokensInTextAsToldTo) {
  EXPECT_EQ(bora({"tokenize", model_, "ab<end>", "--json", "--parse-special"}).out,
            "{\"ids\":[3,5],\"pieces\":[\"ab\",\"<end>\"]}\n");
  EXPECT_EQ(bora({"tokenize", model_, "a", "--parse-special", "--special-as-text"}).exit_code, 2);
}

TEST_F(TokenizeTest, TranslatesAFileLineByLine) {
  const std::string file =
      scratch_.write("lines.jsonl", "{\"text\": \"ab\"}\n{\"ids\": [3, 4]}\n{\"text\": \"\"}");
  const Outcome outcome = bora({"tokenize", model_, "--jsonl", file});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "{\"ids\":[3]}\n{\"text\":\"ab ab\"}\n{\"ids\":[]}\n");
}

TEST_F(TokenizeTest, NamesTheLineThatIsBad) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "JSON"},
      {"[1]", "expected a JSON object, found an array"},
      {"{\"text\": 1}", "text: expected a string, found 1"},
      {"{\"ids\": [1, \"x\"]}", "ids: expected"},
      {"{\"ids\": [-1]}", "ids: expected token ids"},
      {"{\"ids\": [99]}", "found 99"},
      {"{}", "expected one of the keys text and ids, found neither"},
      {"{\"text\": \"a\", \"ids\": [1]}", "found both"},
  };
  for (const auto& [line, expected] : cases) {
    const Outcome outcome =
        bora({"tokenize", model_, "--jsonl", "-"}, "{\"text\": \"ab\"}\n" + line + "\n");
    EXPECT_EQ(outcome.exit_code, 2) << line;
    EXPECT_THAT(outcome.err, HasSubstr("bora: -: line 2: ")) << line;
    EXPECT_THAT(outcome.err, HasSubstr(expected)) << line;
  }
}

TEST_F(TokenizeTest, RejectsIdsOutsideTheVocabulary) {
  const Outcome outcome = bora({"tokenize", model_, "--decode", "1,77"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("found 77"));
}

TEST_F(TokenizeTest, RejectsADamagedTokenizer) {
  std::ofstream(scratch_.path() / "tokenizer.json") << "{\"model\": 1}";
  EXPECT_EQ(bora({"tokenize", model_, "a"}).exit_code, 3);
  std::filesystem::remove(scratch_.path() / "tokenizer.json");
  EXPECT_EQ(bora({"tokenize", model_, "a"}).exit_code, 4);
}

TEST_F(TokenizeTest, EndsQuietlyWhenItsReaderGoesAway) {
  std::string lines;
  for (int i = 0; i < 50000; ++i) lines += "{\"text\": \"ab ab ab ab\"}\n";
  testing::Launch launch;
  launch.arguments = {"tokenize", model_, "--jsonl", scratch_.write("many.jsonl", lines)};
  launch.close_stdout_early = true;
  const Outcome outcome = testing::run_program(launch);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(TokenizeTest, FailsWhereStdoutIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const std::string command =
      std::string(BORA_BINARY) + " tokenize " + model_ + " ab >/dev/full 2>/dev/null";
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace bora
