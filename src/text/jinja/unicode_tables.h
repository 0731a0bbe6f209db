// Made by tools/make_unicode_tables.py from Unicode 14.0.0; do not edit.
#pragma once

#include <array>

namespace bora::jinja {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

struct SpecialCase {
  char32_t code_point;
  const char* upper;
  const char* title;
  const char* lower;
};

// Characters with a case mapping of more than one character.
inline constexpr std::array<SpecialCase, 103> kSpecialCases = {{
    {0xDF, "SS", "Ss", "\u00DF"},
    {0x130, "\u0130", "\u0130", "i\u0307"},
    {0x149, "\u02BCN", "\u02BCN", "\u0149"},
    {0x1F0, "J\u030C", "J\u030C", "\u01F0"},
    {0x390, "\u0399\u0308\u0301", "\u0399\u0308\u0301", "\u0390"},
    {0x3B0, "\u03A5\u0308\u0301", "\u03A5\u0308\u0301", "\u03B0"},
    {0x587, "\u0535\u0552", "\u0535\u0582", "\u0587"},
    {0x1E96, "H\u0331", "H\u0331", "\u1E96"},
    {0x1E97, "T\u0308", "T\u0308", "\u1E97"},
    {0x1E98, "W\u030A", "W\u030A", "\u1E98"},
    {0x1E99, "Y\u030A", "Y\u030A", "\u1E99"},
    {0x1E9A, "A\u02BE", "A\u02BE", "\u1E9A"},
    {0x1F50, "\u03A5\u0313", "\u03A5\u0313", "\u1F50"},
    {0x1F52, "\u03A5\u0313\u0300", "\u03A5\u0313\u0300", "\u1F52"},
    {0x1F54, "\u03A5\u0313\u0301", "\u03A5\u0313\u0301", "\u1F54"},
    {0x1F56, "\u03A5\u0313\u0342", "\u03A5\u0313\u0342", "\u1F56"},
    {0x1F80, "\u1F08\u0399", "\u1F88", "\u1F80"},
    {0x1F81, "\u1F09\u0399", "\u1F89", "\u1F81"},
    {0x1F82, "\u1F0A\u0399", "\u1F8A", "\u1F82"},
    {0x1F83, "\u1F0B\u0399", "\u1F8B", "\u1F83"},
    {0x1F84, "\u1F0C\u0399", "\u1F8C", "\u1F84"},
    {0x1F85, "\u1F0D\u0399", "\u1F8D", "\u1F85"},
    {0x1F86, "\u1F0E\u0399", "\u1F8E", "\u1F86"},
    {0x1F87, "\u1F0F\u0399", "\u1F8F", "\u1F87"},
    {0x1F88, "\u1F08\u0399", "\u1F88", "\u1F80"},
    {0x1F89, "\u1F09\u0399", "\u1F89", "\u1F81"},
    {0x1F8A, "\u1F0A\u0399", "\u1F8A", "\u1F82"},
    {0x1F8B, "\u1F0B\u0399", "\u1F8B", "\u1F83"},
    {0x1F8C, "\u1F0C\u0399", "\u1F8C", "\u1F84"},
    {0x1F8D, "\u1F0D\u0399", "\u1F8D", "\u1F85"},
    {0x1F8E, "\u1F0E\u0399", "\u1F8E", "\u1F86"},
    {0x1F8F, "\u1F0F\u0399", "\u1F8F", "\u1F87"},
    {0x1F90, "\u1F28\u0399", "\u1F98", "\u1F90"},
    {0x1F91, "\u1F29\u0399", "\u1F99", "\u1F91"},
    {0x1F92, "\u1F2A\u0399", "\u1F9A", "\u1F92"},
    {0x1F93, "\u1F2B\u0399", "\u1F9B", "\u1F93"},
    {0x1F94, "\u1F2C\u0399", "\u1F9C", "\u1F94"},
    {0x1F95, "\u1F2D\u0399", "\u1F9D", "\u1F95"},
    {0x1F96, "\u1F2E\u0399", "\u1F9E", "\u1F96"},
    {0x1F97, "\u1F2F\u0399", "\u1F9F", "\u1F97"},
    {0x1F98, "\u1F28\u0399", "\u1F98", "\u1F90"},
    {0x1F99, "\u1F29\u0399", "\u1F99", "\u1F91"},
    {0x1F9A, "\u1F2A\u0399", "\u1F9A", "\u1F92"},
    {0x1F9B, "\u1F2B\u0399", "\u1F9B", "\u1F93"},
    {0x1F9C, "\u1F2C\u0399", "\u1F9C", "\u1F94"},
    {0x1F9D, "\u1F2D\u0399", "\u1F9D", "\u1F95"},
    {0x1F9E, "\u1F2E\u0399", "\u1F9E", "\u1F96"},
    {0x1F9F, "\u1F2F\u0399", "\u1F9F", "\u1F97"},
    {0x1FA0, "\u1F68\u0399", "\u1FA8", "\u1FA0"},
    {0x1FA1, "\u1F69\u0399", "\u1FA9", "\u1FA1"},
    {0x1FA2, "\u1F6A\u0399", "\u1FAA", "\u1FA2"},
    {0x1FA3, "\u1F6B\u0399", "\u1FAB", "\u1FA3"},
    {0x1FA4, "\u1F6C\u0399", "\u1FAC", "\u1FA4"},
    {0x1FA5, "\u1F6D\u0399", "\u1FAD", "\u1FA5"},
    {0x1FA6, "\u1F6E\u0399", "\u1FAE", "\u1FA6"},
    {0x1FA7, "\u1F6F\u0399", "\u1FAF", "\u1FA7"},
    {0x1FA8, "\u1F68\u0399", "\u1FA8", "\u1FA0"},
    {0x1FA9, "\u1F69\u0399", "\u1FA9", "\u1FA1"},
    {0x1FAA, "\u1F6A\u0399", "\u1FAA", "\u1FA2"},
    {0x1FAB, "\u1F6B\u0399", "\u1FAB", "\u1FA3"},
    {0x1FAC, "\u1F6C\u0399", "\u1FAC", "\u1FA4"},
    {0x1FAD, "\u1F6D\u0399", "\u1FAD", "\u1FA5"},
    {0x1FAE, "\u1F6E\u0399", "\u1FAE", "\u1FA6"},
    {0x1FAF, "\u1F6F\u0399", "\u1FAF", "\u1FA7"},
    {0x1FB2, "\u1FBA\u0399", "\u1FBA\u0345", "\u1FB2"},
    {0x1FB3, "\u0391\u0399", "\u1FBC", "\u1FB3"},
    {0x1FB4, "\u0386\u0399", "\u0386\u0345", "\u1FB4"},
    {0x1FB6, "\u0391\u0342", "\u0391\u0342", "\u1FB6"},
    {0x1FB7, "\u0391\u0342\u0399", "\u0391\u0342\u0345", "\u1FB7"},
    {0x1FBC, "\u0391\u0399", "\u1FBC", "\u1FB3"},
    {0x1FC2, "\u1FCA\u0399", "\u1FCA\u0345", "\u1FC2"},
    {0x1FC3, "\u0397\u0399", "\u1FCC", "\u1FC3"},
    {0x1FC4, "\u0389\u0399", "\u0389\u0345", "\u1FC4"},
    {0x1FC6, "\u0397\u0342", "\u0397\u0342", "\u1FC6"},
    {0x1FC7, "\u0397\u0342\u0399", "\u0397\u0342\u0345", "\u1FC7"},
    {0x1FCC, "\u0397\u0399", "\u1FCC", "\u1FC3"},
    {0x1FD2, "\u0399\u0308\u0300", "\u0399\u0308\u0300", "\u1FD2"},
    {0x1FD3, "\u0399\u0308\u0301", "\u0399\u0308\u0301", "\u1FD3"},
    {0x1FD6, "\u0399\u0342", "\u0399\u0342", "\u1FD6"},
    {0x1FD7, "\u0399\u0308\u0342", "\u0399\u0308\u0342", "\u1FD7"},
    {0x1FE2, "\u03A5\u0308\u0300", "\u03A5\u0308\u0300", "\u1FE2"},
    {0x1FE3, "\u03A5\u0308\u0301", "\u03A5\u0308\u0301", "\u1FE3"},
    {0x1FE4, "\u03A1\u0313", "\u03A1\u0313", "\u1FE4"},
    {0x1FE6, "\u03A5\u0342", "\u03A5\u0342", "\u1FE6"},
    {0x1FE7, "\u03A5\u0308\u0342", "\u03A5\u0308\u0342", "\u1FE7"},
    {0x1FF2, "\u1FFA\u0399", "\u1FFA\u0345", "\u1FF2"},
    {0x1FF3, "\u03A9\u0399", "\u1FFC", "\u1FF3"},
    {0x1FF4, "\u038F\u0399", "\u038F\u0345", "\u1FF4"},
    {0x1FF6, "\u03A9\u0342", "\u03A9\u0342", "\u1FF6"},
    {0x1FF7, "\u03A9\u0342\u0399", "\u03A9\u0342\u0345", "\u1FF7"},
    {0x1FFC, "\u03A9\u0399", "\u1FFC", "\u1FF3"},
    {0xFB00, "FF", "Ff", "\uFB00"},
    {0xFB01, "FI", "Fi", "\uFB01"},
    {0xFB02, "FL", "Fl", "\uFB02"},
    {0xFB03, "FFI", "Ffi", "\uFB03"},
    {0xFB04, "FFL", "Ffl", "\uFB04"},
    {0xFB05, "ST", "St", "\uFB05"},
    {0xFB06, "ST", "St", "\uFB06"},
    {0xFB13, "\u0544\u0546", "\u0544\u0576", "\uFB13"},
    {0xFB14, "\u0544\u0535", "\u0544\u0565", "\uFB14"},
    {0xFB15, "\u0544\u053B", "\u0544\u056B", "\uFB15"},
    {0xFB16, "\u054E\u0546", "\u054E\u0576", "\uFB16"},
    {0xFB17, "\u0544\u053D", "\u0544\u056D", "\uFB17"},
}};

// str.isdigit() but not str.isdecimal().
inline constexpr std::array<CodePointRange, 20> kDigitsNotDecimal = {
    {{0xB2, 0xB3},       {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},
     {0x2070, 0x2070},   {0x2074, 0x2079},   {0x2080, 0x2089},   {0x2460, 0x2468},
     {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
     {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},
     {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A}}};

// str.isnumeric() although a letter: CJK numerals.
inline constexpr std::array<CodePointRange, 72> kNumericLetters = {
    {{0x3405, 0x3405},   {0x3483, 0x3483},   {0x382A, 0x382A},   {0x3B4D, 0x3B4D},
     {0x4E00, 0x4E00},   {0x4E03, 0x4E03},   {0x4E07, 0x4E07},   {0x4E09, 0x4E09},
     {0x4E5D, 0x4E5D},   {0x4E8C, 0x4E8C},   {0x4E94, 0x4E94},   {0x4E96, 0x4E96},
     {0x4EBF, 0x4EC0},   {0x4EDF, 0x4EDF},   {0x4EE8, 0x4EE8},   {0x4F0D, 0x4F0D},
     {0x4F70, 0x4F70},   {0x5104, 0x5104},   {0x5146, 0x5146},   {0x5169, 0x5169},
     {0x516B, 0x516B},   {0x516D, 0x516D},   {0x5341, 0x5341},   {0x5343, 0x5345},
     {0x534C, 0x534C},   {0x53C1, 0x53C4},   {0x56DB, 0x56DB},   {0x58F1, 0x58F1},
     {0x58F9, 0x58F9},   {0x5E7A, 0x5E7A},   {0x5EFE, 0x5EFF},   {0x5F0C, 0x5F0E},
     {0x5F10, 0x5F10},   {0x62FE, 0x62FE},   {0x634C, 0x634C},   {0x67D2, 0x67D2},
     {0x6F06, 0x6F06},   {0x7396, 0x7396},   {0x767E, 0x767E},   {0x8086, 0x8086},
     {0x842C, 0x842C},   {0x8CAE, 0x8CAE},   {0x8CB3, 0x8CB3},   {0x8D30, 0x8D30},
     {0x9621, 0x9621},   {0x9646, 0x9646},   {0x964C, 0x964C},   {0x9678, 0x9678},
     {0x96F6, 0x96F6},   {0xF96B, 0xF96B},   {0xF973, 0xF973},   {0xF978, 0xF978},
     {0xF9B2, 0xF9B2},   {0xF9D1, 0xF9D1},   {0xF9D3, 0xF9D3},   {0xF9FD, 0xF9FD},
     {0x20001, 0x20001}, {0x20064, 0x20064}, {0x200E2, 0x200E2}, {0x20121, 0x20121},
     {0x2092A, 0x2092A}, {0x20983, 0x20983}, {0x2098C, 0x2098C}, {0x2099C, 0x2099C},
     {0x20AEA, 0x20AEA}, {0x20AFD, 0x20AFD}, {0x20B19, 0x20B19}, {0x22390, 0x22390},
     {0x22998, 0x22998}, {0x23B1B, 0x23B1B}, {0x2626D, 0x2626D}, {0x2F890, 0x2F890}}};

// str.islower() although not of category Ll.
inline constexpr std::array<CodePointRange, 24> kOtherLowercase = {
    {{0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},
     {0x2E0, 0x2E4},     {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},
     {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
     {0x2090, 0x209C},   {0x2170, 0x217F},   {0x24D0, 0x24E9},   {0x2C7C, 0x2C7D},
     {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
     {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}}};

// str.isupper() although not of category Lu.
inline constexpr std::array<CodePointRange, 5> kOtherUppercase = {{{0x2160, 0x216F},
                                                                   {0x24B6, 0x24CF},
                                                                   {0x1F130, 0x1F149},
                                                                   {0x1F150, 0x1F169},
                                                                   {0x1F170, 0x1F189}}};

}  // namespace bora::jinja
