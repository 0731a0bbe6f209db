// Runs a fuzz target without libFuzzer: every file of the folders named on the command line, and
// fixed mutations of each (bit flips, overwritten numbers, truncations, repeated and removed
// pieces). The same corpus gives the same inputs on every machine, so a failure here can be had
// again.
//
// usage: <target> CORPUS_FOLDER...
#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);  // NOLINT

namespace {

using Bytes = std::vector<uint8_t>;

// A corpus is split evenly between its files, so that the time of a replay does not grow with it.
constexpr size_t kMutationsPerTarget = 4000;
constexpr size_t kMaxMutationsPerFile = 1000;
// Mutations of a large file cost their copy; one file of that size is replayed as it is.
constexpr size_t kMaxMutatedBytes = 64 * 1024;

// std::uniform_int_distribution differs between standard libraries; this does not.
size_t below(std::mt19937_64& random, size_t bound) { return bound == 0 ? 0 : random() % bound; }

void flip_bits(Bytes& bytes, std::mt19937_64& random) {
  const size_t flips = 1 + below(random, 8);
  for (size_t i = 0; i < flips && !bytes.empty(); ++i) {
    bytes[below(random, bytes.size())] ^= static_cast<uint8_t>(1U << below(random, 8));
  }
}

// Sizes, counts and offsets at the edge of what they may be.
void overwrite_number(Bytes& bytes, std::mt19937_64& random) {
  constexpr std::array<uint64_t, 8> kNumbers = {
      0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
  const uint64_t number = kNumbers[below(random, kNumbers.size())];
  const size_t width = size_t{1} << below(random, 4);
  if (bytes.size() >= width) {
    std::memcpy(&bytes[below(random, bytes.size() - width + 1)], &number, width);
  }
}

void truncate(Bytes& bytes, std::mt19937_64& random) {
  bytes.resize(below(random, bytes.size() + 1));
}

void repeat_piece(Bytes& bytes, std::mt19937_64& random) {
  const size_t begin = below(random, bytes.size());
  const size_t length = std::min(below(random, 256), bytes.size() - begin);
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
  const Bytes piece(first, first + static_cast<std::ptrdiff_t>(length));
  const size_t times = 1 + below(random, 16);
  const size_t at = below(random, bytes.size() + 1);
  for (size_t i = 0; i < times; ++i) {
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
  }
}

void remove_piece(Bytes& bytes, std::mt19937_64& random) {
  const size_t begin = below(random, bytes.size());
  const size_t length = std::min(below(random, 64), bytes.size() - begin);
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
  bytes.erase(first, first + static_cast<std::ptrdiff_t>(length));
}

Bytes mutate(Bytes bytes, std::mt19937_64& random) {
  using Mutation = void (*)(Bytes&, std::mt19937_64&);
  constexpr std::array<Mutation, 5> kMutations = {flip_bits, overwrite_number, truncate,
                                                  repeat_piece, remove_piece};
  const size_t steps = 1 + below(random, 3);
  for (size_t i = 0; i < steps; ++i) kMutations[below(random, kMutations.size())](bytes, random);
  return bytes;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// The input that runs now: a crash names it and leaves it in a file for libFuzzer or a debugger.
struct Running {
  std::array<char, 512> name = {};
  const uint8_t* data = nullptr;
  size_t size = 0;
};
Running running;

// Only async-signal-safe calls; what they return does not matter any more.
void report_crash(int signal) {
  const int file = ::open("replay-crash", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  [[maybe_unused]] ssize_t written = ::write(file, running.data, running.size);
  constexpr std::string_view kBefore = "\ncrashed on ";
  constexpr std::string_view kAfter = ", kept as replay-crash\n";
  written = ::write(STDERR_FILENO, kBefore.data(), kBefore.size());
  written = ::write(STDERR_FILENO, running.name.data(), std::strlen(running.name.data()));
  written = ::write(STDERR_FILENO, kAfter.data(), kAfter.size());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Bytes& bytes, const std::string& name) {
  // An exact heap copy, so that AddressSanitizer sees the first byte beyond it.
  const auto copy = std::make_unique<uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  std::snprintf(running.name.data(), running.name.size(), "%s", name.c_str());
  running.data = copy.get();
  running.size = bytes.size();
  LLVMFuzzerTestOneInput(copy.get(), bytes.size());
}

// The file itself, then its mutations; each mutation's seed is its number, so one can be had alone.
void replay(const std::filesystem::path& path, size_t mutations) {
  const Bytes original = read(path);
  run(original, path.string());
  if (original.size() > kMaxMutatedBytes) return;
  for (size_t i = 0; i < mutations; ++i) {
    std::mt19937_64 random(i);
    run(mutate(original, random), path.string() + " mutation " + std::to_string(i));
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal, report_crash);
  }
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::vector<std::filesystem::path> found = files_of(argv[i]);
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.empty()) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER...: expected files in them, found none\n",
                 argv[0]);
    return 2;
  }
  const size_t mutations = std::min(kMaxMutationsPerFile, kMutationsPerTarget / files.size());
  for (const std::filesystem::path& file : files) replay(file, mutations);
  std::printf("%zu files, %zu mutations of each\n", files.size(), mutations);
  return 0;
}
