#include "model/convert.h"

#include "base/check.h"
#include "base/float16.h"
#include "kernels/reference/weights.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstring>

namespace bora {
namespace {

template <class T>
T read_as(const std::byte* row, std::size_t i) {
  T value;  // rows of a file need not be aligned
  std::memcpy(&value, row + i * sizeof(T), sizeof(T));
  return value;
}

float value_at(DType dtype, const std::byte* row, std::size_t i) {
  switch (dtype) {
    case DType::kF32:
      return read_as<float>(row, i);
    case DType::kF16:
      return to_float(read_as<F16>(row, i));
    case DType::kBF16:
      return to_float(read_as<Bf16>(row, i));
    case DType::kQ8_0:
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ4K:
    case DType::kQ5K:
    case DType::kQ6K:
      return static_cast<float>(kernels::reference::weight_value(dtype, row, i));
  }
  return 0.0F;
}

// Whether every finite value stayed finite.
template <class To>
bool convert_row(TensorView weights, std::size_t row, To* out) {
  const std::byte* in = weights.row(row);
  bool fits = true;
  for (std::size_t i = 0; i < weights.shape.columns(); ++i) {
    const float value = value_at(weights.dtype, in, i);
    if constexpr (std::is_same_v<To, float>) {
      out[i] = value;
    } else {
      if constexpr (std::is_same_v<To, F16>) {
        out[i] = to_f16(value);
      } else {
        out[i] = to_bf16(value);
      }
      fits &= std::isfinite(to_float(out[i])) || !std::isfinite(value);
    }
  }
  return fits;
}

template <class To>
bool convert_rows(TensorView weights, std::byte* out, ThreadPool& pool) {
  std::atomic<bool> fits = true;
  const std::size_t rows = weights.shape.rows();
  const std::size_t columns = weights.shape.columns();
  const auto workers = static_cast<std::size_t>(pool.threads());
  pool.run([&](int worker) {
    const auto w = static_cast<std::size_t>(worker);
    for (std::size_t row = rows * w / workers; row < rows * (w + 1) / workers; ++row) {
      To* out_row = reinterpret_cast<To*>(out) + row * columns;
      if (!convert_row(weights, row, out_row)) fits.store(false, std::memory_order_relaxed);
    }
  });
  return fits;
}

}  // namespace

Result<Buffer> convert_weights(TensorView weights, DType dtype, ThreadPool& pool) {
  CHECK(info(dtype).block_values == 1, "weights are converted to plain types only");
  Result<Buffer> buffer = Buffer::allocate(weights.shape.values() * info(dtype).block_bytes);
  if (!buffer) return buffer;
  std::byte* out = buffer->bytes().data();
  const bool fits = dtype == DType::kF32   ? convert_rows<float>(weights, out, pool)
                    : dtype == DType::kF16 ? convert_rows<F16>(weights, out, pool)
                                           : convert_rows<Bf16>(weights, out, pool);
  if (!fits) {
    return Error{
        ErrorCode::kBadModel,
        fmt::format("expected values that {} can hold, found larger ones", info(dtype).name),
        {"use --weights bf16, f32 or auto"}};
  }
  return buffer;
}

Result<Buffer> add_offset(TensorView vector, float offset) {
  const std::size_t size = vector.shape.values();
  Result<Buffer> buffer = Buffer::allocate(size * sizeof(float));
  if (!buffer) return buffer;
  auto* out = reinterpret_cast<float*>(buffer->bytes().data());
  for (std::size_t i = 0; i < size; ++i) out[i] = value_at(vector.dtype, vector.data, i) + offset;
  return buffer;
}

}  // namespace bora
