#include "cli/flags.h"

#include <gtest/gtest.h>

#include <array>

namespace bora {
namespace {

struct Values {
  std::string model;
  std::optional<std::string> text;
  std::vector<std::string> stops;
  std::string kind = "auto";
  std::optional<std::vector<TokenId>> ids;
  std::vector<std::size_t> counts;
  int count = 7;
  double ratio = 0.5;
  bool json = false;
};

constexpr std::array kKinds = {Choice{"auto"}, Choice{"f32"}, Choice{"int8", true},
                               Choice{"cuda", true}};

// Parses into `values`; the message of the error, with its hints, or "".
std::string parse(Values& values, std::vector<std::string> arguments) {
  FlagTable flags("test");
  flags.positional("MODEL", "a model", values.model);
  flags.text("-p,--prompt", "TEXT", "a text", values.text);
  flags.texts("--stop", "TEXT", "a stop", values.stops);
  flags.choice("--weights", "a kind", kKinds, values.kind);
  flags.ids("--prompt-ids", "some ids", values.ids);
  flags.whole("--threads", "a count", {1, 16}, values.count);
  flags.wholes("--batch", "some counts", {1, 16}, values.counts);
  flags.real("--temperature", "a ratio", {0.0, 2.0}, values.ratio);
  flags.toggle("--json", "a switch", values.json);
  const Result<void> parsed = flags.parse(arguments);
  if (parsed) return "";
  std::string text = parsed.error().message;
  for (const std::string& hint : parsed.error().hints) text += " | " + hint;
  EXPECT_EQ(parsed.error().code, ErrorCode::kUsage);
  return text;
}

TEST(FlagTable, FillsTheOptions) {
  Values values;
  EXPECT_EQ(parse(values, {"folder", "-p", "a b", "--stop", "x", "--stop=y,z", "--weights", "f32",
                           "--prompt-ids", "1, 2,3", "--threads", "4", "--batch", "1,16,4",
                           "--temperature", "0.25", "--json"}),
            "");
  EXPECT_EQ(values.counts, (std::vector<std::size_t>{1, 16, 4}));
  EXPECT_EQ(values.model, "folder");
  EXPECT_EQ(values.text, "a b");
  EXPECT_EQ(values.stops, (std::vector<std::string>{"x", "y,z"}));
  EXPECT_EQ(values.kind, "f32");
  EXPECT_EQ(values.ids, (std::vector<TokenId>{1, 2, 3}));
  EXPECT_EQ(values.count, 4);
  EXPECT_EQ(values.ratio, 0.25);
  EXPECT_TRUE(values.json);
}

TEST(ParseBytes, TakesPowersOf1024) {
  const std::pair<std::string_view, std::size_t> cases[] = {
      {"1", 1},
      {"123456789", 123456789},
      {"8G", std::size_t{8} << 30},
      {"8gib", std::size_t{8} << 30},
      {"1.5GB", std::size_t{3} << 29},
      {"512m", std::size_t{512} << 20},
      {"2K", 2048},
      {"1T", std::size_t{1} << 40},
      {"7b", 7},
  };
  for (const auto& [word, bytes] : cases) {
    const Result<std::size_t> parsed = parse_bytes(word);
    ASSERT_TRUE(parsed) << word;
    EXPECT_EQ(*parsed, bytes) << word;
  }
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const std::string_view word : {"", "G", "8X", "8 G", "-1G", "0", "0.5", "nan", "inf", "1e3G",
                                      "99999999T", "8Gi", "8GiBs", "0x10"}) {
    const Result<std::size_t> parsed = parse_bytes(word);
    ASSERT_FALSE(parsed) << word;
    EXPECT_EQ(parsed.error().message.find("expected a size such as 8G or 512M, found "), 0U);
  }
}

TEST(FlagTable, LeavesWhatIsNotGiven) {
  Values values;
  EXPECT_EQ(parse(values, {}), "");
  EXPECT_EQ(values.text, std::nullopt);
  EXPECT_EQ(values.count, 7);
  EXPECT_FALSE(values.json);
}

TEST(FlagTable, TakesAnyTextAsAValue) {
  for (const std::string text : {"", "-x", "--json", "[a,b]", "--", "{}", "'q'", "\"q\"", "a=b"}) {
    Values values;
    EXPECT_EQ(parse(values, {"-p", text}), "") << text;
    EXPECT_EQ(values.text, text);
    EXPECT_FALSE(values.json) << text;
  }
}

TEST(FlagTable, LetsTheLastValueWin) {
  Values values;
  EXPECT_EQ(parse(values, {"--threads", "2", "--threads", "3"}), "");
  EXPECT_EQ(values.count, 3);
}

TEST(FlagTable, NamesTheFlagAndWhatItExpects) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--threads", "0"}, "--threads: expected a whole number from 1 to 16, found \"0\""},
      {{"--threads", "4x"}, "--threads: expected a whole number from 1 to 16, found \"4x\""},
      {{"--threads", ""}, "--threads: expected a whole number from 1 to 16, found \"\""},
      {{"--threads", "99999999999999999999"},
       "--threads: expected a whole number from 1 to 16, found \"99999999999999999999\""},
      {{"--batch", "1,,2"}, "--batch: expected a whole number from 1 to 16, found \"\""},
      {{"--batch", "1,17"}, "--batch: expected a whole number from 1 to 16, found \"17\""},
      {{"--temperature", "-1"}, "--temperature: expected a number from 0 to 2, found \"-1\""},
      {{"--temperature", "nan"}, "--temperature: expected a number from 0 to 2, found \"nan\""},
      {{"--temperature", "inf"}, "--temperature: expected a number from 0 to 2, found \"inf\""},
      {{"--prompt-ids", "1,,2"}, "--prompt-ids: expected token ids such as 1,2,3, found \"\""},
      {{"--prompt-ids", "1,-2"}, "--prompt-ids: expected token ids such as 1,2,3, found \"-2\""},
      {{"--weights", "f8"}, "--weights: expected one of auto|f32, found \"f8\""},
      {{"--weights", "int8"},
       "--weights: expected one of auto|f32, found \"int8\" | int8 comes with a later version of "
       "bora"},
      {{"--weights", "cuda:0"},
       "--weights: expected one of auto|f32, found \"cuda:0\" | cuda:0 comes with a later version "
       "of bora"},
      {{"-p"}, "--prompt: expected a value, found none"},
      {{"--json=no"}, "--json: expected no value, found \"no\""},
      {{"a", "b"},
       "test: expected no more arguments, found \"b\" | quote a text that has blanks in it"},
  };
  for (const auto& [arguments, expected] : cases) {
    Values values;
    EXPECT_EQ(parse(values, arguments), expected);
  }
}

