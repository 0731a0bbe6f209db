// Checks of tensor headers that both formats make.
#pragma once

#include "base/result.h"
#include "formats/stored_tensor.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// A tensor of more values than this is a lie. The bound leaves room for all arithmetic on shapes:
// no product of some of the dimensions, nor its size in bytes, overflows 64 bits.
inline constexpr std::uint64_t kMaxTensorValues = std::uint64_t{1} << 48U;

// The product of the dimensions, 1 for none; nullopt where the dimensions that are not 0 multiply
// to more than kMaxTensorValues.
std::optional<std::uint64_t> checked_values(std::span<const std::size_t> dims);

// "expected one of F32, F16, ..., found type I64, which is not supported", for
// StoredTensor::obstacle. `supported`: "F32, F16, ...", in the format's own spelling.
std::string unsupported_type(std::string_view supported, std::string_view type_name);

// An error where two tensors have the same name.
Result<void> check_unique_names(std::span<const StoredTensor> tensors, std::string_view file_name);

}  // namespace bora
