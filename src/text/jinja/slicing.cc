// Python's slices of strings, lists, tuples and ranges.
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace bora::jinja {
namespace {

struct SliceBounds {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  size_t count = 0;
};

std::optional<int64_t> slice_part(Runtime& rt, const Value& part) {
  if (part.is_none()) return std::nullopt;
  if (part.is_integral()) return part.as_int();
  rt.fail("slice indices must be integers or None or have an __index__ method");
  return std::nullopt;
}

// As Python's slice.indices, with the number of elements.
SliceBounds resolve_slice(Runtime& rt, size_t size, const Value& start, const Value& stop,
                          const Value& step) {
  const auto count = static_cast<int64_t>(size);
  SliceBounds bounds;
  bounds.step = slice_part(rt, step).value_or(1);
  if (bounds.step == 0) rt.fail("slice step cannot be zero");
  if (rt.failed()) return bounds;
  const bool down = bounds.step < 0;
  const auto clamp = [&](std::optional<int64_t> index, int64_t open) {
    if (!index) return open;
    const int64_t from_start = *index < 0 ? *index + count : *index;
    return std::clamp<int64_t>(from_start, down ? -1 : 0, down ? count - 1 : count);
  };
  bounds.start = clamp(slice_part(rt, start), down ? count - 1 : 0);
  bounds.stop = clamp(slice_part(rt, stop), down ? -1 : count);
  const int64_t span = down ? bounds.start - bounds.stop : bounds.stop - bounds.start;
  if (span <= 0 || rt.failed()) return bounds;
  // A stride beyond the size takes one element; clamping it keeps the arithmetic in range.
  bounds.step = std::clamp<int64_t>(bounds.step, -count - 1, count + 1);
  const int64_t stride = down ? -bounds.step : bounds.step;
  bounds.count = static_cast<size_t>((span - 1) / stride + 1);
  return bounds;
}

Value slice_range(Runtime& rt, const RangeBox& range, const SliceBounds& bounds) {
  if (rt.failed()) return {};
  const auto at = [&](int64_t index) {
    int64_t value = 0;
    const bool overflows = __builtin_mul_overflow(index, range.step, &value) ||
                           __builtin_add_overflow(value, range.start, &value);
    if (overflows) rt.fail("integer result does not fit into 64 bits");
    return value;
  };
  int64_t step = 0;
  if (__builtin_mul_overflow(range.step, bounds.step, &step)) {
    return rt.fail("integer result does not fit into 64 bits");
  }
  return Value::range(at(bounds.start), at(bounds.stop), step);
}

Value slice_string(Runtime& rt, const StringBox& string, const SliceBounds& bounds) {
  rt.charge_bytes(string.text.size());
  if (rt.failed() || bounds.count == 0) return Value::string("", string.markup);
  const auto start = static_cast<size_t>(bounds.start);
  if (bounds.step == 1) {
    if (string.ascii()) return rt.string(string.text.substr(start, bounds.count), string.markup);
    const size_t begin = offset_of(string.text, start);
    const std::string_view rest = std::string_view(string.text).substr(begin);
    return rt.string(std::string(rest.substr(0, offset_of(rest, bounds.count))), string.markup);
  }
  std::vector<size_t> offsets;  // of each code point
  offsets.reserve(string.length + 1);
  for (size_t at = 0; at < string.text.size();) {
    offsets.push_back(at);
    next_code_point(string.text, at);
  }
  offsets.push_back(string.text.size());
  std::string out;
  int64_t at = bounds.start;
  for (size_t i = 0; i < bounds.count; ++i, at += bounds.step) {
    const size_t begin = offsets[static_cast<size_t>(at)];
    out.append(string.text, begin, offsets[static_cast<size_t>(at) + 1] - begin);
  }
  return rt.string(std::move(out), string.markup);
}

}  // namespace

Value get_slice(Runtime& rt, const Value& object, const Value& start, const Value& stop,
                const Value& step) {
  if (object.is_undefined()) return rt.fail_undefined(object);
  if (object.is_string()) {
    return slice_string(rt, object.as_string(),
                        resolve_slice(rt, object.as_string().length, start, stop, step));
  }
  if (object.kind() == Kind::kRange) {
    const RangeBox& range = object.as_range();
    const auto size = static_cast<size_t>(range.size);
    return slice_range(rt, range, resolve_slice(rt, size, start, stop, step));
  }
  if (object.is_dict()) return rt.fail("unhashable type: 'slice'");
  if (!object.is_sequence()) {
    return rt.fail(fmt::format("'{}' object is not subscriptable", type_name(object)));
  }
  const std::vector<Value>& items = object.items();
  const SliceBounds bounds = resolve_slice(rt, items.size(), start, stop, step);
  if (rt.failed() || !rt.allow_items(bounds.count)) return {};
  std::vector<Value> out;
  out.reserve(bounds.count);
  int64_t at = bounds.start;
  for (size_t i = 0; i < bounds.count; ++i, at += bounds.step) {
    out.push_back(items[static_cast<size_t>(at)]);
  }
  return object.kind() == Kind::kTuple ? rt.tuple(std::move(out)) : rt.list(std::move(out));
}

}  // namespace bora::jinja
