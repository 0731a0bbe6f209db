#include "cli/svg.h"

#include <fmt/format.h>

#include <cmath>

namespace bora {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out;
}

std::vector<double> decades(const Axis& axis) {
  constexpr double kDetailed = 2.4;  // decades
  const bool detailed = std::log10(axis.high / axis.low) < kDetailed;
  std::vector<double> ticks;
  for (double decade = std::floor(std::log10(axis.low)); decade <= std::log10(axis.high);
       decade += 1.0) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double value = digit * std::pow(10.0, decade);
      const bool inside = value >= axis.low && value <= axis.high;
      if (inside && (detailed || digit == 1.0)) ticks.push_back(value);
    }
  }
  return ticks;
}

}  // namespace

double Axis::at(double value) const {
  const double part =
      logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + part * (to - from);
}

std::vector<double> ticks_of(const Axis& axis) {
  if (axis.logarithmic) return decades(axis);
  constexpr double kMost = 5.0;
  double step = std::pow(10.0, std::floor(std::log10((axis.high - axis.low) / kMost)));
  for (const double factor : {2.0, 2.5, 2.0}) {  // 1, 2, 5, 10
    if ((axis.high - axis.low) / step > kMost) step *= factor;
  }
  std::vector<double> ticks;
  for (double n = std::ceil(axis.low / step); n * step <= axis.high; n += 1.0) {
    ticks.push_back(n * step);
  }
  return ticks;
}

std::vector<double> powers_of_two(const Axis& axis) {
  std::vector<double> ticks;
  for (double power = std::ceil(std::log2(axis.low)); std::exp2(power) <= axis.high; power += 1.0) {
    ticks.push_back(std::exp2(power));
  }
  return ticks;
}

Svg::Svg(double width, double height)
    : content_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                           "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\">\n"
                           "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
                           width, height)) {}

void Svg::line(const std::vector<Point>& points, const Stroke& stroke) {
  content_ +=
      fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{} points=\"",
                  stroke.color, stroke.width, stroke.dashed ? " stroke-dasharray=\"5 4\"" : "");
  for (const Point& point : points) content_ += fmt::format("{:.1f},{:.1f} ", point.x, point.y);
  content_ += "\"/>\n";
}

void Svg::marker(Marker marker, Point at, std::string_view color) {
  constexpr double kRadius = 4.5;
  if (marker == Marker::kCircle) {
    content_ +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" stroke=\"white\"/>\n",
                    at.x, at.y, kRadius, color);
  } else {
    content_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" fill=\"{}\" "
        "stroke=\"white\"/>\n",
        at.x - kRadius, at.y - kRadius, 2 * kRadius, 2 * kRadius, color);
  }
}

void Svg::text(Point at, std::string_view text, const TextStyle& style) {
  const std::string turn =
      style.angle == 0.0
          ? std::string()
          : fmt::format(" transform=\"rotate({:.1f} {:.1f} {:.1f})\"", style.angle, at.x, at.y);
  content_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"{}{}>{}"
      "</text>\n",
      at.x, at.y, style.size, style.anchor, style.color, style.bold ? " font-weight=\"bold\"" : "",
      turn, escaped(text));
}

}  // namespace bora
