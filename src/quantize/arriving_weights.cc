#include "quantize/arriving_weights.h"

#include "base/check.h"
#include "base/cpu_topology.h"
#include "base/printable.h"
#include "quantize/codec.h"
#include "quantize/tensor_stream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <set>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kJournalLimit = std::size_t{64} << 20U;

std::string with_check(const std::string& line) {
  return fmt::format("{} {:016x}\n", line, checksum(std::as_bytes(std::span(line))));
}

// The words of a line without its check; none where that does not hold.
std::vector<std::string_view> words_of(std::string_view line) {
  const std::size_t last = line.rfind(' ');
  if (last == line.npos ||
      with_check(std::string(line.substr(0, last))) != std::string(line) + "\n") {
    return {};
  }
  std::vector<std::string_view> words;
  for (std::string_view rest = line.substr(0, last); !rest.empty();) {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    words.push_back(rest.substr(0, space));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return words;
}

std::optional<std::uint64_t> number_of(std::string_view word, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

Error cannot_write(const fs::path& path, int reason) {
  return Error{ErrorCode::kFailed,
               fmt::format("{}: expected to write it, found {}", printable(path.string(), 1024),
                           std::generic_category().message(reason)),
               {}};
}

}  // namespace

ArrivingWeights::ArrivingWeights(Checkpoint outline, const ArrivingOptions& options,
                                 CacheContents contents)
    : outline_(std::move(outline)), options_(options), contents_(std::move(contents)) {
  by_file_.resize(outline_.files().size());
  sums_.resize(outline_.files().size());
  for (std::size_t i = 0; i < contents_.recipe.tensors.size(); ++i) {
    by_file_[outline_.find(contents_.recipe.tensors[i].name)->file].push_back(i);
  }
  const std::string name =
      fmt::format(".{}-{:016x}", codec_name(options.weights), contents_.fingerprint.low);
  written_ = options.folder / (name + ".arriving");
  journal_ = options.folder / (name + ".journal");
}

Result<std::unique_ptr<ArrivingWeights>> ArrivingWeights::open(Checkpoint outline,
                                                               const ArrivingOptions& options,
                                                               FunctionRef<void()> on_wait) {
  Recipe recipe = make_recipe(outline, options.weights);
  CHECK(!recipe.tensors.empty(), "something to quantize");
  // Of headers alone: the times of an outline's files say nothing.
  CacheContents contents = cache_contents(outline, std::move(recipe), options.weights, false);
  std::unique_ptr<ArrivingWeights> weights(
      new ArrivingWeights(std::move(outline), options, std::move(contents)));
  Result<std::unique_ptr<ThreadPool>> pool =
      ThreadPool::create(options.threads > 0 ? options.threads : default_threads());
  if (!pool) return std::move(pool).error();
  weights->pool_ = *std::move(pool);
  if (Result<void> taken = weights->take_up(on_wait); !taken) return std::move(taken).error();
  return weights;
}

Result<void> ArrivingWeights::take_up(FunctionRef<void()> on_wait) {
  Result<FileLock> lock =
      FileLock::acquire(written_.string() + ".lock", on_wait, options_.interrupted);
  if (!lock) return std::move(lock).error();
  lock_.emplace(*std::move(lock));
  Result<OutputFile> out = OutputFile::take_up(written_, cache_file_bytes(contents_.recipe));
  if (!out) return std::move(out).error();
  out_.emplace(*std::move(out));
  read_journal();
  std::string text = head_line();
  for (std::size_t file = 0; file < sums_.size(); ++file) {
    if (sums_[file])
      text += with_check(fmt::format("file {} {:x}", file, fmt::join(*sums_[file], " ")));
  }
  return write_journal(text, true);
}

std::string ArrivingWeights::head_line() const {
  return with_check(fmt::format("bora-arriving 1 {:016x}{:016x}", contents_.fingerprint.high,
                                contents_.fingerprint.low));
}

// Up to the first line that does not hold; of the others what the data bears out.
void ArrivingWeights::read_journal() {
  const Result<std::string> text = read_text_file(journal_, kJournalLimit);
  if (!text || !text->starts_with(head_line())) return;
  const Result<MappedFile> bytes = MappedFile::open(written_);
  if (!bytes || bytes->bytes().size() != cache_file_bytes(contents_.recipe)) return;
  std::string_view rest = std::string_view(*text).substr(head_line().size());
  for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    const std::vector<std::string_view> words = words_of(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (words.size() < 2 || words[0] != "file") return;
    const std::optional<std::uint64_t> file = number_of(words[1], 10);
    if (!file || *file >= sums_.size()) return;
    std::vector<std::uint64_t> sums;
    for (std::size_t i = 2; i < words.size(); ++i)
      sums.push_back(number_of(words[i], 16).value_or(0));
    if (holds(*file, sums, *bytes)) sums_[*file] = std::move(sums);
  }
}

bool ArrivingWeights::holds(std::size_t file, const std::vector<std::uint64_t>& sums,
                            const MappedFile& written) const {
  const std::vector<std::size_t>& tensors = by_file_[file];
  if (sums.size() != tensors.size()) return false;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const StoredTensor& tensor = contents_.recipe.tensors[tensors[i]];
    const bool good = checksum(written.bytes().subspan(tensor.offset, tensor.bytes)) == sums[i];
    written.done_with(tensor.offset, tensor.bytes);
    if (!good) return false;
  }
  return true;
}

