// The emulation of AVX-512 against the silicon, where this CPU has it, and against the wrapper's
// own intrinsics over SIMDe everywhere: bit by bit, primitive by primitive and kernel by kernel.
#include "tests/kernels/primitives.h"

#include "kernels/cpu/cpu_features.h"
#include "tests/kernels/kernel_testing.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace bora::kernels {

namespace scalar {
extern const PrimitiveList kIntegerPrimitives;
}
#if defined(BORA_TEST_HAS_AVX2)
namespace avx2 {
extern const PrimitiveList kIntegerPrimitives;
}
#endif
#if defined(BORA_TEST_HAS_AVX512)
namespace avx512 {
extern const PrimitiveList kPrimitives;
extern const PrimitiveList kIntegerPrimitives;
}  // namespace avx512
namespace avx512_bf16 {
extern const PrimitiveList kPairPrimitives;
}
#endif
namespace emulated {
extern const PrimitiveList kPrimitives;
extern const PrimitiveList kPairPrimitives;
extern const PrimitiveList kIntegerPrimitives;
}  // namespace emulated
#if defined(BORA_TEST_HAS_SIMDE)
namespace simde {
extern const PrimitiveList kPrimitives;
extern const PrimitiveList kIntegerPrimitives;
}  // namespace simde
#endif

