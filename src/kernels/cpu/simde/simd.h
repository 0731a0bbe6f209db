// The wrapper of avx512/simd.h, its intrinsics taken from SIMDe: for tests on any CPU.
#pragma once

#include "kernels/cpu/avx512/simd.h"
#include "kernels/cpu/simde/immintrin.h"

namespace bora::kernels::simde {
namespace {

using Simd = avx512::Simd;

}  // namespace
}  // namespace bora::kernels::simde
