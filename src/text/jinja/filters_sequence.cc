// Filters over sequences as a whole.
#include "text/jinja/builtins.h"
#include "text/jinja/filter_support.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/sorting.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace bora::jinja {
namespace {

Value batch_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "batch", {"linecount", "fill_with"}, 1, args);
  if (!bound.ok()) return {};
  const int64_t size = bound.integer(0, 1);
  std::vector<Value> batches;
  std::vector<Value> batch;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    if (static_cast<int64_t>(batch.size()) == size) {
      batches.push_back(rt.list(std::move(batch)));
      batch.clear();
    }
    batch.push_back(item);
  }
  if (rt.failed()) return {};
  if (!batch.empty()) {
    const int64_t missing = size - static_cast<int64_t>(batch.size());
    if (bound.given(1) && missing > 0) {
      if (!rt.allow_items(static_cast<uint64_t>(missing))) return {};
      batch.insert(batch.end(), static_cast<size_t>(missing), bound.at(1));
    }
    batches.push_back(rt.list(std::move(batch)));
  }
  return rt.iterator(std::move(batches), "generator");
}

Value slice_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "slice", {"slices", "fill_with"}, 1, args);
  if (!bound.ok()) return {};
  const std::vector<Value> items = items_of(rt, input);
  const int64_t count = bound.integer(0, 1);
  if (rt.failed()) return {};
  if (count == 0) return rt.fail("integer division or modulo by zero");
  if (count < 0) return rt.iterator({}, "generator");
  if (!rt.allow_items(static_cast<uint64_t>(count))) return {};
  const auto slices = static_cast<size_t>(count);
  const size_t each = items.size() / slices;
  const size_t longer = items.size() % slices;
  std::vector<Value> out;
  auto at = items.begin();
  for (size_t i = 0; i < slices; ++i) {
    const auto end = at + static_cast<ptrdiff_t>(each + (i < longer ? 1 : 0));
    std::vector<Value> part(at, end);
    if (bound.given(1) && i >= longer) part.push_back(bound.at(1));
    out.push_back(rt.list(std::move(part)));
    at = end;
  }
  return rt.iterator(std::move(out), "generator");
}

Value length_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "len", {}, 0, args);
  if (!bound.ok()) return {};
  const auto length = length_of(rt, input);
  return length ? Value::integer(static_cast<int64_t>(*length)) : Value();
}

Value first_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "first", {}, 0, args);
  if (!bound.ok()) return {};
  Value item;
  if (ValueIterator(rt, input).next(item)) return item;
  return Value::undefined("No first item, sequence was empty.");
}

Value last_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "last", {}, 0, args);
  if (!bound.ok()) return {};
  if (input.kind() == Kind::kIterator) {
    return rt.fail(fmt::format("'{}' object is not reversible", type_name(input)));
  }
  if (input.is_sequence() && !input.items().empty()) return input.items().back();
  Value last = Value::undefined("No last item, sequence was empty.");
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) last = item;
  return last;
}

Value join_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "join", {"d", "attribute"}, 0, args);
  if (!bound.ok()) return {};
  const std::string separator = bound.has(0) ? soft_text(rt, bound.at(0)) : "";
  const AttributePath path(rt, bound.at(1));
  std::string out;
  bool first = true;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    if (!first) out += separator;
    first = false;
    const Value part = path.get(rt, item);
    if (part.is_string()) {
      out += part.text();
    } else {
      out += to_text(rt, part);
    }
    if (out.size() > kMaxStringBytes) break;
  }
  return rt.string(std::move(out));
}

Value list_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "list", {}, 0, args);
  return bound.ok() ? rt.list(items_of(rt, input)) : Value();
}

Value items_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "items", {}, 0, args);
  if (!bound.ok()) return {};
  if (input.is_undefined()) return rt.iterator({}, "generator");
  if (!input.is_dict()) return rt.fail("Can only get item pairs from a mapping.");
  return rt.iterator(items_of(rt, make_dict_view(input, DictViewKind::kItems)), "generator");
}

