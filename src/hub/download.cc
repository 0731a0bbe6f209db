#include "hub/download.h"

#include "base/file_lock.h"
#include "hub/chunk.h"
#include "hub/partial_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace bora {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr int kHashThreads = 2;

// One file on its way. What the mutex of the Downloader guards is marked so.
struct Transfer {
  enum class State { kNew, kOpening, kOpen, kFinished };

  Transfer(const DownloadItem& what, const DownloadOptions& options, const HubOptions& hub)
      : item(what),
        source(what.file, options.repo, options.commit,
               file_url(hub, options.repo, options.commit, what.file.name)) {}

  const DownloadItem& item;
  FileSource source;
  State state = State::kNew;              // guarded
  std::deque<std::size_t> chunks;         // guarded: those that nobody fetches yet
  bool hashing = false;                   // guarded: a thread is at it
  std::unique_ptr<PartialFile> file;      // made while kOpening, by one thread
  std::optional<FileLock> lock;           // the same
  std::atomic<std::uint64_t> arrived{0};  // bytes, by this process
  std::atomic<std::uint64_t> kept{0};     // bytes, of earlier processes
  std::atomic<bool> waiting{false};
};

class Downloader {
 public:
  Downloader(HubSession& session, const std::vector<DownloadItem>& items,
             const DownloadOptions& options)
      : session_(session), options_(options) {
    for (const DownloadItem& item : items) {
      transfers_.emplace_back(item, options, session.options());
    }
  }

