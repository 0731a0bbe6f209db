#include "cli/bench_plot.h"

#include "cli/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace bora {
namespace {

constexpr double kWidth = 1120.0;
constexpr double kHeight = 640.0;
constexpr double kGap = 8.0;  // between a line and its label
constexpr std::string_view kGrid = "#e4e4e4";
constexpr std::string_view kRoof = "#444";
// Distinct also to who does not tell red from green (https://doi.org/10.1038/nmeth.1618).
constexpr std::array<std::string_view, 7> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                     "#e69f00", "#56b4e9", "#000000"};

// Results of one type of weights and batch size have a color.
struct Series {
  std::string name;
  std::string_view color;
  std::vector<const BenchResult*> results;
};

struct Panel {
  std::string_view title;
  std::string_view x_title;
  std::string_view y_title;
  Axis x;
  Axis y;
};

std::vector<Series> series_of(const BenchReport& report) {
  std::vector<Series> all;
  for (const BenchResult& result : report.results) {
    const std::string name = result.batch == 1
                                 ? result.weights
                                 : fmt::format("{}, batch {}", result.weights, result.batch);
    auto series = std::ranges::find_if(all, [&](const Series& each) { return each.name == name; });
    if (series == all.end()) {
      all.push_back({name, kColors[all.size() % kColors.size()], {}});
      series = all.end() - 1;
    }
    series->results.push_back(&result);
  }
  return all;
}

void draw_frame(Svg& svg, const Panel& panel, const std::vector<double>& x_ticks) {
  constexpr double kTickText = 11.0;
  const auto& [title, x_title, y_title, x, y] = panel;
  for (const double tick : x_ticks) {
    svg.line({{x.at(tick), y.from}, {x.at(tick), y.to}}, {.color = kGrid});
    svg.text({x.at(tick), y.from + 16}, fmt::format("{:g}", tick),
             {.size = kTickText, .anchor = "middle"});
  }
  for (const double tick : ticks_of(y)) {
    svg.line({{x.from, y.at(tick)}, {x.to, y.at(tick)}}, {.color = kGrid});
    svg.text({x.from - 6, y.at(tick) + 4}, fmt::format("{:g}", tick),
             {.size = kTickText, .anchor = "end"});
  }
  svg.line({{x.from, y.to}, {x.from, y.from}, {x.to, y.from}}, {});
  svg.text({x.from, y.to - 12}, title, {.size = 14, .bold = true});
  svg.text({(x.from + x.to) / 2, y.from + 34}, x_title, {.anchor = "middle"});
  svg.text({x.from - 50, (y.from + y.to) / 2}, y_title, {.anchor = "middle", .angle = -90});
}

// A phase on the roofline.
Point rate_of(const BenchPhase& phase) {
  return {phase.work.intensity(), speed_of(phase).median * phase.work.total_operations() * 1e-9};
}

// The roof that cores are to a phase.
struct CoreRoof {
  std::string name;
  double gops;
};

// One for each type of weights, that of its prefill; the highest first.
std::vector<CoreRoof> core_roofs(const BenchReport& report) {
  std::vector<CoreRoof> roofs;
  for (const BenchResult& result : report.results) {
    const auto same = [&](const CoreRoof& roof) { return roof.name == result.weights; };
    if (std::ranges::any_of(roofs, same)) continue;
    const BenchPhase& prefill = result.prefills.front();
    roofs.push_back({result.weights, compute_roof_gops(prefill.work, roofs_of(prefill))});
  }
  std::ranges::sort(roofs, std::ranges::greater{}, &CoreRoof::gops);
  return roofs;
}

double median_bandwidth(const BenchReport& report) {
  std::vector<double> all;
  for (const BenchResult& result : report.results) {
    all.push_back(roofs_of(result.decode).read_bandwidth_gb_s);
  }
  return spread_of(std::move(all)).median;
}

// A prompt at a depth is what two runs differ by: noise may leave nothing of a short one.
bool can_be_drawn(Point rate) { return rate.y > 0.0; }

std::vector<const BenchPhase*> phases_of(const BenchResult& result) {
  std::vector<const BenchPhase*> phases;
  for (const BenchPhase& prefill : result.prefills) phases.push_back(&prefill);
  phases.push_back(&result.decode);
  return phases;
}