Value dictsort_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "dictsort", {"case_sensitive", "by", "reverse"}, 0, args);
  if (!bound.ok()) return {};
  if (!input.is_dict()) {
    return input.is_undefined()
               ? rt.fail_undefined(input)
               : rt.fail(fmt::format("dictsort expected a mapping, found '{}'", type_name(input)));
  }
  const bool case_sensitive = bound.truth(0, false);
  const std::string by = bound.text(1, "key");
  const bool reverse = bound.truth(2, false);
  if (by != "key" && by != "value")
    return rt.fail("You can only sort by either \"key\" or \"value\"");
  struct Keyed {
    Value key;
    Dict::Entry entry;
  };
  std::vector<Keyed> rows;
  for (const Dict::Entry& entry : input.as_dict().entries()) {
    const Value& sorted_by = by == "key" ? entry.first : entry.second;
    rows.push_back({comparison_key(rt, sorted_by, case_sensitive), entry});
  }
  stable_sort(rt, rows, [&](const Keyed& a, const Keyed& b) {
    return reverse ? less_than(rt, b.key, a.key) : less_than(rt, a.key, b.key);
  });
  std::vector<Value> out;
  out.reserve(rows.size());
  for (const Keyed& row : rows) out.push_back(rt.tuple({row.entry.first, row.entry.second}));
  return rt.list(std::move(out));
}

std::string reversed_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t end = text.size(); end > 0;) {
    const size_t begin = previous_offset(text, end);
    out += text.substr(begin, end - begin);
    end = begin;
  }
  return out;
}

Value reverse_filter(Runtime& rt, const Value& input, const Args& args) {
  const BoundArgs bound(rt, "reverse", {}, 0, args);
  if (!bound.ok()) return {};
  if (input.is_string()) return rt.string(reversed_text(input.text()), input.is_markup());
  if (!is_iterable(input)) return rt.fail("argument must be iterable");
  std::vector<Value> items = items_of(rt, input);
  std::reverse(items.begin(), items.end());
  if (input.kind() == Kind::kIterator) return rt.list(std::move(items));
  return rt.iterator(std::move(items),
                     input.kind() == Kind::kList ? "list_reverseiterator" : "reversed");
}

// Items with the keys that they are compared by, one for each of the attributes.
struct Sortable {
  std::vector<Value> keys;
  Value item;
};

bool sorts_before(Runtime& rt, const Sortable& a, const Sortable& b) {
  for (size_t i = 0; i < a.keys.size(); ++i) {
    if (!equal(rt, a.keys[i], b.keys[i]))
      return !rt.failed() && less_than(rt, a.keys[i], b.keys[i]);
  }
  return false;
}

std::vector<Sortable> sortables(Runtime& rt, const Value& input,
                                const std::vector<AttributePath>& paths, bool case_sensitive,
                                const Value* fallback = nullptr) {
  std::vector<Sortable> rows;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    Sortable row{{}, item};
    for (const AttributePath& path : paths) {
      row.keys.push_back(comparison_key(rt, path.get(rt, item, fallback), case_sensitive));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Value sort_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "sort", {"reverse", "case_sensitive", "attribute"}, 0, args);
  if (!bound.ok()) return {};
  std::vector<AttributePath> paths;
  if (bound.at(2).is_string()) {
    for (const auto part : split_text(bound.at(2).text(), ",", std::string::npos)) {
      paths.emplace_back(rt, Value::string(std::string(part)));
    }
  } else {
    paths.emplace_back(rt, bound.at(2));
  }
  std::vector<Sortable> rows = sortables(rt, input, paths, bound.truth(1, false));
  const bool reverse = bound.truth(0, false);
  stable_sort(rt, rows, [&](const Sortable& a, const Sortable& b) {
    return reverse ? sorts_before(rt, b, a) : sorts_before(rt, a, b);
  });
  std::vector<Value> out;
  out.reserve(rows.size());
  for (Sortable& row : rows) out.push_back(std::move(row.item));
  return rt.list(std::move(out));
}

