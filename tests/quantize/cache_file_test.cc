// What is kept between starts: when it is trusted, and what races, deaths and full disks leave.
#include "quantize/cache_file.h"

#include "quantize/output_file.h"
#include "quantize/quantize.h"
#include "tests/quantize/quantize_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bora {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::bytes_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kLinear;
using testing::Stage;
using ::testing::StartsWith;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CachedWeights : public testing::QuantizeTest {
 protected:
  // Runs `task` in a process of its own; its exit status as waitpid() tells it.
  template <class Task>
  static int in_child(Task task) {
    const pid_t child = fork();
    if (child == 0) _exit(task());
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }
};

TEST_F(CachedWeights, MapsTheSecondTimeWhatItMadeTheFirst) {
  const Result<Checkpoint> first = start();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(count(Stage::kQuantizing), 3);
  EXPECT_EQ(steps_.back().bytes_done, steps_.back().bytes);
  EXPECT_EQ(steps_.back().tensors, 3);
  EXPECT_THAT(names_in_cache(), ElementsAre("int8.bora", "int8.checked", "int8.lock"));
  const Result<Checkpoint> second = start();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(second->files().back().path(), place().file);
  EXPECT_EQ(bytes_of(*second, kLinear), bytes_of(*first, kLinear));
}

TEST_F(CachedWeights, KeepsInt8AndInt4SideBySide) {
  ASSERT_TRUE(start());
  weights_ = DType::kQ4_0;
  ASSERT_TRUE(start());
  weights_ = DType::kQ8_0;
  ASSERT_TRUE(start());
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_THAT(names_in_cache(), ElementsAre("int4.bora", "int4.checked", "int4.lock", "int8.bora",
                                            "int8.checked", "int8.lock"));
}

TEST_F(CachedWeights, MakesADamagedFileAgainAndSaysSo) {
  ASSERT_TRUE(start());
  const std::string whole = read_file(place().file);
  const std::string right = bytes_of(*start(), kLinear);
  const auto with_flip = [&](std::size_t offset) {
    std::string file = whole;
    file[offset] = static_cast<char>(file[offset] ^ 0x10);
    return file;
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "expected a file of quantized weights"},
      {whole.substr(0, 100), "bytes, found 100"},
      {whole.substr(0, whole.size() - 1), "expected a file of"},
      {whole + "x", "expected a file of"},
      {std::string(whole.size(), '\0'), "expected a file of quantized weights"},
      {with_flip(8), "version: expected 1, found 17"},
      {with_flip(60), "header: expected its checksum"},
      {with_flip(4096), "as written, found other bytes"},
      {with_flip(whole.size() - 1), "as written, found other bytes"},
  };
  for (const auto& [bytes, expected] : cases) {
    std::ofstream(place().file, std::ios::binary) << bytes;
    const Result<Checkpoint> made = start();
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(notes_.size(), 1) << expected;
    EXPECT_THAT(notes_[0], AllOf(StartsWith(place().file.string()), HasSubstr(expected),
                                 HasSubstr("it is made again")));
    EXPECT_EQ(bytes_of(*made, kLinear), right);
    EXPECT_EQ(read_file(place().file), whole);
    ASSERT_TRUE(start());
    EXPECT_THAT(steps_, IsEmpty()) << "after " << expected;
  }
}

TEST_F(CachedWeights, NoticesAFlippedBitAlsoWhereTheFileLooksUntouched) {
  ASSERT_TRUE(start());
  struct stat before {};
  ASSERT_EQ(stat(place().file.c_str(), &before), 0);
  {
    std::fstream file(place().file, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(5000);
    file.put('\x55');
  }
  const std::array times = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, place().file.c_str(), times.data(), 0), 0);
  ASSERT_TRUE(start());
  ASSERT_EQ(notes_.size(), 1);
  EXPECT_THAT(notes_[0], HasSubstr("other bytes"));
}

TEST_F(CachedWeights, ChecksTheDataOfAFileThatItDidNotWriteOnce) {
  ASSERT_TRUE(start());
  const fs::path copy = folder_.path() / "copy";
  fs::copy(place().file, copy);
  fs::rename(copy, place().file);
  threads_ = 1;  // all of which report
  ASSERT_TRUE(start());
  EXPECT_EQ(count(Stage::kChecking), 3);
  EXPECT_EQ(count(Stage::kQuantizing), 0);
  EXPECT_THAT(notes_, IsEmpty());
  ASSERT_TRUE(start());
  EXPECT_THAT(steps_, IsEmpty());
}

TEST_F(CachedWeights, MakesTheFileAgainWhenTheModelChanged) {
  ASSERT_TRUE(start());
  const std::string before = bytes_of(*start(), kLinear);
  fs::remove(model_ / "model.safetensors");
  data_[kLinear].replace(0, 2, std::string("\x80\x3f", 2));  // 1.0
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(notes_.size(), 1);
  EXPECT_THAT(notes_[0], HasSubstr("expected weights made from the model as it is now"));
  EXPECT_NE(bytes_of(*made, kLinear), before);
}

