#include "hub/journal.h"

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/printable.h"
#include "hub/model_ref.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <span>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bora {
namespace {

std::uint64_t check_of(std::string_view line) {
  return checksum(std::as_bytes(std::span(line.data(), line.size())));
}

std::string with_check(std::string_view line) {
  return fmt::format("{} {:016x}\n", line, check_of(line));
}

std::string line_of(const JournalHeader& header) {
  return with_check(
      fmt::format("bora-journal 1 {} {} {}", header.bytes, header.chunk_bytes, header.etag));
}

std::string line_of(const JournalChunk& chunk) {
  return with_check(fmt::format("chunk {} {} {:016x}", chunk.offset, chunk.length, chunk.checksum));
}

std::string line_of(const JournalHash& hash) {
  return with_check(fmt::format("hash {} {}", hash.offset, hash.state));
}

bool read_number(std::string_view word, int base, std::uint64_t& number) {
  const char* last = word.data() + word.size();
  const auto [end, error] = std::from_chars(word.data(), last, number, base);
  return error == std::errc() && end == last;
}

// The words of a line whose check holds; empty where it does not.
std::vector<std::string_view> checked_words(std::string_view line) {
  const std::size_t last = line.rfind(' ');
  std::uint64_t check = 0;
  if (last == line.npos || !read_number(line.substr(last + 1), 16, check)) return {};
  line = line.substr(0, last);
  if (check_of(line) != check) return {};
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == line.npos) return words;
    line.remove_prefix(space + 1);
  }
}

bool read_header(std::span<const std::string_view> words, JournalHeader& header) {
  if (words.size() != 5 || words[0] != "bora-journal" || words[1] != "1") return false;
  header.etag = words[4];
  return read_number(words[2], 10, header.bytes) && read_number(words[3], 10, header.chunk_bytes) &&
         header.chunk_bytes > 0 && is_etag(header.etag);
}

// A chunk or a hash; false where it is neither, or of no place in the file.
bool read_entry(std::span<const std::string_view> words, JournalContents& contents) {
  const JournalHeader& header = contents.header;
  if (words.size() == 4 && words[0] == "chunk") {
    JournalChunk chunk;
    if (!read_number(words[1], 10, chunk.offset) || !read_number(words[2], 10, chunk.length) ||
        !read_number(words[3], 16, chunk.checksum)) {
      return false;
    }
    if (chunk.offset >= header.bytes || chunk.offset % header.chunk_bytes != 0 ||
        chunk.length != std::min(header.chunk_bytes, header.bytes - chunk.offset)) {
      return false;
    }
    contents.chunks.push_back(chunk);
    return true;
  }
  if (words.size() == 3 && words[0] == "hash") {
    JournalHash hash;
    hash.state = words[2];
    if (!read_number(words[1], 10, hash.offset) || hash.offset > header.bytes) return false;
    contents.hashes.push_back(std::move(hash));
    return true;
  }
  return false;
}

Error journal_error(const std::filesystem::path& path, int reason) {
  return Error{ErrorCode::kFailed,
               fmt::format("{}: expected to write it, found {}", printable(path.string(), 1024),
                           std::generic_category().message(reason)),
               {}};
}

}  // namespace

JournalContents read_journal(std::string_view text) {
  JournalContents contents;
  bool has_header = false;
  for (std::size_t newline = text.find('\n'); newline != text.npos; newline = text.find('\n')) {
    const std::vector<std::string_view> words = checked_words(text.substr(0, newline));
    if (!has_header) {
      if (!read_header(words, contents.header)) return {};
      has_header = true;
    } else if (!read_entry(words, contents)) {
      break;
    }
    text.remove_prefix(newline + 1);
  }
  return contents;
}

Result<Journal> Journal::create(const std::filesystem::path& path,
                                const JournalContents& contents) {
  std::string text = line_of(contents.header);
  for (const JournalChunk& chunk : contents.chunks) text += line_of(chunk);
  for (const JournalHash& hash : contents.hashes) text += line_of(hash);
  if (Result<void> written = write_file_whole(path, text); !written) {
    return std::move(written).error();
  }
  const int descriptor = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) return journal_error(path, errno);
  return Journal(descriptor, path);
}

Journal::~Journal() {
  if (descriptor_ >= 0) close(descriptor_);
}

Journal::Journal(Journal&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

Result<void> Journal::append(std::string line) {
  std::string_view left = line;
  while (!left.empty()) {
    const ssize_t written = write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return journal_error(path_, written < 0 ? errno : ENOSPC);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> Journal::add(const JournalChunk& chunk) { return append(line_of(chunk)); }

Result<void> Journal::add(const JournalHash& hash) { return append(line_of(hash)); }

}  // namespace bora
