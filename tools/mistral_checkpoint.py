#!/usr/bin/env python3
"""Writes a Hugging Face checkpoint in the exact shapes and files of mistralai/Mistral-7B-v0.1, with
random bf16 weights: for speed, memory and tokenizer work, not for text. 32 layers are 14.5 GB.

Files as in the original repository: config.json, generation_config.json, tokenizer.model,
tokenizer.json, tokenizer_config.json, model*.safetensors.
Needs numpy, sentencepiece and mistral-common, which carries the real v0.1 tokenizer. No torch.
"""

import argparse
import os
import shutil

import mistral_common
import numpy as np
import sentencepiece

from checkpoint_io import write_json, write_safetensors

BF16_ONE = np.uint16(0x3F80)
POOL_VALUES = 1 << 25
FIRST_PIECE = 259  # ids below are <unk> <s> </s> and the 256 bytes
SPECIAL_TOKENS = ["<unk>", "<s>", "</s>"]


class RandomWeights:
    """bf16 values ~ N(0, std) at the speed of a copy: a pool of N(0, 1) is read from a random
    offset, and the exponent is shifted (std is a power of two)."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        normal = self.rng.standard_normal(POOL_VALUES, dtype=np.float32)
        self.pool = (normal.view(np.uint32) >> 16).astype(np.uint16)

    def draw(self, count, std):
        out = np.empty(count, np.uint16)
        filled = 0
        while filled < count:
            start = int(self.rng.integers(0, len(self.pool) - 1))
            length = min(count - filled, len(self.pool) - start)
            out[filled:filled + length] = self.pool[start:start + length]
            filled += length
        shift = int(np.log2(std))
        exponent = (out >> 7) & 0xFF
        shifted = out + np.uint16((shift << 7) & 0xFFFF)
        return np.where(exponent > -shift, shifted, np.uint16(0)).astype(np.uint16)


def tensor_specs(args):
    """[(name, shape, std)] in file order; std None: a norm, all ones."""
    hidden, inter, vocab = args.hidden, args.inter, args.vocab
    kv_rows = args.kv * (hidden // args.heads)
    specs = [("model.embed_tokens.weight", (vocab, hidden), 2**-6)]
    for layer in range(args.layers):
        base = f"model.layers.{layer}."
        specs += [
            (base + "input_layernorm.weight", (hidden,), None),
            (base + "mlp.down_proj.weight", (hidden, inter), 2**-7),
            (base + "mlp.gate_proj.weight", (inter, hidden), 2**-6),
            (base + "mlp.up_proj.weight", (inter, hidden), 2**-6),
            (base + "post_attention_layernorm.weight", (hidden,), None),
            (base + "self_attn.k_proj.weight", (kv_rows, hidden), 2**-5),
            (base + "self_attn.o_proj.weight", (hidden, hidden), 2**-6),
            (base + "self_attn.q_proj.weight", (hidden, hidden), 2**-5),
            (base + "self_attn.v_proj.weight", (kv_rows, hidden), 2**-6),
        ]
    return specs + [("model.norm.weight", (hidden,), None),
                    ("lm_head.weight", (vocab, hidden), 2**-5)]


def split_into_shards(specs, limit_bytes):
    shards, current, size = [], [], 0
    for spec in specs:
        tensor_bytes = 2 * int(np.prod(spec[1]))
        if current and size + tensor_bytes > limit_bytes:
            shards.append(current)
            current, size = [], 0
        current.append(spec)
        size += tensor_bytes
    return shards + [current]


def write_weights(args):
    """Returns (bytes, number of shards)."""
    weights = RandomWeights(args.seed)

    def maker(shape, std):
        count = int(np.prod(shape))
        return lambda: np.full(count, BF16_ONE) if std is None else weights.draw(count, std)

    shards = split_into_shards(tensor_specs(args), args.shard_gb * 1e9)
    total, weight_map = 0, {}
    for i, shard in enumerate(shards):
        file_name = ("model.safetensors" if len(shards) == 1
                     else f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors")
        tensors = [(name, shape, maker(shape, std)) for name, shape, std in shard]
        total += write_safetensors(os.path.join(args.out, file_name), tensors)
        weight_map.update({name: file_name for name, _, _ in shard})
    if len(shards) > 1:
        write_json(args.out, "model.safetensors.index.json",
                   {"metadata": {"total_size": total}, "weight_map": weight_map}, indent=1)
    return total, len(shards)


def write_config(args):
    write_json(args.out, "config.json", {
        "architectures": ["MistralForCausalLM"],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": args.hidden,
        "initializer_range": 0.02,
        "intermediate_size": args.inter,
        "max_position_embeddings": 32768,
        "model_type": "mistral",
        "num_attention_heads": args.heads,
        "num_hidden_layers": args.layers,
        "num_key_value_heads": args.kv,
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0,
        "sliding_window": args.window,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": args.vocab,
    }, indent=1)
    write_json(args.out, "generation_config.json",
               {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2})


def merges_of(processor, vocab):
    """The BPE merges of a SentencePiece model: every split (left, right) of a piece into two pieces,
    ranked by the score of the piece that it makes, then the longest left first, as transformers'
    converter does: the runs of spaces share one score."""
    merges = []
    for piece, i in vocab.items():
        if i < FIRST_PIECE:
            continue
        for k in range(1, len(piece)):
            left, right = piece[:k], piece[k:]
            if left in vocab and right in vocab:
                merges.append((-processor.get_score(i), -len(left), -len(right), left, right))
    merges.sort(key=lambda merge: merge[:3])
    return [f"{left} {right}" for *_, left, right in merges]


def write_tokenizer(folder):
    """tokenizer.model as shipped, and the same vocabulary as a byte-fallback BPE tokenizer.json."""
    data = os.path.join(os.path.dirname(mistral_common.__file__), "data")
    model_file = os.path.join(folder, "tokenizer.model")
    shutil.copy(os.path.join(data, "tokenizer.model.v1"), model_file)
    write_json(folder, "tokenizer_config.json", {
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "legacy": True,
        "clean_up_tokenization_spaces": False,
        "tokenizer_class": "LlamaTokenizer",
        "model_max_length": 10**30,
    }, indent=1)

    processor = sentencepiece.SentencePieceProcessor(model_file=model_file)
    vocab = {processor.id_to_piece(i): i for i in range(processor.get_piece_size())}
    bos = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    bos_of_second = {"SpecialToken": {"id": "<s>", "type_id": 1}}
    first = {"Sequence": {"id": "A", "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": 1}}
    write_json(folder, "tokenizer.json", {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for i, token in enumerate(SPECIAL_TOKENS)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, first],
            "pair": [bos, first, bos_of_second, second],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges_of(processor, vocab),
        },
    }, ensure_ascii=False)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="the folder to write")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=4096)
    parser.add_argument("--inter", type=int, default=14336)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--kv", type=int, default=8, help="key/value heads")
    parser.add_argument("--vocab", type=int, default=32000)
    parser.add_argument("--window", type=int, default=4096, help="sliding window, in positions")
    parser.add_argument("--shard-gb", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def main():
    args = parse_args()
    os.makedirs(args.out, exist_ok=True)
    total, shards = write_weights(args)
    write_config(args)
    write_tokenizer(args.out)
    print(f"{args.out}: {total / 1e9:.2f} GB in {shards} shard(s)")


if __name__ == "__main__":
    main()
