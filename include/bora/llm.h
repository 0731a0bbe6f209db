// Llm: a language model with its tokenizer, text in and text out. The public face of bora.
//
//   bora::Result<bora::Llm> llm = bora::Llm::open("SmolLM2-135M-Instruct.Q4_1.gguf");
//   if (!llm) return report(llm.error());
//   bora::Result<bora::Completion> answer =
//       llm->chat({{"user", "Why is the sky blue?"}}, {.max_new_tokens = 100},
//                 [](std::string_view text) { std::cout << text << std::flush; return true; });
//
// Move-only; owns the checkpoint's maps, the engine and the tokenizer. Owner: one thread, the one
// that called open(). Nothing is thrown and nothing is printed: what the outside world breaks is an
// Error (base/result.h) whose code says whose fault it is.
#pragma once

#include "backend/backend.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/request.h"
#include "quantize/progress.h"
#include "tensor/dtype.h"
#include "text/chat_template.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

class Checkpoint;
class Engine;
class Tokenizer;

// Where weights lie that are not converted: in the page cache, which all processes share; or in
// memory of the process's own, in huge pages, near to the threads that read them and, of quantized
// ones, with rows interleaved as the kernels read them fastest.
enum class LoadMode {
  kAuto,  // a copy where it is read often enough (LlmOptions::expected_tokens: by 32 tokens where
          // weights are quantized, else by 200), or on a machine of several NUMA nodes; but only
          // where all takes at most three quarters of the memory, or half of it, and not of what
          // is quantized in memory
  kMap,
  kCopy,
};

struct LlmOptions {
  // f32, f16, bf16: converted at load; q8_0 (int8), q4_0 (int4): quantized at load and kept in
  // `weights_cache`, so that the second start maps them; nullopt: as stored.
  std::optional<DType> weights;
  std::filesystem::path weights_cache;  // empty: quantized weights are made in memory each time
  ComputeType compute = ComputeType::kAuto;
  std::optional<DType> kv;         // f32, f16, bf16; nullopt: as EngineOptions says
  std::optional<std::string> isa;  // "scalar", "avx2", ...; nullopt: the best this CPU has
  int threads = 0;                 // 0: the cores this process may use
  LoadMode load = LoadMode::kAuto;
  // New tokens that will be asked for, as far as is known: what LoadMode::kAuto weighs a copy by.
  std::size_t expected_tokens = 0;
  std::size_t context_length = 0;  // 0: the model's, at most kDefaultContext
  std::size_t prefill_chunk = 512;
  std::size_t max_sequences = 1;             // computed at a time
  std::optional<std::size_t> memory_limit;   // bytes; nullopt: what the machine has left
  std::optional<std::string> chat_template;  // the template's text; nullopt: the model's own
  // A smaller model of the same vocabulary, as open() takes one, that guesses what this one says
  // (docs/speculation.md); empty: none. Its weights as those above.
  std::filesystem::path draft_model;
  std::optional<DType> draft_weights;

  // While weights are quantized or copied: how far it is, and lines that a user should see (a cache
  // that was damaged and is made again). Called on the thread that opens; may be empty.
  std::function<void(const QuantizeProgress&)> on_progress;
  std::function<void(std::string_view)> on_note;
  const std::atomic<bool>* interrupted = nullptr;  // set elsewhere: give up quantizing or copying
};

struct CompletionOptions {
  SamplingParams sampling;
  std::size_t max_new_tokens = 128;
  std::vector<std::string> stop;  // the text ends before any of these
  bool ignore_eos = false;
  Speculate speculate = Speculate::kAuto;  // faster or not, the same tokens
  // Answers, computed together; on_text gets the first's. Answer i draws with seed + i.
  std::size_t parallel = 1;
  const std::atomic<bool>* interrupted = nullptr;  // set elsewhere: end with what there is
};

struct TokenLogprobs {
  TokenId id = 0;
  float logprob = 0.0F;
  std::vector<TokenLogprob> top;  // best first
};

struct Completion {
  std::string text;                 // `ids` without special tokens, cut before a stop string
  std::vector<TokenId> prompt_ids;  // what the model saw
  std::vector<TokenId> ids;         // the new tokens
  FinishReason finish_reason = FinishReason::kStop;
  Timings timings;
  std::size_t cached_tokens = 0;   // of the prompt, that the cache held already
  std::size_t drafted_tokens = 0;  // as in Generation
  std::size_t accepted_tokens = 0;
  std::size_t model_drafted_tokens = 0;
  std::size_t model_accepted_tokens = 0;
  std::vector<TokenLogprobs> logprobs;  // of `ids`; empty unless sampling.logprobs > 0
  std::vector<Generation> others;       // the answers after the first, of options.parallel
};

// What a model is and runs on, for reports.
struct LlmInfo {
  std::string name;          // the file's or folder's
  std::string architecture;  // "llama"
  std::string weights;       // the type most of them have, "bf16"; "int8", "int4" as asked for
  std::string device;        // "cpu"
  std::string isa;           // "avx2"
  int threads = 0;
  std::string load;  // "map", "copy"
  std::size_t context_length = 0;
  std::size_t weight_bytes = 0;
  std::size_t weight_bytes_per_token = 0;  // what a step reads: all but the embedding table
  std::string draft_model;                 // its name; empty: none
};

// How much of the weights has been brought from disk into memory, in the background.
struct LoadProgress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  bool finished = false;
};

class Llm {
 public:
  // `model`: a folder with a Hugging Face checkpoint, or a .gguf file. Maps the weights, converts
  // nothing unless options.weights asks for it. A checkpoint without a tokenizer opens: it
  // completes ids only. Errors: kNotFound, kBadModel, kUsage (an option that cannot be, a draft
  // model of another vocabulary), kDoesNotFit; while quantizing also kFailed (a full disk) and
  // kInterrupted, this also while copying.
  static Result<Llm> open(const std::filesystem::path& model, const LlmOptions& options = {});
  ~Llm();
  Llm(Llm&& other) noexcept;
  Llm& operator=(Llm&& other) noexcept;
  Llm(const Llm&) = delete;
  Llm& operator=(const Llm&) = delete;

  // Gets every piece of text as soon as it is certain: whole characters, never a part of a stop
  // string. False ends the answer.
  using OnText = std::function<bool(std::string_view text)>;

  // Continues a text, a list of ids (nothing is added to it), or answers a conversation.
  // Errors: kUsage (empty or too long a prompt, ids or parameters out of range, no tokenizer);
  // kBadModel, the chat template refuses the messages; kFailed.
  Result<Completion> complete(std::string_view prompt, const CompletionOptions& options = {},
                              const OnText& on_text = nullptr);
  Result<Completion> complete(std::vector<TokenId> prompt, const CompletionOptions& options = {},
                              const OnText& on_text = nullptr);
  Result<Completion> chat(const std::vector<ChatMessage>& messages,
                          const CompletionOptions& options = {}, const OnText& on_text = nullptr);

  // The ids a text or a conversation becomes, as complete() and chat() feed them.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view prompt) const;
  [[nodiscard]] Result<std::vector<TokenId>> encode_chat(
      const std::vector<ChatMessage>& messages) const;

  [[nodiscard]] LlmInfo info() const;
  // May be asked from any thread.
  [[nodiscard]] LoadProgress load_progress() const;

  // The parts, for programs that evaluate models. Valid as long as the Llm is.
  [[nodiscard]] Engine& engine();
  [[nodiscard]] const Checkpoint& checkpoint() const;
  // Null where the checkpoint has none.
  [[nodiscard]] const Tokenizer* tokenizer() const;

 private:
  struct Parts;
  explicit Llm(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace bora