namespace {

using Operands = std::array<std::byte, kMostPrimitiveBytes>;

// Where rounding, overflow, underflow and what is no number begin, for f32 and, in halves of a
// word, for the 16-bit types.
constexpr std::uint32_t kSpecial[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x80800000, 0x00800001,
    0x3F800000, 0xBF800000, 0x3F800001, 0x3F808000, 0x3F818000, 0x3F808001, 0x3F801000, 0x3F803000,
    0x3F801001, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F7F7FFF, 0x7F7F8000, 0x7F800000, 0xFF800000, 0x7FC00000,
    0xFFC12345, 0x7F800001, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x477FF001, 0x387FC000, 0x387FE000,
    0x38800000, 0x33000000, 0x33000001, 0x33800000, 0x337FFFFF, 0x33C00000, 0x34000000, 0x5F000000,
    0x7C007BFF, 0x03FF0400, 0x7E007C01, 0xFC00FBFF, 0x00018001, 0x7F807F81, 0x7F7F0080, 0xFF80FFC0,
};

// Bits of one f32 operand: any, a special one, or one near 1, where sums lose only their low bits.
std::uint32_t random_bits(Random& random) {
  const auto any = static_cast<std::uint32_t>(random.below(std::size_t{1} << 32));
  switch (random.below(4)) {
    case 0:
      return any;
    case 1:
      return kSpecial[random.below(std::size(kSpecial))];
    default:
      return (any & 0x807FFFFFU) | ((118U + (any >> 23) % 20U) << 23);
  }
}

// Sums and pairs whose products are about as large, near 1, the largest or the smallest number;
// some of few bits, so that ties occur.
Operands random_pairs(const Primitive& primitive, Random& random) {
  constexpr std::uint32_t kExponents[][2] = {{127, 127}, {250, 189}, {2, 64}, {1, 51}, {130, 0}};
  const auto [sum, factor] = kExponents[random.below(std::size(kExponents))];
  Operands in{};
  for (std::size_t at = 0; at < primitive.in_bytes; at += 2) {
    const bool is_sum = at < primitive.out_bytes;
    if (is_sum && at % 4 == 0) continue;  // of a sum, the upper half is made here
    const std::size_t fraction = random.below(2) == 0 ? random.below(128) : random.below(4) << 5;
    const std::size_t exponent = (is_sum ? sum : factor) + random.below(is_sum && sum == 1 ? 2 : 5);
    const auto bits = static_cast<std::uint16_t>(random.below(2) << 15 | exponent << 7 | fraction);
    std::memcpy(in.data() + at, &bits, sizeof(bits));
    if (!is_sum || random.below(2) == 0) continue;
    const auto low = static_cast<std::uint16_t>(random.below(65536));
    std::memcpy(in.data() + at - 2, &low, sizeof(low));
  }
  return in;
}

Operands operands_for(const Primitive& primitive, Random& random) {
  if (primitive.in == Primitive::In::kPairs && random.below(4) > 0) {
    return random_pairs(primitive, random);
  }
  Operands in{};
  for (std::size_t at = 0; at < primitive.in_bytes; at += sizeof(std::uint32_t)) {
    std::uint32_t bits = random_bits(random);
    if (primitive.in == Primitive::In::kWholeNumbers) {
      bits = std::bit_cast<std::uint32_t>(static_cast<float>(random.below(253)) - 126.0F);
    }
    std::memcpy(in.data() + at, &bits, sizeof(bits));
  }
  return in;
}

bool same(const Primitive& primitive, const Operands& a, const Operands& b) {
  if (primitive.out == Primitive::Out::kBits) return a == b;
  for (std::size_t at = 0; at < primitive.out_bytes; at += sizeof(float)) {
    float x = 0.0F;
    float y = 0.0F;
    std::memcpy(&x, a.data() + at, sizeof(x));
    std::memcpy(&y, b.data() + at, sizeof(y));
    const bool same_bits = std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
    if (!same_bits && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

std::string hex(const Operands& bytes, std::size_t count) {
  std::string text;
  for (std::size_t at = 0; at < count; at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    char digits[10];
    std::snprintf(digits, sizeof(digits), " %08x", word);
    text += digits;
  }
  return text;
}

// Runs each primitive of both lists on the same operands.
void expect_same_primitives(const PrimitiveList& actual, const PrimitiveList& expected) {
  constexpr int kRounds = 2000;
  ASSERT_EQ(actual.count, expected.count);
  for (std::size_t i = 0; i < actual.count; ++i) {
    const Primitive& primitive = expected.first[i];
    ASSERT_STREQ(actual.first[i].name, primitive.name);
    Random random(i);
    for (int round = 0; round < kRounds; ++round) {
      alignas(64) const Operands in = operands_for(primitive, random);
      alignas(64) Operands a{};
      alignas(64) Operands b{};
      actual.first[i].run(in.data(), a.data());
      primitive.run(in.data(), b.data());
      ASSERT_TRUE(same(primitive, a, b))
          << primitive.name << " of" << hex(in, primitive.in_bytes) << "\nexpected"
          << hex(b, primitive.out_bytes) << "\nactual" << hex(a, primitive.out_bytes);
    }
  }
}

TEST(EmulatedPrimitives, GiveTheBitsOfTheSilicon) {
#if defined(BORA_TEST_HAS_AVX512)
  if (detect_cpu_features().avx512) {
    expect_same_primitives(emulated::kPrimitives, avx512::kPrimitives);
    expect_same_primitives(emulated::kIntegerPrimitives, avx512::kIntegerPrimitives);
    return;
  }
#endif
  GTEST_SKIP() << "this CPU lacks AVX-512 to hold the emulation to";
}

TEST(EmulatedPrimitives, OfBf16PairsGiveTheBitsOfTheSilicon) {
#if defined(BORA_TEST_HAS_AVX512_BF16)
  if (detect_cpu_features().avx512_bf16) {
    expect_same_primitives(emulated::kPairPrimitives, avx512_bf16::kPairPrimitives);
    return;
  }
#endif
  GTEST_SKIP() << "this CPU lacks AVX-512 BF16 to hold the emulation to";
}

TEST(IntegerPrimitives, GiveTheSameBitsOnEveryIsa) {
  expect_same_primitives(scalar::kIntegerPrimitives, emulated::kIntegerPrimitives);
#if defined(BORA_TEST_HAS_AVX2)
  if (!detect_cpu_features().avx2) GTEST_SKIP() << "this CPU lacks AVX2";
  expect_same_primitives(avx2::kIntegerPrimitives, emulated::kIntegerPrimitives);
#endif
}

TEST(EmulatedPrimitives, GiveTheBitsOfTheWrapperOverSimde) {
#if defined(BORA_TEST_HAS_SIMDE)
  expect_same_primitives(simde::kPrimitives, emulated::kPrimitives);
  expect_same_primitives(simde::kIntegerPrimitives, emulated::kIntegerPrimitives);
#else
  GTEST_SKIP() << "libsimde-dev was not there when the tests were built";
#endif
}

}  // namespace
}  // namespace bora::kernels
