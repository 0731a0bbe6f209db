#include "quantize/quantize.h"

#include "base/cpu_topology.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/thread_pool.h"
#include "quantize/cache_file.h"
#include "quantize/codec.h"
#include "quantize/output_file.h"
#include "quantize/tensor_stream.h"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

bool is_refusal(const std::error_code& failure) {
  return failure == std::errc::permission_denied || failure == std::errc::read_only_file_system ||
         failure == std::errc::operation_not_permitted;
}

// kNotFound where it may not be made.
Result<void> make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (!failure) return {};
  return Error{is_refusal(failure) ? ErrorCode::kNotFound : ErrorCode::kFailed,
               fmt::format("{}: expected to create the folder, found {}",
                           printable(folder.string(), 1024), failure.message()),
               {"--cache-dir names another"}};
}

Error nothing_left(const Checkpoint& source, DType weights) {
  return Error{ErrorCode::kNotFound,
               fmt::format("{}: expected {} weights, found none, and the original is not here",
                           printable(source.path().filename().string()), codec_name(weights)),
               {"bora pull fetches the original"}};
}

// The making of one file. Its parts are those of quantize_checkpoint().
class Maker {
 public:
  Maker(const Checkpoint& source, const QuantizeOptions& options, CacheContents contents,
        ThreadPool& pool)
      : source_(source), options_(options), contents_(std::move(contents)), pool_(pool) {}

  Result<MappedFile> find_or_make() {
    if (options_.discarded) return open_discarded();
    if (options_.cache.empty()) return make_in_memory();
    const CachePlace place = cache_place(options_.cache, source_, options_.weights);
    if (Result<MappedFile> found = open(place)) return found;
    Result<MappedFile> made = make_locked(place);
    if (made || made.error().code != ErrorCode::kNotFound) return made;
    note(made.error().message + "; the weights are quantized in memory");
    return make_in_memory();
  }

  [[nodiscard]] std::span<const StoredTensor> tensors() const { return contents_.recipe.tensors; }

 private:
  Result<MappedFile> open(const CachePlace& place) {
    return open_cached(place, contents_, pool_,
                       [this](const QuantizeProgress& progress) { report(progress); });
  }

  Result<MappedFile> open_discarded() {
    Result<MappedFile> found = open(place_beside(source_.path(), options_.weights));
    if (found) return found;
    if (found.error().code == ErrorCode::kNotFound) return nothing_left(source_, options_.weights);
    Error error = std::move(found).error();
    error.hints = {"bora pull fetches the original"};
    return error;
  }

  Result<MappedFile> make_locked(const CachePlace& place) {
    if (Result<void> folder = make_folder(place.folder); !folder) return std::move(folder).error();
    Result<FileLock> lock = FileLock::acquire(
        place.lock, [this] { report({.stage = QuantizeProgress::Stage::kWaiting}); },
        options_.interrupted);
    if (!lock) return std::move(lock).error();
    Result<MappedFile> found = open(place);  // another may have made it meanwhile
    if (found) return found;
    if (found.error().code != ErrorCode::kNotFound) {
      note(found.error().message + "; it is made again");
      std::error_code ignored;  // its room may be needed; where it stays, it is replaced
      fs::remove(place.file, ignored);
    }
    Result<OutputFile> out = OutputFile::create(place.file, file_bytes());
    if (!out) return std::move(out).error();
    Result<MappedFile> made = make(*out);
    if (made) mark_checked(place);
    return made;
  }

  Result<MappedFile> make_in_memory() {
    Result<OutputFile> out = OutputFile::in_memory(file_bytes());
    if (!out) return std::move(out).error();
    return make(*out);
  }

  Result<MappedFile> make(OutputFile& out) {
    const auto on_progress = [this](const QuantizeProgress& progress) { report(progress); };
    TensorStream stream(source_, pool_, on_progress, options_.interrupted);
    Result<std::vector<std::uint64_t>> checksums = stream.write(contents_.recipe.tensors, out);
    if (!checksums) {
      if (checksums.error().code != ErrorCode::kBadModel) return std::move(checksums).error();
      return std::move(checksums).error().with_context(
          printable(source_.path().filename().string()));
    }
    // Last: without a header the file is none.
    const std::string header = write_cache_header({.fingerprint = contents_.fingerprint,
                                                   .tensors = contents_.recipe.tensors,
                                                   .checksums = *std::move(checksums)});
    if (auto written = out.write(0, std::as_bytes(std::span(header))); !written) {
      return std::move(written).error();
    }
    return out.publish();
  }

  [[nodiscard]] std::uint64_t file_bytes() const { return cache_file_bytes(contents_.recipe); }

  void report(const QuantizeProgress& progress) const {
    if (options_.on_progress) options_.on_progress(progress);
  }

  void note(const std::string& line) const {
    log(LogLevel::kWarn, line);
    if (options_.on_note) options_.on_note(line);
  }

  const Checkpoint& source_;
  const QuantizeOptions& options_;
  CacheContents contents_;
  ThreadPool& pool_;
};

}  // namespace

Result<Checkpoint> quantize_checkpoint(Checkpoint source, const QuantizeOptions& options) {
  if (!has_codec(options.weights)) {
    return Error{ErrorCode::kUsage,
                 fmt::format("weights: expected q8_0 or q4_0 to quantize to, found {}",
                             info(options.weights).name),
                 {}};
  }
  Recipe recipe = make_recipe(source, options.weights);
  for (const std::string& name : recipe.kept) {
    log(LogLevel::kInfo, fmt::format("{}: stays {}: its rows are no whole groups of 32",
                                     printable(name), source.find(name)->type_name));
  }
  if (recipe.tensors.empty() && options.discarded) return nothing_left(source, options.weights);
  if (recipe.tensors.empty()) return source;
  Result<std::unique_ptr<ThreadPool>> pool =
      ThreadPool::create(options.threads > 0 ? options.threads : default_threads());
  if (!pool) return std::move(pool).error();
  CacheContents contents =
      cache_contents(source, std::move(recipe), options.weights, !options.discarded);
  Maker maker(source, options, std::move(contents), **pool);
  Result<MappedFile> file = maker.find_or_make();
  if (!file) return std::move(file).error();
  source.replace_tensors(*std::move(file), maker.tensors());
  return source;
}

}  // namespace bora
