#include "hub/chunk.h"

#include "base/checksum.h"
#include "base/log.h"
#include "base/printable.h"
#include "hub/url.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace bora {
namespace {

// What "bytes 0-99/1234" says; nullopt where it says something else.
struct ContentRange {
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> total;  // nullopt: "*"
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<ContentRange> content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == text.npos || slash == text.npos || slash < dash) return std::nullopt;
  const std::optional<std::uint64_t> begin = number(text.substr(0, dash));
  if (!begin) return std::nullopt;
  return ContentRange{*begin, number(text.substr(slash + 1))};
}

// One attempt's view of the answer.
class Receiver {
 public:
  Receiver(const FileSource& source, RangeSink sink, ByteRange wanted)
      : source_(source), sink_(sink), wanted_(wanted) {}

  bool on_head(const HttpHead& head) {
    const RemoteFile& remote = source_.file();
    if (head.status == 206) {
      const std::optional<ContentRange> range = content_range(head.header("content-range"));
      if (!range || range->begin != wanted_.begin) {
        problem_ = fmt::format("{}: expected bytes from {} on, found \"{}\"", remote.name,
                               wanted_.begin, printable(head.header("content-range")));
      } else if (range->total && *range->total != remote.bytes) {
        wrong_size(*range->total);
      }
    } else if (head.status == 200) {
      // All of it, whatever was asked for: what is before the chunk is skipped.
      skip_ = wanted_.begin;
      const std::optional<std::uint64_t> length = number(head.header("content-length"));
      if (length && *length != remote.bytes) wrong_size(*length);
    }
    taking_ = head.status == 206 || head.status == 200;
    return problem_.empty();
  }

  bool on_body(std::span<const std::byte> bytes, std::atomic<std::uint64_t>& done) {
    // An error's page is read too, so that the connection can be used again; nothing is read on.
    ignored_ += taking_ ? 0 : bytes.size();
    if (missing() == 0 || ignored_ > kIgnored) return false;
    if (!taking_) return true;
    const std::uint64_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes = bytes.subspan(skipped);
    bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), missing()));
    if (Result<void> taken = sink_(wanted_.begin + got_, bytes); !taken) {
      refused_ = std::move(taken).error();
      return false;
    }
    got_ += bytes.size();
    done += bytes.size();
    return true;
  }

  [[nodiscard]] std::uint64_t got() const { return got_; }
  [[nodiscard]] std::uint64_t missing() const { return wanted_.end - wanted_.begin - got_; }
  // What no further attempt can mend; nullopt: nothing.
  [[nodiscard]] std::optional<Error> error() const {
    if (refused_) return refused_;
    if (problem_.empty()) return std::nullopt;
    return Error{ErrorCode::kFailed, problem_, {}};
  }

 private:
  static constexpr std::uint64_t kIgnored = std::uint64_t{64} << 10;

  void wrong_size(std::uint64_t found) {
    problem_ = fmt::format("{}: expected {} bytes, found {}", source_.file().name,
                           source_.file().bytes, found);
  }

  const FileSource& source_;
  RangeSink sink_;
  ByteRange wanted_;
  std::uint64_t skip_ = 0;
  std::uint64_t got_ = 0;
  std::uint64_t ignored_ = 0;
  bool taking_ = false;
  std::string problem_;
  std::optional<Error> refused_;  // by the sink
};

// What the Hub says on the way is what the listing said, or the file is another.
std::optional<Error> changed(const HubAnswer& answer, const FileSource& source) {
  const RemoteFile& file = source.file();
  if (answer.last.head.status != 200 && answer.last.head.status != 206) return std::nullopt;
  const bool other_etag = is_etag(answer.linked.etag) && answer.linked.etag != file.etag;
  const bool other_commit =
      is_commit(answer.linked.commit) && answer.linked.commit != source.commit();
  if (!other_etag && !other_commit) return std::nullopt;
  return Error{
      ErrorCode::kFailed,
      fmt::format("{}: expected {} {}, found {}: it changed on the Hub meanwhile", file.name,
                  other_etag ? "the content" : "commit", other_etag ? file.etag : source.commit(),
                  other_etag ? answer.linked.etag : answer.linked.commit),
      {"the same command fetches what is there now"}};
}

