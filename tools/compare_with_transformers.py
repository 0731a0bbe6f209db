#!/usr/bin/env python3
"""Compares bora with Hugging Face transformers on checkpoints, with inputs that no golden file holds:
logits of random prompts (float32 compute), tokens of random strings both ways, chat templates.
Tokenizers and templates are compared where the folder has them. Exits 1 where one differs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import torch
import transformers

LOGIT_TOLERANCE = 2e-3
TOP = 32
ALPHABETS = ["abcdefghij ABC \n\t.,'", "0123456789 +-=", "äöüßéèñ çàœ", "日本語のテキスト。", "🙂🚀👩‍👩‍👧 ",
             "мир и труд ", "<|im_start|> </s> [INST] ", "\u0301\u200d\u00a0\ufeff x"]
CONVERSATIONS = [
    [{"role": "user", "content": "Hello!"}],
    [{"role": "system", "content": "Be short."}, {"role": "user", "content": " Why?\n"}],
    [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"},
     {"role": "user", "content": "3 <b>&amp;</b>"}],
]


def run_bora(args, *arguments):
    return subprocess.run([args.bora, *arguments], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def compare_logits(args, folder, rng):
    """The largest difference of a logit or a logsumexp, over all positions of one random prompt."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = [rng.randrange(3, model.config.vocab_size) for _ in range(args.tokens)]
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0]
    report = json.loads(run_bora(args, "eval", folder, "--compute", "f32", "--json",
                                 "--prompt-ids", ",".join(map(str, ids)), "--top-logits", str(TOP)))
    worst = 0.0
    for row, position in zip(expected, report["positions"], strict=True):
        worst = max(worst, abs(torch.logsumexp(row.double(), -1).item() - position["logsumexp"]))
        worst = max(worst, *(abs(row[i].item() - logit) for i, logit in position["top"]))
        best = row.topk(1).values.item()
        worst = max(worst, abs(best - position["top"][0][1]))
    return worst


def random_strings(rng, count):
    strings = []
    for _ in range(count):
        alphabet = "".join(rng.sample(ALPHABETS, rng.randrange(1, 4)))
        strings.append("".join(rng.choice(alphabet) for _ in range(rng.randrange(0, 80))))
    return strings


def count_token_differences(args, folder, rng):
    """How many random strings bora encodes or decodes otherwise, and how many there were."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=os.path.join(folder, "tokenizer.json"))
    strings = random_strings(rng, args.strings)
    expected = [tokenizer.encode(string, add_special_tokens=False) for string in strings]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for string, ids in zip(strings, expected):
            file.write(json.dumps({"text": string}) + "\n" + json.dumps({"ids": ids}) + "\n")
        file.flush()
        lines = run_bora(args, "tokenize", folder, "--jsonl", file.name, "--no-special").splitlines()
    differences = 0
    for string, ids, encoded, decoded in zip(strings, expected, lines[::2], lines[1::2], strict=True):
        text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if json.loads(encoded)["ids"] != ids or json.loads(decoded)["text"] != text:
            differences += 1
            print(f"     {string!r}: transformers {ids}, bora {encoded}; {text!r}, bora {decoded}")
    return differences


def count_template_differences(args, folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    differences = 0
    for messages in CONVERSATIONS:
        expected = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump({"messages": messages, "kwargs": {"add_generation_prompt": True}}, file)
            file.flush()
            rendered = run_bora(args, "template", folder, "--messages", file.name)
        if rendered.removesuffix("\n") != expected.removesuffix("\n"):
            differences += 1
            print(f"     {messages}: transformers {expected!r}, bora {rendered!r}")
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", required=True)
    parser.add_argument("--tokens", type=int, default=40, help="length of the random prompt")
    parser.add_argument("--strings", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("checkpoints", nargs="+", help="Hugging Face folders")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    failed = False
    for folder in args.checkpoints:
        rng = random.Random(args.seed)
        worst = compare_logits(args, folder, rng)
        problems = [] if worst <= LOGIT_TOLERANCE else ["logits"]
        summary = f"logits within {worst:.1e}"
        if os.path.exists(os.path.join(folder, "tokenizer.json")):
            differences = count_token_differences(args, folder, rng)
            summary += f", {differences} of {args.strings} strings tokenized otherwise"
            problems += ["tokens"] if differences else []
        if os.path.exists(os.path.join(folder, "chat_template.jinja")):
            differences = count_template_differences(args, folder)
            summary += f", {differences} of {len(CONVERSATIONS)} conversations rendered otherwise"
            problems += ["templates"] if differences else []
        print(f"{'FAIL' if problems else 'ok  '} {os.path.basename(folder)}: {summary}", flush=True)
        failed = failed or bool(problems)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
