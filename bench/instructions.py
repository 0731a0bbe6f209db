#!/usr/bin/env python3
"""Compares the instructions that two builds of bora take for the same tokens, so that a loss of speed shows on a busy machine.

For each type of weights it counts, under callgrind, one thread and AVX2 (valgrind knows no AVX-512): a prompt of 16 tokens,
and 4 tokens of an answer. What loading takes is measured by itself and taken off, so counts of one build agree to 1 in
100,000. Exits 1 where the new build takes over --threshold more, and names the functions that grew. Fewer instructions are
not always faster: this finds what nobody meant to slow down, and the report of bench/peers says how fast it is.

Needs valgrind (tools/setup.sh dev). Takes about a minute for each type of weights.

example: instructions.py /tmp/base/build/release/bora build/release/bora --weights auto,int8
"""

import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

PROMPT, NEW = 16, 4  # tokens
NAMED = 5            # functions that grew
FIRST_ID = 300


class CountFailed(Exception):
    """A run that gave no counts; the text says why, in one line."""


def parse_counts(text):
    """{function: instructions of its own} of a callgrind file whose names are not compressed."""
    counts = collections.Counter()
    function, skip = None, False
    for line in text.splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif line.startswith("calls="):
            skip = True  # the next line is what was called took
        elif line[:1].isdigit() or line[:1] in "+-*" and line:
            if not skip:
                if function is None:
                    raise CountFailed(f"callgrind: expected a function before its counts, found '{line}'")
                counts[function] += int(line.split()[1])
            skip = False
    if not counts:
        raise CountFailed("callgrind: expected counts of functions, found none")
    return counts


def difference(counts, base):
    """{function: counts - base}, those of nothing left out. Less than nothing is noise and stays."""
    names = counts.keys() | base.keys()
    return {name: counts[name] - base[name] for name in names if counts[name] != base[name]}


def change(base, new):
    """Of the totals, as a part of the base."""
    old_total = sum(base.values())
    if old_total <= 0:
        raise CountFailed(f"expected instructions in the base build, found {old_total}")
    return (sum(new.values()) - old_total) / old_total


def grown(base, new):
    """[(instructions more, function)], most first"""
    more = [(new.get(name, 0) - base.get(name, 0), name) for name in base.keys() | new.keys()]
    return sorted((each for each in more if each[0] > 0), reverse=True)[:NAMED]


def run_command(bora, model, weights, prompt, new):
    ids = ",".join(str(FIRST_ID + i) for i in range(prompt))
    return [bora, "run", *([model] if model else []), "--weights", weights, "--prompt-ids", ids, "--max-new-tokens", str(new),
            "--isa", "avx2", "--threads", "1", "--ignore-eos", "--speculate", "off", "--json", "--quiet"]


def run(command):
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        hint = ": tools/setup.sh dev" if command[0] == "valgrind" else ""
        raise CountFailed(f"{error.filename}: expected a program, found none{hint}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no message"]
        raise CountFailed(f"{command[0]}: exit {done.returncode}: {said[-1]}")


def count(command):
    """parse_counts() of a run of the command."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind"
        run(["valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no",
             f"--callgrind-out-file={out}", *command])
        return parse_counts(out.read_text(encoding="utf-8"))


def phases_of(bora, model, weights):
    """{"prefill": {function: instructions}, "decode": ..}, without what loading and the first token take."""
    def of(prompt, new):
        return run_command(bora, model, weights, prompt, new)

    run(of(1, 1))  # int8 and int4 are made once and kept
    loading = count(of(1, 1))
    return {"prefill": difference(count(of(1 + PROMPT, 1)), loading),
            "decode": difference(count(of(1, 1 + NEW)), loading)}


def compare(base, new, threshold):
    """(lines to print, whether it is within the threshold); of {phase: {function: instructions}}"""
    lines, fine = [], True
    for phase, counts in base.items():
        part = change(counts, new[phase])
        worse = part > threshold
        lines.append(f"  {phase:8s}{sum(counts.values()):>15,}{sum(new[phase].values()):>15,}  {part:+8.2%}"
                     + (f"  over {threshold:.1%}" if worse else ""))
        if worse:
            fine = False
            lines += [f"    +{more:,}  {name}" for more, name in grown(counts, new[phase])]
    return lines, fine


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the program bora of the build before")
    parser.add_argument("new", help="that of the build after")
    parser.add_argument("--model", help="default: bora's own, SmolLM2-135M-Instruct")
    parser.add_argument("--weights", default="auto,f32,f16,bf16,int8,int4", help="default: %(default)s")
    parser.add_argument("--threshold", type=float, default=2.0, help="percent that are too many (default %(default)s)")
    return parser.parse_args()


def main():
    args = parse_args()
    all_fine = True
    for weights in args.weights.split(","):
        base, new = (phases_of(bora, args.model, weights) for bora in (args.base, args.new))
        lines, fine = compare(base, new, args.threshold / 100)
        print("\n".join([weights, *lines]), flush=True)
        all_fine = all_fine and fine
    return 0 if all_fine else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CountFailed as error:
        sys.exit(f"instructions.py: {error}")
