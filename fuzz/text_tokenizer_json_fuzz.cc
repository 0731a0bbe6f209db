// tokenizer.json and tekken.json from hostile bytes: reading either fails with an error or gives a
// tokenizer that encodes and decodes without a crash. What follows the first 0 byte is the text.
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

void exercise(const bora::Tokenizer& tokenizer, std::string_view text) {
  for (const bool parse_special : {true, false}) {
    const auto ids = tokenizer.encode(text, {.parse_special = parse_special});
    if (!ids) continue;
    const auto decoded = tokenizer.decode(*ids, {.skip_special = false});
    if (!decoded || !bora::is_valid_utf8(*decoded)) std::abort();
    bora::StreamDecoder stream(tokenizer, {"ab"}, {.skip_special = false});
    std::string parts;
    for (const bora::TokenId id : *ids) parts += stream.push(id);
    parts += stream.finish();
    if (decoded->compare(0, parts.size(), parts) != 0) std::abort();
    if (!stream.stopped() && parts.size() != decoded->size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const std::string_view file = input.substr(0, end);
  if (file.find('{') == std::string_view::npos) return 0;
  const auto tokenizer =
      bora::Tokenizer::parse(std::as_bytes(std::span(file.data(), file.size())), "fuzz.json");
  if (!tokenizer) return 0;
  const std::string_view text =
      end == std::string_view::npos ? " ab \xC3\xA9 12<s>c" : input.substr(end + 1);
  exercise(*tokenizer, text);
  return 0;
}
