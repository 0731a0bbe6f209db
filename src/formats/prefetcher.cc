#include "formats/prefetcher.h"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace bora {
namespace {

using Chunk = std::span<const std::byte>;

// One request of the thread: large enough for the disk, small enough to stop within milliseconds.
constexpr std::size_t kChunkBytes = std::size_t{4} << 20U;
// Advice runs this far ahead of what is awaited, so that the disk never waits for the next request.
// Advice alone (without awaiting) lets the system drop requests; pread copies every byte.
constexpr std::size_t kAheadBytes = std::size_t{32} << 20U;

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

// The whole pages that hold the chunk, as system calls want them. A map begins at a page and its
// last page is whole, so this stays inside.
struct Pages {
  std::byte* begin;
  std::size_t bytes;
};

Pages pages_of(Chunk chunk) {
  const std::size_t before = reinterpret_cast<std::uintptr_t>(chunk.data()) % page_bytes();
  const std::size_t pages = (before + chunk.size() + page_bytes() - 1) / page_bytes();
  return {const_cast<std::byte*>(chunk.data()) - before, pages * page_bytes()};
}

// Looks at one page in kSampleBytes: asking for each would cost a warm start of a large model
// tenths of a second. The system evicts a file in long runs, and a page that was missed is read
// when it is used.
bool is_resident(Chunk chunk) {
  constexpr std::size_t kSampleBytes = std::size_t{1} << 20U;
  const Pages pages = pages_of(chunk);
  for (std::size_t offset = 0; offset < pages.bytes; offset += kSampleBytes) {
    unsigned char flag = 0;
    if (mincore(pages.begin + offset, page_bytes(), &flag) != 0 || (flag & 1U) == 0) return false;
  }
  return true;
}

void advise(Chunk chunk) {
  const Pages pages = pages_of(chunk);
  madvise(pages.begin, pages.bytes, MADV_WILLNEED);
}

// Waits until the chunk is in memory. False where the file no longer holds it.
bool await(Chunk chunk) {
  const Pages pages = pages_of(chunk);
  while (madvise(pages.begin, pages.bytes, MADV_POPULATE_READ) != 0) {
    if (errno == EINTR || errno == EAGAIN) continue;
    // Linux before 5.14 does not know the call: the advice must do.
    return errno == EINVAL;
  }
  return true;
}

// mincore() tells the truth to those who might write the file; to others it calls every page
// resident.
bool may_ask_residency(const Checkpoint& checkpoint) {
  const std::span<const MappedFile> files = checkpoint.files();
  return std::all_of(files.begin(), files.end(), [](const MappedFile& file) {
    struct stat status {};
    return access(file.path().c_str(), W_OK) == 0 ||
           (stat(file.path().c_str(), &status) == 0 && status.st_uid == geteuid());
  });
}

// The tensors' bytes, those that lie next to each other joined, cut to at most kChunkBytes.
std::vector<Chunk> chunks_of(std::span<const TensorView> order) {
  std::vector<Chunk> runs;
  for (const TensorView& tensor : order) {
    const Chunk bytes(tensor.data, tensor.bytes());
    if (!runs.empty() && runs.back().data() + runs.back().size() == bytes.data()) {
      runs.back() = Chunk(runs.back().data(), runs.back().size() + bytes.size());
    } else if (!bytes.empty()) {
      runs.push_back(bytes);
    }
  }
  std::vector<Chunk> chunks;
  for (Chunk run : runs) {
    while (!run.empty()) {
      const std::size_t size = std::min(run.size(), kChunkBytes);
      chunks.push_back(run.first(size));
      run = run.subspan(size);
    }
  }
  return chunks;
}

}  // namespace

Prefetcher::Prefetcher(const Checkpoint& checkpoint, std::span<const TensorView> order,
                       std::size_t budget)
    : chunks_(chunks_of(order)), budget_(budget), ask_residency_(may_ask_residency(checkpoint)) {
  for (const Chunk chunk : chunks_) total_ += chunk.size();
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      run(stop);
      finished_ = true;
    });
  } catch (const std::system_error&) {
    finished_ = true;  // no thread to be had: the model reads its pages itself
  }
}

void Prefetcher::run(const std::stop_token& stop) {
  std::vector<bool> advised(chunks_.size(), false);
  std::size_t next = 0;   // the first chunk that was not looked at
  std::size_t ahead = 0;  // bytes from the awaited chunk to there
  std::size_t brought_in = 0;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    while (next < chunks_.size() && ahead < kAheadBytes) {
      if (stop.stop_requested()) return;
      const Chunk chunk = chunks_[next];
      if (!ask_residency_ || !is_resident(chunk)) {
        if (chunk.size() > budget_ - brought_in) return;
        brought_in += chunk.size();
        advise(chunk);
        advised[next] = true;
      }
      ahead += chunk.size();
      ++next;
    }
    if (stop.stop_requested()) return;
    if (advised[i] && !await(chunks_[i])) return;
    ahead -= chunks_[i].size();
    done_ += chunks_[i].size();
  }
}

Prefetcher::Progress Prefetcher::progress() const {
  // finished_ first: when it is seen, so is the last byte.
  const bool finished = finished_;
  return {done_, total_, finished};
}

void Prefetcher::stop() {
  thread_.request_stop();
  wait();
}

void Prefetcher::wait() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace bora
