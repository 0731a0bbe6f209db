// bora tokenize: text to ids, ids to text, one or a file of many.
#include "base/printable.h"
#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/json.h"
#include "text/tokenizer.h"

#include <fmt/format.h>

#include <limits>

namespace bora {
namespace {

struct TokenizeOptions {
  ModelLocation location;
  std::optional<std::string> text;
  std::optional<std::vector<TokenId>> decode;
  std::string jsonl;
  bool no_special = false;
  bool keep_special = false;
  bool parse_special = false;
  bool special_as_text = false;
  bool json = false;
};

constexpr HelpText kHelp = {
    "bora tokenize MODEL [TEXT | --decode 1,2,3 | --jsonl FILE] [options]",
    "Text (TEXT, or stdin) to token ids and their pieces, or ids to text. Needs the vocabulary\n"
    "only: MODEL is a checkpoint's folder, a .gguf file, or one tokenizer file (tokenizer.json,\n"
    "tokenizer.model, tekken.json).",
    "JSON:\n"
    "  --json            {\"ids\": [..], \"pieces\": [..]}; with --decode {\"text\": \"..\"}\n"
    "  --jsonl FILE      {\"text\": ..} or {\"ids\": [..]} a line in, {\"ids\": [..]} or\n"
    "                    {\"text\": ..} a line out; FILE may be - for stdin"};

FlagTable make_flags(TokenizeOptions& options) {
  FlagTable flags("tokenize");
  flags.positional("MODEL", "OWNER/NAME on the Hub, folder, .gguf file or tokenizer file",
                   options.location.model);
  flags.positional("TEXT", "the text; without it, stdin", options.text);
  flags.group("What to do");
  flags.ids("--decode", "these ids to text, special tokens left out", options.decode);
  flags.text("--jsonl", "FILE", "a file of texts or ids, one JSON object a line", options.jsonl);
  flags.group("How");
  flags.toggle("--no-special", "add no BOS or EOS", options.no_special);
  flags.toggle("--keep-special", "special tokens among decoded ids are text too",
               options.keep_special);
  flags.toggle("--parse-special", "special tokens written in the text count as such",
               options.parse_special);
  flags.toggle("--special-as-text", "special tokens written in the text are plain text",
               options.special_as_text);
  flags.toggle("--json", "JSON on stdout", options.json);
  add_location_flags(flags, options.location);
  return flags;
}

Error usage(std::string message) { return {ErrorCode::kUsage, std::move(message), {}}; }

Result<void> check(const TokenizeOptions& options) {
  const int inputs =
      (options.text ? 1 : 0) + (options.decode ? 1 : 0) + (options.jsonl.empty() ? 0 : 1);
  if (inputs > 1) return usage("tokenize: expected one of TEXT, --decode and --jsonl, found more");
  if (options.parse_special && options.special_as_text) {
    return usage("tokenize: expected --parse-special or --special-as-text, found both");
  }
  return {};
}

// What the command does with one tokenizer and its options.
class TokenizeTask {
 public:
  TokenizeTask(const Tokenizer& tokenizer, const TokenizeOptions& options)
      : tokenizer_(tokenizer), options_(options) {
    encode_.add_special = !options.no_special;
    if (options.parse_special) encode_.parse_special = true;
    if (options.special_as_text) encode_.parse_special = false;
    decode_.skip_special = !options.keep_special;
  }

  Result<void> run() {
    Result<void> done = dispatch();
    return done ? out_.flush() : done;
  }

 private:
  Result<void> dispatch() {
    if (!options_.jsonl.empty()) return translate_lines();
    if (options_.decode) return print_text(*options_.decode);
    if (options_.text) return print_ids(*options_.text);
    if (stdin_is_terminal()) print_note("reading the text from stdin; end it with Ctrl-D\n");
    Result<Input> input = Input::open("-");
    if (!input) return std::move(input).error();
    Result<std::string> text = input->rest();
    if (!text) return std::move(text).error();
    return print_ids(*text);
  }

