// bora chat through pipes: what scripts rely on.
#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using Json = nlohmann::json;
using testing::bora;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using ::testing::StartsWith;
using testing::TempFolder;

std::vector<Json> parse_lines(const std::string& text) {
  std::vector<Json> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(Json::parse(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

// What the tiny tokenizer of models.h was given.
std::string text_of(const Json& ids) {
  std::string text;
  for (const Json& id : ids) text += static_cast<char>(id.get<int>() - 3);
  return text;
}

class Chat : public ::testing::Test {
 protected:
  [[nodiscard]] Outcome chat(const std::vector<std::string>& flags,
                             const std::string& input) const {
    std::vector<std::string> arguments = {"chat", model_, "--max-new-tokens", "12"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return bora(arguments, input);
  }
  void write(const std::string& name, const Json& json) const {
    std::ofstream(std::filesystem::path(model_) / name) << json.dump();
  }

  TempFolder scratch_;
  std::string model_ = testing::model_with_tokenizer(scratch_, "llama2");
};

TEST_F(Chat, SendsTheWholeConversationWithEachMessage) {
  const Outcome outcome = chat({"--json", "--seed", "1"}, "hi\n\nmore\r\nlast");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const std::vector<Json> answers = parse_lines(outcome.out);
  ASSERT_EQ(answers.size(), 3);
  std::string conversation;
  const std::vector<std::string> messages = {"hi", "more", "last"};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    conversation += "user:" + messages[i] + "\n";
    EXPECT_EQ(text_of(answers[i]["prompt_ids"]), conversation);
    conversation += "assistant:" + answers[i]["text"].get<std::string>() + "\n";
  }
  EXPECT_THAT(conversation.size(), ::testing::Gt(60)) << "the tiny model wrote next to nothing";
}

TEST_F(Chat, PrintsNothingButTheAnswersOnStdout) {
  const std::string input = "hi\n/help\n/system be\nmore\n";
  const std::vector<Json> answers = parse_lines(chat({"--json", "--seed", "1"}, input).out);
  const Outcome outcome = chat({"--seed", "1"}, input);
  EXPECT_EQ(outcome.exit_code, 0);
  ASSERT_EQ(answers.size(), 2);
  EXPECT_EQ(outcome.out, answers[0]["text"].get<std::string>() + "\n" +
                             answers[1]["text"].get<std::string>() + "\n");
  EXPECT_THAT(outcome.err, HasSubstr("[12 tokens, "));
  EXPECT_THAT(outcome.err, HasSubstr("cut by --max-new-tokens]"));
  EXPECT_THAT(outcome.err, HasSubstr("/save FILE"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("\x1b")));
  EXPECT_EQ(chat({"--seed", "1", "--quiet"}, "hi\n/system be\n/reset\nmore\n").err, "");
}

TEST_F(Chat, ObeysItsCommands) {
  const Outcome outcome =
      chat({"--json", "--seed", "1", "--system", "be brief"},
           "hi\n/system be long\nmore\n/reset\nnew\n/system\nbare\n/exit\nno\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::vector<Json> answers = parse_lines(outcome.out);
  ASSERT_EQ(answers.size(), 4);
  const auto prompt = [&](std::size_t i) { return text_of(answers[i]["prompt_ids"]); };
  EXPECT_EQ(prompt(0), "system:be brief\nuser:hi\n");
  EXPECT_THAT(prompt(1), StartsWith("system:be long\nuser:hi\nassistant:"));
  EXPECT_EQ(prompt(2), "system:be long\nuser:new\n");
  EXPECT_THAT(prompt(3), StartsWith("user:new\nassistant:"));
}

TEST_F(Chat, TakesAMessageOfSeveralLinesBetweenQuotes) {
  const Outcome outcome =
      chat({"--json"}, "\"\"\"one\n\n/reset\nlast \"\"\"\n\"\"\"/x\"\"\"\n\"\"\"open\n");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, StartsWith("bora: message: expected \"\"\" at its end, found the end"));
  const std::vector<Json> answers = parse_lines(outcome.out);
  ASSERT_EQ(answers.size(), 2);
  EXPECT_EQ(text_of(answers[0]["prompt_ids"]), "user:one\n\n/reset\nlast \n");
  EXPECT_THAT(text_of(answers[1]["prompt_ids"]), HasSubstr("\nuser:/x\n"));
}

TEST_F(Chat, SavesWhatTheTemplateCommandReads) {
  const std::string file = scratch_.write("conversation.json", "something older");
  const Outcome outcome = chat({"--system", "be", "--seed", "1"}, "hi\n/save " + file + "\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json saved = Json::parse(read_file(file));
  ASSERT_EQ(saved["messages"].size(), 3);
  EXPECT_EQ(saved["messages"][0], Json({{"role", "system"}, {"content", "be"}}));
  EXPECT_EQ(saved["messages"][1], Json({{"role", "user"}, {"content", "hi"}}));
  EXPECT_EQ(saved["messages"][2]["role"], "assistant");
  const std::string answer = saved["messages"][2]["content"];
  EXPECT_EQ(outcome.out, answer + "\n");
  const Outcome rendered = bora({"template", model_, "--messages", file});
  EXPECT_EQ(rendered.exit_code, 0) << rendered.err;
  EXPECT_EQ(rendered.out, "system:be\nuser:hi\nassistant:" + answer + "\n");
}

TEST_F(Chat, LeavesNothingBehindWhereItCannotSave) {
  const std::filesystem::path folder = scratch_.path() / "folder";
  std::filesystem::create_directory(folder);
  const std::vector<std::tuple<std::string, int, std::string>> cases = {
      {folder.string(), 2, "expected a file to write, found a folder"},
      {"/dev/null", 2, "expected a file to write, found something else"},
      {(folder / "no" / "file").string(), 1, "No such file or directory"},
      {"", 2, "/save: expected a file after it, found none"},
  };
  for (const auto& [file, exit_code, expected] : cases) {
    const Outcome outcome = chat({}, "/save " + file + "\nhi\n");
    EXPECT_EQ(outcome.exit_code, exit_code) << file;
    EXPECT_THAT(outcome.err, HasSubstr(expected));
    EXPECT_FALSE(outcome.out.empty()) << "the conversation goes on";
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(Chat, SavesThroughASymbolicLink) {
  const std::string file = scratch_.write("real.json", "old");
  std::filesystem::create_symlink("real.json", scratch_.path() / "link.json");
  EXPECT_EQ(chat({}, "/save " + (scratch_.path() / "link.json").string() + "\n").exit_code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(scratch_.path() / "link.json"));
  EXPECT_EQ(Json::parse(read_file(file))["messages"].size(), 0);
}

TEST_F(Chat, GoesOnAfterALineThatFails) {
  const std::vector<std::tuple<std::string, int, std::string>> cases = {
      {"/rest", 2, "  did you mean /reset?\n"},
      {"/reset now", 2, "bora: /reset: expected nothing after it, found \"now\"\n"},
      {"raise", 3, "no such talk"},
      {"\xff\xfe", 2, "expected UTF-8"},
      {std::string(200, 'a'), 2,
       "bora: conversation: expected at most 63 tokens with this message"},
  };
  for (const auto& [line, exit_code, expected] : cases) {
    const Outcome outcome = chat({"--json", "--ctx", "64"}, line + "\nhi\n");
    EXPECT_EQ(outcome.exit_code, exit_code) << line;
    EXPECT_THAT(outcome.err, HasSubstr(expected));
    const std::vector<Json> answers = parse_lines(outcome.out);
    ASSERT_EQ(answers.size(), 1) << line;
    EXPECT_EQ(text_of(answers[0]["prompt_ids"]), "user:hi\n") << "what failed was not said";
  }
}

TEST_F(Chat, TellsThatTheContextIsFullAndIsUsableAfterAReset) {
  const std::string message(30, 'a');
  const Outcome outcome = chat({"--ctx", "64", "--max-new-tokens", "60", "--seed", "1"},
                               message + "\n" + message + "\n/reset\nhi\n");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("cut: the context of 64 tokens is full"));
  EXPECT_THAT(outcome.err, HasSubstr("conversation: expected at most 63 tokens"));
  EXPECT_THAT(outcome.err, HasSubstr("/reset starts a new conversation"));
  EXPECT_GE(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2);
}

TEST_F(Chat, SaysWhatABaseModelLacks) {
  write("tokenizer_config.json", {{"eos_token", "</s>"}});
  const Outcome outcome = chat({}, "hi\n");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("bora: llama2_text: expected a chat template, found none"));
  EXPECT_THAT(outcome.err, HasSubstr("bora run"));
  const std::string file = scratch_.write("own.jinja", "<{{ messages[0].content }}>");
  const Outcome helped = chat({"--json", "--chat-template", file}, "hi\n");
  ASSERT_EQ(helped.exit_code, 0) << helped.err;
  EXPECT_EQ(text_of(Json::parse(helped.out)["prompt_ids"]), "<hi>");
  const Outcome no_tokenizer = bora({"chat", testing::golden_model("llama2")}, "hi\n");
  EXPECT_EQ(no_tokenizer.exit_code, 4);
  EXPECT_THAT(no_tokenizer.err, HasSubstr("llama2: expected a tokenizer"));
}

TEST_F(Chat, RefusesATemplateThatCannotBeUsedBeforeAnythingIsSaid) {
  const std::string file = scratch_.write("own.jinja", "{% for %}");
  const Outcome outcome = chat({"--chat-template", file}, "");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("chat template: line 1"));
}

TEST_F(Chat, SamplesAsTheFileOrTheFlagsSay) {
  const auto sampling = [&](const std::vector<std::string>& flags) {
    testing::Launch launch;
    launch.arguments = {"chat", model_};
    launch.arguments.insert(launch.arguments.end(), flags.begin(), flags.end());
    launch.variables = {{"BORA_LOG", "info"}};
    return testing::run_program(launch).err;
  };
  EXPECT_THAT(sampling({}), HasSubstr("temperature 0.6, top-k 0, top-p 0.9, min-p 0, repetition"));
  write("generation_config.json", {{"eos_token_id", 2}, {"do_sample", true}, {"top_p", 0.7}});
  EXPECT_THAT(sampling({}), HasSubstr("temperature 1, top-k 50, top-p 0.7, min-p 0, repetition"));
  EXPECT_THAT(sampling({"--top-p", "0.5", "--top-k", "3", "--min-p", "0.1", "--temperature", "2"}),
              HasSubstr("temperature 2, top-k 3, top-p 0.5, min-p 0.1, repetition"));
  EXPECT_THAT(sampling({"--seed", "77"}), HasSubstr("seed 77\n"));
}

TEST_F(Chat, NamesAValueOfGenerationConfigThatCannotBe) {
  write("generation_config.json", {{"do_sample", true}, {"temperature", -1}});
  const Outcome outcome = chat({}, "hi\n");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err,
              StartsWith("bora: generation_config.json: temperature: expected a number "
                         "from 0 to 100, found -1\n  --temperature overrides it\n"));
  EXPECT_EQ(chat({"--temperature", "1"}, "hi\n").exit_code, 0);
}

TEST_F(Chat, EndsAnAnswerAtAnyOfSeveralEndTokens) {
  write("generation_config.json", {{"eos_token_id", {2}}, {"do_sample", false}});
  const Json free_ids = Json::parse(chat({"--json"}, "hi\n").out)["ids"];
  ASSERT_GT(free_ids.size(), 4);
  write("generation_config.json", {{"eos_token_id", {2, free_ids[3]}}, {"do_sample", false}});
  const Json cut = Json::parse(chat({"--json"}, "hi\n").out);
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_LE(cut["ids"].size(), 3);
  EXPECT_TRUE(std::equal(cut["ids"].begin(), cut["ids"].end(), free_ids.begin()));
}

TEST_F(Chat, AnswersTheSameWithAndWithoutDrafts) {
  // It says a letter of the prompt again and again: drafts are right, and one reaches beyond the
  // stop string.
  const auto answers = [&](const std::string& speculate, std::vector<std::string> flags) {
    flags.insert(flags.end(),
                 {"--json", "--max-new-tokens", "40", "--temperature", "0", "--repetition-penalty",
                  "0.01", "--frequency-penalty", "-100", "--speculate", speculate});
    const Outcome outcome = chat(flags, "hi\nmore\n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return parse_lines(outcome.out);
  };
  const std::string whole = answers("off", {})[0]["text"];
  ASSERT_GE(whole.size(), 40);
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, std::vector<std::string>{"--stop", whole.substr(20, 10)}}) {
    const std::vector<Json> plain = answers("off", flags);
    ASSERT_EQ(plain.size(), 2);
    EXPECT_EQ(plain[0]["finish_reason"], flags.empty() ? "length" : "stop");
    for (const std::string speculate : {"auto", "lookup", "model"}) {
      std::vector<std::string> all = flags;
      if (speculate != "lookup") all.insert(all.end(), {"--draft-model", model_});
      const std::vector<Json> drafted = answers(speculate, all);
      ASSERT_EQ(drafted.size(), 2);
      for (std::size_t i = 0; i < 2; ++i) {
        for (const char* key : {"prompt_ids", "ids", "text", "finish_reason"}) {
          EXPECT_EQ(drafted[i][key], plain[i][key]) << speculate << ", answer " << i << ": " << key;
        }
      }
      if (speculate == "auto") continue;  // how much it drafts is a matter of time
      // A draft model knows nothing of the penalties.
      EXPECT_GT(drafted[0]["speculation"][speculate == "model" ? "drafted" : "accepted"], 5);
    }
  }
  EXPECT_EQ(chat({"--speculate", "never"}, "hi\n").exit_code, 2);
}

TEST_F(Chat, DrawsAnewInEachRunUnlessASeedIsGiven) {
  const auto ids = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> all = {"--json", "--temperature", "5", "--top-p", "1"};
    all.insert(all.end(), flags.begin(), flags.end());
    return Json::parse(chat(all, "hi\n").out)["ids"];
  };
  EXPECT_EQ(ids({"--seed", "5"}), ids({"--seed", "5"}));
  EXPECT_NE(ids({}), ids({})) << "equal by chance once in 512^12 runs";
}

TEST_F(Chat, EndsQuietlyWhenItsReaderGoesAway) {
  testing::Launch launch;
  launch.arguments = {"chat", model_, "--temperature", "1", "--top-p", "1", "--seed", "1"};
  for (int i = 0; i < 50; ++i) launch.input += "go on\n";
  testing::expect_quiet_end_without_reader(std::move(launch));
}

TEST(ChatSmolLM2, RemembersWhatWasSaid) {
  const std::optional<std::string> model = testing::smollm2();
  if (!model) GTEST_SKIP() << "BORA_TEST_SMOLLM2 names no model";
  const Outcome outcome = bora({"chat", *model, "--temperature", "0", "--max-new-tokens", "24"},
                               "What is the capital of France?\nWhat is the capital of Italy?\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Paris"));
  EXPECT_THAT(outcome.out, HasSubstr("Rome"));
}

}  // namespace
}  // namespace bora
