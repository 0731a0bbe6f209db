#include "api/chat_prompt.h"
#include "api/draft_vocabulary.h"
#include "api/model_name.h"
#include "api/model_plan.h"
#include "backend/cpu/cpu_backend.h"
#include "base/log.h"
#include "engine/engine.h"
#include "formats/checkpoint.h"
#include "formats/prefetcher.h"
#include "hub/outline.h"
#include "model/registry.h"
#include "quantize/quantize.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include <bora/llm.h>

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace bora {
namespace {

// The checkpoint's tokenizer; none where the folder has none.
Result<std::optional<Tokenizer>> load_tokenizer(const std::filesystem::path& path) {
  Result<Tokenizer> tokenizer = Tokenizer::load(path);
  if (tokenizer) return std::optional<Tokenizer>(*std::move(tokenizer));
  if (tokenizer.error().code != ErrorCode::kNotFound) return std::move(tokenizer).error();
  log(LogLevel::kInfo, tokenizer.error().message);
  return std::optional<Tokenizer>();
}

// The checkpoint with the weights that options.weights asks for, where they are quantized.
Result<Checkpoint> with_weights(Checkpoint checkpoint, const LlmOptions& options, bool discarded) {
  if (!is_quantized(options.weights)) return checkpoint;
  return quantize_checkpoint(std::move(checkpoint), {.weights = *options.weights,
                                                     .cache = options.weights_cache,
                                                     .threads = options.threads,
                                                     .on_progress = options.on_progress,
                                                     .on_note = options.on_note,
                                                     .interrupted = options.interrupted,
                                                     .discarded = discarded});
}

// `copy_to`: as LoadOptions.
Result<std::unique_ptr<Model>> load(const Checkpoint& checkpoint, const LlmOptions& options,
                                    Backend* copy_to) {
  LoadOptions load{.weights = options.weights, .threads = options.threads, .copy_to = copy_to};
  if (is_quantized(options.weights)) load.weights.reset();  // with_weights() has seen to it
  load.on_copied = [&options](std::size_t done, std::size_t total) {
    if (options.on_progress) {
      options.on_progress(
          {.stage = QuantizeProgress::Stage::kCopying, .bytes_done = done, .bytes = total});
    }
    return options.interrupted == nullptr || !options.interrupted->load(std::memory_order_relaxed);
  };
  return load_model(checkpoint, load);
}

// A model's files as they are found, and what they are called.
struct Source {
  std::string name;
  Checkpoint checkpoint;
  std::optional<Tokenizer> tokenizer;
  bool outline = false;
};

Result<Source> open_source(const std::filesystem::path& model, const LlmOptions& options) {
  const bool outline = is_outline(model);
  if (outline && !is_quantized(options.weights)) {
    return Error{
        ErrorCode::kNotFound,
        fmt::format("{}: expected its original weights, found only their headers",
                    model_name(model)),
        {"bora pull fetches them", "--weights int8 or int4 runs what --discard-original left"}};
  }
  Result<Checkpoint> checkpoint = Checkpoint::open(model);
  if (!checkpoint) return std::move(checkpoint).error();
  Result<std::optional<Tokenizer>> tokenizer = load_tokenizer(checkpoint->path());
  if (!tokenizer) return std::move(tokenizer).error();
  return Source{.name = model_name(model),
                .checkpoint = *std::move(checkpoint),
                .tokenizer = *std::move(tokenizer),
                .outline = outline};
}

// The draft model's options: the same, but for its weights.
LlmOptions draft_options(const LlmOptions& options) {
  LlmOptions draft = options;
  draft.weights = options.draft_weights;
  return draft;
}

// Opens the draft model that the options name, if any, and compares its vocabulary.
Result<std::optional<Source>> open_draft(const Source& model, const LlmOptions& options) {
  if (options.draft_model.empty()) return std::optional<Source>();
  Result<Source> draft = open_source(options.draft_model, draft_options(options));
  if (!draft) return std::move(draft).error();
  const auto vocabulary_of = [](const Source& source) -> Result<std::size_t> {
    const auto outline = outline_model(source.checkpoint, std::nullopt);
    if (!outline) return outline.error();
    return (*outline)->config().vocab_size;
  };
  const Result<std::size_t> size = vocabulary_of(model);
  if (!size) return size.error();
  const Result<std::size_t> draft_size = vocabulary_of(*draft);
  if (!draft_size) return draft_size.error();
  Result<void> same = check_draft_vocabulary({model.name, model.tokenizer, *size},
                                             {draft->name, draft->tokenizer, *draft_size});
  if (!same) return std::move(same).error();
  return std::optional<Source>(*std::move(draft));
}

// A model as large as the one it drafts for is slow for nothing, and nothing is wrong.
void note_large_draft(const Model& model, const Model& draft, const LlmOptions& options) {
  const std::size_t expected = model.weight_bytes_per_token();
  const std::size_t found = draft.weight_bytes_per_token();
  if (found < expected || !options.on_note) return;
  options.on_note(
      fmt::format("draft model: expected fewer bytes of weights a token than the model's {}, found "
                  "{}: its drafts will hardly pay",
                  format_bytes(expected), format_bytes(found)));
}

// `plan`: what these options come to. The engine is held to the same limit, so that it comes to the
// same. `draft_checkpoint`: null: none.
Result<std::unique_ptr<Engine>> make_engine(const Checkpoint& checkpoint,
                                            const Checkpoint* draft_checkpoint,
                                            std::unique_ptr<Backend> backend,
                                            const LlmOptions& options, const MemoryPlan& plan) {
  Backend* copy_to = plan.bytes.weights.copied > 0 ? backend.get() : nullptr;
  Result<std::unique_ptr<Model>> model = load(checkpoint, options, copy_to);
  if (!model) return std::move(model).error();
  std::unique_ptr<Model> draft;
  if (draft_checkpoint != nullptr) {
    Result<std::unique_ptr<Model>> loaded =
        load(*draft_checkpoint, draft_options(options), copy_to);
    if (!loaded) return std::move(loaded).error();
    draft = *std::move(loaded);
    note_large_draft(**model, *draft, options);
  }
  EngineOptions engine;
  engine.context_length = options.context_length;
  engine.prefill_chunk = options.prefill_chunk;
  engine.max_sequences = options.max_sequences;
  engine.kv_dtype = options.kv;
  engine.compute = options.compute;
  engine.memory_limit = plan.limit;
  return Engine::create(*std::move(model), std::move(backend), engine, std::move(draft));
}

// Turns the engine's tokens into text, logprobs and the decision to go on.
class AnswerSink {
 public:
  AnswerSink(const Tokenizer* tokenizer, const CompletionOptions& options,
             const Llm::OnText& on_text, Completion& completion)
      : options_(options), on_text_(on_text), completion_(completion) {
    if (tokenizer != nullptr) decoder_.emplace(*tokenizer, options.stop);
  }

  bool push(const TokenEvent& event) {
    if (options_.sampling.logprobs > 0) {
      completion_.logprobs.push_back(
          {event.id, event.logprob, {event.top_logprobs.begin(), event.top_logprobs.end()}});
    }
    if (!decoder_) return true;
    const bool wanted = emit(decoder_->push(event.id));
    return wanted && !decoder_->stopped();
  }

  void finish() {
    if (decoder_ && wanted_) emit(decoder_->finish());
  }

 private:
  bool emit(const std::string& text) {
    completion_.text += text;
    if (!text.empty() && on_text_) wanted_ = on_text_(text);
    return wanted_;
  }

  const CompletionOptions& options_;
  const Llm::OnText& on_text_;
  Completion& completion_;
  std::optional<StreamDecoder> decoder_;
  bool wanted_ = true;
};

}  // namespace

// In the order of what borrows from what: the first is destroyed last.
struct Llm::Parts {
  std::string name;
  Checkpoint checkpoint;
  std::string draft_name;  // empty: none
  std::optional<Checkpoint> draft_checkpoint;
  std::optional<Tokenizer> tokenizer;
  std::optional<std::string> chat_template;
  std::optional<DType> weights;  // as asked for
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Prefetcher> prefetcher;

  Result<const Tokenizer*> need_tokenizer() const {
    if (tokenizer) return &*tokenizer;
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected a tokenizer beside the weights, found none", name),
                 {"token ids need none: --prompt-ids"}};
  }

  Result<void> add_draft(std::optional<Source> draft, const LlmOptions& options) {
    if (!draft) return {};
    Result<Checkpoint> made =
        with_weights(std::move(draft->checkpoint), draft_options(options), draft->outline);
    if (!made) return std::move(made).error();
    draft_name = std::move(draft->name);
    draft_checkpoint.emplace(*std::move(made));
    return {};
  }
};

