// The little of SVG (https://www.w3.org/TR/SVG11/) that a plot needs: axes that turn values into
// pixels, and a drawing that lines, markers and text are added to. Owner: one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct Point {
  double x = 0.0;
  double y = 0.0;
};

// From values in [low, high] to pixels in [from, to].
struct Axis {
  double low = 0.0;
  double high = 1.0;
  double from = 0.0;
  double to = 1.0;
  bool logarithmic = false;  // low > 0

  [[nodiscard]] double at(double value) const;
};

// Round values within an axis, few enough to be labelled: steps of 1, 2 or 5 times a power of ten;
// on a logarithmic axis powers of ten, and 2 and 5 times those where it spans little.
std::vector<double> ticks_of(const Axis& axis);
// The powers of two within it.
std::vector<double> powers_of_two(const Axis& axis);

struct Stroke {
  std::string_view color = "#222";
  double width = 1.0;
  bool dashed = false;
};

struct TextStyle {
  double size = 12.0;
  std::string_view anchor = "start";  // or "middle", "end"
  std::string_view color = "#222";
  double angle = 0.0;  // degrees, clockwise
  bool bold = false;
};

enum class Marker { kCircle, kSquare };

class Svg {
 public:
  Svg(double width, double height);

  void line(const std::vector<Point>& points, const Stroke& stroke);
  void marker(Marker marker, Point at, std::string_view color);
  void text(Point at, std::string_view text, const TextStyle& style);

  // The whole file.
  [[nodiscard]] std::string finish() const { return content_ + "</svg>\n"; }

 private:
  std::string content_;
};

}  // namespace bora
