// StreamDecoder: the text of a sequence of ids while it is being made, id by id.
//
// What push() and finish() return, one after the other, is what Tokenizer::decode gives for all ids
// at once, cut before the first stop string. Each part is whole UTF-8 characters: half a character,
// and what may be the beginning of a stop string, is held back. Constant cost a token. One thread;
// keeps a copy of the (shared) tokenizer.
#pragma once

#include "base/ids.h"
#include "text/decoder.h"
#include "text/tokenizer.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

class StreamDecoder {
 public:
  // Stop strings that are empty or not UTF-8 never match.
  explicit StreamDecoder(const Tokenizer& tokenizer, std::vector<std::string> stops = {},
                         DecodeOptions options = {});

  // The text that is certain after this id. An id without a piece is no text. Empty once stopped.
  std::string push(TokenId id);

  // The sequence has ended: what was held back.
  std::string finish();

  // Whether a stop string has been completed, and which: it and all that follows is not returned.
  [[nodiscard]] bool stopped() const { return stopped_by_ != kNotStopped; }
  [[nodiscard]] std::string_view stop() const;

 private:
  static constexpr std::size_t kNotStopped = ~std::size_t{0};

  // One stop string as Knuth, Morris and Pratt match it.
  struct Stop {
    std::string text;
    std::vector<std::size_t> failure;  // [n]: the longest border of the first n bytes
    std::size_t matched = 0;           // how much of it the text ends with
  };

  static Stop make_stop(std::string text);
  static void advance(Stop& stop, char byte);

  // Takes certain text; returns what of it cannot become part of a stop string.
  std::string release(std::string_view text);

  Tokenizer tokenizer_;
  DecodeOptions options_;
  DecodeStream stream_;
  std::vector<Stop> stops_;
  std::string held_;  // certain text that may be the beginning of a stop string
  std::size_t stopped_by_ = kNotStopped;
};

}  // namespace bora
