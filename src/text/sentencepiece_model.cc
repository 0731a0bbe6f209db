// tokenizer.model: a ModelProto of SentencePiece, read field by field.
// https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
#include "text/protobuf.h"
#include "text/sentencepiece_vocabulary.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bora {
namespace {

enum class ModelType : std::uint64_t { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

struct ModelFile {
  SentencePieceVocabulary vocabulary;
  std::uint64_t model_type = static_cast<std::uint64_t>(ModelType::kUnigram);
  bool whitespace_as_suffix = false;
  std::string_view normalizer_name;
  bool has_charsmap = false;
};

// Calls take(field) for every field of the message; false: it is damaged.
template <class Take>
bool for_each_field(std::string_view message, Take take) {
  ProtobufReader reader(message);
  ProtobufField field;
  while (reader.next(field)) {
    if (!take(field)) return false;
  }
  return reader.ok();
}

bool read_piece(std::string_view message, ModelFile& file) {
  SentencePieceVocabulary::Piece piece;
  const bool ok = for_each_field(message, [&](const ProtobufField& field) {
    switch (field.number) {
      case 1:
        piece.text = field.bytes;
        return field.is_bytes();
      case 2:
        piece.score = field.as_float();
        return field.is_fixed32();
      case 3:
        piece.type = static_cast<PieceType>(field.value);
        return field.is_varint() && field.value >= 1 && field.value <= 6;
      default:
        return true;
    }
  });
  file.vocabulary.pieces.push_back(piece);
  return ok;
}

bool read_trainer_spec(std::string_view message, ModelFile& file) {
  SentencePieceVocabulary& vocabulary = file.vocabulary;
  vocabulary.unk = 0;  // the defaults of the .proto
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  vocabulary.byte_fallback = false;
  return for_each_field(message, [&](const ProtobufField& field) {
    switch (field.number) {
      case 3:
        file.model_type = field.value;
        break;
      case 24:
        file.whitespace_as_suffix = field.value != 0;
        break;
      case 35:
        vocabulary.byte_fallback = field.value != 0;
        break;
      case 40:
        vocabulary.unk = field.as_int32();
        break;
      case 41:
        vocabulary.bos = field.as_int32();
        break;
      case 42:
        vocabulary.eos = field.as_int32();
        break;
      case 43:
        vocabulary.pad = field.as_int32();
        break;
      default:
        return true;
    }
    return field.is_varint();
  });
}

bool read_normalizer_spec(std::string_view message, ModelFile& file) {
  SentencePieceVocabulary& vocabulary = file.vocabulary;
  vocabulary.remove_extra_whitespaces = true;  // the default of the .proto
  return for_each_field(message, [&](const ProtobufField& field) {
    switch (field.number) {
      case 1:
        file.normalizer_name = field.bytes;
        return field.is_bytes();
      case 2:
        file.has_charsmap = !field.bytes.empty();
        return field.is_bytes();
      case 3:
        vocabulary.add_dummy_prefix = field.value != 0;
        return field.is_varint();
      case 4:
        vocabulary.remove_extra_whitespaces = field.value != 0;
        return field.is_varint();
      case 5:
        vocabulary.escape_whitespaces = field.value != 0;
        return field.is_varint();
      default:
        return true;
    }
  });
}

bool read_model_file(std::string_view bytes, ModelFile& file) {
  return for_each_field(bytes, [&](const ProtobufField& field) {
    switch (field.number) {
      case 1:
        return field.is_bytes() && read_piece(field.bytes, file);
      case 2:
        return field.is_bytes() && read_trainer_spec(field.bytes, file);
      case 3:
        return field.is_bytes() && read_normalizer_spec(field.bytes, file);
      default:
        return true;
    }
  });
}

Result<void> refuse_unsupported(const ModelFile& file) {
  if (file.model_type != static_cast<std::uint64_t>(ModelType::kBpe)) {
    constexpr const char* kNames[] = {"unknown", "unigram", "bpe", "word", "char"};
    return Error{ErrorCode::kBadModel,
                 fmt::format("model_type: expected bpe, found {}",
                             file.model_type < 5 ? kNames[file.model_type] : "unknown"),
                 {}};
  }
  if (file.has_charsmap) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("normalizer: expected identity, found {}",
                             is_valid_utf8(file.normalizer_name) ? file.normalizer_name : "bytes"),
                 {}};
  }
  if (file.whitespace_as_suffix) {
    return Error{
        ErrorCode::kBadModel, "treat_whitespace_as_suffix: expected false, found true", {}};
  }
  return {};
}

// A model of mistral-common lists its control tokens ([INST] ..), which its own tokenizer never
// reads from text. One that has no more than the usual three is a Llama, where they are read.
bool has_usual_controls_only(const SentencePieceVocabulary& vocabulary) {
  return std::all_of(vocabulary.pieces.begin(), vocabulary.pieces.end(), [](const auto& piece) {
    return piece.type != PieceType::kControl || piece.text == "<s>" || piece.text == "</s>" ||
           piece.text == "<pad>";
  });
}

Result<void> build(ModelFile& file, const TokenizerConfig& config, TokenizerParts& parts) {
  if (auto done = refuse_unsupported(file); !done) return done;
  file.vocabulary.legacy = config.legacy;
  if (auto done = build_sentencepiece(file.vocabulary, parts); !done) return done;
  for (const AddedToken& token : config.added_tokens) {
    if (auto done = parts.add_token(token); !done) return done;
  }
  parts.parse_special = config.has_file || has_usual_controls_only(file.vocabulary);
  if (config.add_bos_token.value_or(true) && parts.bos) parts.prefix = {*parts.bos};
  if (config.add_eos_token.value_or(false) && parts.eos) parts.suffix = {*parts.eos};
  return {};
}

}  // namespace

Result<TokenizerParts> read_sentencepiece_model(std::span<const std::byte> bytes,
                                                const std::string& name,
                                                const TokenizerConfig& config) {
  ModelFile file;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!read_model_file(text, file) || file.vocabulary.pieces.empty()) {
    return Error{
        ErrorCode::kBadModel,
        fmt::format("{}: expected a SentencePiece model, found other or damaged data", name),
        {}};
  }
  TokenizerParts parts;
  if (auto done = build(file, config, parts); !done)
    return std::move(done).error().with_context(name);
  return parts;
}

}  // namespace bora
