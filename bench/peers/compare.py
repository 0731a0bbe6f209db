#!/usr/bin/env python3
"""bora and the peers on the same weights, interleaved in one run, so that a busy or hot machine hits all.

For one model at a time; report.py makes a whole table of such comparisons, docs/performance.md.
Prints the medians of prefill and decode in tokens/s, the ratio to the best peer, and bora's share of the
read bandwidth that it measured itself. Peers: every llama-bench under $BORA_PEERS (default
~/.cache/bora-peers; tools/build_peers.sh llama ik builds them there); each GGUF given is run on each of them,
ik_llama.cpp also with run-time repack.

example: compare.py --bora build/release/bora --model mistral4 --gguf mistral4.gguf --json out.json
"""

import argparse
import functools
import json
import os
import sys

import figures
from programs import RunFailed, Shape, bench_bora, cpu_info, find_peers, find_projects


def measure(contestants, rounds):
    """Round by round, so that all see the same machine; the first round warms the page cache."""
    measured = []
    for i in range(rounds + 1):
        runs = {name: run() for name, run in contestants.items()}
        if i > 0:
            measured.append({"runs": runs})
    return measured


def medians(rounds, name):
    found = {key: figures.median_of(rounds, name, key) for key in ("prefill", "decode", "bandwidth_fraction")}
    return {key: value for key, value in found.items() if value is not None}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", default="build/release/bora")
    parser.add_argument("--model", required=True, help="checkpoint for bora")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--gguf", nargs="*", default=[], help="the same weights for the peers")
    parser.add_argument("--prompt", type=int, default=512, help="tokens")
    parser.add_argument("--new", type=int, default=32, help="tokens")
    parser.add_argument("--depth", type=int, default=0, help="tokens in the KV cache before")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", help="file to write")
    return parser.parse_args()


def main():
    args = parse_args()
    shape = Shape(args.threads, args.prompt, args.new, args.depth)
    bora = functools.partial(bench_bora, args.bora, args.model, args.weights, shape)
    peers = find_peers(args.gguf, shape, find_projects())
    rounds = measure({"bora": bora, **peers}, args.rounds)

    cpu = cpu_info("model name")
    print(f"{cpu}, {args.threads} threads, {args.prompt} + {args.new} tokens at depth {args.depth}, "
          f"median of {args.rounds}")
    of_each = {name: medians(rounds, name) for name in ("bora", *peers)}
    for name, result in of_each.items():
        share = result.get("bandwidth_fraction")
        print(f"{name:44s} prefill {result['prefill']:9.1f}  decode {result['decode']:8.2f} tokens/s"
              + (f"  {share:.2f} of the read bandwidth" if share is not None else ""))
    ratios = {phase: figures.ratio_to_best(rounds, "bora", peers, phase)
              for phase in ("prefill", "decode") if peers}
    for phase, ratio in ratios.items():
        print(f"{phase}: {ratio:.2f} of the best peer")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"cpu": cpu, "median": of_each, "ratio_to_best": ratios}, file, indent=1)


if __name__ == "__main__":
    try:
        main()
    except RunFailed as error:
        sys.exit(f"compare.py: {error}")
