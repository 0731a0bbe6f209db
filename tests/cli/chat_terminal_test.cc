// bora chat as somebody in front of a terminal has it.
#include "tests/base/temp_folder.h"
#include "tests/cli/models.h"
#include "tests/cli/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using testing::kArrowUp;
using testing::kBackspace;
using testing::kCtrlC;
using testing::kCtrlD;
using testing::kEnter;
using testing::read_file;
using testing::TempFolder;
using testing::Terminal;

class ChatTerminal : public ::testing::Test {
 protected:
  // A model that never ends an answer by itself, with room for some seconds of it.
  ChatTerminal() {
    Json config = Json::parse(read_file(model_ + "/config.json"));
    config.erase("eos_token_id");
    std::ofstream(model_ + "/config.json") << config.dump();
  }

  [[nodiscard]] std::vector<std::string> chat() const {
    return {"chat", model_, "--temperature", "1", "--seed", "3", "--ctx", "60000"};
  }
  [[nodiscard]] std::string file() const { return (scratch_.path() / "saved.json").string(); }
  // What /save writes now.
  Json saved(Terminal& terminal) const {
    terminal.type("/save " + file() + kEnter);
    terminal.wait_for("messages in ");
    terminal.wait_for("> ");
    return Json::parse(read_file(file()))["messages"];
  }

  TempFolder scratch_;
  std::string model_ = testing::model_with_tokenizer(scratch_, "mistral_nemo");
};

TEST_F(ChatTerminal, StopsAnAnswerOnCtrlCAndKeepsWhatWasSaid) {
  Terminal terminal(chat());
  terminal.wait_for("> ");
  terminal.type(std::string("go") + kEnter);
  terminal.wait_for("\n");
  terminal.wait_for_more(40);
  terminal.type(kCtrlC);
  const std::string shown = terminal.wait_for("; stopped]");
  terminal.wait_for("> ");
  const Json messages = saved(terminal);
  ASSERT_EQ(messages.size(), 2);
  const std::string answer = messages[1]["content"];
  EXPECT_GT(answer.size(), 20);
  EXPECT_THAT(shown, HasSubstr(answer.substr(0, answer.find('\n'))));

  // Again, from the history: the conversation goes on.
  terminal.type(std::string(kArrowUp) + kArrowUp + kEnter);
  terminal.wait_for("go");
  terminal.wait_for("\n");
  terminal.wait_for_more(40);
  terminal.type(kCtrlC);
  terminal.wait_for("; stopped]");
  terminal.wait_for("> ");
  const Json more = saved(terminal);
  ASSERT_EQ(more.size(), 4);
  EXPECT_EQ(more[1]["content"], answer);
  EXPECT_EQ(more[2]["content"], "go");
  terminal.type(kCtrlD);
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST_F(ChatTerminal, EditsCharactersOfAnyScript) {
  Terminal terminal(chat());
  terminal.wait_for("> ");
  terminal.type(std::string("/system na\u00efve \u4f60\u597d\u00e9") + kBackspace + "!" + kEnter);
  terminal.wait_for("[system message set]");
  terminal.wait_for("> ");
  EXPECT_EQ(saved(terminal)[0]["content"], "na\u00efve \u4f60\u597d!");
  terminal.type(kCtrlD);
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST_F(ChatTerminal, ClearsTheLineOnCtrlCAndLeavesOnTheSecond) {
  Terminal terminal(chat());
  terminal.wait_for("> ");
  terminal.type("/system never sent");
  terminal.wait_for("never sent");
  terminal.type(kCtrlC);
  terminal.wait_for("[Ctrl-C again, or Ctrl-D, leaves]");
  terminal.wait_for("> ");
  EXPECT_EQ(saved(terminal).size(), 0);
  terminal.type(kCtrlC);
  terminal.wait_for("[Ctrl-C again, or Ctrl-D, leaves]");
  terminal.wait_for("> ");
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST_F(ChatTerminal, DropsAnUnfinishedBlockOnCtrlC) {
  Terminal terminal(chat());
  terminal.wait_for("> ");
  terminal.type(std::string("\"\"\"one") + kEnter);
  terminal.wait_for("... ");
  terminal.type(kCtrlC);
  terminal.wait_for("[Ctrl-C again, or Ctrl-D, leaves]");
  terminal.wait_for("> ");
  EXPECT_EQ(saved(terminal).size(), 0);
  terminal.type(std::string("/exit") + kEnter);
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST_F(ChatTerminal, IsQuietWhenAskedTo) {
  std::vector<std::string> arguments = chat();
  arguments.emplace_back("--quiet");
  Terminal terminal(arguments);
  terminal.wait_for("> ");
  EXPECT_EQ(terminal.seen().find("/help"), std::string::npos);
  terminal.type(kCtrlD);
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

}  // namespace
}  // namespace bora
