// Decoder: how the pieces of ids become text again, piece by piece.
//
// A chain of the tokenizers library's decoders (https://huggingface.co/docs/tokenizers/components)
// with the same result, but as a stream: each step takes pieces and passes on what is certain, so
// text can be printed while a model writes it, at constant cost a token. The Decoder is immutable
// and may be used by any thread; a DecodeStream belongs to one.
#pragma once

#include "base/result.h"
#include "text/utf8_repair.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bora {

struct ReplaceInPiece {
  std::string from;
  std::string to;
};
// Runs of <0x41> pieces are the bytes of characters. A run that is not valid UTF-8 becomes one
// U+FFFD a byte, so nothing of a run is certain before it ends.
struct JoinByteFallback {};
struct FusePieces {};  // all pieces are one to the steps that follow
struct StripPiece {    // up to `start` of this character from the left, `stop` from the right
  std::string character;
  std::size_t start = 0, stop = 0;
};
struct MetaspaceToSpace {
  std::string replacement;
  bool drop_in_first = true;  // in the first piece it was put there by the pre-tokenizer
};
struct FromByteLevel {};  // GPT-2's alphabet; also fuses
struct RawBytes {};       // the pieces are bytes; also fuses
struct SpaceBetween {};   // no decoder at all: pieces joined by spaces

using DecoderStep = std::variant<ReplaceInPiece, JoinByteFallback, FusePieces, StripPiece,
                                 MetaspaceToSpace, FromByteLevel, RawBytes, SpaceBetween>;

class Decoder {
 public:
  static constexpr std::size_t kMaxSteps = 16;

  // Errors: kBadModel, too many steps, or a step that cannot follow one that fuses the pieces.
  Result<void> add(DecoderStep step);

  [[nodiscard]] const std::vector<DecoderStep>& steps() const { return steps_; }
  // Whether this step sees one long piece, in parts.
  [[nodiscard]] bool is_fused(std::size_t step) const { return step > fused_after_; }

 private:
  static constexpr std::size_t kNever = ~std::size_t{0};
  std::vector<DecoderStep> steps_;
  std::size_t fused_after_ = kNever;
};

class DecodeStream {
 public:
  // The decoder must outlive the stream.
  explicit DecodeStream(const Decoder& decoder);

  // Appends the text that is certain after this piece.
  void push(std::string_view piece, std::string& out);

  // The end: appends what was held back. The stream begins anew afterwards.
  void finish(std::string& out);

 private:
  struct StepState {
    std::string held;      // JoinByteFallback: bytes of the run; StripPiece: what may be stripped
    Utf8Repair repair;     // FromByteLevel, RawBytes
    bool is_first = true;  // no piece seen yet
    std::size_t stripped = 0;  // StripPiece: characters taken from the left
    bool in_text = false;      // StripPiece: the left end is behind us
  };

  void feed(std::size_t step, std::string_view piece, std::string& out);
  void flush(std::size_t step, std::string& out);

  void apply(std::size_t step, const ReplaceInPiece& kind, std::string_view piece,
             std::string& out);
  void apply(std::size_t step, const JoinByteFallback& kind, std::string_view piece,
             std::string& out);
  void apply(std::size_t step, const FusePieces& kind, std::string_view piece, std::string& out);
  void apply(std::size_t step, const StripPiece& kind, std::string_view piece, std::string& out);
  void apply(std::size_t step, const MetaspaceToSpace& kind, std::string_view piece,
             std::string& out);
  void apply(std::size_t step, const FromByteLevel& kind, std::string_view piece, std::string& out);
  void apply(std::size_t step, const RawBytes& kind, std::string_view piece, std::string& out);
  void apply(std::size_t step, const SpaceBetween& kind, std::string_view piece, std::string& out);
  void strip_part(std::size_t step, const StripPiece& kind, std::string_view piece,
                  std::string& out);
  void flush_bytes(std::size_t step, std::string& out);

  const Decoder* decoder_;
  std::vector<StepState> states_;
};

}  // namespace bora