Value unique_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "unique", {"case_sensitive", "attribute"}, 0, args);
  if (!bound.ok()) return {};
  const AttributePath path(rt, bound.at(1));
  std::set<Value, KeyLess> seen;
  std::vector<Value> out;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    const Value key = comparison_key(rt, path.get(rt, item), bound.truth(0, false));
    if (rt.failed()) break;
    if (!is_hashable(key)) return rt.fail(fmt::format("unhashable type: '{}'", type_name(key)));
    if (seen.insert(key).second) out.push_back(item);
  }
  return rt.iterator(std::move(out), "generator");
}

Value groupby_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "groupby", {"attribute", "default", "case_sensitive"}, 1, args);
  if (!bound.ok()) return {};
  const bool case_sensitive = bound.truth(2, false);
  const Value* fallback = bound.given(1) ? &bound.at(1) : nullptr;
  const std::vector<AttributePath> paths = {AttributePath(rt, bound.at(0))};
  std::vector<Sortable> rows = sortables(rt, input, paths, case_sensitive, fallback);
  stable_sort(rt, rows, [&](const Sortable& a, const Sortable& b) {
    return less_than(rt, a.keys[0], b.keys[0]);
  });
  std::vector<Value> groups;
  for (size_t begin = 0; begin < rows.size() && !rt.failed();) {
    std::vector<Value> members;
    size_t end = begin;
    for (; end < rows.size() && equal(rt, rows[begin].keys[0], rows[end].keys[0]); ++end) {
      members.push_back(rows[end].item);
    }
    if (end == begin) break;  // a key that does not equal itself
    const Value grouper =
        case_sensitive ? rows[begin].keys[0] : paths[0].get(rt, rows[begin].item, fallback);
    groups.push_back(Value::group(grouper, rt.list(std::move(members))));
    begin = end;
  }
  return rt.list(std::move(groups));
}

template <bool largest>
Value extreme_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, largest ? "max" : "min", {"case_sensitive", "attribute"}, 0, args);
  if (!bound.ok()) return {};
  const AttributePath path(rt, bound.at(1));
  const bool case_sensitive = bound.truth(0, false);
  Value best = Value::undefined("No aggregated item, sequence was empty.");
  Value best_key;
  bool any = false;
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    const Value key = comparison_key(rt, path.get(rt, item), case_sensitive);
    if (any && !(largest ? less_than(rt, best_key, key) : less_than(rt, key, best_key))) continue;
    any = true;
    best = item;
    best_key = key;
  }
  return best;
}

Value sum_filter(Runtime& rt, const Value& input, const Args& args) {
  BoundArgs bound(rt, "sum", {"attribute", "start"}, 0, args);
  if (!bound.ok()) return {};
  const AttributePath path(rt, bound.at(0));
  Value total = bound.has(1) ? bound.at(1) : Value::integer(0);
  if (total.is_string()) return rt.fail("sum() can't sum strings [use ''.join(seq) instead]");
  ValueIterator iterator(rt, input);
  for (Value item; iterator.next(item);) {
    total = arithmetic(rt, BinaryOp::kAdd, total, path.get(rt, item));
  }
  return total;
}

Value random_filter(Runtime& rt, const Value&, const Args&) {
  return rt.fail(
      "the filter 'random' is not supported: a chat template renders the same each time");
}

constexpr std::array kFilters = {
    NamedFunction{"batch", batch_filter},       NamedFunction{"count", length_filter},
    NamedFunction{"dictsort", dictsort_filter}, NamedFunction{"first", first_filter},
    NamedFunction{"groupby", groupby_filter},   NamedFunction{"items", items_filter},
    NamedFunction{"join", join_filter},         NamedFunction{"last", last_filter},
    NamedFunction{"length", length_filter},     NamedFunction{"list", list_filter},
    NamedFunction{"max", extreme_filter<true>}, NamedFunction{"min", extreme_filter<false>},
    NamedFunction{"random", random_filter},     NamedFunction{"reverse", reverse_filter},
    NamedFunction{"slice", slice_filter},       NamedFunction{"sort", sort_filter},
    NamedFunction{"sum", sum_filter},           NamedFunction{"unique", unique_filter},
};

}  // namespace

std::span<const NamedFunction> sequence_filters() { return kFilters; }

}  // namespace bora::jinja
