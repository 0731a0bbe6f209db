#include "api/arriving_model.h"

#include "base/printable.h"
#include "hub/cache.h"
#include "hub/remove.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

Error cannot_write(const fs::path& path, const std::error_code& reason) {
  return Error{ErrorCode::kFailed,
               fmt::format("{}: expected to write it, found {}", printable(path.string(), 1024),
                           reason.message()),
               {}};
}

Result<void> write_at(int descriptor, const fs::path& path, std::uint64_t offset,
                      std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return cannot_write(path, {written < 0 ? errno : ENOSPC, std::generic_category()});
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ArrivingModel>> ArrivingModel::open(const Outline& outline,
                                                           const Selection& selection,
                                                           ArrivingModelOptions options) {
  Result<Checkpoint> checkpoint = Checkpoint::open(outline.model);
  if (!checkpoint) return std::move(checkpoint).error();
  if (make_recipe(*checkpoint, options.weights).tensors.empty()) return {nullptr};
  const auto on_wait = [&] {
    if (options.on_progress) options.on_progress({.stage = QuantizeProgress::Stage::kWaiting});
  };
  Result<std::unique_ptr<ArrivingWeights>> weights =
      ArrivingWeights::open(*std::move(checkpoint),
                            {.weights = options.weights,
                             .folder = outline.folder,
                             .threads = options.threads,
                             .interrupted = options.interrupted},
                            on_wait);
  if (!weights) return std::move(weights).error();
  return std::unique_ptr<ArrivingModel>(
      new ArrivingModel(outline, selection, std::move(options), *std::move(weights)));
}

ArrivingModel::ArrivingModel(const Outline& outline, const Selection& selection,
                             ArrivingModelOptions options, std::unique_ptr<ArrivingWeights> weights)
    : outline_(outline),
      selection_(selection),
      options_(std::move(options)),
      weights_(std::move(weights)) {
  for (std::size_t i = 0; i < weights_->outline().files().size(); ++i) {
    had_.push_back(weights_->has(i));
  }
}

ArrivingModel::~ArrivingModel() { join(); }

std::optional<std::size_t> ArrivingModel::index_of(const RemoteFile& file) const {
  const std::span<const MappedFile> files = weights_->outline().files();
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].path() == outline_.folder / file.name) return i;
  }
  return std::nullopt;
}

bool ArrivingModel::wants(const RemoteFile& file) const { return index_of(file).has_value(); }

bool ArrivingModel::has(const RemoteFile& file) const {
  const std::optional<std::size_t> index = index_of(file);
  return options_.discard_original && index && had_[*index];
}

void ArrivingModel::take(const RemoteFile& file, const fs::path& content) {
  const std::size_t index = *index_of(file);
  if (had_[index] && !options_.discard_original) return;
  const std::lock_guard lock(mutex_);
  queue_.push_back({file, index, content});
  wake_.notify_one();
  if (thread_.joinable()) return;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& failure) {
    error_ = Error{ErrorCode::kFailed,
                   fmt::format("quantizing: expected a thread, found {}", failure.what()),
                   {}};
    failed_ = true;
  }
}

void ArrivingModel::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return ended_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Taken taken = queue_.front();
    lock.unlock();
    Result<void> added = add(taken);
    lock.lock();
    queue_.pop_front();
    if (added) continue;
    error_ = std::move(added).error();
    failed_ = true;
    queue_.clear();
    return;
  }
}

Result<void> ArrivingModel::add(const Taken& taken) {
  Result<MappedFile> content = MappedFile::open(taken.content);
  if (!content) return std::move(content).error();
  const auto on_progress = [this](const QuantizeProgress& progress) {
    if (options_.on_progress) options_.on_progress(progress);
  };
  if (options_.discard_original) {
    Result<void> kept = keep_small_tensors(taken, *content);
    if (!kept) return kept;
  }
  if (Result<void> added = weights_->add(taken.index, *content, on_progress); !added) {
    // Headers are not verified: those that the outline has may be the fault.
    std::error_code ignored;
    if (added.error().code == ErrorCode::kBadModel) fs::remove_all(outline_.folder, ignored);
    return added;
  }
  if (!options_.discard_original) return {};
  return drop(taken.file);
}

Result<void> ArrivingModel::drop(const RemoteFile& file) const {
  const RepoCache cache(options_.hub, selection_.ref.repo);
  Result<std::uint64_t> freed = drop_file(cache, selection_.commit, file);
  if (!freed) return std::move(freed).error();
  return {};
}

// Into the outline's file, whose holes are what the quantized weights stand for.
Result<void> ArrivingModel::keep_small_tensors(const Taken& taken,
                                               const MappedFile& content) const {
  const fs::path path = outline_.folder / taken.file.name;
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return cannot_write(path, {errno, std::generic_category()});
  Result<void> written;
  const std::vector<StoredTensor> kept = weights_->kept_tensors(taken.index);
  for (const StoredTensor& tensor : kept) {
    if (tensor.offset + tensor.bytes > content.bytes().size()) break;  // add() says it
    written = write_at(descriptor, path, tensor.offset,
                       content.bytes().subspan(tensor.offset, tensor.bytes));
    if (!written) break;
  }
  if (written && fdatasync(descriptor) != 0) {
    written = cannot_write(path, {errno, std::generic_category()});
  }
  close(descriptor);
  return written;
}

void ArrivingModel::join() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

Result<void> ArrivingModel::finish() {
  join();
  if (error_) return *error_;
  // What an earlier process had taken and not dropped yet.
  for (const RemoteFile& file : selection_.files) {
    if (!has(file)) continue;
    if (Result<void> dropped = drop(file); !dropped) return dropped;
  }
  return {};
}

Result<void> ArrivingModel::copy_small_files(const Pulled& pulled) const {
  for (const RemoteFile& file : pulled.files) {
    const fs::path place = outline_.folder / file.name;
    std::error_code error;
    if (wants(file) || fs::exists(place, error)) continue;
    const fs::path scratch = place.string() + ".tmp";
    fs::create_directories(place.parent_path(), error);
    fs::copy_file(pulled.folder / file.name, scratch, fs::copy_options::overwrite_existing, error);
    if (!error) fs::rename(scratch, place, error);
    if (error) return cannot_write(place, error);
  }
  return {};
}

Result<fs::path> ArrivingModel::publish(const Pulled& pulled) {
  if (options_.discard_original) {
    if (Result<void> copied = copy_small_files(pulled); !copied) return std::move(copied).error();
  }
  const fs::path& model = options_.discard_original ? outline_.model : pulled.model;
  Result<Checkpoint> checkpoint = Checkpoint::open(model);
  if (!checkpoint) return std::move(checkpoint).error();
  const CachePlace place = options_.discard_original
                               ? place_beside(model, options_.weights)
                               : cache_place(options_.cache, *checkpoint, options_.weights);
  Result<void> published = weights_->publish(*checkpoint, place, !options_.discard_original);
  if (!published) return std::move(published).error();
  if (options_.discard_original) {
    const RepoCache outlines(options_.outlines, selection_.ref.repo);
    if (Result<void> made = outlines.make_folders(); !made) return std::move(made).error();
    Result<void> noted = outlines.note_commit(selection_.ref.revision, selection_.commit);
    if (!noted) return std::move(noted).error();
  }
  return model;
}

}  // namespace bora
