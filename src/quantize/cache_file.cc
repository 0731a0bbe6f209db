#include "quantize/cache_file.h"

#include "base/mapped_file.h"
#include "base/printable.h"
#include "quantize/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <thread>

namespace bora {
namespace {

namespace fs = std::filesystem;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A name that any file system takes.
std::string plain_name(const fs::path& path) {
  constexpr std::size_t kLongest = 80;
  std::string name = printable(path.filename().string(), kLongest);
  for (char& c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '.' || c == '-' || c == '_';
    if (!plain) c = '_';
  }
  return name;
}

fs::path canonical_path(const fs::path& path) {
  std::error_code failure;
  fs::path canonical = fs::canonical(path, failure);
  return failure ? path : canonical;
}

// Which state of the file was checked. Empty where the system does not say.
std::string state_of(const fs::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return {};
  return fmt::format("{} {} {} {}\n", status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                     nanoseconds(status.st_ctim));
}

bool is_checked(const CachePlace& place, const std::string& state) {
  constexpr std::size_t kLimit = 256;
  const Result<std::string> noted = read_text_file(place.checked, kLimit);
  return noted && !noted->empty() && *noted == state;
}

void note_checked(const CachePlace& place, const std::string& state) {
  // The system's times advance in ticks of up to 10 ms: what is written in the tick of the state
  // that is noted would not show. So it is noted when that tick has passed.
  constexpr std::chrono::milliseconds kTick{20};
  std::this_thread::sleep_for(kTick);
  std::ofstream(place.checked, std::ios::binary) << state;
}

Error damaged(const CachePlace& place, std::string_view expected, std::string_view found) {
  return Error{ErrorCode::kBadModel,
               fmt::format("{}: expected {}, found {}", printable(place.file.string(), 1024),
                           expected, found),
               {}};
}

// The first tensor whose data is not what the header says; the number of them where all are.
std::size_t find_damage(std::span<const std::byte> file, const CacheHeader& header,
                        ThreadPool& pool, FunctionRef<void(const QuantizeProgress&)> on_progress) {
  const std::size_t count = header.tensors.size();
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> damage = count;
  std::atomic<std::size_t> done = 0;
  std::atomic<std::uint64_t> bytes_done = 0;
  pool.run([&](int worker) {
    for (std::size_t i = next++; i < count; i = next++) {
      const StoredTensor& tensor = header.tensors[i];
      if (checksum(file.subspan(tensor.offset, tensor.bytes)) != header.checksums[i]) {
        std::size_t first = damage;
        while (i < first && !damage.compare_exchange_weak(first, i)) {
        }
      }
      ++done;
      bytes_done += tensor.bytes;
      if (worker != 0) continue;  // the caller's thread
      on_progress({.stage = QuantizeProgress::Stage::kChecking,
                   .tensors_done = done,
                   .tensors = count,
                   .bytes_done = bytes_done,
                   .bytes = file.size()});
    }
  });
  return damage;
}

Fingerprint source_fingerprint(const Checkpoint& source, DType weights, bool with_times) {
  std::string text = fmt::format("{} {}\n", kCacheVersion, codec_name(weights));
  for (std::size_t i = 0; i < source.files().size(); ++i) {
    const MappedFile& file = source.files()[i];
    struct stat status {};
    const bool known = with_times && stat(file.path().c_str(), &status) == 0;
    text += fmt::format("{} {} {:016x} {}\n", file.bytes().size(),
                        known ? nanoseconds(status.st_mtim) : 0, checksum(header_of(source, i)),
                        file.path().filename().string());
  }
  return fingerprint(text);
}

}  // namespace

CachePlace cache_place(const fs::path& cache, const Checkpoint& source, DType weights) {
  std::string paths;
  for (const MappedFile& file : source.files()) {
    paths += canonical_path(file.path()).string();
    paths += '\0';
  }
  const std::string name = plain_name(canonical_path(source.path()));
  CachePlace place;
  place.folder = cache / fmt::format("{}-{:016x}", name, fingerprint(paths).low);
  place.file = place.folder / fmt::format("{}.bora", codec_name(weights));
  place.lock = place.folder / fmt::format("{}.lock", codec_name(weights));
  place.checked = place.folder / fmt::format("{}.checked", codec_name(weights));
  return place;
}

std::span<const std::byte> header_of(const Checkpoint& source, std::size_t index) {
  std::uint64_t begin = source.files()[index].bytes().size();
  for (const StoredTensor& tensor : source.tensors()) {
    if (tensor.file == index && tensor.bytes > 0) begin = std::min(begin, tensor.offset);
  }
  return source.files()[index].bytes().first(begin);
}

CachePlace place_beside(const fs::path& model, DType weights) {
  std::error_code ignored;
  const bool folder = fs::is_directory(model, ignored);
  CachePlace place;
  place.folder = folder ? model : model.parent_path();
  const std::string name =
      (folder ? "" : model.filename().string() + ".") + std::string(codec_name(weights));
  place.file = place.folder / (name + ".bora");
  place.lock = place.folder / (name + ".lock");
  place.checked = place.folder / (name + ".checked");
  return place;
}

CacheContents cache_contents(const Checkpoint& source, Recipe recipe, DType weights,
                             bool with_times) {
  const std::uint64_t data_begin = cache_data_begin(recipe.tensors);
  for (StoredTensor& tensor : recipe.tensors) tensor.offset += data_begin;
  return {.fingerprint = source_fingerprint(source, weights, with_times),
          .recipe = std::move(recipe)};
}

std::uint64_t cache_file_bytes(const Recipe& placed) {
  const StoredTensor& last = placed.tensors.back();
  return last.offset + last.bytes;
}

bool same_tensors(std::span<const StoredTensor> a, std::span<const StoredTensor> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const StoredTensor& x, const StoredTensor& y) {
                      return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape &&
                             x.offset == y.offset && x.bytes == y.bytes;
                    });
}

Result<MappedFile> open_cached(const CachePlace& place, const CacheContents& contents,
                               ThreadPool& pool,
                               FunctionRef<void(const QuantizeProgress&)> on_progress) {
  // Taken first: what happens to the file from here on changes it.
  const std::string state = state_of(place.file);
  Result<MappedFile> file = MappedFile::open(place.file);
  if (!file) return file;
  Result<CacheHeader> header =
      parse_cache_header(file->bytes(), printable(place.file.string(), 1024));
  if (!header) return std::move(header).error();
  if (header->fingerprint != contents.fingerprint) {
    return damaged(place, "weights made from the model as it is now", "those of another state");
  }
  if (!same_tensors(header->tensors, contents.recipe.tensors)) {
    return damaged(place, "the model's tensors", "others");
  }
  if (is_checked(place, state)) return file;
  const std::size_t damage = find_damage(file->bytes(), *header, pool, on_progress);
  if (damage < header->tensors.size()) {
    return damaged(place, "the data of " + printable(header->tensors[damage].name) + " as written",
                   "other bytes");
  }
  note_checked(place, state);
  return file;
}

void mark_checked(const CachePlace& place) { note_checked(place, state_of(place.file)); }

}  // namespace bora
