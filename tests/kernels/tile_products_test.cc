// The emulation of AMX's products of tiles: bytes against sums of whole numbers, bf16 against the
// silicon, bit by bit, where this CPU has it.
#include "kernels/cpu/cpu_features.h"
#include "tests/kernels/kernel_testing.h"
#if defined(BORA_TEST_HAS_EMULATED)
#include "kernels/cpu/emulated/tiles.h"
#endif
#if defined(BORA_TEST_HAS_AMX)
#include "kernels/cpu/amx/tiles.h"
#endif

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace bora::kernels {
namespace {

#if defined(BORA_TEST_HAS_EMULATED)

using Tile = std::array<std::byte, generic::kTileBytes>;

enum class Product { kBf16, kSignedSigned, kSignedUnsigned, kUnsignedSigned, kUnsignedUnsigned };

struct Operands {
  Tile sums{};  // [16][columns] f32 or int32
  Tile a{};     // [16][weight_bytes]
  Tile b{};     // [weight_bytes / 4][columns][4]
  std::size_t columns = 16;
  std::size_t weight_bytes = 64;
};

template <class Tiles>
Tile multiply(Product product, const Operands& in) {
  Tile out = in.sums;
  Tiles tiles(generic::tile_shapes(in.columns, in.weight_bytes));
  tiles.template load<1>(in.sums.data(), 4 * in.columns);
  tiles.template load<5>(in.a.data(), in.weight_bytes);
  tiles.template load<6>(in.b.data(), 4 * in.columns);
  switch (product) {
    case Product::kBf16:
      tiles.template dot_bf16<1, 5, 6>();
      break;
    case Product::kSignedSigned:
      tiles.template dot_ss<1, 5, 6>();
      break;
    case Product::kSignedUnsigned:
      tiles.template dot_su<1, 5, 6>();
      break;
    case Product::kUnsignedSigned:
      tiles.template dot_us<1, 5, 6>();
      break;
    case Product::kUnsignedUnsigned:
      tiles.template dot_uu<1, 5, 6>();
      break;
  }
  tiles.template store<1>(out.data(), 4 * in.columns);
  return out;
}

template <class T>
T number_at(const Tile& tile, std::size_t index) {
  T value;
  std::memcpy(&value, tile.data() + index * sizeof(T), sizeof(T));
  return value;
}

Operands random_bytes(Random& random, std::size_t columns, std::size_t weight_bytes) {
  Operands in;
  in.columns = columns;
  in.weight_bytes = weight_bytes;
  for (Tile* tile : {&in.sums, &in.a, &in.b}) {
    for (std::byte& byte : *tile) byte = static_cast<std::byte>(random.below(256));
  }
  return in;
}

// Numbers near 1; where `extreme`, some of any exponent, subnormals, infinities and NaN as well.
std::uint16_t random_bf16(Random& random, bool extreme) {
  const std::size_t sign = random.below(2) << 15;
  const std::size_t fraction = random.below(128);
  const std::size_t exponent =
      extreme && random.below(8) == 0 ? random.below(256) : 120 + random.below(15);
  return static_cast<std::uint16_t>(sign | exponent << 7 | fraction);
}

Operands random_pairs(Random& random, std::size_t columns, bool extreme) {
  Operands in = random_bytes(random, columns, 64);
  for (Tile* tile : {&in.a, &in.b}) {
    for (std::size_t at = 0; at < tile->size(); at += 2) {
      const std::uint16_t bits = random_bf16(random, extreme);
      std::memcpy(tile->data() + at, &bits, sizeof(bits));
    }
  }
  for (std::size_t at = 0; at < in.sums.size(); at += 4) {
    const auto bits = static_cast<std::uint32_t>(random_bf16(random, extreme) << 16 |
                                                 static_cast<int>(random.below(1 << 16)));
    std::memcpy(in.sums.data() + at, &bits, sizeof(bits));
  }
  return in;
}

template <class A, class B>
std::int32_t expected_sum(const Operands& in, std::size_t m, std::size_t n) {
  auto sum = number_at<std::uint32_t>(in.sums, m * in.columns + n);
  for (std::size_t k = 0; k < in.weight_bytes; ++k) {
    const int a = number_at<A>(in.a, m * in.weight_bytes + k);
    const int b = number_at<B>(in.b, k / 4 * 4 * in.columns + 4 * n + k % 4);
    sum += static_cast<std::uint32_t>(a * b);
  }
  return static_cast<std::int32_t>(sum);
}

template <class A, class B>
void expect_sums(Product product, const Operands& in) {
  const Tile out = multiply<emulated::Tiles>(product, in);
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < in.columns; ++n) {
      ASSERT_EQ(number_at<std::int32_t>(out, m * in.columns + n), (expected_sum<A, B>(in, m, n)))
          << "product " << static_cast<int>(product) << " at " << m << ", " << n;
    }
  }
}

