// The program as a whole: commands, help, version, errors of usage.
#include "tests/cli/program.h"

#include "base/version.h"
#include "cli/command.h"
#include "tests/base/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::bora;
using ::testing::HasSubstr;
using testing::Outcome;
using ::testing::StartsWith;

TEST(Program, ShowsItsVersion) {
  const Outcome outcome = bora({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, StartsWith("bora " + std::string(version())));
  EXPECT_EQ(outcome.err, "");
}

TEST(Program, ListsItsCommands) {
  for (const std::string flag : {"--help", "-h", "help"}) {
    const Outcome outcome = bora({flag});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const Command& command : commands()) {
      EXPECT_THAT(outcome.out, HasSubstr("  " + std::string(command.name) + " "));
    }
  }
}

TEST(Program, HasHelpForEachCommand) {
  for (const Command& command : commands()) {
    const Outcome outcome = bora({std::string(command.name), "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << command.name;
    EXPECT_THAT(outcome.out, StartsWith("usage: bora " + std::string(command.name)));
    // A script, whatever reads it; what is done or not done.
    if (command.name != "completion" && !command.name.starts_with("log")) {
      EXPECT_THAT(outcome.out, HasSubstr("--json")) << command.name;
    }
    EXPECT_EQ(outcome.err, "") << command.name;
  }
}

TEST(Program, AnswersWrongUsageInOneLineAndExitCode2) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "bora: command: expected one, found none\n"},
      {{"tokenise"}, "  did you mean bora tokenize?\n"},
      {{"--jsno"}, "bora: command: expected one of "},
      {{"tokenize", "--jsno"}, "  did you mean --json?\n"},
      {{"tokenize", "m", "t", "u"}, "bora: tokenize: expected no more arguments, found \"u\"\n"},
      {{"tokenize", "m", "t", "--decode", "1"},
       "bora: tokenize: expected one of TEXT, --decode and --jsonl, found more\n"},
      {{"doctor", "--threads", "0"},
       "bora: --threads: expected a whole number from 1 to 1024, found \"0\"\n"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Outcome outcome = bora(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("bora: "));
    EXPECT_THAT(outcome.err, HasSubstr(expected));
  }
}

TEST(Program, KeepsAnErrorOnOneLineWhateverTheFileIsCalled) {
  const Outcome outcome = bora({"tokenize", "no\nsuch\x1b[2Jfile", "text"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err,
              StartsWith("bora: no\\x0asuch\\x1b[2Jfile: expected a folder, a .gguf file "
                         "or OWNER/NAME on the Hub, found none\n"));
}

TEST(Program, SaysHowToGetTheDefaultModel) {
  const testing::TempFolder scratch;
  const Outcome outcome = bora({"tokenize", "--cache-dir", scratch.path().string()}, "some text");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("SmolLM2-135M-Instruct.Q4_1.gguf: expected the default model"));
  EXPECT_THAT(outcome.err, HasSubstr("make run"));
}

TEST(Program, FindsTheDefaultModelThroughTheEnvironment) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"BORA_CACHE", "/nowhere/models/"},
      {"XDG_CACHE_HOME", "/nowhere/bora/models/"},
      {"HOME", "/nowhere/.cache/bora/models/"},
  };
  for (const auto& [variable, expected] : cases) {
    testing::Launch launch;
    launch.arguments = {"tokenize"};
    launch.variables = {{variable, "/nowhere"}};
    EXPECT_THAT(testing::run_program(launch).err, HasSubstr(expected)) << variable;
  }
}

TEST(Program, RejectsAnUnknownLogLevelAndGoesOn) {
  testing::Launch launch;
  launch.arguments = {"--version"};
  launch.variables = {{"BORA_LOG", "loud"}};
  const Outcome outcome = testing::run_program(launch);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("BORA_LOG: expected debug, info or warn, found \"loud\""));
}

}  // namespace
}  // namespace bora
