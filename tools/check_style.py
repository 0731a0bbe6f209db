#!/usr/bin/env python3
"""The rules of docs/style.md that a script can see, on the whole tree.

- every C++ file is as clang-format writes it;
- no TODO without an issue, no FIXME, no XXX, no `#if 0`;
- a source file has at most 800 lines (beyond 400 it is named), a header at most 250;
- every relative link of the Markdown files leads to a file, and to a heading where it names one.

Prints one line a violation and exits 1, or exits 0. --skip-format leaves clang-format out.
"""

import argparse
import pathlib
import re
import subprocess
import sys

CODE_FOLDERS = ("src", "include", "tests", "fuzz", "bench")
CODE_SUFFIXES = {".cc", ".h", ".cu", ".cuh"}
FORBIDDEN = re.compile(r"\bTODO\b(?!\(#\d+\))|\bFIXME\b|\bXXX\b|^\s*#\s*if\s+0\b")
SOURCE_SOFT_LINES, SOURCE_HARD_LINES, HEADER_HARD_LINES = 400, 800, 250
TABLE_NAME = re.compile(r"_(table|tables|data)$")  # generated tables have no limit
TEMPLATE_FOLDER = "generic"  # its headers hold the kernels' algorithms: sources by another name
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def code_files(root):
    return [path for folder in CODE_FOLDERS for path in sorted((root / folder).rglob("*"))
            if path.suffix in CODE_SUFFIXES]


def check_format(root, files, clang_format):
    if not files:
        return []
    done = subprocess.run([clang_format, "--dry-run", "-Werror", *map(str, files)],
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return []
    wrong = {line.split(":")[0] for line in done.stderr.splitlines() if ": error: " in line}
    return [f"{pathlib.Path(path).relative_to(root)}: not as clang-format writes it (make format)"
            for path in sorted(wrong)] or [done.stderr.strip()]


def check_forbidden(root, files):
    return [f"{path.relative_to(root)}:{number}: {line.strip()}"
            for path in files
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if FORBIDDEN.search(line)]


def check_sizes(root, files):
    """(violations, notes)"""
    wrong, notes = [], []
    for path in files:
        lines = path.read_text(encoding="utf-8").count("\n")
        is_header = path.suffix in (".h", ".cuh") and path.parent.name != TEMPLATE_FOLDER
        hard = HEADER_HARD_LINES if is_header else SOURCE_HARD_LINES
        if TABLE_NAME.search(path.stem):
            continue
        if lines > hard:
            wrong.append(f"{path.relative_to(root)}: expected at most {hard} lines, found {lines}")
        elif lines > SOURCE_SOFT_LINES:
            notes.append(f"{path.relative_to(root)}: {lines} lines; is there an idea that splits it?")
    return wrong, notes


def anchor_of(heading):
    """A heading's anchor, as GitHub makes it."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(markdown):
    text = FENCE.sub("", markdown.read_text(encoding="utf-8"))
    return {anchor_of(heading) for heading in re.findall(r"^#+ +(.*)$", text, re.MULTILINE)}


def link_problem(source, link):
    """Why a relative link of the file `source` leads nowhere, or None."""
    if re.match(r"[a-z]+:", link):
        return None
    name, _, anchor = link.partition("#")
    target = (source.parent / name).resolve() if name else source
    if not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return "no such heading"
    return None


def check_links(root):
    pages = [page for folder in (".", *CODE_FOLDERS, "docs", "tools")
             for page in sorted((root / folder).glob("*.md" if folder == "." else "**/*.md"))]
    found = []
    for page in pages:
        for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            problem = link_problem(page, link)
            if problem:
                found.append(f"{page.relative_to(root)}: {link}: {problem}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent)
    parser.add_argument("--clang-format", default="clang-format")
    parser.add_argument("--skip-format", action="store_true")
    args = parser.parse_args()
    root = args.root.resolve()

    files = code_files(root)
    wrong, notes = check_sizes(root, files)
    wrong += check_forbidden(root, files) + check_links(root)
    if not args.skip_format:
        wrong += check_format(root, files, args.clang_format)
    for line in notes:
        print(f"note: {line}")
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
