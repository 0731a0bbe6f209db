// Output: the program's stdout. Text goes here, everything else to stderr.
//
// Buffered until flush(). A reader that went away (`| head`) is not an error: closed() says so,
// later writes do nothing, and the command ends quietly. SIGPIPE is ignored by main(). One thread.
#pragma once

#include "base/result.h"
#include "cli/exit_code.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace bora {

class Output {
 public:
  // `descriptor`: 1 but in tests; not owned.
  explicit Output(int descriptor = 1) : descriptor_(descriptor) {}

  // Errors: kFailed where the system refuses (a full disk), once the buffer is written out.
  Result<void> write(std::string_view text);
  Result<void> flush();

  [[nodiscard]] bool closed() const { return closed_; }

 private:
  int descriptor_;
  std::string buffer_;
  bool closed_ = false;
};

// Writes all of `text` to stdout; kDone also where the reader has gone away.
Result<ExitCode> print_all(std::string_view text);

using Json = nlohmann::ordered_json;

// One line of JSON. Text that is not UTF-8 gets U+FFFD.
std::string to_line(const Json& json);

// `value`, or 0 where it is NaN or infinite, which JSON cannot say.
double finite(double value);

// Writes to stderr: reports, progress, warnings. A stderr that is gone is no reason to fail.
void print_note(std::string_view text);

}  // namespace bora
