#include "text/chat_template.h"

#include "text/jinja/json.h"
#include "text/jinja/operators.h"
#include "text/jinja/strftime.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace bora {
namespace {

using jinja::Value;
using testing::HasSubstr;

Value read_test_data(const std::string& name) {
  std::ifstream file(std::string(BORA_TEST_DATA_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  auto value = jinja::parse_json(text.str());
  EXPECT_TRUE(value) << name;
  return value ? *value : Value();
}

const Value& at(const Value& dict, std::string_view key) {
  const Value* found = dict.as_dict().find(key);
  EXPECT_NE(found, nullptr) << key;
  return *found;
}

Result<std::string> render(std::string_view source, const ChatTemplateInput& input = {}) {
  auto parsed = ChatTemplate::parse(source);
  if (!parsed) return std::move(parsed).error();
  return parsed->render(input);
}

std::string error_of(std::string_view source) {
  const auto text = render(source);
  EXPECT_FALSE(text) << source;
  if (text) return "no error, but: " + text->substr(0, 200);
  EXPECT_EQ(text.error().code, ErrorCode::kBadModel);
  return text.error().message;
}

TEST(ChatTemplate, RendersTheRecordedCasesOfTransformers) {
  const Value file = read_test_data("golden/chat_templates.json");
  const auto now = jinja::parse_date_time(at(file, "now").text());
  ASSERT_TRUE(now);
  for (const Value& entry : at(file, "templates").items()) {
    const std::string& name = at(entry, "name").text();
    const auto parsed = ChatTemplate::parse(at(entry, "template").text());
    ASSERT_TRUE(parsed) << name << ": " << parsed.error().message;
    size_t number = 0;
    for (const Value& recorded : at(entry, "cases").items()) {
      SCOPED_TRACE(fmt::format("{}, case {}", name, number++));
      ChatTemplateInput input;
      input.messages = at(recorded, "messages");
      input.tools = at(recorded, "tools");
      input.kwargs = at(recorded, "kwargs").as_dict();
      input.now = *now;
      const auto text = parsed->render(input);
      const Value* rendered = recorded.as_dict().find("rendered");
      if (rendered != nullptr) {
        ASSERT_TRUE(text) << text.error().message;
        EXPECT_EQ(*text, rendered->text());
        continue;
      }
      ASSERT_FALSE(text) << *text;
      if (at(recorded, "error_type").text() == "TemplateError") {
        EXPECT_THAT(text.error().message, HasSubstr(at(recorded, "error").text()));
      }
    }
  }
}

// Made by tools/make_jinja_cases.py, which asks jinja2 itself.
TEST(ChatTemplate, AnswersAsJinja2DoesInEveryCaseOfTheTable) {
  const Value file = read_test_data("jinja_cases.json");
  const auto now = jinja::parse_date_time(at(file, "now").text());
  ASSERT_TRUE(now);
  for (const Value& recorded : at(file, "cases").items()) {
    const std::string& source = at(recorded, "template").text();
    SCOPED_TRACE(source);
    ChatTemplateInput input;
    input.now = *now;
    const std::string& context = at(recorded, "context").text();
    input.kwargs = at(at(file, "contexts"), context).as_dict();
    if (const Value* messages = input.kwargs.find("messages")) input.messages = *messages;
    const auto text = render(source, input);
    if (const Value* expected = recorded.as_dict().find("rendered")) {
      EXPECT_TRUE(text) << text.error().message;
      if (text) {
        EXPECT_EQ(*text, expected->text());
      }
    } else {
      EXPECT_FALSE(text) << *text << "\nexpected the error: " << at(recorded, "error").text();
    }
  }
}

TEST(ChatTemplate, RendersPlainMessages) {
  const std::vector<ChatMessage> messages = {{"user", "Hi"}, {"assistant", "Hello"}};
  ChatTemplateInput input;
  input.messages = chat_messages(messages);
  input.kwargs.set("add_generation_prompt", Value::boolean(true));
  const auto text = render(
      "{% for m in messages %}<{{ m.role }}>{{ m['content'] }}{% endfor %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}",
      input);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "<user>Hi<assistant>Hello<assistant>");
}

TEST(ChatTemplate, ReadsAMessagesFile) {
  const auto parsed = ChatTemplate::parse(
      "{{ messages[0].content }}|{{ tools is none }}|{{ documents is none }}|{{ bos_token }}|"
      "{{ add_generation_prompt }}|{{ strftime_now('%d %b %Y') }}");
  ASSERT_TRUE(parsed);
  const auto text = parsed->render_json(
      R"({"messages": [{"role": "user", "content": "h\u00e9"}], "tools": null,
          "kwargs": {"bos_token": "<s>"}, "now": "2024-07-26T14:05:09"})",
      {});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "h\u00e9|True|True|<s>|False|26 Jul 2024");
}

TEST(ChatTemplate, RefusesAMalformedMessagesFile) {
  for (const char* json : {"", "[]", "{}", R"({"messages": 3})", R"({"messages": [], "kwargs": 1})",
                           R"({"messages": [], "now": "yesterday"})", R"({"messages": [)"}) {
    const auto input = parse_chat_input(json, {});
    ASSERT_FALSE(input) << json;
    EXPECT_EQ(input.error().code, ErrorCode::kUsage);
    EXPECT_THAT(input.error().message, HasSubstr("messages"));
  }
}

