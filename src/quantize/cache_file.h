// A cached file of quantized weights: where it lies, whether it may be trusted, and making it.
//
// `<cache>/<model>-<hash>/int8.bora`, the hash being of the source's paths, so that a model that
// changed replaces its cache instead of leaving it behind. What the file must hold follows from the
// source: the fingerprint covers names, sizes and times of the source's files and all their
// headers, the recipe its tensors.
//
// Where the original weights were discarded (QuantizeOptions::discarded) the file lies beside what
// is left of them, and times count for nothing: a copy of both is as good.
//
// Trust: the header's checksum, sizes, fingerprint and tensors are checked at every start. The
// data's checksums are checked unless int8.checked beside it says that they were, of a file with
// this inode, size and times of modification and change (which no program can set): a start from a
// file that nobody touched reads nothing but the header, and one that somebody touched, or that was
// copied here, costs one pass over it, once. What a disk loses silently afterwards is not seen, as
// with the source's own files.
#pragma once

#include "base/function_ref.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "quantize/cache_header.h"
#include "quantize/progress.h"
#include "quantize/recipe.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace bora {

// Paths of one cached file.
struct CachePlace {
  std::filesystem::path folder;
  std::filesystem::path file;
  std::filesystem::path lock;
  std::filesystem::path checked;
};

CachePlace cache_place(const std::filesystem::path& cache, const Checkpoint& source, DType weights);

// The place beside a model, a folder or a .gguf file, whose original weights were discarded.
CachePlace place_beside(const std::filesystem::path& model, DType weights);

// What the cached file of a source has to hold.
struct CacheContents {
  Fingerprint fingerprint;
  Recipe recipe;  // offsets count from the beginning of the file
};

// `with_times`: a source whose files have other times is another. Precondition: the recipe has a
// tensor.
CacheContents cache_contents(const Checkpoint& source, Recipe recipe, DType weights,
                             bool with_times);

// The bytes of the file that holds them.
std::uint64_t cache_file_bytes(const Recipe& placed);

// Whether both lists hold the same tensors at the same places.
bool same_tensors(std::span<const StoredTensor> a, std::span<const StoredTensor> b);

// What a file of a checkpoint says before its tensors' data: all of it where it has none.
std::span<const std::byte> header_of(const Checkpoint& source, std::size_t index);

// Opens the cached file and makes sure of it, as described above. Errors: kNotFound where there is
// none; kBadModel for damage, another version and another source; kFailed.
Result<MappedFile> open_cached(const CachePlace& place, const CacheContents& contents,
                               ThreadPool& pool,
                               FunctionRef<void(const QuantizeProgress&)> on_progress);

// Says that the data of the file that lies there is known to be right. A failure costs the next
// start a pass over it, no more.
void mark_checked(const CachePlace& place);

}  // namespace bora
