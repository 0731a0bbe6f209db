#include "text/utf8_repair.h"

namespace bora {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

void Utf8Repair::push(std::string_view bytes, std::string& out) {
  for (const char c : bytes) push_byte(static_cast<unsigned char>(c), out);
}

void Utf8Repair::finish(std::string& out) {
  if (missing_ > 0) out += kReplacement;
  held_.clear();
  missing_ = 0;
}

void Utf8Repair::push_byte(unsigned char byte, std::string& out) {
  if (missing_ > 0) {
    if (byte >= low_ && byte <= high_) {
      held_.push_back(static_cast<char>(byte));
      low_ = 0x80;
      high_ = 0xBF;
      if (--missing_ == 0) {
        out += held_;
        held_.clear();
      }
      return;
    }
    finish(out);  // this byte cannot continue the character: it starts anew
  }
  begin(byte, out);
}

// The second byte of some characters has a narrower range: no overlong forms, no surrogates,
// nothing above U+10FFFF (Unicode table 3-7).
void Utf8Repair::begin(unsigned char byte, std::string& out) {
  low_ = 0x80;
  high_ = 0xBF;
  if (byte < 0x80) {
    out.push_back(static_cast<char>(byte));
    return;
  }
  if (byte >= 0xC2 && byte <= 0xDF) {
    missing_ = 1;
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    missing_ = 2;
    if (byte == 0xE0) low_ = 0xA0;
    if (byte == 0xED) high_ = 0x9F;
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    missing_ = 3;
    if (byte == 0xF0) low_ = 0x90;
    if (byte == 0xF4) high_ = 0x8F;
  } else {
    out += kReplacement;
    return;
  }
  held_.push_back(static_cast<char>(byte));
}

}  // namespace bora
