#!/usr/bin/env python3
"""Lets bora and llama.cpp continue the same prompts greedily from the same GGUF.

They round differently (llama.cpp multiplies 8-bit activations), and a small model has near-ties, so equal
texts are not expected to the end. Where the texts part, llama.cpp's token has to be one that bora found
almost as likely as its own; anything else is a failure.
"""

import argparse
import json
import subprocess
import sys
import tempfile

PROMPTS = [
    "The capital of France is",
    "Once upon a time, there was a little girl who",
    "def fibonacci(n):\n",
    "Water boils at a temperature of",
]
NEW_TOKENS = 48
CANDIDATES = 8
NEAR_TIE = 0.5  # nats between bora's token and llama.cpp's


def complete_with_bora(args, prompt):
    done = subprocess.run([args.bora, "run", args.model, "-p", prompt, "--json",
                           "--max-new-tokens", str(NEW_TOKENS), "--logprobs", str(CANDIDATES)],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout)


def complete_with_llama(args, prompt):
    done = subprocess.run([args.llama, "-m", args.llama_model or args.model, "-p", prompt,
                           "-n", str(NEW_TOKENS), "--temp", "0", "-no-cnv",
                           "--no-display-prompt", "--no-warmup"],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, text=True)
    return done.stdout.removesuffix("\n\n").removesuffix(" [end of text]")


def decode(args, id_lists):
    """The text of each list of ids."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps({"ids": ids}) + "\n" for ids in id_lists)
        file.flush()
        done = subprocess.run([args.bora, "tokenize", args.model, "--jsonl", file.name],
                              check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def compare(args, prompt):
    """(whether they agree, how far)"""
    ours = complete_with_bora(args, prompt)
    theirs = complete_with_llama(args, prompt)
    ids = ours["ids"]
    texts = decode(args, [ids[:count + 1] for count in range(len(ids))])
    same = next((i for i, text in enumerate(texts) if not theirs.startswith(text)), len(ids))
    if same == len(ids):
        return True, f"all {same} tokens agree"
    step = ours["logprobs"][same]
    candidates = [(token, logprob) for token, logprob in step["top"] if token != ids[same]]
    continued = decode(args, [ids[:same] + [token] for token, _ in candidates])
    gaps = [step["logprob"] - logprob for text, (_, logprob) in zip(continued, candidates)
            if theirs.startswith(text)]
    if not gaps:
        return False, f"{same} tokens agree, then llama.cpp goes where bora would not: {theirs!r}"
    return min(gaps) <= NEAR_TIE, f"{same} tokens agree, then a choice {min(gaps):.2f} nats apart"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", required=True)
    parser.add_argument("--llama", required=True, help="llama-completion")
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--llama-model", help="what llama.cpp runs, where that is another file")
    args = parser.parse_args()

    results = [(prompt, *compare(args, prompt)) for prompt in PROMPTS]
    for prompt, agree, how_far in results:
        print(f"{'ok  ' if agree else 'FAIL'} {prompt!r}: {how_far}")
    sys.exit(0 if all(agree for _, agree, _ in results) else 1)


if __name__ == "__main__":
    main()
