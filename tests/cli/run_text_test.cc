// `bora run` of texts: prompts, streams, chat templates, signals.
#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>

namespace bora {
namespace {

using Json = nlohmann::json;
using testing::bora;
using ::testing::HasSubstr;
using testing::Outcome;
using ::testing::StartsWith;
using testing::TempFolder;

class RunText : public ::testing::Test {
 protected:
  TempFolder scratch_;
  std::string model_ = testing::model_with_tokenizer(scratch_, "llama2");
};

TEST_F(RunText, PutsTextOnStdoutAndTheReportOnStderr) {
  const Outcome outcome =
      bora({"run", model_, "-p", "abc", "--max-new-tokens", "8", "--ignore-eos"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.back(), '\n');
  for (const char* line :
       {"model    llama2_text (llama, bf16 weights)", "machine  cpu, ", "load     ",
        "prompt   3 tokens in ", "answer   8 tokens (length)", "weights  ", "total    "}) {
    EXPECT_THAT(outcome.err, HasSubstr(line));
  }
  const Outcome quiet = bora({"run", model_, "-p", "abc", "--max-new-tokens", "8", "--quiet"});
  EXPECT_EQ(quiet.err, "");
}

TEST_F(RunText, TakesThePromptFromStdinOrAFileAsItIs) {
  const std::string file = scratch_.write("prompt.txt", "abc\n");
  const auto prompt_ids = [](const Outcome& outcome) {
    return Json::parse(outcome.out)["prompt_ids"];
  };
  const std::vector<std::string> rest = {"--json", "--max-new-tokens", "1"};
  std::vector<std::string> from_flag = {"run", model_, "-p", "abc\n"};
  std::vector<std::string> from_file = {"run", model_, "--prompt-file", file};
  std::vector<std::string> from_stdin = {"run", model_};
  for (auto* arguments : {&from_flag, &from_file, &from_stdin}) {
    arguments->insert(arguments->end(), rest.begin(), rest.end());
  }
  const Json expected = {97 + 3, 98 + 3, 99 + 3, 10 + 3};
  EXPECT_EQ(prompt_ids(bora(from_flag)), expected);
  EXPECT_EQ(prompt_ids(bora(from_file)), expected);
  EXPECT_EQ(prompt_ids(bora(from_stdin, "abc\n")), expected);
}

TEST_F(RunText, WrapsThePromptInTheChatTemplate) {
  const auto prompt = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", model_,   "--chat",           "-p",
                                          "hi",  "--json", "--max-new-tokens", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::string text;
    const Json json = Json::parse(bora(arguments).out);
    for (const Json& id : json["prompt_ids"]) text += static_cast<char>(id.get<int>() - 3);
    return text;
  };
  EXPECT_EQ(prompt({}), "user:hi\n");
  EXPECT_EQ(prompt({"--system", "be"}), "system:be\nuser:hi\n");
  const std::string file = scratch_.write("own.jinja", "<{{ messages[0].content }}>");
  EXPECT_EQ(prompt({"--chat-template", file}), "<hi>");
}

TEST_F(RunText, EndsBeforeAStopText) {
  const Json whole = Json::parse(
      bora({"run", model_, "-p", "abc", "--json", "--ignore-eos", "--max-new-tokens", "40"}).out);
  const std::string text = whole["text"];
  ASSERT_GT(text.size(), 4) << "the tiny model wrote too little to cut";
  const std::string stop = text.substr(2, 2);
  const Json cut = Json::parse(bora({"run", model_, "-p", "abc", "--json", "--ignore-eos",
                                     "--max-new-tokens", "40", "--stop", stop})
                                   .out);
  EXPECT_EQ(cut["text"], text.substr(0, text.find(stop)));
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_LT(cut["ids"].size(), 40);
}

TEST_F(RunText, AnswersAnErrorOfTheTemplateWithExitCode3) {
  const Outcome outcome = bora({"run", model_, "--chat", "-p", "raise"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("no such talk"));
}

TEST_F(RunText, RejectsPromptsThatCannotBe) {
  const std::string long_prompt(100000, 'a');
  const std::vector<std::tuple<std::vector<std::string>, int, std::string>> cases = {
      {{"-p", ""}, 2, "prompt: expected some text, found none"},
      {{"--prompt-ids", ""}, 2, "prompt: expected at least one token, found none"},
      {{"--prompt-ids", "1,512"}, 2, "expected token ids from 0 to "},
      {{"--prompt-file", "/nonexistent"}, 4, "/nonexistent: expected a file"},
      {{"-p", "a", "--prompt-ids", "1"}, 2, "found more"},
      {{"-p", long_prompt}, 2, "prompt: expected at most "},
      {{"-p", "a", "--ctx", "999999"}, 2, "--ctx"},
      {{"-p", "\xff\xfe"}, 2, "UTF-8"},
      {{"-p", "a", "--system", "b"}, 2, "--system: expected --chat with it, found none"},
      {{"-p", "a", "--stop", ""}, 2, "--stop: expected a text, found an empty one"},
      {{"-p", "a", "--kv", "int8"}, 2, "int8 comes with a later version"},
      {{"-p", "a", "--device", "cuda:0"}, 2, "comes with a later version"},
      {{"-p", "a", "--isa", "mmx"}, 2, "found \"mmx\""},
      {{"-p", "a", "--temperature", "hot"}, 2, "--temperature: expected a number"},
  };
  for (const auto& [flags, exit_code, expected] : cases) {
    std::vector<std::string> arguments = {"run", model_, "--json"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = bora(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << expected << '\n' << outcome.err;
    EXPECT_EQ(outcome.out, "") << expected;
    EXPECT_THAT(outcome.err, StartsWith("bora: "));
    EXPECT_THAT(outcome.err, HasSubstr(expected));
  }
}

TEST_F(RunText, EndsWithValidJsonOnCtrlC) {
  testing::Launch launch;
  launch.arguments = {"run",           model_,  "-p",           "a",
                      "--temperature", "1",     "--ignore-eos", "--max-new-tokens",
                      "100000",        "--json"};
  launch.variables = {{"BORA_LOG", "info"}};
  // Nothing shows from outside that the answer has begun: the signal is sent after a moment, and
  // where it came while the model was loaded, on a busy machine, after a longer one.
  launch.interrupt_after = std::chrono::milliseconds(30);
  Outcome outcome = testing::run_program(launch);
  while (launch.interrupt_after < std::chrono::milliseconds(500) &&
         outcome.err.find("copying weights: interrupted") != std::string::npos) {
    *launch.interrupt_after *= 2;
    outcome = testing::run_program(launch);
  }
  if (outcome.exit_code == 0) GTEST_SKIP() << "the answer was done before the signal";
  if (outcome.signal == SIGINT) GTEST_SKIP() << "the signal came before the handler";
  EXPECT_EQ(outcome.exit_code, 130);
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["finish_reason"], "interrupted");
}

TEST_F(RunText, EndsQuietlyWhenItsReaderGoesAway) {
  testing::Launch launch;
  launch.arguments = {
      "run", model_, "-p", "a", "--temperature", "1", "--ignore-eos", "--max-new-tokens", "500"};
  testing::expect_quiet_end_without_reader(std::move(launch));
}

TEST(RunSmolLM2, AnswersThroughItsChatTemplate) {
  const std::optional<std::string> model = testing::smollm2();
  if (!model) GTEST_SKIP() << "BORA_TEST_SMOLLM2 names no model";
  const Outcome outcome = bora({"run", *model, "--chat", "-p", "What is the capital of France?",
                                "--max-new-tokens", "24", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(Json::parse(outcome.out)["text"].get<std::string>(), HasSubstr("Paris"));
}

TEST(RunSmolLM2, StreamsAndStopsOnCtrlC) {
  const std::optional<std::string> model = testing::smollm2();
  if (!model) GTEST_SKIP() << "BORA_TEST_SMOLLM2 names no model";
  testing::Launch launch;
  launch.arguments = {
      "run",  *model,   "-p", "Once upon a time", "--ignore-eos", "--max-new-tokens",
      "1500", "--quiet"};
  bool sent = false;
  launch.on_output = [&](const std::string& out, int pid) {
    if (out.size() > 20 && !sent) kill(pid, SIGINT);
    sent = sent || out.size() > 20;
  };
  const Outcome outcome = testing::run_program(launch);
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_GT(outcome.out.size(), 20);
  EXPECT_EQ(outcome.out.back(), '\n');
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace bora
