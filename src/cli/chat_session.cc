#include "cli/chat_session.h"

#include "api/conversation.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "base/printable.h"
#include "cli/chat_input.h"
#include "cli/environment.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run_report.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <memory>
#include <random>
#include <unistd.h>

namespace bora {
namespace {

// 32 bits: short enough to be typed again after --seed.
std::uint64_t new_seed() {
  try {
    return std::random_device{}();
  } catch (const std::exception&) {  // no source of randomness: the clock will do
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(now / std::chrono::microseconds(1));
  }
}

// What a terminal may be shown of an answer: a model that repeats a hostile text must not move the
// cursor with it. Control characters but newline and tab become U+FFFD; `text` is UTF-8.
std::string for_terminal(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c0 = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    const bool c1 = byte == 0xC2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0;  // U+0080 to U+009F
    if (c0 || c1) {
      shown += kReplacement;
      if (c1) ++i;
    } else {
      shown += text[i];
    }
  }
  return shown;
}

// "[57 tokens, 31.2 tokens/s]", and why it is no longer.
std::string speed_line(const Completion& done, std::size_t context) {
  const std::size_t tokens = done.ids.size();
  std::string line = fmt::format("[{} {}", tokens, tokens == 1 ? "token" : "tokens");
  if (tokens > 1 && done.timings.decode_s > 0.0) {
    line +=
        fmt::format(", {:.1f} tokens/s", static_cast<double>(tokens - 1) / done.timings.decode_s);
  }
  switch (done.finish_reason) {
    case FinishReason::kStop:
      break;
    case FinishReason::kInterrupted:
      line +=
          done.text.empty() ? "; stopped before it began: the message is forgotten" : "; stopped";
      break;
    case FinishReason::kLength:
      line +=
          done.prompt_ids.size() + tokens >= context
              ? fmt::format("; cut: the context of {} tokens is full; /reset, or --ctx N", context)
              : "; cut by --max-new-tokens";
      break;
  }
  return line + "]\n";
}

Json to_json(const std::vector<ChatMessage>& messages) {
  Json list = Json::array();
  for (const ChatMessage& message : messages) {
    list.push_back(Json{{"role", message.role}, {"content", message.content}});
  }
  return Json{{"messages", std::move(list)}};
}

class ChatSession {
 public:
  ChatSession(Llm& llm, ChatSetup setup, bool terminal)
      : llm_(llm), setup_(std::move(setup)), terminal_(terminal) {
    setup_.completion.interrupted = &interrupt_flag();
    conversation_.set_system(setup_.system);
    take_seed();
  }

  Result<ExitCode> run(LineSource& lines);

 private:
  void take_seed();
  void greet() const;
  void note(const std::string& text) const;
  // False: leave.
  Result<bool> handle(const ChatInput& input);
  Result<bool> obey(const ChatInput& command);
  Result<void> answer(const std::string& message);
  Result<void> save(const std::string& file);
  [[nodiscard]] Result<void> survive(Error error);
  void stop_progress() { progress_.reset(); }

