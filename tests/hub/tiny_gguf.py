"""A tiny Llama as GGUF files of format version 3, with random weights and a vocabulary of bytes: enough to run."""

import random
import struct

UINT32, FLOAT32, STRING, ARRAY, UINT64, UINT16, INT32 = 4, 6, 8, 9, 10, 2, 5
F32, Q8_0 = 0, 8  # types of weights
HIDDEN, INTER, HEADS, LAYERS, VOCABULARY = 64, 96, 4, 2, 320
ALIGNMENT = 32


def text(value):
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def entry(key, kind, packed):
    return text(key) + struct.pack("<I", kind) + packed


def array(key, kind, packed):
    return entry(key, ARRAY, struct.pack("<IQ", kind, len(packed)) + b"".join(packed))


def metadata():
    sizes = {"context_length": 512, "embedding_length": HIDDEN, "block_count": LAYERS, "feed_forward_length": INTER,
             "attention.head_count": HEADS, "attention.head_count_kv": HEADS, "rope.dimension_count": HIDDEN // HEADS}
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3, *([6] * 256)]
    tokens += [f"t{i}" for i in range(VOCABULARY - len(tokens))]
    kinds += [1] * (VOCABULARY - len(kinds))
    return [entry("general.architecture", STRING, text("llama")),
            *(entry(f"llama.{key}", UINT32, struct.pack("<I", size)) for key, size in sizes.items()),
            entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-5)),
            entry("tokenizer.ggml.model", STRING, text("llama")),
            array("tokenizer.ggml.tokens", STRING, [text(token) for token in tokens]),
            array("tokenizer.ggml.scores", FLOAT32, [struct.pack("<f", -i) for i in range(VOCABULARY)]),
            array("tokenizer.ggml.token_type", INT32, [struct.pack("<i", kind) for kind in kinds])]


def tensors():
    """Names and sizes, the innermost dimension first."""
    yield "token_embd.weight", [HIDDEN, VOCABULARY]
    for i in range(LAYERS):
        for name, shape in {"attn_norm": [HIDDEN], "ffn_norm": [HIDDEN], "attn_q": [HIDDEN, HIDDEN],
                            "attn_k": [HIDDEN, HIDDEN], "attn_v": [HIDDEN, HIDDEN], "attn_output": [HIDDEN, HIDDEN],
                            "ffn_gate": [HIDDEN, INTER], "ffn_up": [HIDDEN, INTER],
                            "ffn_down": [INTER, HIDDEN]}.items():
            yield f"blk.{i}.{name}.weight", shape
    yield "output_norm.weight", [HIDDEN]
    yield "output.weight", [HIDDEN, VOCABULARY]


def data_of(shape, weights, rng):
    """Of a tensor, and its type: norms stay F32."""
    if len(shape) == 1:
        return F32, struct.pack(f"<{shape[0]}f", *(rng.gauss(1, 0.2) for _ in range(shape[0])))
    count = shape[0] * shape[1]
    if weights == F32:
        return F32, struct.pack(f"<{count}f", *(rng.gauss(0, 0.2) for _ in range(count)))
    return Q8_0, b"".join(struct.pack("<e", 0.003) + rng.randbytes(32) for _ in range(count // 32))


def file_of(values, some, weights, rng):
    infos, data = b"", b""
    for name, shape in some:
        kind, content = data_of(shape, weights, rng)
        infos += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += content + b"\0" * (-len(content) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(some), len(values)) + b"".join(values) + infos
    return head + b"\0" * (-len(head) % ALIGNMENT) + data


def tiny_gguf(parts=1, weights=F32):
    """The contents of its files."""
    rng, everything = random.Random(1), list(tensors())
    files = []
    for part in range(parts):
        some = everything[len(everything) * part // parts:len(everything) * (part + 1) // parts]
        split = [entry("split.no", UINT16, struct.pack("<H", part)),
                 entry("split.count", UINT16, struct.pack("<H", parts)),
                 entry("split.tensors.count", INT32, struct.pack("<i", len(everything)))]
        files.append(file_of((metadata() if part == 0 else []) + (split if parts > 1 else []), some, weights, rng))
    return files
