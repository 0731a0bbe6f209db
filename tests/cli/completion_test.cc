// The completion scripts: bash's is sourced and asked, as the shell asks it.
#include "cli/command.h"
#include "tests/base/temp_folder.h"
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace bora {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Outcome;
using testing::TempFolder;

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string output_of(const std::string& shell_command) {
  std::string text;
  FILE* pipe = popen(shell_command.c_str(), "r");  // NOLINT: our own words only
  if (pipe == nullptr) return text;
  std::array<char, 4096> chunk{};
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    text.append(chunk.data(), got);
  }
  EXPECT_EQ(pclose(pipe), 0) << shell_command;
  return text;
}

class BashCompletion : public ::testing::Test {
 protected:
  BashCompletion()
      : script_(scratch_.write("bora.bash", testing::bora({"completion", "bash"}).out)) {}

  // What bash offers for the last of the words, which are those of a line that begins with bora.
  [[nodiscard]] std::vector<std::string> complete(const std::vector<std::string>& words) const {
    std::string line = "source '" + script_ + "'; COMP_WORDS=(bora";
    for (const std::string& word : words) line += " '" + word + "'";
    line += "); COMP_CWORD=" + std::to_string(words.size()) +
            "; _bora; printf '%s\\n' \"${COMPREPLY[@]}\"";
    return sorted_lines(output_of("exec bash --norc --noprofile <<'END'\n" + line + "\nEND"));
  }

  TempFolder scratch_;
  std::string script_;
};

TEST_F(BashCompletion, OffersEveryCommand) {
  std::vector<std::string> expected = {"--help", "--version"};
  for (const Command& command : commands()) expected.emplace_back(command.name);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(complete({""}), expected);
  EXPECT_THAT(complete({"te"}), ElementsAre("template"));
}

TEST_F(BashCompletion, OffersEveryFlagOfEveryCommand) {
  for (const Command& command : commands()) {
    std::vector<std::string> expected = {"--help"};
    for (const FlagInfo& flag : command.flags().rows()) {
      if (!flag.positional) expected.push_back(flag.name);
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(complete({std::string(command.name), "--"}), expected) << command.name;
  }
  EXPECT_THAT(complete({"run", "--pro"}), ElementsAre("--prompt", "--prompt-file", "--prompt-ids"));
}

TEST_F(BashCompletion, OffersTheWordsThatAFlagTakes) {
  EXPECT_THAT(complete({"run", "--load", ""}), ElementsAre("auto", "copy", "map"));
  EXPECT_THAT(complete({"run", "model", "--load", "m"}), ElementsAre("map"));
  EXPECT_THAT(complete({"chat", "--compute", "="}), ElementsAre("auto", "f32")) << "--compute=";
  EXPECT_THAT(complete({"chat", "--compute", "=", "f"}), ElementsAre("f32"));
  EXPECT_THAT(complete({"completion", ""}), ElementsAre("bash", "fish", "zsh"));
}

TEST_F(BashCompletion, OffersFilesWhereAFileIsMeant) {
  (void)scratch_.write("a prompt.txt", "");
  std::filesystem::create_directory(scratch_.path() / "a folder");
  const std::string begin = (scratch_.path() / "a").string();
  EXPECT_THAT(complete({"run", "--prompt-file", begin}),
              ElementsAre(begin + " folder", begin + " prompt.txt"));
  EXPECT_THAT(complete({"run", begin}), ElementsAre(begin + " folder", begin + " prompt.txt"));
  EXPECT_THAT(complete({"run", "--cache-dir", begin}), ElementsAre(begin + " folder"));
  EXPECT_THAT(complete({"run", "--seed", begin}), IsEmpty());
  EXPECT_THAT(complete({"run", "-p", begin}), IsEmpty());
  EXPECT_THAT(complete({"list", begin}), IsEmpty());
  EXPECT_THAT(complete({"no-such-command", begin}), IsEmpty());
}

TEST(Completion, KnowsEveryCommandAndFlagInEachShell) {
  const std::string zsh = testing::bora({"completion", "zsh"}).out;
  const std::string fish = testing::bora({"completion", "fish"}).out;
  for (const Command& command : commands()) {
    const std::string name(command.name);
    EXPECT_THAT(zsh, HasSubstr("'" + name + ":"));
    EXPECT_THAT(fish, HasSubstr("__fish_use_subcommand -a " + name + " "));
    const std::size_t begin = zsh.find("\n        " + name + ")\n");
    ASSERT_NE(begin, std::string::npos) << name;
    const std::string in_zsh = zsh.substr(begin, zsh.find(";;", begin) - begin);
    for (const FlagInfo& flag : command.flags().rows()) {
      if (flag.positional) continue;
      EXPECT_THAT(in_zsh, HasSubstr(flag.name)) << name;
      EXPECT_THAT(fish,
                  HasSubstr("from " + name + "'" +
                            (flag.short_name.empty() ? "" : " -s " + flag.short_name.substr(1)) +
                            " -l " + flag.name.substr(2) + " "));
    }
  }
}

TEST(Completion, IsWhatEachShellCanParse) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string probe = "command -v " + shell + " >/dev/null";
    if (std::system(probe.c_str()) != 0) continue;  // NOLINT: our own words only
    const TempFolder scratch;
    const std::string file = scratch.write("script", testing::bora({"completion", shell}).out);
    EXPECT_EQ(output_of(shell + " -n '" + file + "' 2>&1"), "") << shell;
  }
}

TEST(Completion, TakesOneOfTheShellsItKnows) {
  const Outcome none = testing::bora({"completion"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.err, "bora: SHELL: expected one, found none\n");
  const Outcome other = testing::bora({"completion", "tcsh"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_EQ(other.err, "bora: SHELL: expected one of bash|zsh|fish, found \"tcsh\"\n");
}

}  // namespace
}  // namespace bora
