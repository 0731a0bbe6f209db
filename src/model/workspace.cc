#include "model/workspace.h"

#include "base/check.h"

#include <string>

namespace bora {
namespace {

constexpr std::size_t kCacheLineValues = 64 / sizeof(float);

}  // namespace

Result<Workspace> Workspace::create(Backend& backend, std::size_t values) {
  Result<Buffer> buffer = backend.allocate(values * sizeof(float), Fill::kWhole);
  if (!buffer) return std::move(buffer).error();
  return Workspace(std::move(buffer).value());
}

MutableTensorView Workspace::take(std::size_t rows, std::size_t columns) {
  const std::size_t values = values_for(rows, columns);
  const std::size_t room = buffer_.bytes().size() / sizeof(float);
  CHECK(values <= room - used_, "workspace of " + std::to_string(room) + " values is too small");
  std::byte* data = buffer_.bytes().data() + used_ * sizeof(float);
  used_ += values;
  return {data, DType::kF32, {rows, columns}};
}

std::span<std::int32_t> Workspace::take_ids(std::size_t count) {
  static_assert(sizeof(std::int32_t) == sizeof(float));
  return {reinterpret_cast<std::int32_t*>(take(1, count).data), count};
}

void Workspace::rewind(std::size_t mark) {
  CHECK(mark <= used_, "a mark of this workspace");
  used_ = mark;
}

std::size_t Workspace::values_for(std::size_t rows, std::size_t columns) {
  const std::size_t lines = (rows * columns + kCacheLineValues - 1) / kCacheLineValues;
  return lines * kCacheLineValues;
}

std::size_t Workspace::values_for(std::size_t rows, std::initializer_list<std::size_t> widths) {
  std::size_t values = 0;
  for (const std::size_t columns : widths) values += values_for(rows, columns);
  return values;
}

}  // namespace bora
