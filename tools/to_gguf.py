#!/usr/bin/env python3
"""Writes a Llama or Mistral checkpoint with a SentencePiece tokenizer (as mistral_checkpoint.py makes)
as a bf16 GGUF, for measuring llama.cpp on the same weights. Needs numpy, gguf, sentencepiece; no torch.
"""

import argparse
import glob
import json
import mmap
import os
import struct

import gguf
import numpy as np
import sentencepiece

GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def permute(weight, heads):
    """Hugging Face keeps the halves of a rotary head apart; GGUF interleaves the pairs."""
    rows, columns = weight.shape
    halves = weight.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(weight.shape)


def gguf_name(hf_name):
    parts = hf_name.removesuffix(".weight").split(".")
    if parts[:2] == ["model", "layers"]:
        return f"blk.{parts[2]}.{GGUF_NAMES['.'.join(parts[3:])]}.weight"
    return GGUF_NAMES[".".join(parts)] + ".weight"


def add_config(writer, name, config):
    heads = config["num_attention_heads"]
    writer.add_name(name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)


def token_type(processor, i):
    if processor.is_unknown(i):
        return gguf.TokenType.UNKNOWN
    if processor.is_control(i):
        return gguf.TokenType.CONTROL
    if processor.is_unused(i):
        return gguf.TokenType.UNUSED
    if processor.is_byte(i):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL


def add_tokenizer(writer, model_file):
    processor = sentencepiece.SentencePieceProcessor(model_file=model_file)
    ids = range(processor.get_piece_size())
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([processor.id_to_piece(i).encode() for i in ids])
    writer.add_token_scores([processor.get_score(i) for i in ids])
    writer.add_token_types([int(token_type(processor, i)) for i in ids])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def mapped_tensors(path):
    """Yields (name, uint16 view into the map) of a bf16 safetensors file."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    header_bytes = struct.unpack("<Q", data[:8])[0]
    for name, tensor in json.loads(data[8:8 + header_bytes]).items():
        if name == "__metadata__":
            continue
        begin, end = tensor["data_offsets"]
        view = np.frombuffer(data, np.uint16, count=(end - begin) // 2,
                             offset=8 + header_bytes + begin)
        yield name, view.reshape(tensor["shape"])


def add_weights(writer, folder, heads, kv_heads):
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        for name, weight in mapped_tensors(path):
            key = gguf_name(name)
            if key.endswith("attn_q.weight"):
                weight = permute(weight, heads)
            elif key.endswith("attn_k.weight"):
                weight = permute(weight, kv_heads)
            if weight.ndim == 1:  # norms are float32 in a GGUF
                writer.add_tensor(key, (weight.astype(np.uint32) << 16).view(np.float32))
            else:
                writer.add_tensor(key, np.ascontiguousarray(weight).view(np.uint8),
                                  raw_dtype=gguf.GGMLQuantizationType.BF16)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a Hugging Face folder, bf16 safetensors")
    parser.add_argument("out", help="the .gguf file to write")
    args = parser.parse_args()

    with open(os.path.join(args.checkpoint, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    writer = gguf.GGUFWriter(args.out, "llama")
    add_config(writer, os.path.basename(args.checkpoint), config)
    add_tokenizer(writer, os.path.join(args.checkpoint, "tokenizer.model"))
    add_weights(writer, args.checkpoint, config["num_attention_heads"],
                config["num_key_value_heads"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{args.out}: {os.path.getsize(args.out) / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
