#!/usr/bin/env python3
"""Holds the #include lines to the arrows of docs/architecture.md.

A file of a room may include its own room and the rooms that its arrows reach; nothing else of ours.
The public headers, include/bora/, count as api. Tests and fuzz targets are held to the room they are for; a benchmark may use all rooms. Besides:
- only folders named cuda may include a CUDA header;
- per-ISA kernels (src/kernels/cpu/<isa>/) include headers of kernels and the block structs only,
  because an inline function of any other header would be compiled with the ISA's flags.

Prints one line a violation and exits 1, or exits 0.
"""

import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ARROW = re.compile(r"`([a-z_]+)->([a-z_,]+)`")
CUDA_HEADER = re.compile(r"^(cuda|cublas|nccl|curand|cooperative_groups|mma\.h|nvml|nvtx)")
SOURCE_SUFFIXES = {".cc", ".h", ".cu", ".cuh", ".inc"}
ISA_FREE_FOLDERS = {"generic"}  # headers that every ISA's sources include
ISA_FOREIGN_HEADERS = {"tensor/blocks.h"}  # plain structs, no functions that emit code


def read_arrows(architecture):
    """{room: rooms it points to} from the list of arrows in docs/architecture.md."""
    arrows = {}
    for room, targets in ARROW.findall(architecture.read_text(encoding="utf-8")):
        arrows.setdefault(room, set()).update(targets.split(","))
    for target in set().union(*arrows.values()):
        arrows.setdefault(target, set())
    return arrows


def reach(arrows, room, path=()):
    """All rooms that `room` may include, itself among them."""
    if room in path:
        raise ValueError("the arrows form a cycle: " + " -> ".join(path + (room,)))
    return {room}.union(*(reach(arrows, target, path + (room,)) for target in arrows[room]))


def room_of(path, rooms):
    """The room that a file (relative to the root) is held to; None: to none."""
    top, second = path.parts[0], path.parts[1]
    if top in ("src", "tests") and len(path.parts) > 2:
        return second
    if top == "include":
        return "api"
    if top == "fuzz":
        return next((room for room in rooms if second.startswith(room + "_")), None)
    return None


def isa_of(path):
    """The ISA of a file under src/kernels/cpu/<isa>/, or None."""
    if path.parts[:3] == ("src", "kernels", "cpu") and len(path.parts) > 4:
        return None if path.parts[3] in ISA_FREE_FOLDERS else path.parts[3]
    return None


def violation(path, quote, header, allowed, rooms):
    """What is wrong with this include of this file, or None."""
    if header.startswith("bora/"):
        return None if "api" in allowed else "the public headers are for rooms above api"
    if quote == "<":
        if CUDA_HEADER.match(header) and "cuda" not in path.parts[:-1]:
            return "CUDA headers belong in folders named cuda"
        return None
    if header.startswith("tests/") and path.parts[0] in ("tests", "fuzz"):
        return None
    target = header.split("/")[0]
    if target not in rooms or ".." in header:
        return 'expected a path from src/, as "base/result.h"'
    if target not in allowed:
        return f"{path.parts[1]} may include {', '.join(sorted(allowed))}"
    if isa_of(path) and target != "kernels" and header not in ISA_FOREIGN_HEADERS:
        return "per-ISA sources include headers of kernels only"
    return None


def check_file(root, path, arrows):
    """The violations of one file, as printable lines."""
    room = room_of(path, arrows)
    if room is None:
        return []
    if room not in arrows:
        return [] if path.parts[0] == "tests" else [f"{path}: docs/architecture.md has no room '{room}'"]
    allowed = reach(arrows, room)
    found = []
    for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        problem = match and violation(path, match[1], match[2], allowed, arrows)
        if problem:
            found.append(f"{path}:{number}: {match[2]}: {problem}")
    return found


def check_tree(root):
    arrows = read_arrows(root / "docs" / "architecture.md")
    found = []
    for top in ("src", "include", "tests", "fuzz"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCE_SUFFIXES:
                found += check_file(root, path.relative_to(root), arrows)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    found = check_tree(parser.parse_args().root)
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
