#!/usr/bin/env python3
"""What drafts (docs/speculation.md) bring and cost: decode of `bora run` with them and without; they come from
prompt lookup and, with --draft-model, from that.

Each prompt is answered in pairs of runs, without and with, first the one and then the other in turn, so that a
busy or hot machine hits both. Prints for each prompt the median speeds in tokens/s, the median, least and
greatest ratio of a pair, and of the drafted tokens how many were right. The answers have to be the same, token by
token: exits 1 where they are not. A machine whose speed without drafts spreads over 15 % is said to be too busy
to believe.

"copy" repeats its prompt where the model is able to, "again" one token, where it has random weights and is not
(bar: 1.6); the others should lose nothing (bar: 0.97):
"prose" and "drawn" seldom repeat themselves, "facts" does so in its first words and then goes on another way. "wrong" draws from all tokens almost alike, so
that no draft is ever right.

example: speculation.py --bora build/release/bora --model ~/models/mistral --weights int8 --pairs 9
"""

import argparse
import json
import os
import statistics
import subprocess

from peers.programs import cpu_info

TEXT = """\
The lighthouse keeper wrote every evening in a green book: the wind, the height of the tide, the ships that had
passed and those that had not come. On the fourth of March he noted a schooner with a torn sail, heading north. He
climbed the ninety-one steps twice, cleaned the lamp, and found that a gull had broken one pane of the lantern.
"""
PAIRS_OF_FACTS = (("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Austria", "Vienna"),
                  ("Greece", "Athens"), ("Norway", "Oslo"), ("Poland", "Warsaw"), ("Egypt", "Cairo"))
FACTS = "".join(f"The capital of {country} is {city}.\n" for country, city in PAIRS_OF_FACTS)

# name: (prompt, options, bar)
CASES = {
    "copy": (2 * TEXT + TEXT[:60], [], 1.6),
    "again": (TEXT, ["--frequency-penalty", "-100"], 1.6),
    "prose": (TEXT, [], 0.97),
    "drawn": (TEXT, ["--temperature", "1", "--seed", "7"], 0.97),
    "wrong": (TEXT, ["--temperature", "50", "--seed", "7"], 0.97),
    "facts": (FACTS, ["--temperature", "1", "--seed", "7"], 0.97),
}


def answer(args, prompt, options, speculate):
    command = [args.bora, "run", args.model, "--weights", args.weights, "--threads", str(args.threads),
               "--max-new-tokens", str(args.new), "--ignore-eos", "--speculate", speculate, "--json",
               *options]
    if args.draft_model and speculate != "off":
        command += ["--draft-model", args.draft_model, "--draft-weights", args.draft_weights]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          input=prompt, text=True)
    return json.loads(done.stdout)


def run_pairs(args, prompt, options):
    """[(without, with)]; the first pair warms the page cache and is left out."""
    pairs = []
    for i in range(args.pairs + 1):
        order = ("off", args.speculate) if i % 2 == 0 else (args.speculate, "off")
        results = {mode: answer(args, prompt, options, mode) for mode in order}
        pairs.append((results["off"], results[args.speculate]))
    return pairs[1:]


def speed_of(result):
    return result["timings"]["decode_tokens_per_s"]


def summarize(pairs):
    plain = [speed_of(off) for off, _ in pairs]
    ratios = [speed_of(on) / speed_of(off) for off, on in pairs]
    return {"plain": statistics.median(plain),
            "speculated": statistics.median(speed_of(on) for _, on in pairs),
            "ratio": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios),
            "spread": max(plain) / min(plain) - 1,
            "drafted": statistics.median(on["speculation"]["drafted"] for _, on in pairs),
            "accepted": statistics.median(on["speculation"]["accepted"] for _, on in pairs),
            "same": all(on["ids"] == off["ids"] for off, on in pairs)}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", default="build/release/bora")
    parser.add_argument("--model", required=True, help="checkpoint with a tokenizer")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--new", type=int, default=192, help="tokens of an answer")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--speculate", default="auto", choices=("auto", "lookup", "model"))
    parser.add_argument("--draft-model")
    parser.add_argument("--draft-weights", default="auto")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", help="file to write")
    return parser.parse_args()


def main():
    args = parse_args()
    cpu = cpu_info("model name")
    print(f"{cpu}, {args.threads} threads, {args.new} new tokens, --speculate {args.speculate}, "
          f"{args.pairs} pairs")
    results = {}
    for name in args.cases:
        prompt, options, bar = CASES[name]
        result = results[name] = summarize(run_pairs(args, prompt, options))
        print(f"{name:6s} {result['plain']:8.2f} -> {result['speculated']:8.2f} tokens/s, ratio "
              f"{result['ratio']:.3f} ({result['least']:.3f} to {result['greatest']:.3f}; bar {bar}), "
              f"{result['accepted']:.0f} of {result['drafted']:.0f} drafted right"
              + ("" if result["same"] else "; ANOTHER ANSWER")
              + (f"; too busy: spread {result['spread']:.0%}" if result["spread"] > 0.15 else ""),
              flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"cpu": cpu, "results": results}, file, indent=1)
    return 0 if all(result["same"] for result in results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
