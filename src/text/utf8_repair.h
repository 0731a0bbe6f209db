// Utf8Repair: a stream of arbitrary bytes in, valid UTF-8 out.
//
// Every maximal part of an ill-formed sequence becomes one U+FFFD, as the Unicode standard
// recommends (3.9, table 3-8) and as Rust's from_utf8_lossy and Python's errors="replace" do. An
// unfinished character at the end of the input is held back until finish(). One thread.
#pragma once

#include <string>
#include <string_view>

namespace bora {

class Utf8Repair {
 public:
  // Appends to `out` what is certain after these bytes.
  void push(std::string_view bytes, std::string& out);

  // The input has ended: what is held back becomes one U+FFFD. Ready for a new stream afterwards.
  void finish(std::string& out);

 private:
  void push_byte(unsigned char byte, std::string& out);
  void begin(unsigned char byte, std::string& out);

  std::string held_;                        // the bytes of the unfinished character
  std::size_t missing_ = 0;                 // bytes it still needs
  unsigned char low_ = 0x80, high_ = 0xBF;  // what the next byte may be
};

}  // namespace bora
