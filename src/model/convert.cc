#include "model/convert.h"

#include "base/check.h"
#include "base/float16.h"
#include "formats/checkpoint.h"
#include "formats/packed.h"
#include "kernels/reference/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

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

// Rows of a stored weight, one after the other. Each worker has a reader of its own.
class RowReader {
 public:
  explicit RowReader(const StoredWeight& weight) : weight_(weight) {
    if (weight.packed != nullptr) widened_.resize(weight.view.row_bytes());
  }

  // The row in the view's type, until the next call.
  const std::byte* row(std::size_t r) {
    if (weight_.packed == nullptr) return weight_.view.row(r);
    widen(r, widened_.data());
    return widened_.data();
  }
  void widen(std::size_t r, std::byte* out) {
    const PackedType& type = *weight_.packed;
    const std::size_t columns = weight_.view.shape.columns();
    const std::size_t stride = columns / type.block_values * type.block_bytes;
    fits_ &= widen_packed_row(type, weight_.view.data + r * stride, columns, out);
  }
  // Whether every finite value stayed finite.
  [[nodiscard]] bool fits() const { return fits_; }

 private:
  const StoredWeight& weight_;
  std::vector<std::byte> widened_;
  bool fits_ = true;
};

// Whether every finite value stayed finite.
template <class To>
bool convert_row(const TensorView& weights, const std::byte* in, To* out) {
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

// The row in `dtype`, a plain type or the weight's own. Whether every finite value stayed finite.
bool write_row(const StoredWeight& weight, RowReader& reader, std::size_t row, DType dtype,
               std::byte* out) {
  if (weight.packed != nullptr && dtype == weight.view.dtype) {
    reader.widen(row, out);
    return reader.fits();
  }
  const std::byte* in = reader.row(row);
  if (!reader.fits()) return false;
  if (dtype == DType::kF32) return convert_row(weight.view, in, reinterpret_cast<float*>(out));
  if (dtype == DType::kF16) return convert_row(weight.view, in, reinterpret_cast<F16*>(out));
  return convert_row(weight.view, in, reinterpret_cast<Bf16*>(out));
}

}  // namespace

Result<Buffer> convert_weights(const StoredWeight& weight, DType dtype, ThreadPool& pool) {
  CHECK(info(dtype).block_values == 1 || (weight.packed != nullptr && dtype == weight.view.dtype),
        "weights are converted to plain types, or widened");
  const std::size_t rows = weight.view.shape.rows();
  const std::size_t out_bytes = row_bytes(dtype, weight.view.shape.columns());
  Result<Buffer> buffer = Buffer::allocate(rows * out_bytes);
  if (!buffer) return buffer;
  std::byte* out = buffer->bytes().data();
  std::atomic<bool> fits = true;
  const auto workers = static_cast<std::size_t>(pool.threads());
  pool.run_bound([&](int worker) {
    const auto w = static_cast<std::size_t>(worker);
    RowReader reader(weight);
    for (std::size_t row = rows * w / workers; row < rows * (w + 1) / workers; ++row) {
      if (!write_row(weight, reader, row, dtype, out + row * out_bytes)) {
        fits.store(false, std::memory_order_relaxed);
      }
    }
  });
  if (fits) return buffer;
  Error error{ErrorCode::kBadModel, "expected values that f16 can hold, found larger ones", {}};
  if (weight.packed == nullptr) {
    error.message =
        fmt::format("expected values that {} can hold, found larger ones", info(dtype).name);
    error.hints = {"use --weights bf16, f32 or auto"};
  }
  return error;
}

std::string widening_note(const Checkpoint& checkpoint) {
  std::size_t count = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::set<std::string> types;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    if (tensor.packed == nullptr) continue;
    ++count;
    from += tensor.bytes;
    to += TensorView{nullptr, tensor.packed->widened, tensor.shape}.bytes();
    types.insert(tensor.type_name);
  }
  if (count == 0) return {};
  return fmt::format("{} of {} tensors ({}) are widened at load, {} MB to {} MB of memory", count,
                     checkpoint.tensors().size(), fmt::join(types, ", "), from >> 20, to >> 20);
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
