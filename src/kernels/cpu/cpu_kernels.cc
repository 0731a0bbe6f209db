#include "kernels/cpu/cpu_kernels.h"

#include "kernels/cpu/tables.h"

#include <array>
#include <string>

namespace bora::kernels {
namespace {

struct IsaRow {
  std::string_view name;  // as --isa names it
  const CpuKernels* fused;
  const CpuKernels* fast;
  bool (*supported)(const CpuFeatures& features);
};

// Best first.
constexpr std::array kIsas = {
#if defined(BORA_HAS_AMX)
    IsaRow{"amx", &avx512::kTable, &amx::kTable,
           [](const CpuFeatures& features) { return features.amx; }},
#endif
#if defined(BORA_HAS_AVX512_BF16)
    IsaRow{"avx512_bf16", &avx512::kTable, &avx512_bf16::kTable,
           [](const CpuFeatures& features) { return features.avx512_bf16; }},
#endif
#if defined(BORA_HAS_AVX512)
    IsaRow{"avx512", &avx512::kTable, &avx512::kAutoTable,
           [](const CpuFeatures& features) { return features.avx512; }},
#endif
#if defined(BORA_HAS_AVX2)
    IsaRow{"avx2", &avx2::kTable, &avx2::kAutoTable,
           [](const CpuFeatures& features) { return features.avx2; }},
#endif
    IsaRow{"scalar", &scalar::kFusedTable, &scalar::kFastTable,
           [](const CpuFeatures&) { return true; }},
};

}  // namespace

Result<const CpuKernels*> select_cpu_kernels(const CpuFeatures& features,
                                             std::optional<std::string_view> forced,
                                             ComputeType compute) {
  std::string supported;
  bool known = false;
  for (const IsaRow& row : kIsas) {
    const bool usable = row.supported(features);
    if (usable && (!forced || *forced == row.name)) {
      return compute == ComputeType::kF32 ? row.fused : row.fast;
    }
    known = known || forced == row.name;
    if (usable) supported += (supported.empty() ? "" : ", ") + std::string(row.name);
  }
  const std::string found = "found \"" + std::string(*forced) + "\"";
  if (known) {
    return Error{
        ErrorCode::kUsage, "isa: expected one this CPU has (" + supported + "), " + found, {}};
  }
  return Error{ErrorCode::kUsage, "isa: expected one of " + supported + ", " + found, {}};
}

}  // namespace bora::kernels
