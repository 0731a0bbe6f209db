#include "text/gguf_pre_tokenizer.h"

#include "text/unicode.h"

#include <utility>

namespace bora {
namespace {

// GPT-2, and what many models put before it: digits one by one.
constexpr std::string_view kDigit = R"(\p{N})";

// The family of GPT-4 (cl100k): words with one leading character that is no letter, digits in
// groups.
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kSeedCoder =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The family of GPT-4o (o200k): a word ends where lower case turns to upper case.
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kLineEnd = R"([\r\n])";
// "\s+$" of the original, told where a run may begin, so that a search over spaces is linear.
constexpr std::string_view kSpacesAtEnd = R"((?<!\s)\s+\z)";
constexpr std::string_view kDeepseekHan =
    R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr std::string_view kDeepseekLetters =
    R"(\s?[)"
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"
    R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})"
    R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4})"
    R"(\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3})"
    R"(\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D})"
    R"(\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"
    R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E})"
    R"(\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"
    R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"
    R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})"
    R"(]+)";
constexpr std::string_view kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";

constexpr std::string_view kDigits3 = R"(\p{N}{1,3})";
constexpr std::string_view kDeepseekV3Han =
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kDeepseekV3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kFalconPunctuation = R"([\p{P}\$\+<=>\^~\|`]+)";
constexpr std::string_view kDefaultPunctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view kDigitRun = R"(\p{N}+)";
constexpr std::string_view kThreeDigits = R"([0-9][0-9][0-9])";

constexpr std::string_view kBloom =
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)";

constexpr GgufPreTokenizer kGpt2Cut = {.patterns = {kGpt2Pattern}};
constexpr GgufPreTokenizer kStarcoderCut = {.patterns = {kDigit, kGpt2Pattern}};
constexpr GgufPreTokenizer kLlama3Cut = {
    .patterns = {kLlama3}, .ignore_merges = true, .add_bos = true};
constexpr GgufPreTokenizer kCl100kCut = {.patterns = {kLlama3}};
constexpr GgufPreTokenizer kQwen2Cut = {.patterns = {kQwen2}, .nfc = true};
constexpr GgufPreTokenizer kQwen2LikeCut = {.patterns = {kQwen2}};
constexpr GgufPreTokenizer kGpt4oCut = {.patterns = {kGpt4o}};
constexpr GgufPreTokenizer kDeepseekV3Cut = {.patterns = {kDigits3, kDeepseekV3Han, kDeepseekV3}};
constexpr GgufPreTokenizer kBloomCut = {.patterns = {kBloom}};

struct Named {
  std::string_view name;
  GgufPreTokenizer pre;
};

constexpr Named kPreTokenizers[] = {
    {"default", {.patterns = {kDefaultPunctuation, kGpt2Pattern, kDigitRun, kThreeDigits}}},
    {"gpt-2", kGpt2Cut},
    {"phi-2", kGpt2Cut},
    {"mpt", kGpt2Cut},
    {"olmo", kGpt2Cut},
    {"jais", kGpt2Cut},
    {"gigachat", kGpt2Cut},
    {"a.x-4.0", kGpt2Cut},
    {"mellum", kGpt2Cut},
    {"exaone4", kGpt2Cut},
    {"trillion", kGpt2Cut},
    {"granite-docling", kGpt2Cut},
    {"starcoder", kStarcoderCut},
    {"refact", kStarcoderCut},
    {"command-r", kStarcoderCut},
    {"smollm", kStarcoderCut},
    {"codeshell", kStarcoderCut},
    {"exaone", kStarcoderCut},
    {"minerva-7b", kStarcoderCut},
    {"mellum2", kStarcoderCut},
    {"llama3", kLlama3Cut},
    {"llama-v3", kLlama3Cut},
    {"llama-bpe", kLlama3Cut},
    {"falcon3", kLlama3Cut},
    {"falcon-h1", kLlama3Cut},
    {"pixtral", kLlama3Cut},
    {"midm-2.0", kLlama3Cut},
    {"lfm2", kLlama3Cut},
    {"dbrx", kCl100kCut},
    {"smaug-bpe", kCl100kCut},
    {"chatglm-bpe", kCl100kCut},
    {"glm4", {.patterns = {kLlama3}, .ignore_merges = true}},
    {"qwen2", kQwen2Cut},
    {"deepseek-r1-qwen", kQwen2LikeCut},
    {"stablelm2", kQwen2LikeCut},
    {"megrez", kQwen2LikeCut},
    {"hunyuan", kQwen2LikeCut},
    {"grok-2", kQwen2LikeCut},
    {"seed-coder", {.patterns = {kSeedCoder}}},
    {"tekken", {.patterns = {kTekken}, .ignore_merges = true, .add_bos = true}},
    {"gpt-4o", kGpt4oCut},
    {"llama4", kGpt4oCut},
    {"deepseek-llm",
     {.patterns = {kLineEnd, kDeepseekLetters, kDeepseekPunctuation, kSpacesAtEnd, kDeepseekHan,
                   kDigitRun}}},
    {"deepseek-coder",
     {.patterns = {kLineEnd, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekHan, kDigit}}},
    {"deepseek-v3", kDeepseekV3Cut},
    {"hunyuan-dense", kDeepseekV3Cut},
    {"falcon", {.patterns = {kFalconPunctuation, kGpt2Pattern, kThreeDigits}}},
    {"bloom", kBloomCut},
    {"poro-chat", kBloomCut},
    {"gpt3-finnish", kBloomCut},
    {"viking", {.patterns = {kBloom, kDigit}}},
};

}  // namespace

const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name) {
  for (const Named& entry : kPreTokenizers) {
    if (entry.name == name) return &entry.pre;
  }
  return nullptr;
}

Result<void> add_gguf_pre_tokenizer(const GgufPreTokenizer& pre, TokenizerParts& parts) {
  if (pre.nfc) parts.normalizer.add(UnicodeForm::kNfc);
  for (const std::string_view pattern : pre.patterns) {
    if (pattern.empty()) break;
    if (pattern == kDigit) {
      parts.pre_tokenizer.add(SplitCharacters{is_numeric, SplitBehavior::kIsolated});
      continue;
    }
    auto regex = Regex::compile(pattern);
    if (!regex) return std::move(regex).error();
    parts.pre_tokenizer.add(SplitRegex{std::move(regex).value(), SplitBehavior::kIsolated, false});
  }
  parts.pre_tokenizer.add(ByteLevelCut{false, std::nullopt});
  return {};
}

}  // namespace bora
