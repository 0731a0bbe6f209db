// A SentencePiece model from hostile bytes: reading either fails with an error or gives a tokenizer
// that encodes and decodes without a crash.
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tokenizer = bora::Tokenizer::parse(std::as_bytes(std::span(data, size)), "fuzz.model");
  if (!tokenizer) return 0;
  for (const char* text : {"", " ab  abc", "a\xC3\xA9\xE2\x96\x81", "<s>a</s>"}) {
    const auto ids = tokenizer->encode(text);
    if (!ids) continue;
    const auto decoded = tokenizer->decode(*ids, {.skip_special = false});
    if (!decoded || !bora::is_valid_utf8(*decoded)) std::abort();
  }
  std::vector<bora::TokenId> all;
  for (std::size_t id = 0; id < tokenizer->vocab_size(); ++id) {
    all.push_back(static_cast<bora::TokenId>(id));
  }
  if (!tokenizer->decode(all)) std::abort();
  return 0;
}