  Llm& llm_;
  ChatSetup setup_;
  bool terminal_;  // somebody sits in front
  bool shown_ = ::isatty(STDOUT_FILENO) == 1;
  Conversation conversation_;
  Output out_;
  std::unique_ptr<ProgressLine> progress_;
  std::optional<double> load_s_;  // from process start to the first answer
  ExitCode exit_code_ = ExitCode::kDone;
  bool leaving_ = false;  // Ctrl-C was pressed on the prompt, and nothing typed since
};

void ChatSession::take_seed() {
  setup_.completion.sampling.seed = setup_.seed ? *setup_.seed : new_seed();
  log(LogLevel::kInfo, fmt::format("seed {}", setup_.completion.sampling.seed));
}

void ChatSession::note(const std::string& text) const {
  if (!setup_.quiet) print_note(text);
}

void ChatSession::greet() const {
  const LlmInfo info = llm_.info();
  note(
      fmt::format("{}: {}, {} weights, {} tokens of context\n"
                  "/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves\n\n",
                  printable(info.name), info.architecture, info.weights, info.context_length));
}

// An error of one message or command: told, and the conversation goes on.
Result<void> ChatSession::survive(Error error) {
  if (error.code == ErrorCode::kInterrupted) return error;
  const ExitCode code = print_error(error);
  if (!terminal_ && exit_code_ == ExitCode::kDone) exit_code_ = code;
  return {};
}

Result<void> ChatSession::answer(const std::string& message) {
  Result<void> written;
  const auto on_text = [&](std::string_view text) {
    stop_progress();
    if (setup_.json) return true;
    written = out_.write(shown_ ? for_terminal(text) : text);
    if (written) written = out_.flush();
    return written && !out_.closed();
  };
  if (!llm_.load_progress().finished) {
    progress_ = std::make_unique<ProgressLine>(setup_.quiet || setup_.json);
    progress_->watch(llm_);
  }
  if (!load_s_) load_s_ = seconds_since_start();
  std::optional<EchoPause> pause;
  if (terminal_) pause.emplace();
  Result<Completion> done = conversation_.answer(llm_, message, setup_.completion, on_text);
  stop_progress();
  if (!done) return survive(std::move(done).error());
  if (!written) return written;
  written = out_.write(setup_.json ? to_line(run_json(*done, llm_.info(), *load_s_)) : "\n");
  if (written) written = out_.flush();
  if (!written || out_.closed()) return written;
  if (!setup_.json) note(speed_line(*done, llm_.info().context_length));
  if (done->finish_reason != FinishReason::kInterrupted) return {};
  if (!terminal_) return Error{ErrorCode::kInterrupted, "chat: interrupted", {}};
  clear_interrupt();
  return {};
}

Result<void> ChatSession::save(const std::string& file) {
  if (file.empty()) {
    return Error{ErrorCode::kUsage, "/save: expected a file after it, found none", {}};
  }
  const std::string text =
      to_json(conversation_.messages()).dump(2, ' ', false, Json::error_handler_t::replace);
  Result<void> saved = write_file_whole(expand_home(file), text + "\n");
  if (!saved) return saved;
  note(fmt::format("[{} messages in {}]\n", conversation_.messages().size(), printable(file)));
  return {};
}

Result<bool> ChatSession::obey(const ChatInput& command) {
  if (command.text == "/exit") return false;
  if (command.text == "/help") {
    print_note(chat_help());
  } else if (command.text == "/reset") {
    conversation_.reset();
    take_seed();
    note("[a new conversation]\n");
  } else if (command.text == "/system") {
    const bool none = command.argument.empty();
    conversation_.set_system(none ? std::nullopt : std::optional(command.argument));
    note(none ? "[no system message]\n" : "[system message set]\n");
  } else {
    CHECK(command.text == "/save", "chat_commands() lists what obey() knows");
    Result<void> saved = save(command.argument);
    if (!saved) saved = survive(std::move(saved).error());
    if (!saved) return std::move(saved).error();
  }
  return true;
}

Result<bool> ChatSession::handle(const ChatInput& input) {
  if (input.kind != ChatInput::Kind::kInterrupted) leaving_ = false;
  switch (input.kind) {
    case ChatInput::Kind::kEnd:
      return false;
    case ChatInput::Kind::kInterrupted:
      if (leaving_) return false;
      leaving_ = true;
      note("\n[Ctrl-C again, or Ctrl-D, leaves]\n");
      return true;
    case ChatInput::Kind::kCommand:
      return obey(input);
    case ChatInput::Kind::kMessage:
      break;
  }
  Result<void> answered = answer(input.text);
  if (!answered) return std::move(answered).error();
  if (terminal_ && !out_.closed()) note("\n");
  return !out_.closed();
}

Result<ExitCode> ChatSession::run(LineSource& lines) {
  if (terminal_) greet();
  for (;;) {
    Result<ChatInput> input = next_chat_input(lines);
    if (!input) {
      Result<void> goes_on = input.error().code == ErrorCode::kUsage
                                 ? survive(std::move(input).error())
                                 : Result<void>(std::move(input).error());
      if (!goes_on) return std::move(goes_on).error();
      continue;
    }
    Result<bool> more = handle(*input);
    if (!more) return std::move(more).error();
    if (!*more) break;
  }
  if (terminal_) note("\n");
  return exit_code_;
}

}  // namespace

Result<ExitCode> run_chat(Llm& llm, ChatSetup setup) {
  if (terminal_is_there()) {
    Result<std::unique_ptr<LineSource>> editor = make_line_editor();
    if (!editor) return std::move(editor).error();
    return ChatSession(llm, std::move(setup), true).run(**editor);
  }
  Result<Input> input = Input::open("-");
  if (!input) return std::move(input).error();
  PlainLines lines(*std::move(input));
  return ChatSession(llm, std::move(setup), false).run(lines);
}

}  // namespace bora