Error stopped() { return {ErrorCode::kInterrupted, "download: interrupted", {}}; }

}  // namespace

std::string FileSource::url() {
  const std::lock_guard lock(mutex_);
  return redirected_.empty() ? url_ : redirected_;
}

void FileSource::remember(const std::string& redirected) {
  const std::lock_guard lock(mutex_);
  redirected_ = redirected;
}

void FileSource::forget() {
  const std::lock_guard lock(mutex_);
  redirected_.clear();
}

Result<void> fetch_range(HubSession& session, FileSource& source, ByteRange range, RangeSink sink,
                         const std::atomic<bool>& stop, std::atomic<std::uint64_t>& done) {
  // So little in one attempt is no progress: a server that gives a byte a second is given up.
  constexpr std::uint64_t kProgress = std::uint64_t{64} << 10;
  const bool all = range.begin == 0 && range.end == source.file().bytes;
  std::uint64_t got = 0;
  int failures = 0;
  while (range.begin + got < range.end) {
    const ByteRange wanted{range.begin + got, range.end};
    Receiver receiver(source, sink, wanted);
    const auto on_head = [&](const HttpHead& head) { return receiver.on_head(head); };
    const auto on_body = [&](std::span<const std::byte> bytes) {
      return receiver.on_body(bytes, done);
    };
    HttpRequest request{.url = source.url(), .headers = {}, .range = {}, .stop = &stop};
    if (!all || got > 0) request.range = wanted;
    const bool was_redirected = url_origin(request.url) != url_origin(session.options().endpoint);
    const HubAnswer answer = session.get(request, {on_head, on_body});
    got += receiver.got();
    if (stop) return stopped();
    if (std::optional<Error> error = receiver.error()) return *std::move(error);
    if (std::optional<Error> error = changed(answer, source)) return *std::move(error);
    const int status = answer.last.head.status;
    const bool serves = status == 200 || status == 206;
    if (serves && !answer.at_endpoint) source.remember(answer.url);
    if (receiver.missing() == 0) break;
    failures = receiver.got() >= kProgress ? 1 : failures + 1;
    const bool expired = !answer.at_endpoint && status >= 400 && status < 500;
    // The CDN may be the fault; the Hub may lead to another.
    if (expired || failures > 1) source.forget();
    const bool retry = is_worth_retrying(answer) || serves || expired;
    if (!retry || failures >= session.options().attempts) {
      Error error = refusal(answer, source.repo(), source.file().name, session.options());
      if (serves && answer.last.whole) {
        error.message = fmt::format("{}: expected {} bytes, found an answer that ended after {}",
                                    source.file().name, source.file().bytes, range.begin + got);
      }
      return error;
    }
    log(LogLevel::kInfo, fmt::format("hub: {}: status {}, {}; attempt {} from byte {}",
                                     printable(source.file().name), status, answer.last.failure,
                                     failures + 1, range.begin + got));
    if (!(expired && was_redirected && failures == 1)) {
      session.pause(failures, answer.last.head, &stop);
      if (stop) return stopped();
    }
  }
  return {};
}

Result<void> fetch_chunk(HubSession& session, FileSource& source, PartialFile& file,
                         std::size_t chunk, const std::atomic<bool>& stop,
                         std::atomic<std::uint64_t>& done) {
  RunningChecksum sum;
  const auto write = [&](std::uint64_t offset, std::span<const std::byte> bytes) {
    Result<void> written = file.write(offset, bytes);
    if (written) sum.add(bytes);
    return written;
  };
  Result<void> fetched = fetch_range(session, source, file.range(chunk), write, stop, done);
  if (!fetched) return fetched;
  return file.finish_chunk(chunk, sum.value());
}

}  // namespace bora
