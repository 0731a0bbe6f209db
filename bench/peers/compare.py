#!/usr/bin/env python3
"""bora and the peers on the same weights, interleaved in one run, so that a busy or hot machine hits all.

Prints the medians of prefill and decode in tokens/s, the ratio to the best peer, and bora's share of the
read bandwidth that it measured itself. Peers: every llama-bench under $BORA_PEERS (default
~/.cache/bora-peers; tools/test_peers.sh builds llama.cpp there); each GGUF given is run on each of them,
ik_llama.cpp also with run-time repack.

example: compare.py --bora build/release/bora --model mistral4 --gguf mistral4.gguf --json out.json
"""

import argparse
import functools
import glob
import json
import os
import statistics
import subprocess


def run_json(command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return json.loads(done.stdout)


def bench_bora(args):
    report = run_json([
        args.bora, "bench", args.model, "--weights", args.weights, "--threads", str(args.threads),
        "--prompt-tokens", str(args.prompt), "--new-tokens", str(args.new),
        "--depth", str(args.depth), "--reps", "1", "--json"])
    result = report["results"][0]
    return {"prefill": result["prefill_tokens_per_s"], "decode": result["decode_tokens_per_s"],
            "bandwidth_fraction": result["bandwidth_fraction"]}


def bench_llama(args, program, model, options):
    depth = ["-d", str(args.depth)] if args.depth else []
    rows = run_json([program, "-m", model, "-p", str(args.prompt), "-n", str(args.new),
                     "-t", str(args.threads), "-r", "1", "-o", "json", *depth, *options])
    return {"prefill": next(row["avg_ts"] for row in rows if row["n_prompt"]),
            "decode": next(row["avg_ts"] for row in rows if row["n_gen"])}


def find_peers(args, folder):
    """{name: function that runs it once}"""
    peers = {}
    for program in sorted(glob.glob(os.path.join(folder, "*", "build", "bin", "llama-bench"))):
        project = program.split(os.sep)[-4]
        for model in args.gguf:
            run = functools.partial(bench_llama, args, program, model)
            name = f"{project} {os.path.basename(model)}"
            peers[name] = functools.partial(run, [])
            if project == "ik":
                peers[name + " repacked"] = functools.partial(run, ["-rtr", "1"])
    return peers


def median_of(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure(contestants, rounds):
    """Round by round, so that all see the same machine; the first round warms the page cache."""
    runs = {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name, run in contestants.items():
            result = run()
            if i > 0:
                runs[name].append(result)
    return {name: median_of(results) for name, results in runs.items()}


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))


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
    folder = os.environ.get("BORA_PEERS", os.path.expanduser("~/.cache/bora-peers"))
    peers = find_peers(args, folder)
    medians = measure({"bora": functools.partial(bench_bora, args), **peers}, args.rounds)

    print(f"{cpu_name()}, {args.threads} threads, {args.prompt} + {args.new} tokens at depth "
          f"{args.depth}, median of {args.rounds}")
    for name, result in medians.items():
        share = result.get("bandwidth_fraction")
        print(f"{name:44s} prefill {result['prefill']:9.1f}  decode {result['decode']:8.2f} tokens/s"
              + (f"  {share:.2f} of the read bandwidth" if share is not None else ""))
    ratios = {}
    for phase in ("prefill", "decode") if peers else ():
        best = max(result[phase] for name, result in medians.items() if name in peers)
        ratios[phase] = medians["bora"][phase] / best
        print(f"{phase}: {ratios[phase]:.2f} of the best peer")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"cpu": cpu_name(), "median": medians, "ratio_to_best": ratios}, file, indent=1)


if __name__ == "__main__":
    main()