  Result<void> run(OnDownload on_progress) {
    std::vector<std::thread> threads;
    start(threads);
    {
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, kTick, [&] { return running_ == 0; })) {
        if (options_.interrupted != nullptr && *options_.interrupted) stop_all(lock);
        const DownloadProgress now = progress(lock);
        lock.unlock();
        on_progress(now);
        lock.lock();
      }
    }
    for (std::thread& thread : threads) thread.join();
    std::unique_lock lock(mutex_);
    on_progress(progress(lock));
    const bool interrupted = options_.interrupted != nullptr && *options_.interrupted;
    if (interrupted && !all_finished()) {
      return Error{ErrorCode::kInterrupted, "download: interrupted", {}};
    }
    if (error_) return *std::move(error_);
    return {};
  }

 private:
  void start(std::vector<std::thread>& threads) {
    const std::lock_guard lock(mutex_);
    const auto add = [&](void (Downloader::*work)()) {
      threads.emplace_back([this, work] {
        (this->*work)();
        const std::lock_guard guard(mutex_);
        --running_;
        ended_.notify_all();
      });
      ++running_;
    };
    try {
      for (int i = 0; i < kHashThreads; ++i) add(&Downloader::hash_all);
      for (std::size_t i = 0; i < std::max<std::size_t>(options_.connections, 1); ++i) {
        add(&Downloader::fetch_all);
      }
    } catch (const std::system_error& failure) {
      error_ = Error{ErrorCode::kFailed,
                     fmt::format("download: expected threads, found {}", failure.what()),
                     {}};
      stop_ = true;
    }
  }

  // `lock` says that the mutex is held.
  void stop_all(const std::unique_lock<std::mutex>&) {
    stop_ = true;
    work_.notify_all();
  }

  void fail(Error error) {
    std::unique_lock lock(mutex_);
    if (!error_ && !stop_) error_ = std::move(error);
    stop_all(lock);
  }

  [[nodiscard]] bool all_finished() const {
    return std::ranges::all_of(transfers_, [](const Transfer& transfer) {
      return transfer.state == Transfer::State::kFinished;
    });
  }

  DownloadProgress progress(const std::unique_lock<std::mutex>&) const {
    DownloadProgress now;
    for (const Transfer& transfer : transfers_) {
      const RemoteFile& file = transfer.item.file;
      FileProgress one{.name = file.name, .bytes = file.bytes};
      one.finished = transfer.state == Transfer::State::kFinished;
      one.done = one.finished ? file.bytes : std::min(transfer.kept + transfer.arrived, file.bytes);
      one.waiting = transfer.waiting;
      now.bytes += file.bytes;
      now.done += one.done;
      now.fetched += transfer.arrived;
      now.files.push_back(std::move(one));
    }
    return now;
  }

  // What a fetching thread does next: open a file (no chunk), or fetch a chunk of one.
  struct Task {
    Transfer* transfer = nullptr;  // null: nothing is left to do
    std::optional<std::size_t> chunk;
  };

  // Waits while others may still open files.
  Task next_task() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (stop_) return {};
      bool more = false;
      for (Transfer& transfer : transfers_) {
        if (transfer.state == Transfer::State::kNew) {
          transfer.state = Transfer::State::kOpening;
          return {&transfer, std::nullopt};
        }
        if (!transfer.chunks.empty()) {
          const std::size_t chunk = transfer.chunks.front();
          transfer.chunks.pop_front();
          return {&transfer, chunk};
        }
        more = more || transfer.state == Transfer::State::kOpening;
      }
      if (!more) return {};
      work_.wait(lock);
    }
  }

  void fetch_all() {
    for (Task task = next_task(); task.transfer != nullptr; task = next_task()) {
      Transfer& transfer = *task.transfer;
      Result<void> done = task.chunk ? fetch_chunk(session_, transfer.source, *transfer.file,
                                                   *task.chunk, stop_, transfer.arrived)
                                     : open(transfer);
      if (!done) return fail(std::move(done).error());
      const std::lock_guard lock(mutex_);
      work_.notify_all();
    }
  }

  Result<void> open(Transfer& transfer) {
    const DownloadItem& item = transfer.item;
    Result<FileLock> lock = FileLock::acquire(
        item.lock, [&] { transfer.waiting = true; }, &stop_);
    transfer.waiting = false;
    if (!lock) return std::move(lock).error();
    transfer.lock.emplace(*std::move(lock));
    std::error_code missing;  // another process may have fetched it
    if (std::filesystem::file_size(item.blob, missing) == item.file.bytes && !missing) {
      finish(transfer);
      return {};
    }
    Result<std::unique_ptr<PartialFile>> file =
        PartialFile::open(item.blob, item.file, options_.chunk_bytes, &stop_);
    if (!file) return std::move(file).error();
    transfer.file = *std::move(file);
    transfer.kept = transfer.file->kept_bytes();
    const std::lock_guard guard(mutex_);
    for (std::size_t i = 0; i < transfer.file->chunks(); ++i) {
      if (!transfer.file->has(i)) transfer.chunks.push_back(i);
    }
    transfer.state = Transfer::State::kOpen;
    return {};
  }

  void finish(Transfer& transfer) {
    const std::lock_guard lock(mutex_);
    transfer.state = Transfer::State::kFinished;
    transfer.file.reset();
    transfer.lock.reset();
    work_.notify_all();
  }

  // Hashes what has come, file by file. Waits while there is nothing, until all are finished.
  void hash_all() {
    for (;;) {
      Transfer* transfer = nullptr;
      bool worked = false;
      {
        std::unique_lock lock(mutex_);
        if (stop_ || all_finished()) return work_.notify_all();
      }
      for (Transfer& candidate : transfers_) {
        transfer = claim(candidate);
        if (transfer == nullptr) continue;
        Result<bool> more = hash(*transfer);
        {
          const std::lock_guard lock(mutex_);
          transfer->hashing = false;
        }
        if (!more) return fail(std::move(more).error());
        worked = worked || *more;
      }
      if (worked) continue;
      std::unique_lock lock(mutex_);
      // Chunks are finished outside of the mutex: whoever waits looks again after a while.
      if (!stop_ && !all_finished()) work_.wait_for(lock, kTick);
    }
  }

  Transfer* claim(Transfer& transfer) {
    const std::lock_guard lock(mutex_);
    if (transfer.state != Transfer::State::kOpen || transfer.hashing) return nullptr;
    transfer.hashing = true;
    return &transfer;
  }

  // All that is there of one file; false: nothing was.
  Result<bool> hash(Transfer& transfer) {
    bool worked = false;
    while (!stop_) {
      Result<bool> some = transfer.file->hash_some();
      if (!some) return some;
      if (!*some) break;
      worked = true;
    }
    if (stop_ || !transfer.file->hashed()) return worked;
    Result<void> published = transfer.file->publish();
    if (!published) return std::move(published).error();
    finish(transfer);
    return true;
  }

  HubSession& session_;
  const DownloadOptions& options_;
  std::deque<Transfer> transfers_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;  // guards what follows, and parts of the transfers
  std::condition_variable work_;
  std::condition_variable ended_;
  int running_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<void> download(HubSession& session, const std::vector<DownloadItem>& items,
                      const DownloadOptions& options, OnDownload on_progress) {
  Downloader downloader(session, items, options);
  return downloader.run(on_progress);
}

}  // namespace bora