// The axes, wide enough for points and roofs.
Panel roofline_panel(const BenchReport& report, const std::vector<CoreRoof>& roofs,
                     double bandwidth) {
  constexpr double kMargin = 1.7;
  const double ridge = roofs.front().gops / bandwidth;
  Axis x{.low = ridge, .high = ridge, .from = 80, .to = 540, .logarithmic = true};
  Axis y{.low = roofs.back().gops,
         .high = roofs.front().gops,
         .from = 530,
         .to = 90,
         .logarithmic = true};
  for (const BenchResult& result : report.results) {
    for (const BenchPhase* phase : phases_of(result)) {
      const Point point = rate_of(*phase);
      if (!can_be_drawn(point)) continue;
      x.low = std::min(x.low, point.x);
      x.high = std::max(x.high, point.x);
      y.low = std::min(y.low, point.y);
      y.high = std::max(y.high, point.y);
    }
  }
  for (Axis* axis : {&x, &y}) {
    axis->low /= kMargin;
    axis->high *= kMargin;
  }
  return {"Roofline", "operations per byte read", "Gop/s", x, y};
}

void draw_memory_roof(Svg& svg, const Panel& panel, double bandwidth, double highest_roof) {
  const auto& [title, x_title, y_title, x, y] = panel;
  const double begin = std::max(x.low, y.low / bandwidth);
  const double end = highest_roof / bandwidth;
  const Point from{x.at(begin), y.at(begin * bandwidth)};
  const Point to{x.at(end), y.at(highest_roof)};
  svg.line({from, to}, {.color = kRoof, .width = 1.8});
  const double angle = std::atan2(to.y - from.y, to.x - from.x) * 180 / std::numbers::pi;
  svg.text({from.x + (to.x - from.x) * 0.5 - kGap, from.y + (to.y - from.y) * 0.5 - kGap},
           fmt::format("reads {:.1f} GB/s", bandwidth),
           {.anchor = "middle", .color = kRoof, .angle = angle});
}

// Labels stand at the left ends, which points seldom reach.
void draw_core_roofs(Svg& svg, const Panel& panel, const std::vector<CoreRoof>& roofs,
                     double bandwidth) {
  constexpr double kLineHeight = 17.0;
  const auto& [title, x_title, y_title, x, y] = panel;
  double last = y.to - kLineHeight;  // where the label above stands
  for (const CoreRoof& roof : roofs) {
    const Point ridge{x.at(roof.gops / bandwidth), y.at(roof.gops)};
    svg.line({ridge, {x.to, ridge.y}}, {.color = kRoof, .width = 1.8});
    last = std::max(ridge.y - 5, last + kLineHeight);
    svg.text({ridge.x + 2 * kGap, last}, fmt::format("{} {:.0f} Gop/s", roof.name, roof.gops),
             {.color = kRoof});
  }
}

void draw_roofline(Svg& svg, const BenchReport& report, const std::vector<Series>& all) {
  const std::vector<CoreRoof> roofs = core_roofs(report);
  const double bandwidth = median_bandwidth(report);
  const Panel panel = roofline_panel(report, roofs, bandwidth);
  draw_frame(svg, panel, ticks_of(panel.x));
  draw_memory_roof(svg, panel, bandwidth, roofs.front().gops);
  draw_core_roofs(svg, panel, roofs, bandwidth);
  for (const Series& series : all) {
    for (const BenchResult* result : series.results) {
      for (const BenchPhase* phase : phases_of(*result)) {
        const Point rate = rate_of(*phase);
        if (!can_be_drawn(rate)) continue;
        svg.marker(phase == &result->decode ? Marker::kSquare : Marker::kCircle,
                   {panel.x.at(rate.x), panel.y.at(rate.y)}, series.color);
      }
    }
  }
}

// Speed and limit over the context, in the order of the context.
struct Curve {
  std::string_view color;
  std::vector<Point> speed;
  std::vector<Point> limit;

  void add(double context, const BenchPhase& phase) {
    speed.push_back({context, speed_of(phase).median});
    limit.push_back({context, limit_of(phase.work, roofs_of(phase)).tokens_per_s});
  }
  void sort() {
    std::ranges::sort(speed, {}, &Point::x);
    std::ranges::sort(limit, {}, &Point::x);
  }
};

std::vector<Curve> decode_curves(const std::vector<Series>& all) {
  std::vector<Curve> curves;
  for (const Series& series : all) {
    Curve& curve = curves.emplace_back(Curve{series.color, {}, {}});
    for (const BenchResult* result : series.results) {
      const std::size_t begin = std::max<std::size_t>(result->depth, 1);
      const std::size_t middle = begin + result->decode.tokens / 2;
      curve.add(static_cast<double>(middle), result->decode);
    }
    curve.sort();
  }
  return curves;
}

