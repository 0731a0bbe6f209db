#!/usr/bin/env python3
"""Makes, and re-checks, the reference ("golden") data of the tests from Hugging Face transformers.

Reads ROOT/inputs/{models.json,prompts.json,eval.txt,strings.json,chat.json,templates/*.jinja} and writes
ROOT/{models/<name>/...,smollm2.json,tokenize_*.json,chat_templates.json}, then reloads every file and
recomputes what it says, by another route where there is one.

All arithmetic is float32 on bf16 weights with eager attention. Weights come from numpy's PCG64, so they
depend on the seed in golden.json only; each spec is retried with the next seed until its greedy path is
unambiguous (see MODEL_RULES).
Needs torch, transformers 5, tokenizers, sentencepiece, safetensors, mistral-common and the SmolLM2
checkpoint (--smol).
"""

import argparse
import datetime
import hashlib
import json
import os
import random
import re
import tempfile
import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models as tok_models,
    normalizers,
    processors,
)
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.convert_slow_tokenizer import generate_merges
from transformers.utils import chat_template_utils

TOP, GREEDY = 32, 24  # logits kept per position; greedy ids per tiny model
MODEL_RULES = dict(margin=0.05, router_margin=2e-3, distinct=8, ablation=0.05)
DTYPE = "float32 compute on bf16 weights"
MODELS = [
    "mistral_v01_swa",
    "mistral_v02",
    "mistral_nemo",
    "llama2",
    "llama31_rope_tied",
    "mixtral",
    "gemma2",
    "phi3",
    "phi3_longrope",
    "qwen2",
    "qwen3",
]
NOW = datetime.datetime(2024, 7, 26, 14, 5, 9)  # what strftime_now sees
DEFAULT_INIT = [
    ["norm", 1.0, 0.2],
    [r"\.bias$", 0.0, 0.3],
    ["embed_tokens", 0.0, 0.25],
    ["", 0.0, 0.22],
]  # first match: mean, std


def dump(path, obj):
    """JSON with one top-level list element or key a line: small, and readable in a diff."""
    with open(path, "w", encoding="utf-8") as f:
        f.write(compact(obj, 2) + "\n")


def compact(o, depth):
    if depth and isinstance(o, dict) and o:
        return (
            "{\n"
            + ",\n".join(json.dumps(k) + ": " + compact(v, depth - 1) for k, v in o.items())
            + "\n}"
        )
    if depth and isinstance(o, list) and o and isinstance(o[0], (dict, list)):
        return "[\n" + ",\n".join(compact(v, 0) for v in o) + "\n]"
    return json.dumps(o)  # ensure_ascii: every string survives as \u escapes


def load(*p):
    return json.load(open(os.path.join(*p), encoding="utf-8"))


def f7(x):
    return float(f"{float(x):.7g}")


def sha(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def top(row):
    """One position's logits, as the tests read them."""
    v, i = torch.topk(row.float(), TOP)
    return {
        "ids": i.tolist(),
        "values": [f7(x) for x in v],
        "logsumexp": f7(torch.logsumexp(row.double(), -1)),
    }


def same(a, b, tol=2e-4):
    """Compare two top() records by value (not by order, which a tie may swap)."""
    return (
        abs(a["logsumexp"] - b["logsumexp"]) <= tol
        and max(abs(x - y) for x, y in zip(a["values"], b["values"])) <= tol
    )


# ---------------------------------------------------------------- tiny random checkpoints
def open_model(folder, override=None):
    """from_pretrained on the published-style folder; refuses missing or unexpected tensors."""
    cfg = {**load(folder, "config.json"), **(override or {})}
    with tempfile.TemporaryDirectory() as tmp:
        for n in os.listdir(folder):
            if n.startswith("model"):
                os.symlink(os.path.abspath(os.path.join(folder, n)), os.path.join(tmp, n))
        json.dump(cfg, open(os.path.join(tmp, "config.json"), "w"))
        kw = {"experts_implementation": "eager"} if re.search("expert", json.dumps(cfg)) else {}
        m, info = AutoModelForCausalLM.from_pretrained(
            tmp, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **kw
        )
    bad = {
        k: v
        for k, v in info.items()
        if v and k in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")
    }
    if bad and not override:
        raise SystemExit(f"{folder}: {bad}")
    return m.eval()


def published_shapes(cfg):
    """{tensor name: shape} as save_pretrained writes the architecture, which is how the real checkpoints name them."""
    with tempfile.TemporaryDirectory() as tmp:
        json.dump(cfg, open(os.path.join(tmp, "config.json"), "w"))
        AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(tmp)).save_pretrained(tmp)
        with safe_open(os.path.join(tmp, "model.safetensors"), "pt") as f:
            return {k: f.get_slice(k).get_shape() for k in sorted(f.keys())}


