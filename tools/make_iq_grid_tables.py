#!/usr/bin/env python3
"""Writes src/formats/iq_grid_tables.h: the code books of GGUF's IQ types, which are part of the format.

They come from the Python package gguf (0.19.0: tools/requirements-test.txt), the format's own tools.
usage: tools/make_iq_grid_tables.py > src/formats/iq_grid_tables.h
"""

import gguf.quants as quants
import numpy as np

BOOKS = [  # name, class, bits of a level, the number that a level stands for
    ("kIq2XxsGrid", quants.IQ2_XXS, 2, "8, 25 or 43"),
    ("kIq2XsGrid", quants.IQ2_XS, 2, "8, 25 or 43"),
    ("kIq2SGrid", quants.IQ2_S, 2, "8, 25 or 43"),
    ("kIq3XxsGrid", quants.IQ3_XXS, 3, "4, 12, 20, 28, 36, 44, 52 or 62"),
    ("kIq3SGrid", quants.IQ3_S, 3, "2 * level + 1"),
    ("kIq1Grid", quants.IQ1_S, 2, "level - 1"),
]
PER_LINE = 12


def packed(book, bits):
    """Each entry as one number, its first level in the lowest bits."""
    book.init_grid()
    numbers = sorted(book.grid_map)
    levels = np.searchsorted(numbers, book.grid.reshape(book.grid_shape))
    shifts = np.arange(levels.shape[1]) * bits
    return (levels << shifts).sum(axis=1)


def main():
    print("// Made by tools/make_iq_grid_tables.py from the Python package gguf; do not edit.")
    print("//")
    print("// An entry is the levels of 8 values (2 bits each) or 4 values (3 bits each), the first in the")
    print("// lowest bits.")
    print("#pragma once\n\n#include <array>\n#include <cstdint>\n\nnamespace bora {\n")
    print("// clang-format off")
    for name, book, bits, meaning in BOOKS:
        entries = [f"0x{entry:04X}" for entry in packed(book, bits)]
        print(f"// A level stands for {meaning}.")
        print(f"inline constexpr std::array<std::uint16_t, {len(entries)}> {name} = {{")
        for at in range(0, len(entries), PER_LINE):
            print("    " + ", ".join(entries[at:at + PER_LINE]) + ",")
        print("};\n")
    print("// clang-format on\n")
    print("}  // namespace bora")


if __name__ == "__main__":
    main()