// Over the depths, one for each length of prompt; where there is one depth, over the lengths.
std::vector<Curve> prefill_curves(const std::vector<Series>& all) {
  std::vector<Curve> curves;
  for (const Series& series : all) {
    const bool one_depth = series.results.size() == 1;
    for (std::size_t i = 0; i < series.results.front()->prefills.size(); ++i) {
      if (i == 0 || !one_depth) curves.push_back({series.color, {}, {}});
      for (const BenchResult* result : series.results) {
        const BenchPhase& prefill = result->prefills[i];
        curves.back().add(static_cast<double>(result->depth + prefill.tokens), prefill);
      }
    }
  }
  for (Curve& curve : curves) curve.sort();
  return curves;
}

void draw_speeds(Svg& svg, Panel panel, const std::vector<Curve>& curves, Marker marker) {
  panel.x.low = panel.x.high = curves.front().speed.front().x;
  for (const Curve& curve : curves) {
    for (const std::vector<Point>* points : {&curve.speed, &curve.limit}) {
      for (const Point& point : *points) {
        panel.x.low = std::min(panel.x.low, point.x);
        panel.x.high = std::max(panel.x.high, point.x);
        panel.y.high = std::max(panel.y.high, point.y);
      }
    }
  }
  panel.x.low /= 1.5;
  panel.x.high *= 1.5;
  panel.y.high *= 1.1;
  draw_frame(svg, panel, powers_of_two(panel.x));
  const auto pixels = [&](std::vector<Point> points) {
    for (Point& point : points) point = {panel.x.at(point.x), panel.y.at(point.y)};
    // A limit of one point is a short line.
    if (points.size() == 1)
      points = {{points[0].x - 14, points[0].y}, {points[0].x + 14, points[0].y}};
    return points;
  };
  for (const Curve& curve : curves) {
    svg.line(pixels(curve.limit), {.color = curve.color, .width = 1.4, .dashed = true});
    if (curve.speed.size() > 1) svg.line(pixels(curve.speed), {.color = curve.color, .width = 1.8});
    for (const Point& point : curve.speed) {
      svg.marker(marker, {panel.x.at(point.x), panel.y.at(point.y)}, curve.color);
    }
  }
}

void draw_legend(Svg& svg, const std::vector<Series>& all) {
  constexpr double kLetter = 7.0;
  constexpr double kRow = 18.0;
  Point at{80, kHeight - 44};
  for (const Series& series : all) {
    const double width = 40 + kLetter * static_cast<double>(series.name.size());
    if (at.x + width > kWidth - 20) at = {80, at.y + kRow};
    svg.line({{at.x, at.y}, {at.x + 18, at.y}}, {.color = series.color, .width = 4});
    svg.text({at.x + 24, at.y + 4}, series.name, {});
    at.x += width;
  }
  const double y = kHeight - 8;
  svg.marker(Marker::kCircle, {89, y - 4}, kRoof);
  svg.text({104, y}, "prefill", {});
  svg.marker(Marker::kSquare, {169, y - 4}, kRoof);
  svg.text({184, y}, "decode", {});
  svg.line({{240, y - 4}, {268, y - 4}}, {.color = kRoof, .width = 1.4, .dashed = true});
  svg.text({274, y}, "limit: all bytes read and all operations computed, each at its roof", {});
}

// Whether other load disturbed any of it.
bool all_steady(const BenchReport& report) {
  return std::ranges::all_of(report.results, [](const BenchResult& result) {
    return std::ranges::all_of(phases_of(result), [](const BenchPhase* phase) {
      return bandwidth_of(*phase).relative() <= kMostSpread;
    });
  });
}

}  // namespace

std::string bench_svg(const BenchReport& report) {
  Svg svg(kWidth, kHeight);
  const BenchMachine& machine = report.machine;
  svg.text({80, 30}, fmt::format("{}, {} threads, {}", machine.cpu, machine.threads, machine.isa),
           {.size = 16, .bold = true});
  if (!all_steady(report)) {
    svg.text({80, 52},
             "unsteady: the read bandwidth spread over more than 15 %; repeat, do not count",
             {.color = "#b00020"});
  }
  const std::vector<Series> all = series_of(report);
  draw_roofline(svg, report, all);
  const Axis context{.from = 640, .to = 1090, .logarithmic = true};
  draw_speeds(svg,
              {"Prefill over context",
               "tokens of context when the prompt ends",
               "tokens/s",
               context,
               {.high = 0.0, .from = 270, .to = 90}},
              prefill_curves(all), Marker::kCircle);
  draw_speeds(svg,
              {"Decode over context",
               "tokens of context",
               "tokens/s",
               context,
               {.high = 0.0, .from = 530, .to = 350}},
              decode_curves(all), Marker::kSquare);
  draw_legend(svg, all);
  return svg.finish();
}

}  // namespace bora
