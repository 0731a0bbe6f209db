#!/usr/bin/env python3
"""Lets bora and llama.cpp continue the same prompts greedily from the same GGUF, and says how far the
texts agree. They round differently (llama.cpp multiplies 8-bit activations), and a small model has
near-ties, so equal texts are not expected to the end: each has to agree on the first words.
"""

import argparse
import os
import subprocess
import sys

PROMPTS = [
    "The capital of France is",
    "Once upon a time, there was a little girl who",
    "def fibonacci(n):\n",
    "Water boils at a temperature of",
]
NEW_TOKENS = 48
REQUIRED_CHARACTERS = 24


def complete_with_bora(args, prompt):
    return subprocess.run([args.bora, "run", args.model, "-p", prompt, "--quiet",
                           "--max-new-tokens", str(NEW_TOKENS), "--temperature", "0"],
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def complete_with_llama(args, prompt):
    return subprocess.run([args.llama, "-m", args.model, "-p", prompt, "-n", str(NEW_TOKENS),
                           "--temp", "0", "-no-cnv", "--no-display-prompt", "--no-warmup"],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", required=True)
    parser.add_argument("--llama", required=True, help="llama-completion")
    parser.add_argument("--model", required=True, help="a GGUF file")
    args = parser.parse_args()

    failed = 0
    for prompt in PROMPTS:
        ours = complete_with_bora(args, prompt).strip()
        theirs = complete_with_llama(args, prompt).removesuffix(" [end of text]\n\n").strip()
        agreed = len(os.path.commonprefix([ours, theirs]))
        enough = agreed >= min(REQUIRED_CHARACTERS, len(theirs))
        failed += not enough
        print(f"{'ok  ' if enough else 'FAIL'} {prompt!r}: {agreed} of {len(theirs)} characters agree")
        if not enough:
            print(f"     bora:      {ours!r}\n     llama.cpp: {theirs!r}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
