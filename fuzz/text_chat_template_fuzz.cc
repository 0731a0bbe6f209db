// Chat templates: any bytes are an error, or a template that renders, or fails, within the limits.
// The first byte chooses the messages, the rest is the template.
#include "base/check.h"
#include "text/chat_template.h"
#include "text/unicode.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

constexpr std::array<std::string_view, 4> kInputs = {
    R"({"messages": []})",
    R"({"messages": [{"role": "user", "content": "Hi \u2615"}], "kwargs": {"bos_token": "<s>",
        "eos_token": "</s>", "add_generation_prompt": true, "n": 5, "x": 1.5, "s": "a,b c"}})",
    R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "a</think>b"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call12345", "function":
          {"name": "f", "arguments": {"a": [1, 2.5, null], "b": {"c": "\u00e9"}}}}]},
        {"role": "tool", "tool_call_id": "call12345", "content": "{}"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d",
          "parameters": {"type": "object", "properties": {"a": {"type": "array"}}}}}],
        "kwargs": {"bos_token": "<s>", "eos_token": "</s>", "enable_thinking": false}})",
    R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image"}]}],
        "documents": [{"title": "T", "text": "D"}], "kwargs": {"bos_token": "", "eos_token": ""}})"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view source(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parsed = bora::ChatTemplate::parse(source);
  if (!parsed) return 0;
  const bora::jinja::DateTime now{.year = 2024, .month = 7, .day = 26, .hour = 14};
  const auto text = parsed->render_json(kInputs[data[0] % kInputs.size()], now);
  if (text) CHECK(bora::is_valid_utf8(*text), "a rendered text is not UTF-8");
  return 0;
}
