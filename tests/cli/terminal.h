// Runs the built `bora` in a pseudo-terminal, as somebody in front of it does: types, and reads
// what appears. Every wait has a limit, after which the program is killed and the test fails.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bora::testing {

class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& arguments);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  Terminal(Terminal&&) = delete;
  Terminal& operator=(Terminal&&) = delete;

  void type(const std::string& keys) const;
  // Reads on until `text` has appeared after all that was waited for before. Returns what came up
  // to its end; empty where it never came.
  std::string wait_for(const std::string& text);
  // Reads on until that many bytes have come after all that was waited for.
  void wait_for_more(std::size_t bytes);
  // The exit code, once the program has ended by itself; -1 where a signal ended it.
  int wait_for_end();

  [[nodiscard]] const std::string& seen() const { return seen_; }

 private:
  bool read_more();

  int screen_ = -1;
  int pid_ = -1;
  std::string seen_;
  std::size_t waited_ = 0;  // bytes of seen_ before what is waited for next
};

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kEnter = "\r";
constexpr const char* kArrowUp = "\x1b[A";
constexpr const char* kBackspace = "\x7f";

}  // namespace bora::testing