  Result<void> print_text(std::span<const TokenId> ids) {
    Result<std::string> text = tokenizer_.decode(ids, decode_);
    if (!text) return std::move(text).error();
    return out_.write(options_.json ? to_line(Json{{"text", *text}}) : *text + "\n");
  }

  Result<void> print_ids(std::string_view text) {
    Result<std::vector<TokenId>> ids = tokenizer_.encode(text, encode_);
    if (!ids) return std::move(ids).error();
    if (options_.json) {
      Json pieces = Json::array();
      for (const TokenId id : *ids) pieces.push_back(std::string(tokenizer_.piece(id)));
      return out_.write(to_line(Json{{"ids", *ids}, {"pieces", std::move(pieces)}}));
    }
    for (const TokenId id : *ids) {
      Result<void> written =
          out_.write(fmt::format("{:>7}  {}\n", id, quoted(tokenizer_.piece(id))));
      if (!written) return written;
    }
    return {};
  }

  Result<void> translate_lines() {
    Result<Input> input = Input::open(options_.jsonl);
    if (!input) return std::move(input).error();
    for (std::size_t number = 1; !out_.closed(); ++number) {
      Result<std::optional<std::string>> line = input->next_line();
      if (!line) return std::move(line).error();
      if (!line->has_value()) return {};
      Result<void> translated = translate(**line);
      if (!translated) {
        // Whatever is wrong with a line, the user gave it.
        Error error = std::move(translated).error();
        error.code = ErrorCode::kUsage;
        return std::move(error).with_context(
            fmt::format("{}: line {}", printable(options_.jsonl), number));
      }
    }
    return {};
  }

  Result<void> translate(std::string_view line) {
    Result<JsonDocument> document = JsonDocument::parse(line, "JSON");
    if (!document) return std::move(document).error();
    Result<JsonObject> object = document->object();
    if (!object) return std::move(object).error();
    const bool has_text = object->has("text");
    if (has_text == object->has("ids")) {
      return usage(fmt::format("expected one of the keys text and ids, found {}",
                               has_text ? "both" : "neither"));
    }
    return has_text ? translate_text(*object) : translate_ids(*object);
  }

  Result<void> translate_text(const JsonObject& object) {
    Result<std::string_view> text = object.get_string("text");
    if (!text) return std::move(text).error();
    Result<std::vector<TokenId>> ids = tokenizer_.encode(*text, encode_);
    if (!ids) return std::move(ids).error();
    return out_.write(to_line(Json{{"ids", *ids}}));
  }

  Result<void> translate_ids(const JsonObject& object) {
    Result<std::vector<std::int64_t>> numbers = object.get_ints("ids");
    if (!numbers) return std::move(numbers).error();
    std::vector<TokenId> ids;
    for (const std::int64_t number : *numbers) {
      if (number < 0 || number > std::numeric_limits<TokenId>::max()) {
        return object.error("ids", "token ids");
      }
      ids.push_back(static_cast<TokenId>(number));
    }
    Result<std::string> text = tokenizer_.decode(ids, decode_);
    if (!text) return std::move(text).error();
    return out_.write(to_line(Json{{"text", *text}}));
  }

  const Tokenizer& tokenizer_;
  const TokenizeOptions& options_;
  EncodeOptions encode_;
  DecodeOptions decode_;
  Output out_;
};

}  // namespace

FlagTable tokenize_flags() {
  static TokenizeOptions options;
  return make_flags(options);
}

Result<ExitCode> tokenize_command(Arguments arguments) {
  TokenizeOptions options;
  FlagTable flags = make_flags(options);
  Result<bool> parsed = parse_arguments(flags, kHelp, arguments);
  if (!parsed) return std::move(parsed).error();
  if (!*parsed) return ExitCode::kDone;
  if (Result<void> checked = check(options); !checked) return std::move(checked).error();
  Result<std::filesystem::path> model = find_model(options.location);
  if (!model) return std::move(model).error();
  Result<Tokenizer> tokenizer = Tokenizer::load(*model);
  if (!tokenizer) return std::move(tokenizer).error();
  Result<void> done = TokenizeTask(*tokenizer, options).run();
  if (!done) return std::move(done).error();
  return ExitCode::kDone;
}

}  // namespace bora
