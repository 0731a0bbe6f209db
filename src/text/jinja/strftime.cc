#include "text/jinja/strftime.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace bora::jinja {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<int, 12> kDaysBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
constexpr std::array<int, 12> kDaysIn = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
constexpr size_t kAbbreviation = 3;

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// From 0.
int day_of_year(const DateTime& time) {
  const int leap = time.month > 2 && is_leap(time.year) ? 1 : 0;
  return kDaysBefore[static_cast<size_t>(time.month - 1)] + time.day - 1 + leap;
}

// Sunday is 0.
int day_of_week(const DateTime& time) {
  const int before = time.year - 1;
  return (before * 365 + before / 4 - before / 100 + before / 400 + day_of_year(time) + 1) % 7;
}

struct IsoWeek {
  int year;
  int week;
};

IsoWeek iso_week(const DateTime& time) {
  const int weekday = (day_of_week(time) + 6) % 7;  // Monday is 0
  const int week = (day_of_year(time) - weekday + 10) / 7;
  if (week < 1) {
    const DateTime last{.year = time.year - 1, .month = 12, .day = 31};
    return iso_week(last);
  }
  // A week belongs to the year of its Thursday.
  const int days = is_leap(time.year) ? 366 : 365;
  if (week == 53 && day_of_year(time) - weekday + 3 >= days) return {time.year + 1, 1};
  return {time.year, week};
}

// One conversion; empty where the letter has none.
std::string convert(const DateTime& time, char letter) {
  const auto weekday = static_cast<size_t>(day_of_week(time));
  const auto month = static_cast<size_t>(time.month - 1);
  const int hour12 = time.hour % 12 == 0 ? 12 : time.hour % 12;
  switch (letter) {
    case 'a':
      return std::string(kDays[weekday].substr(0, kAbbreviation));
    case 'A':
      return std::string(kDays[weekday]);
    case 'b':
    case 'h':
      return std::string(kMonths[month].substr(0, kAbbreviation));
    case 'B':
      return std::string(kMonths[month]);
    case 'C':
      return fmt::format("{:02}", time.year / 100);
    case 'd':
      return fmt::format("{:02}", time.day);
    case 'e':
      return fmt::format("{:2}", time.day);
    case 'f':
      return fmt::format("{:06}", time.microsecond);
    case 'G':
      return fmt::format("{}", iso_week(time).year);
    case 'g':
      return fmt::format("{:02}", iso_week(time).year % 100);
    case 'H':
      return fmt::format("{:02}", time.hour);
    case 'I':
      return fmt::format("{:02}", hour12);
    case 'j':
      return fmt::format("{:03}", day_of_year(time) + 1);
    case 'k':
      return fmt::format("{:2}", time.hour);
    case 'l':
      return fmt::format("{:2}", hour12);
    case 'm':
      return fmt::format("{:02}", time.month);
    case 'M':
      return fmt::format("{:02}", time.minute);
    case 'n':
      return "\n";
    case 'p':
      return time.hour < 12 ? "AM" : "PM";
    case 'P':
      return time.hour < 12 ? "am" : "pm";
    case 'S':
      return fmt::format("{:02}", time.second);
    case 't':
      return "\t";
    case 'u':
      return fmt::format("{}", weekday == 0 ? 7 : weekday);
    case 'U':
      return fmt::format("{:02}", (day_of_year(time) + 7 - day_of_week(time)) / 7);
    case 'V':
      return fmt::format("{:02}", iso_week(time).week);
    case 'w':
      return fmt::format("{}", weekday);
    case 'W':
      return fmt::format("{:02}", (day_of_year(time) + 7 - (day_of_week(time) + 6) % 7) / 7);
    case 'y':
      return fmt::format("{:02}", time.year % 100);
    case 'Y':
      return fmt::format("{}", time.year);
    case '%':
      return "%";
    default:
      return {};
  }
}

// A conversion that stands for several.
std::string_view expansion(char letter) {
  switch (letter) {
    case 'c':
      return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x':
      return "%m/%d/%y";
    case 'F':
      return "%Y-%m-%d";
    case 'r':
      return "%I:%M:%S %p";
    case 'R':
      return "%H:%M";
    case 'T':
    case 'X':
      return "%H:%M:%S";
    default:
      return {};
  }
}

// glibc's flags: "%-d" without padding, "%_d" with spaces, "%0e" with zeros, "%^a" in upper case.
std::string with_flag(std::string text, char flag) {
  if (flag == '^') {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (flag == '\0' || flag == '^') return text;
  for (size_t i = 0; i + 1 < text.size() && (text[i] == '0' || text[i] == ' '); ++i) {
    if (flag == '-') {
      text.erase(i--, 1);
    } else {
      text[i] = flag == '_' ? ' ' : '0';
    }
  }
  return text;
}

std::string format_all(const DateTime& time, std::string_view format) {
  std::string out;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%' || at + 1 == format.size()) {
      out += format[at];
      continue;
    }
    size_t letter = at + 1;
    char flag = '\0';
    constexpr std::string_view kFlags = "-_0^";
    if (kFlags.find(format[letter]) != std::string_view::npos && letter + 1 < format.size()) {
      flag = format[letter++];
    }
    const std::string_view several = expansion(format[letter]);
    const std::string text =
        several.empty() ? convert(time, format[letter]) : format_all(time, several);
    const bool known = !text.empty() || format[letter] == 'Z' || format[letter] == 'z';
    out += known ? with_flag(text, flag) : std::string(format.substr(at, letter + 1 - at));
    at = letter;
  }
  return out;
}

class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}

  // `separator`, then exactly `digits` digits between the bounds; false, once and for all,
  // otherwise.
  bool read(std::string_view separator, size_t digits, int low, int high, int& value) {
    if (!ok_ || !text_.substr(at_).starts_with(separator)) return ok_ = false;
    const std::string_view field = text_.substr(at_ + separator.size(), digits);
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    ok_ = error == std::errc() && field.size() == digits && end == field.data() + digits &&
          field[0] != '-' && value >= low && value <= high;
    at_ += separator.size() + digits;
    return ok_;
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] bool at(char c) const { return !at_end() && text_[at_] == c; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace

std::optional<DateTime> parse_date_time(std::string_view text) {
  DateTime time;
  FieldReader reader(text);
  if (!reader.read("", 4, 1, 9999, time.year) || !reader.read("-", 2, 1, 12, time.month) ||
      !reader.read("-", 2, 1, 31, time.day)) {
    return std::nullopt;
  }
  const int leap = time.month == 2 && is_leap(time.year) ? 1 : 0;
  if (time.day > kDaysIn[static_cast<size_t>(time.month - 1)] + leap) return std::nullopt;
  if (reader.at_end()) return time;
  const std::string_view separator = reader.at(' ') ? " " : "T";
  if (!reader.read(separator, 2, 0, 23, time.hour) || !reader.read(":", 2, 0, 59, time.minute)) {
    return std::nullopt;
  }
  if (reader.at_end()) return time;
  if (!reader.read(":", 2, 0, 59, time.second)) return std::nullopt;
  if (reader.at_end()) return time;
  if (!reader.read(".", 6, 0, 999'999, time.microsecond) || !reader.at_end()) return std::nullopt;
  return time;
}

std::string format_date_time(Runtime& rt, const DateTime& time, std::string_view format) {
  constexpr uint64_t kLongestConversion = 32;
  if (!rt.charge_bytes(format.size() * kLongestConversion)) return {};
  return format_all(time, format);
}

}  // namespace bora::jinja
