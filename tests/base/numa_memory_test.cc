#include "base/numa_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sys/mman.h>
#include <vector>

namespace bora {
namespace {

constexpr std::size_t kBytes = 1 << 20;

class InterleavedMemory : public ::testing::Test {
 protected:
  InterleavedMemory()
      : memory_(static_cast<std::byte*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
                kBytes) {}
  ~InterleavedMemory() override { munmap(memory_.data(), kBytes); }

  void expect_usable() {
    std::ranges::fill(memory_, std::byte{7});
    EXPECT_EQ(std::ranges::count(memory_, std::byte{7}), static_cast<long>(kBytes));
  }

  std::span<std::byte> memory_;
};

TEST_F(InterleavedMemory, IsMemoryAsAnyOther) {
  interleave_memory(memory_, std::vector{0});  // a sandbox may refuse the call
  expect_usable();
}

TEST_F(InterleavedMemory, StaysWhereItIsForNodesThatAreNotThere) {
  EXPECT_FALSE(interleave_memory(memory_, std::vector{900}));
  expect_usable();
  EXPECT_TRUE(interleave_memory({}, std::vector{0}));
  EXPECT_TRUE(interleave_memory(memory_, {}));
}

}  // namespace
}  // namespace bora
