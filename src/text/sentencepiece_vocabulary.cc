#include "text/sentencepiece_vocabulary.h"

#include "text/unicode.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <utility>

namespace bora {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

// The best score gets the least rank.
std::uint32_t rank_of_score(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 and 0 are one score
  const bool is_negative = (bits >> 31) != 0;
  const std::uint32_t ascending = is_negative ? ~bits : bits | 0x80000000U;
  return ~ascending;
}

// Only these may be made by merging; user-defined pieces are found, not made.
bool is_mergeable(PieceType type) { return type == PieceType::kNormal; }

Result<void> add_piece(const SentencePieceVocabulary::Piece& piece, TokenId id,
                       TokenizerParts& parts, PieceBpe& model) {
  if (!is_valid_utf8(piece.text)) {
    return Error{
        ErrorCode::kBadModel, fmt::format("piece {}: expected UTF-8, found bytes", id), {}};
  }
  if (std::isnan(piece.score)) {
    return Error{
        ErrorCode::kBadModel, fmt::format("piece {}: expected a score, found NaN", id), {}};
  }
  model.ranks.rank.push_back(is_mergeable(piece.type) ? rank_of_score(piece.score)
                                                      : PieceRanks::kUnmergeable);
  switch (piece.type) {
    case PieceType::kNormal:
    case PieceType::kByte:
    case PieceType::kUnused:
      return parts.vocabulary.add(id, piece.text);
    case PieceType::kUserDefined: {
      AddedToken token;
      token.id = id;
      model.user_defined.add(token, piece.text);
      return parts.vocabulary.add(id, piece.text);
    }
    case PieceType::kUnknown:
    case PieceType::kControl: {
      AddedToken token;
      token.id = id;
      token.content = piece.text;
      token.special = true;
      return parts.add_token(token);
    }
  }
  CHECK(false, "no such PieceType");
}

void add_normalizer(const SentencePieceVocabulary& vocabulary, TokenizerParts& parts) {
  const std::string mark(vocabulary.escape_whitespaces ? kSpaceMark : " ");
  const bool first_only = vocabulary.add_dummy_prefix && !vocabulary.legacy;
  if (vocabulary.add_dummy_prefix && !first_only) parts.normalizer.add(PrependText{mark});
  if (vocabulary.escape_whitespaces) parts.normalizer.add(ReplaceText{" ", mark});
  if (first_only) {
    parts.pre_tokenizer.add(MetaspaceCut{mark, MetaspaceCut::Prepend::kFirst, false});
  }
}

// Spaces at the ends go, runs of them become one.
Result<void> add_space_removal(TokenizerParts& parts) {
  auto spaces = Regex::compile(R"(\A +|(?<= ) +| +\z)");
  if (!spaces) return std::move(spaces).error();
  parts.normalizer.add(ReplaceRegex{std::move(spaces).value(), ""});
  return {};
}

Result<void> add_decoder(const SentencePieceVocabulary& vocabulary, Decoder& decoder) {
  const std::string mark(vocabulary.escape_whitespaces ? kSpaceMark : " ");
  std::vector<DecoderStep> steps = {ReplaceInPiece{mark, " "}, JoinByteFallback{}, FusePieces{}};
  if (vocabulary.add_dummy_prefix) steps.emplace_back(StripPiece{" ", 1, 0});
  for (DecoderStep& step : steps) {
    if (auto done = decoder.add(std::move(step)); !done) return done;
  }
  return {};
}

Result<void> take_id(std::int64_t id, std::string_view what, const TokenizerParts& parts,
                     std::optional<TokenId>& out) {
  if (id < 0) return {};
  if (id > Vocabulary::kMaxId || !parts.vocabulary.contains(static_cast<TokenId>(id))) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected an id of the vocabulary, found {}", what, id),
                 {}};
  }
  out = static_cast<TokenId>(id);
  return {};
}

}  // namespace

Result<void> build_sentencepiece(const SentencePieceVocabulary& vocabulary, TokenizerParts& parts) {
  if (vocabulary.remove_extra_whitespaces) {
    if (auto done = add_space_removal(parts); !done) return done;
  }
  add_normalizer(vocabulary, parts);

  auto model = std::make_unique<PieceBpe>();
  constexpr std::size_t kGuessedBytes = 8;  // of an average piece
  parts.vocabulary.reserve(vocabulary.pieces.size(), vocabulary.pieces.size() * kGuessedBytes);
  model->ranks.rank.reserve(vocabulary.pieces.size());
  TokenId id = 0;
  for (const auto& piece : vocabulary.pieces) {
    if (auto done = add_piece(piece, id++, parts, *model); !done) return done;
  }
  const std::pair<std::int64_t, std::pair<const char*, std::optional<TokenId>*>> ids[] = {
      {vocabulary.bos, {"bos_id", &parts.bos}},
      {vocabulary.eos, {"eos_id", &parts.eos}},
      {vocabulary.unk, {"unk_id", &parts.unk}},
      {vocabulary.pad, {"pad_id", &parts.pad}}};
  for (const auto& [value, target] : ids) {
    if (auto done = take_id(value, target.first, parts, *target.second); !done) return done;
  }
  if (vocabulary.byte_fallback) model->unknown.byte_ids = find_byte_pieces(parts.vocabulary);
  model->unknown.unknown = parts.unk;
  model->unknown.fuse_unknown = true;
  parts.model = std::move(model);
  parts.cut_before_words();
  return add_decoder(vocabulary, parts.decoder);
}

}  // namespace bora