TEST(FlagTable, SuggestsTheNearestFlag) {
  Values values;
  EXPECT_EQ(parse(values, {"--thraeds", "4"}),
            "test: expected one of its flags, found \"--thraeds\" | did you mean --threads? | bora "
            "test --help lists them");
  EXPECT_EQ(
      parse(values, {"--zzzzzzzzzz"}),
      "test: expected one of its flags, found \"--zzzzzzzzzz\" | bora test --help lists them");
}

TEST(FlagTable, WantsHelpBeforeAnythingElse) {
  Values values;
  FlagTable flags("test");
  flags.whole("--threads", "a count", {1, 16}, values.count);
  const std::vector<std::string> arguments{"--threads", "99", "--help"};
  ASSERT_TRUE(flags.parse(arguments));
  EXPECT_TRUE(flags.wants_help());
}

TEST(FlagTable, ShowsEveryRowInItsHelp) {
  Values values;
  FlagTable flags("test");
  flags.positional("MODEL", "a model", values.model);
  flags.group("Numbers");
  flags.whole("--threads", "a count", {1, 16}, values.count);
  flags.choice("-w,--weights", "a kind", kKinds, values.kind);
  EXPECT_EQ(flags.help(),
            "  MODEL                       a model\n"
            "\n"
            "Numbers:\n"
            "  --threads N                 a count\n"
            "  -w, --weights auto|f32      a kind\n");
}

}  // namespace
}  // namespace bora
