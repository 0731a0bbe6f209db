#!/usr/bin/env python3
"""Turns the GGUF of SmolLM2-135M-Instruct into a Hugging Face checkpoint.

Writes OUT/{config.json,generation_config.json,tokenizer.json,tokenizer_config.json,
chat_template.jinja,model.safetensors}: bf16 weights, Llama architecture, tied embeddings.
The weights are the dequantized Q4_1 ones of the GGUF, so real text comes out.

The weights were 4-bit (Q4_1, group 32) before, so a quantizer whose grid is the same looks perfect
on them. --rotate writes the same function with no grid left: norms folded into the next product and
the residual stream turned by a random orthogonal matrix (embedding and head no longer tied).

Needs numpy and gguf (tools/requirements-test.txt). tools/fetch_default_model.sh prints the GGUF's path.
"""

import argparse
import os

import gguf
import numpy as np
from gguf.quants import dequantize

from checkpoint_io import to_bf16, write_json, write_safetensors

# GGUF's name of a weight -> Hugging Face's, inside a layer or not.
HF_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL_TOKEN = 3  # a value of tokenizer.ggml.token_type
ROTATION_SEED = 576


def unpermute(weight, heads):
    """GGUF interleaves the rotary pairs of a head; Hugging Face keeps the two halves apart."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(weight.shape)


def read_weights(reader, heads, kv_heads):
    """{Hugging Face name: float32 array} of all tensors of the GGUF."""
    weights = {}
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        parts = tensor.name.removesuffix(".weight").split(".")
        if parts[-1] == "attn_q":
            weight = unpermute(weight, heads)
        elif parts[-1] == "attn_k":
            weight = unpermute(weight, kv_heads)
        layer = f"model.layers.{parts[1]}." if parts[0] == "blk" else ""
        weights[layer + HF_NAMES[parts[-1]] + ".weight"] = weight
    return weights


def rotate(weights, hidden_size, layers):
    """Folds each norm into its readers and turns the residual stream, in place."""
    random = np.random.default_rng(ROTATION_SEED).standard_normal((hidden_size, hidden_size))
    rotation = np.linalg.qr(random)[0]

    def fold(norm, readers):
        for reader in readers:
            weights[reader] = (weights[reader] * weights[norm]) @ rotation
        weights[norm] = np.ones(hidden_size)

    embedding = weights["model.embed_tokens.weight"]
    weights["lm_head.weight"] = embedding
    fold("model.norm.weight", ["lm_head.weight"])
    weights["model.embed_tokens.weight"] = embedding @ rotation
    for layer in range(layers):
        base = f"model.layers.{layer}."
        attention, mlp = base + "self_attn.", base + "mlp."
        fold(base + "input_layernorm.weight",
             [attention + p + "_proj.weight" for p in ("q", "k", "v")])
        fold(base + "post_attention_layernorm.weight",
             [mlp + p + "_proj.weight" for p in ("gate", "up")])
        for writer in (attention + "o_proj.weight", mlp + "down_proj.weight"):
            weights[writer] = rotation.T @ weights[writer]


def write_weights(folder, weights):
    bits = {name: to_bf16(weight) for name, weight in sorted(weights.items())}
    tensors = [(name, value.shape, lambda value=value: value) for name, value in bits.items()]
    return write_safetensors(os.path.join(folder, "model.safetensors"), tensors)


def write_config(folder, llama, tied):
    write_json(folder, "config.json", {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": llama["embedding_length"],
        "intermediate_size": llama["feed_forward_length"],
        "num_hidden_layers": llama["block_count"],
        "num_attention_heads": llama["attention.head_count"],
        "num_key_value_heads": llama["attention.head_count_kv"],
        "vocab_size": llama["vocab_size"],
        "max_position_embeddings": llama["context_length"],
        "rms_norm_eps": 1e-5,
        "rope_theta": llama["rope.freq_base"],
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "torch_dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }, indent=1, ensure_ascii=False)
    write_json(folder, "generation_config.json",
               {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}, indent=1)


def write_tokenizer(folder, metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    types = metadata["tokenizer.ggml.token_type"]
    added = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True}
             for i, (token, kind) in enumerate(zip(tokens, types)) if kind == CONTROL_TOKEN]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": True}
    write_json(folder, "tokenizer.json", {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": metadata["tokenizer.ggml.merges"],
        },
    }, indent=1, ensure_ascii=False)

    template = metadata["tokenizer.chat_template"]
    write_json(folder, "tokenizer_config.json", {
        "add_prefix_space": False,
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 8192,
        "tokenizer_class": "GPT2Tokenizer",
        "chat_template": template,
    }, indent=1, ensure_ascii=False)
    with open(os.path.join(folder, "chat_template.jinja"), "w", encoding="utf-8") as file:
        file.write(template)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="the folder to write")
    parser.add_argument("--gguf", required=True, help="SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--rotate", action="store_true", help="no 4-bit grid, untied head")
    args = parser.parse_args()

    reader = gguf.GGUFReader(args.gguf)
    metadata = {key: field.contents() for key, field in reader.fields.items()}
    llama = {key.removeprefix("llama."): value
             for key, value in metadata.items() if key.startswith("llama.")}
    weights = read_weights(reader, llama["attention.head_count"], llama["attention.head_count_kv"])
    if args.rotate:
        rotate(weights, llama["embedding_length"], llama["block_count"])

    os.makedirs(args.out, exist_ok=True)
    size = write_weights(args.out, weights)
    write_config(args.out, llama, tied=not args.rotate)
    write_tokenizer(args.out, metadata)
    print(f"{args.out}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
