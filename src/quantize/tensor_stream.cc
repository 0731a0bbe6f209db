#include "quantize/tensor_stream.h"

#include "base/checksum.h"
#include "base/float16.h"
#include "base/printable.h"
#include "quantize/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace bora {
namespace {

// A worker's unit: a part of one row. Whole blocks of every type.
constexpr std::size_t kPieceValues = 4096;
constexpr std::size_t kPanelPieces = 1024;
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

using PieceValues = std::array<float, kPieceValues>;

template <class Stored>
void widen_plain(const std::byte* in, std::span<float> out) {
  for (float& value : out) {
    Stored stored;  // a file need not be aligned
    std::memcpy(&stored, in, sizeof stored);
    in += sizeof stored;
    if constexpr (std::is_same_v<Stored, float>) {
      value = stored;
    } else {
      value = to_float(stored);
    }
  }
}

// Block types by a kernel: its contract is the same bits on every ISA.
void widen(const kernels::CpuKernels& kernels, DType dtype, const std::byte* in,
           std::span<float> out) {
  if (dtype == DType::kF32) return widen_plain<float>(in, out);
  if (dtype == DType::kF16) return widen_plain<F16>(in, out);
  if (dtype == DType::kBF16) return widen_plain<Bf16>(in, out);
  const TokenId first_row = 0;
  kernels.embed({.table = in,
                 .row_stride = 0,
                 .dtype = dtype,
                 .ids = &first_row,
                 .tokens = 1,
                 .columns = out.size(),
                 .out = out.data()});
}

// A tensor as a list of pieces, in the order of its data.
class Pieces {
 public:
  Pieces(const TensorView& source, DType wanted, const kernels::CpuKernels& kernels)
      : source_(source),
        wanted_(wanted),
        columns_(source.shape.columns()),
        in_row_((columns_ + kPieceValues - 1) / kPieceValues),
        kernels_(kernels) {}

  [[nodiscard]] std::size_t count() const { return source_.shape.rows() * in_row_; }
  [[nodiscard]] std::size_t row(std::size_t piece) const { return piece / in_row_; }
  [[nodiscard]] std::size_t column(std::size_t piece) const {
    return piece % in_row_ * kPieceValues;
  }
  // Where the piece begins in the source's and in the wanted type's data; count() gives the end.
  [[nodiscard]] std::size_t source_offset(std::size_t piece) const {
    return offset(source_.dtype, piece);
  }
  [[nodiscard]] std::size_t wanted_offset(std::size_t piece) const {
    return offset(wanted_, piece);
  }

  std::span<const float> read(std::size_t piece, PieceValues& values) const {
    const std::size_t size = std::min(kPieceValues, columns_ - column(piece));
    const std::span<float> out = std::span(values).first(size);
    widen(kernels_, source_.dtype, source_.data + source_offset(piece), out);
    return out;
  }

  CodecFault quantize(std::size_t piece, std::byte* out) const {
    PieceValues values;  // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
    return quantize_row(wanted_, read(piece, values), out);
  }

 private:
  [[nodiscard]] std::size_t offset(DType dtype, std::size_t piece) const {
    return row(piece) * row_bytes(dtype, columns_) + row_bytes(dtype, column(piece));
  }