def write_weights(folder, shapes, seed, init, shards):
    """Random bf16 weights: the first pattern in init that matches a name gives its mean and standard deviation."""
    rng, out = np.random.default_rng(seed), {}
    for name, shape in shapes.items():
        mean, std = next((m, s) for pat, m, s in init if re.search(pat, name))
        out[name] = torch.from_numpy(
            (mean + std * rng.standard_normal(shape)).astype(np.float32)
        ).to(torch.bfloat16)
    for n in os.listdir(folder):
        if n.startswith("model"):
            os.remove(os.path.join(folder, n))
    names, meta = list(out), {"format": "pt"}
    if shards == 1:
        return save_file(out, os.path.join(folder, "model.safetensors"), metadata=meta)
    where, size = {}, sum(t.numel() * 2 for t in out.values())
    for k in range(shards):
        part = names[k * len(names) // shards : (k + 1) * len(names) // shards]
        fn = f"model-{k + 1:05d}-of-{shards:05d}.safetensors"
        save_file({n: out[n] for n in part}, os.path.join(folder, fn), metadata=meta)
        where.update({n: fn for n in part})
    json.dump(
        {"metadata": {"total_size": size}, "weight_map": where},
        open(os.path.join(folder, "model.safetensors.index.json"), "w"),
        indent=1,
    )


@torch.no_grad()
def full(m, ids, **kw):
    return m(torch.tensor([ids]), use_cache=False, **kw)


def greedy_uncached(m, ids, n, least=0.0):
    """n greedy ids, each from a whole forward pass, and the top-1/top-2 margins; stops at a margin below least."""
    out, margins = [], []
    for _ in range(n):
        v, i = torch.topk(full(m, ids + out).logits[0, -1], 2)
        out.append(i[0].item())
        margins.append(f7(v[0] - v[1]))
        if margins[-1] < least:
            break
    return out, margins


@torch.no_grad()
def greedy_cached(m, ids, n):
    """The same through the model's own key/value cache."""
    r = m(torch.tensor([ids]), use_cache=True)
    out = []
    for k in range(n):
        out.append(r.logits[0, -1].argmax().item())
        if k + 1 < n:
            r = m(torch.tensor([[out[-1]]]), past_key_values=r.past_key_values, use_cache=True)
    return out


def make_model(folder, spec):
    cfg, rules = spec["config"], MODEL_RULES
    os.makedirs(folder, exist_ok=True)
    json.dump(cfg, open(os.path.join(folder, "config.json"), "w"), indent=2)
    eos = cfg["eos_token_id"]
    eos = set(eos if isinstance(eos, list) else [eos])
    moe, shapes = "num_experts_per_tok" in cfg, published_shapes(cfg)
    for seed in range(spec.get("seed", 1), 400):
        ids = (
            np.random.default_rng(10_000 + seed)
            .integers(3, cfg["vocab_size"], spec.get("length", 48))
            .tolist()
        )
        write_weights(
            folder, shapes, seed, spec.get("init", []) + DEFAULT_INIT, spec.get("shards", 1)
        )
        m = open_model(folder)
        out, margins = greedy_uncached(m, ids, GREEDY, rules["margin"])
        if min(margins) < rules["margin"] or eos & set(out) or len(set(out)) < rules["distinct"]:
            continue
        if not moe:
            break
        gates = full(m, ids + out, output_router_logits=True).router_logits
        k = cfg["num_experts_per_tok"]
        gap = min(
            (t := g.reshape(-1, g.shape[-1]).sort(-1, descending=True).values)[:, k - 1]
            .sub(t[:, k])
            .min()
            .item()
            for g in gates
        )
        if gap > rules["router_margin"]:
            break
    else:
        raise SystemExit(f"{folder}: no seed passes {rules}")
    logits = full(m, ids).logits[0]
    g = {
        "input_ids": ids,
        "greedy": out,
        "greedy_margin": margins,
        "dtype": DTYPE,
        "transformers": transformers.__version__,
        "seed": seed,
        "note": spec.get("note", ""),
        "logit_std": f7(logits.std()),
    }
    if moe:
        g["router_margin"] = f7(gap)
    g["ablations"] = {}  # max |logit change| when one config key is changed: it must matter
    for o in spec.get("ablate", []):
        d = (full(open_model(folder, o), ids).logits[0] - logits).abs().max().item()
        assert d > rules["ablation"], f"{folder}: {o} changes the logits by {d} only"
        g["ablations"][json.dumps(o)] = f7(d)
    g["logits_last"] = [top(r) for r in logits]
    dump(os.path.join(folder, "golden.json"), g)
    print(
        f"  {os.path.basename(folder)}: seed {seed}, margin {min(margins):.3f}, std {g['logit_std']:.2f}, rope {m.config.rope_parameters}",
        flush=True,
    )


def check_model(folder):
    g, m = load(folder, "golden.json"), open_model(folder)
    for pos, (r, want) in enumerate(
        zip(full(m, g["input_ids"]).logits[0], g["logits_last"], strict=True)
    ):
        assert same(top(r), want), (folder, pos)
    got = greedy_cached(m, g["input_ids"], GREEDY)  # made without the cache, checked with it
    assert got == g["greedy"], (folder, got, g["greedy"])


# ---------------------------------------------------------------- SmolLM2-135M-Instruct
def prompt_text(p, template):
    if "messages" not in p:
        return p["text"]
    return chat_template_utils.render_jinja_template(
        [p["messages"]], chat_template=template, add_generation_prompt=True
    )[0][0]


def make_smollm2(inp, out, smol):
    m, tok = open_model(smol), Tokenizer.from_file(os.path.join(smol, "tokenizer.json"))
    template, text = (
        open(os.path.join(smol, "chat_template.jinja")).read(),
        open(os.path.join(inp, "eval.txt"), encoding="utf-8").read(),
    )
    res = {
        "model": "SmolLM2-135M-Instruct, dequantized from Q4_1 by smollm2_checkpoint.py",
        "safetensors_sha256": sha(os.path.join(smol, "model.safetensors")),
        "dtype": DTYPE,
        "transformers": transformers.__version__,
        "prompts": [],
    }
    for p in load(inp, "prompts.json"):
        s = prompt_text(p, template).replace("{EVAL}", text[: p.get("eval_chars", 0)].strip())
        ids = tok.encode(s).ids
        assert len(ids) >= p.get("min_tokens", 1), (p["name"], len(ids))
        new = greedy_cached(m, ids, 64)
        rows = full(m, ids + new).logits[0]
        step = rows[len(ids) - 1 : -1].topk(2)  # position i predicts token i+1
        margins = [f7(a - b) for a, b in step.values]
        bad = [i for i in range(64) if step.indices[i, 0] != new[i] and margins[i] > 1e-3]
        assert not bad, (p["name"], bad)
        at = sorted(set(range(0, len(ids), 16)) | {len(ids) - 1})
        res["prompts"].append(
            {
                "name": p["name"],
                "text": s,
                "input_ids": ids,
                "greedy": new,
                "greedy_margin": margins,
                "greedy_text": tok.decode(new, skip_special_tokens=False),
                "logits_at": [{"pos": i, **top(rows[i])} for i in at],
            }
        )
        print(
            f"  {p['name']}: {len(ids)} tokens, margin {min(margins):.4f}, {tok.decode(new)[:60]!r}",
            flush=True,
        )
    ids = tok.encode(text).ids
    nll = torch.nn.functional.cross_entropy(
        full(m, ids).logits[0, :-1], torch.tensor(ids[1:]), reduction="none"
    ).double()
    res["eval"] = {
        "file": "eval.txt",
        "input_ids": ids,
        "predicted_tokens": len(ids) - 1,
        "total_nll": f7(nll.sum()),
        "ppl": f7(nll.mean().exp()),
        "cumulative_nll_every_256": [f7(nll[:k].sum()) for k in range(256, len(ids), 256)],
    }
    print(f"  eval: {len(ids)} tokens, nll {nll.sum():.3f}, ppl {nll.mean().exp():.3f}")
    dump(os.path.join(out, "smollm2.json"), res)


@torch.no_grad()
def check_smollm2(out, smol):
    """Recompute through the cache: the prompt in one pass, then the recorded continuation token by token."""
    g, m, tok = (
        load(out, "smollm2.json"),
        open_model(smol),
        Tokenizer.from_file(os.path.join(smol, "tokenizer.json")),
    )
    for p in g["prompts"]:
        assert tok.encode(p["text"]).ids == p["input_ids"], p["name"]
        r = m(torch.tensor([p["input_ids"]]), use_cache=True)
        for want in p["logits_at"]:
            assert same(top(r.logits[0, want["pos"]]), want, 2e-3), (p["name"], want["pos"])
        for t, gap in zip(p["greedy"], p["greedy_margin"], strict=True):
            v, i = r.logits[0, -1].topk(2)
            assert abs((v[0] - v[1]).item() - gap) < 4e-3 and (i[0] == t or gap < 1e-3), p["name"]
            r = m(torch.tensor([[t]]), past_key_values=r.past_key_values, use_cache=True)
    e, cache, nll = g["eval"], None, 0.0
    assert (
        tok.encode(open(os.path.join(out, "inputs", "eval.txt"), encoding="utf-8").read()).ids
        == e["input_ids"]
    )
    for k in range(0, len(e["input_ids"]), 256):  # in chunks, on top of a cache
        part, nxt = e["input_ids"][k : k + 256], e["input_ids"][k + 1 : k + 257]
        r = m(torch.tensor([part]), past_key_values=cache, use_cache=True)
        cache = r.past_key_values
        nll += torch.nn.functional.cross_entropy(
            r.logits[0, : len(nxt)], torch.tensor(nxt), reduction="sum"
        ).item()
    assert abs(nll - e["total_nll"]) < 0.02, (nll, e["total_nll"])


# ---------------------------------------------------------------- tokenizers
def mistral_data(name):
    import mistral_common

    return os.path.join(os.path.dirname(mistral_common.__file__), "data", name)


def hf_mistral_v1(path):
    """tokenizer.json of mistralai/Mistral-7B-v0.1 (LlamaTokenizerFast, legacy), rebuilt from the sentencepiece model."""
    import sentencepiece

    sp = sentencepiece.SentencePieceProcessor(model_file=path)
    vocab = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    merges = generate_merges(vocab, {p: sp.get_score(i) for p, i in vocab.items()})
    t = Tokenizer(
        tok_models.BPE(
            vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
        )
    )
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    t.add_special_tokens(
        [AddedToken(x, normalized=False, special=True) for x in ("<unk>", "<s>", "</s>")]
    )
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return t, sp


def strings(spec, n):
    """The hand-written strings, then seeded joins of the fragments up to n distinct ones."""
    rnd, out = random.Random(spec["seed"]), list(dict.fromkeys(spec["strings"]))
    while len(out) < n:
        s = "".join(rnd.choice(spec["fragments"]) for _ in range(rnd.choice([2, 3, 4, 6, 9])))
        if s not in out:
            out.append(s)
    return out[:n]


def tokenize_files(inp, smol):
    """{file name: contents}, computed anew on every call (so that the check is one comparison)."""
    spec, files = load(inp, "strings.json"), {}
    texts = strings(spec, 300)
    v1, ts = mistral_data("tokenizer.model.v1"), os.path.join(smol, "tokenizer.json")
    (t1, sp), tsm = hf_mistral_v1(v1), Tokenizer.from_file(ts)

    def decodes(t, lists):
        return [
            {
                "ids": x,
                "decoded": t.decode(x),
                "decoded_with_special": t.decode(x, skip_special_tokens=False),
            }
            for x in lists
        ]

    def rows(t, sp=None):
        out = [
            {"text": s, **d} for s, d in zip(texts, decodes(t, [t.encode(s).ids for s in texts]))
        ]
        for r in out:
            if sp and (alt := [1] + sp.encode(r["text"])) != r["ids"]:
                r["sentencepiece_ids"] = alt
        return out

    files["tokenize_mistral_v1.json"] = {
        "tokenizer": "mistral_common/data/tokenizer.model.v1",
        "sha256": sha(v1),
        "behaviour": "HF LlamaTokenizerFast, legacy, as mistralai/Mistral-7B-v0.1: "
        "BOS first, prefix space after the start and after each special token; sentencepiece_ids where raw sentencepiece differs",
        "encode": rows(t1, sp),
        "decode": decodes(t1, spec["decode_mistral_v1"]),
    }
    files["tokenize_smollm2.json"] = {
        "tokenizer": "smollm2 tokenizer.json",
        "sha256": sha(ts),
        "behaviour": "tokenizers library; adds no special tokens",
        "encode": rows(tsm),
        "decode": decodes(tsm, spec["decode_smollm2"]),
    }
    from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy as P
    from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    short = (spec["strings"] + texts)[:: max(1, len(spec["strings"]) // 60)][:60]
    for key, name, cls in (
        ("v3", "mistral_instruct_tokenizer_240323.model.v3", SentencePieceTokenizer),
        ("tekken", "tekken_240911.json", Tekkenizer),
    ):
        t, out = cls(mistral_data(name)) if key == "v3" else cls.from_file(mistral_data(name)), []
        for s in short:
            ids = t.encode(s, bos=True, eos=False)
            out.append(
                {
                    "text": s,
                    "ids": ids,
                    "decoded": t.decode(ids, special_token_policy=P.IGNORE),
                    "decoded_with_special": t.decode(ids, special_token_policy=P.KEEP),
                }
            )
        files[f"tokenize_mistral_{key}.json"] = {
            "tokenizer": "mistral_common/data/" + name,
            "sha256": sha(mistral_data(name)),
            "behaviour": "mistral_common, bos=True: special tokens in text stay text",
            "encode": out,
        }
    return files


# ---------------------------------------------------------------- chat templates
def chat_file(inp):
    chat_template_utils.datetime = type("FixedDate", (), {"now": staticmethod(lambda: NOW)})
    spec, out = load(inp, "chat.json"), []
    for name, cases in spec["templates"].items():
        template, rows = (
            open(os.path.join(inp, "templates", name + ".jinja"), encoding="utf-8").read(),
            [],
        )
        for c in cases:
            kw = {
                **spec["defaults"],
                **{k: v for k, v in c.items() if k not in ("messages", "tools")},
            }
            msgs, tools = spec["messages"][c["messages"]], (
                spec["tools"][c["tools"]] if c.get("tools") else None
            )
            row = {"messages": msgs, "tools": tools, "kwargs": kw}
            try:
                row["rendered"] = chat_template_utils.render_jinja_template(
                    [msgs], tools=tools, chat_template=template, **kw
                )[0][0]
            except Exception as e:
                row["error"], row["error_type"] = str(e), type(e).__name__
            rows.append(row)
        out.append({"name": name, "template": template, "cases": rows})
    return {"now": NOW.isoformat(), "transformers": transformers.__version__, "templates": out}


# ---------------------------------------------------------------- driver
def run_models(args, root):
    for name, spec in load(root, "inputs", "models.json").items():
        if name not in args.models:
            continue
        folder = os.path.join(root, "models", name)
        if not args.verify_only:
            make_model(folder, spec)
        check_model(folder)


def run_smollm2(args, root):
    if not args.verify_only:
        make_smollm2(os.path.join(root, "inputs"), root, args.smol)
    check_smollm2(root, args.smol)


def run_tokenizers(args, root):
    for name, golden in tokenize_files(os.path.join(root, "inputs"), args.smol).items():
        if not args.verify_only:
            dump(os.path.join(root, name), golden)
        assert load(root, name) == json.loads(json.dumps(golden)), name


def run_chat(args, root):
    golden = chat_file(os.path.join(root, "inputs"))
    if not args.verify_only:
        dump(os.path.join(root, "chat_templates.json"), golden)
    assert load(root, "chat_templates.json") == json.loads(json.dumps(golden))


PARTS = {
    "models": run_models,
    "smollm2": run_smollm2,
    "tokenizers": run_tokenizers,
    "chat": run_chat,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--smol", help="the folder that tools/smollm2_checkpoint.py made")
    parser.add_argument("--verify-only", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--models", nargs="+", default=MODELS, help="these tiny models only")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if not args.smol and {"smollm2", "tokenizers"} & set(args.only):
        parser.error("--smol is needed for smollm2 and tokenizers")
    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for part in args.only:
        PARTS[part](args, args.root)
        print(f"{part}: verified", flush=True)


if __name__ == "__main__":
    main()
