#include "formats/prefetcher.h"

#include "tests/base/temp_folder.h"
#include "tests/formats/gguf_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace bora {
namespace {

constexpr std::size_t kTensorBytes = std::size_t{48} << 20U;

// A checkpoint of two large tensors, the file a hole of zeros: nothing is written to disk.
class PrefetcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::GgufBuilder builder;
    builder.raw_tensor("a", {1024, kTensorBytes / 4096}, 0, 0);
    builder.raw_tensor("b", {1024, kTensorBytes / 4096}, 0, kTensorBytes);
    path_ = folder_.write("m.gguf", builder.bytes());
    std::filesystem::resize_file(path_, builder.bytes().size() + 2 * kTensorBytes);
    evict();
    Result<Checkpoint> opened = Checkpoint::open(path_);
    ASSERT_TRUE(opened) << opened.error().message;
    checkpoint_.emplace(std::move(*opened));
    order_ = {*checkpoint_->tensor("b"), *checkpoint_->tensor("a")};
  }

  void evict() const {
    const int file = open(path_.c_str(), O_RDONLY);
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  }

  [[nodiscard]] std::size_t resident_pages(const TensorView& tensor) const {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::byte* first = tensor.data - reinterpret_cast<std::uintptr_t>(tensor.data) % page;
    std::vector<unsigned char> flags(tensor.bytes() / page);
    mincore(const_cast<std::byte*>(first), flags.size() * page, flags.data());
    return static_cast<std::size_t>(
        std::count_if(flags.begin(), flags.end(), [](unsigned char f) { return (f & 1U) != 0; }));
  }

  testing::TempFolder folder_;
  std::filesystem::path path_;
  std::optional<Checkpoint> checkpoint_;
  std::vector<TensorView> order_;
};

TEST_F(PrefetcherTest, BringsEveryTensorIntoMemory) {
  Prefetcher prefetcher(*checkpoint_, order_);
  prefetcher.wait();
  const Prefetcher::Progress progress = prefetcher.progress();
  EXPECT_TRUE(progress.finished);
  EXPECT_EQ(progress.done, 2 * kTensorBytes);
  EXPECT_EQ(progress.total, 2 * kTensorBytes);
  const auto pages = kTensorBytes / static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (const TensorView& tensor : order_) EXPECT_EQ(resident_pages(tensor), pages);
}

TEST_F(PrefetcherTest, StopsAtItsBudgetInTheOrderOfTheTensors) {
  if (resident_pages(order_[1]) * 4096 > kTensorBytes / 2) {
    GTEST_SKIP() << "this file system keeps files in memory";
  }
  Prefetcher prefetcher(*checkpoint_, order_, kTensorBytes / 2);
  prefetcher.wait();
  EXPECT_TRUE(prefetcher.progress().finished);
  EXPECT_LT(prefetcher.progress().done, kTensorBytes);
  EXPECT_EQ(prefetcher.progress().total, 2 * kTensorBytes);
}

TEST_F(PrefetcherTest, NeedsNoBudgetForWhatIsInMemory) {
  Prefetcher(*checkpoint_, order_).wait();
  Prefetcher again(*checkpoint_, order_, 0);
  again.wait();
  EXPECT_EQ(again.progress().done, 2 * kTensorBytes);
}

TEST_F(PrefetcherTest, StopsWhenAsked) {
  Prefetcher prefetcher(*checkpoint_, order_);
  prefetcher.stop();
  const Prefetcher::Progress progress = prefetcher.progress();
  EXPECT_TRUE(progress.finished);
  EXPECT_LE(progress.done, progress.total);
  prefetcher.stop();
}

TEST_F(PrefetcherTest, HasNothingToDoWithoutTensors) {
  Prefetcher prefetcher(*checkpoint_, {});
  prefetcher.wait();
  EXPECT_EQ(prefetcher.progress().total, 0U);
}

}  // namespace
}  // namespace bora