  TensorView source_;
  DType wanted_;
  std::size_t columns_;
  std::size_t in_row_;
  const kernels::CpuKernels& kernels_;
};

// Quantizes pieces [begin, end) to `out`. The first piece with a fault, or kNone.
std::size_t quantize_panel(const Pieces& pieces, std::size_t begin, std::size_t end, std::byte* out,
                           ThreadPool& pool) {
  std::atomic<std::size_t> faulty = kNone;
  const auto workers = static_cast<std::size_t>(pool.threads());
  const std::size_t out_begin = pieces.wanted_offset(begin);
  pool.run([&](int worker) {
    const auto w = static_cast<std::size_t>(worker);
    const std::size_t last = begin + (end - begin) * (w + 1) / workers;
    for (std::size_t piece = begin + (end - begin) * w / workers; piece < last; ++piece) {
      std::byte* place = out + (pieces.wanted_offset(piece) - out_begin);
      if (pieces.quantize(piece, place) == CodecFault::kNone) continue;
      std::size_t first = faulty;
      while (piece < first && !faulty.compare_exchange_weak(first, piece)) {
      }
      return;
    }
  });
  return faulty;
}

Error fault_error(const StoredTensor& tensor, const Pieces& pieces, std::size_t piece) {
  PieceValues buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
  const std::span<const float> values = pieces.read(piece, buffer);
  const float limit = max_magnitude(*tensor.dtype);
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [&](float value) { return !(std::fabs(value) <= limit); });
  const auto at = static_cast<std::size_t>(wrong - values.begin());
  return Error{
      ErrorCode::kBadModel,
      fmt::format("{}: expected weights of at most {:.0f} in magnitude, found {} at [{}, {}]",
                  printable(tensor.name), limit, values[at], pieces.row(piece),
                  pieces.column(piece) + at),
      {"--weights auto takes them as they are stored"}};
}

}  // namespace

Result<std::vector<std::uint64_t>> TensorStream::write(std::span<const StoredTensor> tensors,
                                                       OutputFile& out, const MappedFile* content) {
  Result<const kernels::CpuKernels*> table =
      kernels::select_cpu_kernels(kernels::detect_cpu_features(), std::nullopt, ComputeType::kAuto);
  if (!table) return std::move(table).error();
  kernels_ = *table;
  progress_ = {.tensors = tensors.size()};
  for (const StoredTensor& tensor : tensors) progress_.bytes += source_.find(tensor.name)->bytes;
  std::vector<std::uint64_t> checksums;
  for (const StoredTensor& tensor : tensors) {
    Result<std::uint64_t> sum = write_tensor(tensor, content, out);
    if (!sum) return std::move(sum).error();
    checksums.push_back(*sum);
    ++progress_.tensors_done;
  }
  return checksums;
}

Result<std::uint64_t> TensorStream::write_tensor(const StoredTensor& tensor,
                                                 const MappedFile* content, OutputFile& out) {
  Result<TensorView> source = source_.tensor(tensor.name);
  if (!source) return std::move(source).error();
  const StoredTensor& stored = *source_.find(tensor.name);
  const MappedFile& file = content != nullptr ? *content : source_.files()[stored.file];
  const std::size_t in_file = stored.offset;
  source->data = file.bytes().data() + in_file;
  if (panel_.bytes().empty()) {
    const std::size_t most = kPanelPieces * row_bytes(DType::kQ8_0, kPieceValues);
    Result<Buffer> panel = Buffer::allocate(most);
    if (!panel) return std::move(panel).error();
    panel_ = *std::move(panel);
  }
  const Pieces pieces(*source, *tensor.dtype, *kernels_);
  RunningChecksum sum;
  for (std::size_t begin = 0; begin < pieces.count(); begin += kPanelPieces) {
    if (interrupted_ != nullptr && *interrupted_) {
      return Error{ErrorCode::kInterrupted, "weights: interrupted while they were quantized", {}};
    }
    const std::size_t end = std::min(begin + kPanelPieces, pieces.count());
    const std::size_t read_begin = pieces.source_offset(begin);
    const std::size_t read = pieces.source_offset(end) - read_begin;
    file.will_need(in_file + read_begin + read,
                   read);  // the next panel, while this one is computed
    const std::size_t faulty = quantize_panel(pieces, begin, end, panel_.bytes().data(), pool_);
    if (faulty != kNone) return fault_error(tensor, pieces, faulty);
    const std::size_t out_begin = pieces.wanted_offset(begin);
    const std::span<const std::byte> made =
        panel_.bytes().first(pieces.wanted_offset(end) - out_begin);
    sum.add(made);
    if (Result<void> written = out.write(tensor.offset + out_begin, made); !written) {
      return std::move(written).error();
    }
    file.done_with(in_file + read_begin, read);
    progress_.bytes_done += read;
    on_progress_(progress_);
  }
  return sum.value();
}

}  // namespace bora