Result<void> ArrivingWeights::write_journal(const std::string& line, bool anew) const {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (anew ? O_TRUNC : O_APPEND);
  const int descriptor = ::open(journal_.c_str(), flags, 0644);
  if (descriptor < 0) return cannot_write(journal_, errno);
  const ssize_t written = ::write(descriptor, line.data(), line.size());
  const bool good = written == static_cast<ssize_t>(line.size()) && fdatasync(descriptor) == 0;
  const int reason = written < 0 || good ? errno : ENOSPC;
  close(descriptor);
  if (!good) return cannot_write(journal_, reason);
  return {};
}

std::vector<StoredTensor> ArrivingWeights::kept_tensors(std::size_t file) const {
  std::set<std::string_view> written;
  for (const std::size_t i : by_file_[file]) written.insert(contents_.recipe.tensors[i].name);
  std::vector<StoredTensor> kept;
  for (const StoredTensor& tensor : outline_.tensors()) {
    if (tensor.file == file && !written.contains(tensor.name)) kept.push_back(tensor);
  }
  return kept;
}

Result<void> ArrivingWeights::add(std::size_t file, const MappedFile& content,
                                  OnProgress on_progress) {
  const std::span<const std::byte> header = header_of(outline_, file);
  const std::span<const std::byte> found =
      content.bytes().first(std::min(header.size(), content.bytes().size()));
  if (content.bytes().size() != outline_.files()[file].bytes().size() ||
      !std::ranges::equal(header, found)) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected the header that the Hub gave before, found another",
                             printable(outline_.files()[file].path().filename().string())),
                 {"the same command asks it again"}};
  }
  std::vector<StoredTensor> tensors;
  for (const std::size_t i : by_file_[file]) tensors.push_back(contents_.recipe.tensors[i]);
  TensorStream stream(outline_, *pool_, on_progress, options_.interrupted);
  Result<std::vector<std::uint64_t>> sums = stream.write(tensors, *out_, &content);
  if (!sums) return std::move(sums).error();
  // First the data, then the line that vouches for it.
  if (Result<void> synced = out_->sync(); !synced) return synced;
  const std::string line = with_check(fmt::format("file {} {:x}", file, fmt::join(*sums, " ")));
  if (Result<void> noted = write_journal(line, false); !noted) return noted;
  sums_[file] = *std::move(sums);
  return {};
}

Result<void> ArrivingWeights::publish(const Checkpoint& source, const CachePlace& place,
                                      bool with_times) {
  CHECK(std::ranges::all_of(sums_, [](const auto& sums) { return sums.has_value(); }),
        "all files are in");
  const CacheContents contents =
      cache_contents(source, make_recipe(source, options_.weights), options_.weights, with_times);
  if (!same_tensors(contents.recipe.tensors, contents_.recipe.tensors)) {
    return Error{ErrorCode::kBadModel,
                 fmt::format("{}: expected the tensors that the Hub's headers had, found others",
                             printable(source.path().string(), 1024)),
                 {}};
  }
  CacheHeader header{.fingerprint = contents.fingerprint,
                     .tensors = contents.recipe.tensors,
                     .checksums = std::vector<std::uint64_t>(contents.recipe.tensors.size())};
  for (std::size_t file = 0; file < sums_.size(); ++file) {
    for (std::size_t i = 0; i < by_file_[file].size(); ++i) {
      header.checksums[by_file_[file][i]] = (*sums_[file])[i];
    }
  }
  const std::string bytes = write_cache_header(header);
  if (auto written = out_->write(0, std::as_bytes(std::span(bytes))); !written) return written;
  std::error_code failure;
  fs::create_directories(place.folder, failure);
  if (failure) return cannot_write(place.folder, failure.value());
  Result<MappedFile> published = out_->publish_as(place.file);
  if (!published) return std::move(published).error();
  mark_checked(place);
  std::error_code ignored;
  fs::remove(journal_, ignored);
  fs::remove(written_.string() + ".lock", ignored);
  return {};
}

}  // namespace bora