Llm::Llm(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Llm::~Llm() = default;
Llm::Llm(Llm&& other) noexcept = default;
Llm& Llm::operator=(Llm&& other) noexcept = default;

Result<Llm> Llm::open(const std::filesystem::path& model, const LlmOptions& options) {
  Result<Source> source = open_source(model, options);
  if (!source) return std::move(source).error();
  Result<std::optional<Source>> draft = open_draft(*source, options);
  if (!draft) return std::move(draft).error();
  Result<std::unique_ptr<Backend>> backend = make_cpu_backend(
      {.threads = options.threads, .isa = options.isa, .compute = options.compute});
  if (!backend) return std::move(backend).error();
  // Before anything is converted or allocated.
  const Result<MemoryPlan> plan = plan_checkpoint(source->checkpoint, **backend, options);
  if (!plan) return plan.error();
  Result<Checkpoint> checkpoint =
      with_weights(std::move(source->checkpoint), options, source->outline);
  if (!checkpoint) return std::move(checkpoint).error();
  auto parts = std::make_unique<Parts>(Parts{.name = std::move(source->name),
                                             .checkpoint = *std::move(checkpoint),
                                             .draft_name = {},
                                             .draft_checkpoint = std::nullopt,
                                             .tokenizer = std::move(source->tokenizer),
                                             .chat_template = options.chat_template,
                                             .weights = options.weights,
                                             .engine = nullptr,
                                             .prefetcher = nullptr});
  if (Result<void> added = parts->add_draft(*std::move(draft), options); !added) {
    return std::move(added).error();
  }
  const Checkpoint* of_draft = parts->draft_checkpoint ? &*parts->draft_checkpoint : nullptr;
  Result<std::unique_ptr<Engine>> engine =
      make_engine(parts->checkpoint, of_draft, *std::move(backend), options, *plan);
  if (!engine) return std::move(engine).error();
  parts->engine = *std::move(engine);
  if (parts->engine->model().owned_bytes() == 0) {  // what was converted or copied has been read
    parts->prefetcher =
        std::make_unique<Prefetcher>(parts->checkpoint, parts->engine->model().weights());
  }
  return Llm(std::move(parts));
}

Result<Completion> Llm::complete(std::string_view prompt, const CompletionOptions& options,
                                 const OnText& on_text) {
  Result<std::vector<TokenId>> ids = encode(prompt);
  if (!ids) return std::move(ids).error();
  return complete(*std::move(ids), options, on_text);
}

Result<Completion> Llm::chat(const std::vector<ChatMessage>& messages,
                             const CompletionOptions& options, const OnText& on_text) {
  Result<std::vector<TokenId>> ids = encode_chat(messages);
  if (!ids) return std::move(ids).error();
  return complete(*std::move(ids), options, on_text);
}

Result<Completion> Llm::complete(std::vector<TokenId> prompt, const CompletionOptions& options,
                                 const OnText& on_text) {
  Completion completion;
  completion.prompt_ids = prompt;
  Request request;
  request.prompt = std::move(prompt);
  request.sampling = options.sampling;
  request.max_new_tokens = options.max_new_tokens;
  request.stop_ids = parts_->engine->model().config().eos_token_ids;
  request.ignore_eos = options.ignore_eos;
  request.speculate = options.speculate;
  AnswerSink sink(tokenizer(), options, on_text, completion);
  Result<std::vector<Generation>> answers = parts_->engine->generate_parallel(
      request, options.parallel, [&](const TokenEvent& event) { return sink.push(event); },
      options.interrupted);
  if (!answers) return std::move(answers).error();
  sink.finish();
  Generation& first = answers->front();
  completion.ids = std::move(first.ids);
  completion.finish_reason = first.finish_reason;
  completion.timings = first.timings;
  completion.cached_tokens = first.cached_tokens;
  completion.drafted_tokens = first.drafted_tokens;
  completion.accepted_tokens = first.accepted_tokens;
  completion.model_drafted_tokens = first.model_drafted_tokens;
  completion.model_accepted_tokens = first.model_accepted_tokens;
  completion.others.assign(std::move_iterator(answers->begin() + 1),
                           std::move_iterator(answers->end()));
  return completion;
}

Result<std::vector<TokenId>> Llm::encode(std::string_view prompt) const {
  if (prompt.empty()) {
    return Error{ErrorCode::kUsage, "prompt: expected some text, found none", {}};
  }
  Result<const Tokenizer*> tokenizer = parts_->need_tokenizer();
  if (!tokenizer) return std::move(tokenizer).error();
  return (*tokenizer)->encode(prompt);
}

Result<std::vector<TokenId>> Llm::encode_chat(const std::vector<ChatMessage>& messages) const {
  Result<const Tokenizer*> tokenizer = parts_->need_tokenizer();
  if (!tokenizer) return std::move(tokenizer).error();
  Result<std::string> prompt = render_chat(**tokenizer, parts_->chat_template, messages);
  if (!prompt) return std::move(prompt).error();
  // The template writes BOS and all markers itself.
  return (*tokenizer)->encode(*prompt, {.add_special = false, .parse_special = true});
}

LlmInfo Llm::info() const {
  const Engine& engine = *parts_->engine;
  const Model& model = engine.model();
  const std::string weights = is_quantized(parts_->weights) ? weights_flag(parts_->weights)
                                                            : std::string(model.weight_type());
  return {.name = parts_->name,
          .architecture = model.config().architecture,
          .weights = weights,
          .device = std::string(engine.backend().device()),
          .isa = std::string(engine.backend().isa()),
          .threads = engine.backend().threads(),
          .load = model.copied_bytes() > 0 ? "copy" : "map",
          .context_length = engine.context_length(),
          .weight_bytes = model.weight_bytes(),
          .weight_bytes_per_token = model.weight_bytes_per_token(),
          .draft_model = parts_->draft_name};
}

LoadProgress Llm::load_progress() const {
  if (parts_->prefetcher == nullptr) return {.done_bytes = 0, .total_bytes = 0, .finished = true};
  const Prefetcher::Progress progress = parts_->prefetcher->progress();
  return {progress.done, progress.total, progress.finished};
}

Engine& Llm::engine() { return *parts_->engine; }
const Checkpoint& Llm::checkpoint() const { return parts_->checkpoint; }
const Tokenizer* Llm::tokenizer() const {
  return parts_->tokenizer ? &*parts_->tokenizer : nullptr;
}

}  // namespace bora
