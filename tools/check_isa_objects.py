#!/usr/bin/env python3
"""Looks through the object files of the per-ISA kernels for code that another file might call.

An inline function that a file compiled with -mavx2 emits is a weak symbol; the linker keeps one copy
of all, perhaps this one, and a CPU without AVX2 dies in unrelated code. So every global or weak symbol
that src/kernels/cpu/<isa>/ defines has to lie in namespace bora::kernels::<isa>.

Prints one line a symbol outside and exits 1; exits 1, too, where there is no object to look at.
"""

import argparse
import pathlib
import re
import subprocess
import sys

# Mangled names: of functions and variables, of what belongs to one (vtable, typeinfo, guard, local).
NAME_PREFIX = r"_Z(?:T[VIS]|GV|GR|Z)*N[VKRO]*"
COMPILER_MADE = re.compile(r"^(DW\.ref\.|__odr_asan|__asan_|__tsan_|__ubsan_|__sanitizer_|__gcov)")


def isa_of(path):
    """The folder after cpu/ in the path of an object file."""
    parts = path.parts
    return parts[len(parts) - 1 - parts[::-1].index("cpu") + 1]


def symbols(nm, path):
    """The global and weak symbols that an object file defines, mangled."""
    output = subprocess.run([nm, "--defined-only", "--extern-only", "--format=posix", str(path)],
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line.split()[0] for line in output.splitlines()]


def is_inside(symbol, isa):
    namespace = "".join(f"{len(part)}{part}" for part in ("bora", "kernels", isa))
    return bool(re.match(NAME_PREFIX + namespace, symbol) or COMPILER_MADE.match(symbol))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the build folder")
    parser.add_argument("--nm", default="nm")
    args = parser.parse_args()

    objects = sorted(args.build.rglob("cpu/*/**/*.o"))
    if not objects:
        sys.exit(f"{args.build}: no object of src/kernels/cpu/<isa>/ found")
    outside = [f"{path.relative_to(args.build)}: {symbol} lies outside bora::kernels::{isa_of(path)}"
               for path in objects for symbol in symbols(args.nm, path)
               if not is_inside(symbol, isa_of(path))]
    print("\n".join(outside), end="\n" if outside else "")
    sys.exit(1 if outside else 0)


if __name__ == "__main__":
    main()
