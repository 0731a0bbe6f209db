#include "text/decoder.h"

#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/unicode.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace bora {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

// The byte of a piece such as <0x0A>.
std::optional<char> fallback_byte(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece.back() != '>') return std::nullopt;
  unsigned value = 0;
  const char* end = piece.data() + 5;
  const auto [stop, error] = std::from_chars(piece.data() + 3, end, value, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return static_cast<char>(value);
}

// One character at most is replaced: it cannot straddle two parts of a fused piece.
bool is_one_character(std::string_view text) {
  return !text.empty() && utf8_length(static_cast<unsigned char>(text.front())) == text.size();
}

bool may_follow_fuse(const DecoderStep& step) {
  if (const auto* replace = std::get_if<ReplaceInPiece>(&step))
    return is_one_character(replace->from);
  return std::holds_alternative<FusePieces>(step) || std::holds_alternative<StripPiece>(step);
}

bool fuses(const DecoderStep& step) {
  return std::holds_alternative<FusePieces>(step) || std::holds_alternative<FromByteLevel>(step) ||
         std::holds_alternative<RawBytes>(step);
}

std::string_view strip_left(std::string_view text, const StripPiece& kind) {
  for (std::size_t i = 0; i < kind.start && text.substr(0, kind.character.size()) == kind.character;
       ++i) {
    text.remove_prefix(kind.character.size());
  }
  return text;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string_view strip_right(std::string_view text, const StripPiece& kind) {
  for (std::size_t i = 0; i < kind.stop && ends_with(text, kind.character); ++i) {
    text.remove_suffix(kind.character.size());
  }
  return text;
}

}  // namespace

Result<void> Decoder::add(DecoderStep step) {
  if (steps_.size() >= kMaxSteps) {
    return Error{ErrorCode::kBadModel, "decoder: expected at most 16 steps, found more", {}};
  }
  if (fused_after_ != kNever && !may_follow_fuse(step)) {
    return Error{ErrorCode::kBadModel,
                 "decoder: expected Fuse, Strip or Replace of one character after the pieces are "
                 "fused, found another step",
                 {}};
  }
  if (fuses(step)) fused_after_ = std::min(fused_after_, steps_.size());
  steps_.push_back(std::move(step));
  return {};
}

DecodeStream::DecodeStream(const Decoder& decoder)
    : decoder_(&decoder), states_(decoder.steps().size()) {}

void DecodeStream::push(std::string_view piece, std::string& out) { feed(0, piece, out); }

void DecodeStream::finish(std::string& out) {
  for (std::size_t step = 0; step < states_.size(); ++step) flush(step, out);
  states_.assign(states_.size(), StepState{});
}

void DecodeStream::feed(std::size_t step, std::string_view piece, std::string& out) {
  if (step == states_.size()) {
    out += piece;
    return;
  }
  std::visit([&](const auto& kind) { apply(step, kind, piece, out); }, decoder_->steps()[step]);
}

void DecodeStream::flush(std::size_t step, std::string& out) {
  StepState& state = states_[step];
  const DecoderStep& kind = decoder_->steps()[step];
  if (std::holds_alternative<JoinByteFallback>(kind)) {
    flush_bytes(step, out);
  } else if (std::holds_alternative<FromByteLevel>(kind) ||
             std::holds_alternative<RawBytes>(kind)) {
    std::string rest;
    state.repair.finish(rest);
    if (!rest.empty()) feed(step + 1, rest, out);
  }
  // StripPiece holds what it strips from the right end: nothing to pass on.
}

void DecodeStream::apply(std::size_t step, const ReplaceInPiece& kind, std::string_view piece,
                         std::string& out) {
  feed(step + 1, replace_all(piece, kind.from, kind.to), out);
}

void DecodeStream::apply(std::size_t step, const JoinByteFallback&, std::string_view piece,
                         std::string& out) {
  if (const std::optional<char> byte = fallback_byte(piece)) {
    states_[step].held.push_back(*byte);
    return;
  }
  flush_bytes(step, out);
  feed(step + 1, piece, out);
}

void DecodeStream::flush_bytes(std::size_t step, std::string& out) {
  std::string held;
  held.swap(states_[step].held);
  if (held.empty()) return;
  if (is_valid_utf8(held)) {
    feed(step + 1, held, out);
    return;
  }
  for (std::size_t i = 0; i < held.size(); ++i) feed(step + 1, kReplacementCharacter, out);
}

void DecodeStream::apply(std::size_t step, const FusePieces&, std::string_view piece,
                         std::string& out) {
  feed(step + 1, piece, out);
}

void DecodeStream::apply(std::size_t step, const StripPiece& kind, std::string_view piece,
                         std::string& out) {
  if (decoder_->is_fused(step)) {
    strip_part(step, kind, piece, out);
  } else {
    feed(step + 1, strip_right(strip_left(piece, kind), kind), out);
  }
}

// The piece is a part of one long text: strips from its left end, and holds back what may turn out
// to be its right end.
void DecodeStream::strip_part(std::size_t step, const StripPiece& kind, std::string_view piece,
                              std::string& out) {
  StepState& state = states_[step];
  while (!state.in_text && !piece.empty()) {
    if (state.stripped < kind.start && piece.substr(0, kind.character.size()) == kind.character) {
      piece.remove_prefix(kind.character.size());
      ++state.stripped;
    } else {
      state.in_text = true;
    }
  }
  if (piece.empty()) return;
  if (kind.stop == 0) {
    feed(step + 1, piece, out);
    return;
  }
  std::string text = std::move(state.held);
  text += piece;
  const std::string_view certain = strip_right(text, kind);
  state.held = text.substr(certain.size());
  if (!certain.empty()) feed(step + 1, certain, out);
}

void DecodeStream::apply(std::size_t step, const MetaspaceToSpace& kind, std::string_view piece,
                         std::string& out) {
  StepState& state = states_[step];
  const std::string_view to = state.is_first && kind.drop_in_first ? "" : " ";
  state.is_first = false;
  feed(step + 1, replace_all(piece, kind.replacement, to), out);
}

void DecodeStream::apply(std::size_t step, const FromByteLevel&, std::string_view piece,
                         std::string& out) {
  std::string text;
  // An added token may hold characters outside the alphabet: it stands for itself.
  states_[step].repair.push(from_byte_level(piece).value_or(std::string(piece)), text);
  if (!text.empty()) feed(step + 1, text, out);
}

void DecodeStream::apply(std::size_t step, const RawBytes&, std::string_view piece,
                         std::string& out) {
  std::string text;
  states_[step].repair.push(piece, text);
  if (!text.empty()) feed(step + 1, text, out);
}

void DecodeStream::apply(std::size_t step, const SpaceBetween&, std::string_view piece,
                         std::string& out) {
  StepState& state = states_[step];
  if (!state.is_first) feed(step + 1, " ", out);
  state.is_first = false;
  feed(step + 1, piece, out);
}

}  // namespace bora
