#!/usr/bin/env python3
"""Write src/text/jinja/unicode_tables.h: what Python's str methods know of Unicode and utf8proc does not offer.

usage: tools/make_unicode_tables.py > src/text/jinja/unicode_tables.h     (Python 3.11: Unicode 14)"""
import sys, unicodedata

def ranges(test):
    out = []
    for cp in range(0x110000):
        if test(chr(cp)):
            if out and out[-1][1] == cp - 1: out[-1][1] = cp
            else: out.append([cp, cp])
    return out

def table(name, comment, test):
    rows = ranges(test)
    cells = ", ".join(f"{{0x{a:X}, 0x{b:X}}}" for a, b in rows)
    return f"// {comment}\ninline constexpr std::array<CodePointRange, {len(rows)}> {name} = {{{{{cells}}}}};\n"

def escaped(s): return '"' + "".join(f"\\u{ord(c):04X}" if ord(c) >= 0xA0 else c for c in s) + '"'

special = [c for c in map(chr, range(0x110000)) if len(c.upper()) > 1 or len(c.title()) > 1 or len(c.lower()) > 1]
rows = ",\n    ".join(f"{{0x{ord(c):X}, {escaped(c.upper())}, {escaped(c.title())}, {escaped(c.lower())}}}" for c in special)

print(f"""// Made by tools/make_unicode_tables.py from Unicode {unicodedata.unidata_version}; do not edit.
#pragma once

#include <array>

namespace bora::jinja {{

struct CodePointRange {{
  char32_t first;
  char32_t last;
}};

struct SpecialCase {{
  char32_t code_point;
  const char* upper;
  const char* title;
  const char* lower;
}};

// Characters with a case mapping of more than one character.
inline constexpr std::array<SpecialCase, {len(special)}> kSpecialCases = {{{{
    {rows},
}}}};
""")
print(table("kDigitsNotDecimal", "str.isdigit() but not str.isdecimal().", lambda c: c.isdigit() and not c.isdecimal()))
print(table("kNumericLetters", "str.isnumeric() although a letter: CJK numerals.", lambda c: c.isnumeric() and unicodedata.category(c)[0] == "L"))
print(table("kOtherLowercase", "str.islower() although not of category Ll.", lambda c: c.islower() and unicodedata.category(c) != "Ll"))
print(table("kOtherUppercase", "str.isupper() although not of category Lu.", lambda c: c.isupper() and unicodedata.category(c) != "Lu"))
print("}  // namespace bora::jinja")
