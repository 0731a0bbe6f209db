#include "cli/plan_table.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace bora {
namespace {

constexpr std::size_t kBarWidth = 32;

struct Line {
  std::string_view key;
  std::string_view what;
  std::uint64_t bytes = 0;
};

std::vector<Line> lines_of(const MemoryBytes& bytes) {
  return {{"weights_mapped", "weights, mapped", bytes.weights.mapped},
          {"weights_converted", "weights, converted", bytes.weights.converted},
          {"weights_copied", "weights, copied", bytes.weights.copied},
          {"kv", "keys and values", bytes.kv},
          {"workspace", "activations", bytes.workspace},
          {"logits", "logits", bytes.logits},
          {"scratch", "kernel scratch", bytes.scratch},
          {"tables", "tables, at most", bytes.tables},
          {"draft", "draft model", bytes.draft}};
}

double share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// "auto (bf16)", "int8"
std::string weights_name(const ModelPlan& plan, const ModelPlan::Row& row) {
  return row.weights.name == "auto" ? fmt::format("auto ({})", plan.stored) : row.weights.name;
}

std::string count(std::size_t number, std::string_view thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

std::string reason_of_threads(const ModelPlan& plan) {
  if (plan.threads_from == "flag") return "as --threads says";
  return plan.threads_from == "quota" ? "as many as the quota" : "one a core";
}

std::string heading(const ModelPlan& plan) {
  const MemoryPlan& wanted = plan.wanted.plan;
  return fmt::format(
      "{}: {}, {} weights, {} keys and values\n"
      "{}, {}, {}, {}; cores: {}\n"
      "{}, {} of {} positions, chunks of {}\n\n",
      printable(plan.name), plan.architecture, weights_name(plan, plan.wanted),
      info(wanted.kv_dtype).name, plan.device, plan.isa,
      count(static_cast<std::size_t>(plan.threads), "thread"), reason_of_threads(plan),
      describe(plan.topology), count(wanted.max_sequences, "sequence"),
      wanted.max_sequences == 1 ? "a context" : "each a context", wanted.context_length,
      wanted.chunk);
}

std::string bytes_table(const MemoryPlan& plan) {
  const std::uint64_t total = plan.bytes.total();
  std::string text;
  for (const Line& line : lines_of(plan.bytes)) {
    if (line.bytes == 0) continue;
    const double share = share_of(line.bytes, total);
    const auto filled = static_cast<std::size_t>(std::lround(share * kBarWidth));
    // A row that is there has a bar.
    const std::string bar(std::clamp(filled, std::size_t{1}, kBarWidth), '#');
    text += fmt::format("{:<20}{:>15}{:>8.1f} %  {}\n", line.what, format_bytes(line.bytes),
                        100.0 * share, bar);
  }
  return text + fmt::format("{:<20}{:>15}   {} {}\n\n", "total", format_bytes(total),
                            plan.fits() ? "fits into" : "does not fit into",
                            format_bytes(plan.limit));
}

std::string weights_table(const ModelPlan& plan) {
  std::string text = fmt::format("{:<20}{:>15}{:>15}{:>9}{:>6}{:>15}\n", "--weights", "weights",
                                 "total", "--ctx", "fits", "longest --ctx");
  for (const ModelPlan::Row& row : plan.by_weights) {
    const std::string longest =
        row.largest_context == 0 ? "none" : std::to_string(row.largest_context);
    text +=
        fmt::format("{:<20}{:>15}{:>15}{:>9}{:>6}{:>15}\n", weights_name(plan, row),
                    format_bytes(row.weights.bytes.total()), format_bytes(row.plan.bytes.total()),
                    row.plan.context_length, row.plan.fits() ? "yes" : "no", longest);
  }
  return text;
}

std::string alternatives_table(const ModelPlan& plan) {
  if (plan.wanted.plan.fits()) return {};
  if (plan.alternatives.empty()) return "\nnothing smaller fits\n";
  std::string text = "\nwhat fits, the least loss first:\n";
  for (const Alternative& alternative : plan.alternatives) {
    text += fmt::format("  {:<48}{:>15}\n", alternative.flags,
                        format_bytes(alternative.plan.bytes.total()));
  }
  return text;
}

Json bytes_json(const MemoryBytes& bytes) {
  Json json;
  for (const Line& line : lines_of(bytes)) json[std::string(line.key)] = line.bytes;
  return json;
}

Json row_json(const ModelPlan::Row& row) {
  return Json{{"weights", row.weights.name},           {"weight_bytes", row.weights.bytes.total()},
              {"total_bytes", row.plan.bytes.total()}, {"fits", row.plan.fits()},
              {"context", row.plan.context_length},    {"largest_context", row.largest_context}};
}

}  // namespace

Json plan_json(const ModelPlan& plan) {
  const MemoryPlan& wanted = plan.wanted.plan;
  Json by_weights = Json::array();
  for (const ModelPlan::Row& row : plan.by_weights) by_weights.push_back(row_json(row));
  Json alternatives = Json::array();
  for (const Alternative& alternative : plan.alternatives) {
    alternatives.push_back(Json{{"flags", alternative.flags},
                                {"total_bytes", alternative.plan.bytes.total()},
                                {"context", alternative.plan.context_length}});
  }
  return Json{{"model", plan.name},
              {"architecture", plan.architecture},
              {"device", plan.device},
              {"isa", plan.isa},
              {"threads", plan.threads},
              {"threads_from", plan.threads_from},
              {"cores", plan.topology.cores},
              {"cpus", plan.topology.cpus},
              {"numa_nodes", plan.topology.node_count()},
              {"cpu_quota", plan.topology.quota ? Json(*plan.topology.quota) : Json(nullptr)},
              {"load", wanted.bytes.weights.copied > 0 ? "copy" : "map"},
              {"stored_weights", plan.stored},
              {"weights", plan.wanted.weights.name},
              {"kv", info(wanted.kv_dtype).name},
              {"context", wanted.context_length},
              {"prefill_chunk", wanted.chunk},
              {"sequences", wanted.max_sequences},
              {"bytes", bytes_json(wanted.bytes)},
              {"total_bytes", wanted.bytes.total()},
              {"memory_limit_bytes", wanted.limit},
              {"fits", wanted.fits()},
              {"largest_context", plan.wanted.largest_context},
              {"by_weights", std::move(by_weights)},
              {"alternatives", std::move(alternatives)}};
}

std::string plan_text(const ModelPlan& plan) {
  return heading(plan) + bytes_table(plan.wanted.plan) + weights_table(plan) +
         alternatives_table(plan);
}

}  // namespace bora