TEST(EmulatedTiles, AddProductsOfBytes) {
  Random random(1);
  for (const auto& [columns, bytes] : {std::pair{16, 64}, {16, 32}, {5, 64}, {1, 32}}) {
    const Operands in =
        random_bytes(random, static_cast<std::size_t>(columns), static_cast<std::size_t>(bytes));
    expect_sums<std::int8_t, std::int8_t>(Product::kSignedSigned, in);
    expect_sums<std::int8_t, std::uint8_t>(Product::kSignedUnsigned, in);
    expect_sums<std::uint8_t, std::int8_t>(Product::kUnsignedSigned, in);
    expect_sums<std::uint8_t, std::uint8_t>(Product::kUnsignedUnsigned, in);
  }
}

double bf16_at(const Tile& tile, std::size_t index) {
  const auto bits = static_cast<std::uint32_t>(number_at<std::uint16_t>(tile, index)) << 16;
  return static_cast<double>(std::bit_cast<float>(bits));
}

TEST(EmulatedTiles, AddProductsOfBf16) {
  Random random(2);
  const Operands in = random_pairs(random, 16, false);
  const Tile out = multiply<emulated::Tiles>(Product::kBf16, in);
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 16; ++n) {
      double sum = static_cast<double>(number_at<float>(in.sums, 16 * m + n));
      double magnitude = std::abs(sum);
      for (std::size_t k = 0; k < 32; ++k) {
        const double product =
            bf16_at(in.a, 32 * m + k) * bf16_at(in.b, 32 * (k / 2) + 2 * n + k % 2);
        sum += product;
        magnitude += std::abs(product);
      }
      ASSERT_NEAR(static_cast<double>(number_at<float>(out, 16 * m + n)), sum,
                  18 * magnitude * 0x1p-24);
    }
  }
}

#if defined(BORA_TEST_HAS_AMX)

// As NaN, any is any other.
bool same_floats(const Tile& a, const Tile& b) {
  for (std::size_t i = 0; i < generic::kTileFloats; ++i) {
    const auto x = number_at<float>(a, i);
    const auto y = number_at<float>(b, i);
    if (std::memcmp(&x, &y, sizeof(x)) != 0 && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

#endif

TEST(EmulatedTiles, GiveTheBitsOfTheSilicon) {
#if defined(BORA_TEST_HAS_AMX)
  if (detect_cpu_features().amx) {
    Random random(3);
    for (int round = 0; round < 1000; ++round) {
      const std::size_t columns = round % 4 == 0 ? 1 + random.below(16) : 16;
      const Operands pairs = random_pairs(random, columns, round % 2 == 0);
      ASSERT_TRUE(same_floats(multiply<emulated::Tiles>(Product::kBf16, pairs),
                              multiply<amx::Tiles>(Product::kBf16, pairs)))
          << "round " << round;
      const Operands bytes = random_bytes(random, columns, round % 3 == 0 ? 32 : 64);
      for (const Product product : {Product::kSignedSigned, Product::kSignedUnsigned,
                                    Product::kUnsignedSigned, Product::kUnsignedUnsigned}) {
        ASSERT_EQ(multiply<emulated::Tiles>(product, bytes), multiply<amx::Tiles>(product, bytes))
            << "round " << round << ", product " << static_cast<int>(product);
      }
    }
    return;
  }
#endif
  GTEST_SKIP() << "this CPU lacks AMX to hold the emulation to";
}

#endif

}  // namespace
}  // namespace bora::kernels
