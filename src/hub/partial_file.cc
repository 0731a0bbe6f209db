#include "hub/partial_file.h"

#include "base/checksum.h"
#include "base/mapped_file.h"
#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1} << 20;          // read at a time
constexpr std::size_t kJournalLimit = std::size_t{64} << 20;  // bytes of its text

// Reads all of `out`, or fails.
bool read_at(int descriptor, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

JournalContents journal_of(const fs::path& blob, const RemoteFile& file) {
  const Result<std::string> text = read_text_file(PartialFile::journal_path(blob), kJournalLimit);
  JournalContents contents = text ? read_journal(*text) : JournalContents();
  if (contents.header.bytes != file.bytes || contents.header.etag != file.etag) return {};
  return contents;
}

void sync_folder(const fs::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

fs::path PartialFile::data_path(const fs::path& blob) { return blob.string() + ".bora.incomplete"; }

fs::path PartialFile::journal_path(const fs::path& blob) { return blob.string() + ".bora.journal"; }

PartialFile::PartialFile(fs::path blob, RemoteFile file, int descriptor)
    : blob_(std::move(blob)),
      file_(std::move(file)),
      descriptor_(descriptor),
      digest_(file_.etag, file_.bytes),
      buffer_(kPiece) {}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Error PartialFile::failed(int reason) const {
  return Error{ErrorCode::kFailed,
               fmt::format("{}: expected room for {} bytes, found {}",
                           printable(data_path(blob_).string(), 1024), file_.bytes,
                           std::generic_category().message(reason)),
               {}};
}

Result<std::unique_ptr<PartialFile>> PartialFile::open(const fs::path& blob, const RemoteFile& file,
                                                       std::uint64_t chunk_bytes,
                                                       const std::atomic<bool>* stop) {
  CHECK(chunk_bytes > 0 && chunk_bytes % 64 == 0, "chunks of whole blocks of SHA-256");
  JournalContents contents = journal_of(blob, file);
  if (contents.header.chunk_bytes == 0) contents.header = {file.bytes, chunk_bytes, file.etag};
  const int descriptor =
      ::open(data_path(blob).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  std::unique_ptr<PartialFile> partial(new PartialFile(blob, file, descriptor));
  if (descriptor < 0) return partial->failed(errno);
  partial->chunk_bytes_ = contents.header.chunk_bytes;
  partial->whole_.assign((file.bytes + partial->chunk_bytes_ - 1) / partial->chunk_bytes_, false);
  if (Result<void> reserved = partial->reserve(); !reserved) return std::move(reserved).error();
  if (Result<void> taken = partial->take_up(contents, stop); !taken) {
    return std::move(taken).error();
  }
  Result<Journal> journal = Journal::create(journal_path(blob), contents);
  if (!journal) return std::move(journal).error();
  partial->journal_ = std::make_unique<Journal>(*std::move(journal));
  return partial;
}

// A disk that will be full is found out before the download, not at its end.
Result<void> PartialFile::reserve() {
  if (ftruncate(descriptor_, static_cast<off_t>(file_.bytes)) != 0) return failed(errno);
  while (file_.bytes > 0 && fallocate(descriptor_, 0, 0, static_cast<off_t>(file_.bytes)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) break;
    return failed(errno);
  }
  return {};
}

bool PartialFile::holds(const JournalChunk& chunk, std::span<std::byte> buffer) const {
  RunningChecksum sum;
  for (std::uint64_t at = 0; at < chunk.length;) {
    const std::span<std::byte> piece =
        buffer.first(std::min<std::uint64_t>(buffer.size(), chunk.length - at));
    if (!read_at(descriptor_, chunk.offset + at, piece)) return false;
    sum.add(piece);
    at += piece.size();
  }
  return sum.value() == chunk.checksum;
}

// What the journal says is looked at before it is believed; `contents` is left with what holds.
Result<void> PartialFile::take_up(JournalContents& contents, const std::atomic<bool>* stop) {
  std::vector<JournalChunk> held;
  for (const JournalChunk& chunk : contents.chunks) {
    if (stop != nullptr && *stop) {
      return Error{ErrorCode::kInterrupted, "download: interrupted", {}};
    }
    const std::size_t index = chunk.offset / chunk_bytes_;
    if (whole_[index] || !holds(chunk, buffer_)) continue;
    whole_[index] = true;
    held.push_back(chunk);
  }
  contents.chunks = std::move(held);
  while (contiguous_chunks_ < whole_.size() && whole_[contiguous_chunks_]) ++contiguous_chunks_;
  const std::uint64_t end = contiguous();
  const JournalHash* last = nullptr;
  std::erase_if(contents.hashes, [&](const JournalHash& hash) { return hash.offset > end; });
  for (const JournalHash& hash : contents.hashes) {
    if (last == nullptr || hash.offset > last->offset) last = &hash;
  }
  if (last != nullptr && !digest_.restore(last->state, last->offset)) contents.hashes.clear();
  return {};
}

ByteRange PartialFile::range(std::size_t chunk) const {
  const std::uint64_t begin = chunk * chunk_bytes_;
  return {begin, std::min(begin + chunk_bytes_, file_.bytes)};
}

bool PartialFile::has(std::size_t chunk) const {
  const std::lock_guard lock(mutex_);
  return whole_[chunk];
}

std::uint64_t PartialFile::kept_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < whole_.size(); ++i) {
    if (whole_[i]) bytes += range(i).end - range(i).begin;
  }
  return bytes;
}

std::uint64_t PartialFile::contiguous() const {
  return std::min(contiguous_chunks_ * chunk_bytes_, file_.bytes);
}

Result<void> PartialFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed(written < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> PartialFile::finish_chunk(std::size_t chunk, std::uint64_t checksum) {
  // First the bytes, then the line that vouches for them.
  if (fdatasync(descriptor_) != 0) return failed(errno);
  const ByteRange bytes = range(chunk);
  const std::lock_guard lock(mutex_);
  Result<void> added = journal_->add(
      JournalChunk{.offset = bytes.begin, .length = bytes.end - bytes.begin, .checksum = checksum});
  if (!added) return added;
  whole_[chunk] = true;
  while (contiguous_chunks_ < whole_.size() && whole_[contiguous_chunks_]) ++contiguous_chunks_;
  return {};
}

Result<bool> PartialFile::hash_some() {
  constexpr std::size_t kPieces = 8;
  std::uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    end = contiguous();
  }
  if (digest_.added() == end) return false;
  for (std::size_t i = 0; i < kPieces && digest_.added() < end; ++i) {
    // Up to the end of a chunk and no further, to keep the state there.
    const std::uint64_t boundary = (digest_.added() / chunk_bytes_ + 1) * chunk_bytes_;
    const std::uint64_t left = std::min(boundary, end) - digest_.added();
    const std::span<std::byte> piece =
        std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), left));
    if (!read_at(descriptor_, digest_.added(), piece)) return failed(errno);
    digest_.add(piece);
    if (digest_.added() != boundary) continue;
    const std::string state = digest_.save();
    if (state.empty()) continue;
    const std::lock_guard lock(mutex_);
    Result<void> added = journal_->add(JournalHash{.offset = boundary, .state = state});
    if (!added) return std::move(added).error();
  }
  return true;
}

Result<void> PartialFile::publish() {
  const std::string found = digest_.finish();
  if (found != file_.etag) {
    unlink(data_path(blob_).c_str());
    unlink(journal_path(blob_).c_str());
    return Error{ErrorCode::kFailed,
                 fmt::format("{}: expected {} {}, found {}; the file was discarded", file_.name,
                             file_.etag.size() == 64 ? "SHA-256" : "SHA-1", file_.etag, found),
                 {"the same command fetches it anew"}};
  }
  if (fsync(descriptor_) != 0) return failed(errno);
  if (rename(data_path(blob_).c_str(), blob_.c_str()) != 0) return failed(errno);
  unlink(journal_path(blob_).c_str());
  sync_folder(blob_.parent_path());
  return {};
}

}  // namespace bora