TEST_F(CachedWeights, LeavesNothingBehindWhenInterrupted) {
  std::atomic<bool> interrupted = false;
  QuantizeOptions wanted = options();
  wanted.interrupted = &interrupted;
  wanted.on_progress = [&](const QuantizeProgress&) { interrupted = true; };
  const Result<Checkpoint> made = quantize_checkpoint(source(), wanted);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInterrupted);
  EXPECT_THAT(names_in_cache(), ElementsAre("int8.lock"));
}

TEST_F(CachedWeights, StartsAnewAfterAProcessWasKilledInTheMiddle) {
  const int status = in_child([&] {
    QuantizeOptions wanted = options();
    wanted.on_progress = [](const QuantizeProgress& step) {
      if (step.tensors_done == 1) raise(SIGKILL);
    };
    return quantize_checkpoint(source(), wanted) ? 0 : 1;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_THAT(names_in_cache(), ElementsAre("int8.bora.unfinished", "int8.lock"));
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(count(Stage::kQuantizing), 3);
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(names_in_cache(), ElementsAre("int8.bora", "int8.checked", "int8.lock"));
}

TEST_F(CachedWeights, IsDoneOnceWhenProcessesRace) {
  (void)source();  // written before they start
  constexpr int kMade = 1;
  constexpr int kMapped = 2;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const Result<Checkpoint> made = start();
      if (!made || bytes_of(*made, kLinear).size() != 48 * 68) _exit(9);
      _exit(count(Stage::kQuantizing) > 0 ? kMade : kMapped);
    }
    children.push_back(child);
  }
  int makers = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_THAT(WEXITSTATUS(status), ::testing::AnyOf(kMade, kMapped));
    makers += WEXITSTATUS(status) == kMade ? 1 : 0;
  }
  EXPECT_EQ(makers, 1);
}

TEST_F(CachedWeights, WaitsForAnotherThatIsAtWork) {
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    QuantizeOptions wanted = options();
    wanted.on_progress = [&](const QuantizeProgress& step) {
      if (step.tensors_done > 0) return;
      [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
      usleep(200'000);  // the other finds the lock taken meanwhile
    };
    _exit(quantize_checkpoint(source(), wanted) ? 0 : 1);
  }
  char told = 0;
  ASSERT_EQ(read(ready[0], &told, 1), 1);
  const Result<Checkpoint> made = start();
  int status = 0;
  waitpid(child, &status, 0);
  close(ready[0]);
  close(ready[1]);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(count(Stage::kWaiting), 0);
  EXPECT_EQ(count(Stage::kQuantizing), 0);
}

// What a full disk and a limit on file sizes have in common: an error, and nothing left.
void expect_no_room(const Result<Checkpoint>& made, const fs::path& file) {
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kFailed);
  EXPECT_THAT(made.error().message,
              AllOf(StartsWith(file.string()), HasSubstr("expected room for 17220 bytes")));
  EXPECT_FALSE(fs::exists(file));
  EXPECT_FALSE(fs::exists(OutputFile::unfinished(file)));
}

TEST_F(CachedWeights, FailsWhereTheSystemLimitsFileSizes) {
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    (void)source();
    const rlimit limit{8192, 8192};
    setrlimit(RLIMIT_FSIZE, &limit);
    expect_no_room(start(), place().file);
    return ::testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(start());  // and works once there is room
}

// A file system of that size, for as long as it lives.
class SmallDisk {
 public:
  SmallDisk(fs::path folder, const char* size) : folder_(std::move(folder)) {
    fs::create_directory(folder_);
    mounted_ = mount("bora-test", folder_.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

constexpr const char* kMayNotMount = "mounting a small file system is not allowed here";

TEST_F(CachedWeights, FailsOnAFullDiskBeforeTheWork) {
  cache_ = folder_.path() / "disk";
  const SmallDisk disk(cache_, "size=12k");
  if (!disk.mounted()) GTEST_SKIP() << kMayNotMount;
  expect_no_room(start(), place().file);
  EXPECT_THAT(steps_, IsEmpty());
}

TEST_F(CachedWeights, NeedsNoRoomForTheDamagedFileAndTheNewOneTogether) {
  cache_ = folder_.path() / "disk";
  const SmallDisk disk(cache_, "size=28k");
  if (!disk.mounted()) GTEST_SKIP() << kMayNotMount;
  ASSERT_TRUE(start());
  std::ofstream(place().file, std::ios::binary | std::ios::app) << "x";
  const Result<Checkpoint> made = start();
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_EQ(notes_.size(), 1);
}

TEST_F(CachedWeights, WorksInMemoryWhereTheCacheMayNotBeWritten) {
  if (!fs::exists("/sys/kernel")) GTEST_SKIP() << "needs a folder that nobody may write";
  cache_ = "/sys/kernel/bora-test";
  const Result<Checkpoint> made = start();
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(notes_.size(), 1);
  EXPECT_THAT(notes_[0], AllOf(HasSubstr("/sys/kernel/bora-test"), HasSubstr("in memory")));
  EXPECT_EQ(made->find(kLinear)->dtype, DType::kQ8_0);
}

TEST_F(CachedWeights, FailsWhereTheCacheFolderIsAFile) {
  cache_ = folder_.write("file", "x");
  const Result<Checkpoint> made = start();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kFailed);
  EXPECT_THAT(made.error().message, HasSubstr(cache_.string()));
}

}  // namespace
}  // namespace bora