TEST(ChatTemplate, BoundsTheDepthOfJson) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_FALSE(parse_chat_input("{\"messages\": " + deep + "}", {}));
}

TEST(ChatTemplate, NamesTheLineOfAnError) {
  EXPECT_EQ(error_of("a\n{{ x.y }}"), "chat template: line 2: 'x' is undefined");
  EXPECT_EQ(error_of("a\n\n{% if %}"), "chat template: line 3: Expected an expression, got '%}'");
  EXPECT_EQ(error_of("{{ raise_exception('Roles: \"must\" alternate!') }}"),
            "chat template: line 1: Roles: \"must\" alternate!");
  EXPECT_EQ(error_of("{% macro f() %}\n{{ 1 / 0 }}\n{% endmacro %}\n{{ f() }}"),
            "chat template: line 2: division by zero");
  EXPECT_THAT(error_of("{% include 'other' %}"), HasSubstr("'include' is not supported"));
}

TEST(ChatTemplate, RefusesWhatIsNotUtf8) { EXPECT_FALSE(ChatTemplate::parse("\xff{{ 1 }}")); }

struct Hostile {
  std::string source;
  std::string limit;  // a part of the message
};

std::string repeated(std::string_view unit, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += unit;
  return out;
}

TEST(ChatTemplate, StopsHostileTemplatesAtALimit) {
  const std::vector<Hostile> table = {
      {"{{ " + std::string(100'000, '(') + "1" + std::string(100'000, ')') + " }}",
       "kMaxParseDepth"},
      {"{{ " + std::string(100'000, '-') + "1 }}", "kMaxParseDepth"},
      {"{{ " + repeated("not ", 100'000) + "1 }}", "kMaxParseDepth"},
      {"{{ " + std::string(100'000, '[') + std::string(100'000, ']') + " }}", "kMaxParseDepth"},
      {"{{ 1" + repeated("+1", 100'000) + " }}", "kMaxNodeHeight"},
      {"{{ a" + repeated(".a", 100'000) + " }}", "kMaxNodeHeight"},
      {"{{ a" + repeated("|e", 100'000) + " }}", "kMaxNodeHeight"},
      {"{{ 1" + repeated(" if 1 else 1", 100'000) + " }}", "kMax"},
      {repeated("{% if 1 %}", 100'000), "kMaxParseDepth"},
      {repeated("{% for a in b %}", 100'000), "kMaxParseDepth"},
      {"{% set " + std::string(100'000, '(') + "a" + std::string(100'000, ')') + " = 1 %}",
       "kMaxParseDepth"},
      {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "kMaxEvalDepth"},
      {"{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "kMaxEvalDepth"},
      {"{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
       "kMaxSteps"},
      {"{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}", "kMaxOutputBytes"},
      {"{{ 'x' * 9999999999 }}", "kMaxStringBytes"},
      {"{{ [1] * 9999999999 }}", "kMaxListItems"},
      {"{{ range(100001) }}", "100000"},
      {"{{ 'x'.center(9999999999) }}", "kMaxWidth"},
      {"{{ '%9999999999d' % 1 }}", "kMaxWidth"},
      {"{{ '%.9999999999f' % 1.5 }}", "kMaxWidth"},
      {"{{ '{:9999999999}'.format(1) }}", "kMaxWidth"},
      {"{{ 'a'|indent(9999999999) }}", "kMaxWidth"},
      {"{% set ns = namespace(a=[]) %}{% for i in range(1000) %}{% set ns.a = [ns.a] %}{% endfor "
       "%}",
       "kMaxValueDepth"},
      {"{% set ns = namespace() %}{% for i in range(99999) %}{% set ns.n = namespace(n=ns.n) %}"
       "{% endfor %}{% for i in range(9) %}{% set ns.n = namespace(n=ns.n) %}{% endfor %}",
       "kMaxPinnedObjects"},
      {"{% set ns = namespace(s='x') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}"
       "{% endfor %}",
       "kMaxS"},
      {"{% set s = 'a' * 30000000 %}{% for i in range(100) %}{{ s.find('ab') }}{% endfor %}",
       "kMaxSteps"},
      {"{{ 9223372036854775807 + 1 }}", "64 bits"},
      {"{{ 99 ** 99 }}", "64 bits"},
  };
  for (const Hostile& hostile : table) {
    EXPECT_THAT(error_of(hostile.source), HasSubstr(hostile.limit)) << hostile.source.substr(0, 80);
  }
}

TEST(ChatTemplate, FreesValuesThatHoldThemselves) {
  const auto text = render(
      "{% set ns = namespace() %}{% set ns.self = ns %}{% set ns.list = [ns] %}"
      "{% macro f() %}{{ ns.x }}{% endmacro %}{% set ns.f = f %}{% set ns.x = 'done' %}{{ ns.f() "
      "}}");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "done");
}

TEST(ChatTemplate, PrintsAValueThatHoldsItselfAsAnError) {
  EXPECT_THAT(error_of("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}"),
              HasSubstr("kMaxEvalDepth"));
}

}  // namespace
}  // namespace bora
