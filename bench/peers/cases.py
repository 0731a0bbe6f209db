"""What report.py measures, and the bars it is held to. Lines of one group are measured in the same rounds."""

import dataclasses

# figure of a line: (what the page calls it, its unit)
FIGURES = {
    "decode_bandwidth": ("decode, share of the read bandwidth", ""),
    "decode_ratio": ("decode, to the best peer", "x"),
    "prefill_ratio": ("prefill, to the best peer", "x"),
    "prefill_ratio_llama": ("prefill of 8,192 tokens, to llama.cpp", "x"),
    "prefill_fma": ("prefill, share of the float32 multiply-add peak", ""),
    "prefill_inner_loop": ("prefill, share of the format's own inner loop", ""),
    "depth_share": ("decode at 8,192, to that at 512, cache bytes counted", ""),
}

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
LAYERS = "mistral4"  # the checkpoint; its GGUFs begin with this name
SHORT_PROMPT = 512   # of a group of long prompts, what the long one is compared with

# What bora is held against: equal or more bits, and equal or better KL divergence (divergence.py).
PEERS_AT = {"bf16": (f"{LAYERS}.gguf",), "8 bit": (f"{LAYERS}-Q8_0.gguf",),
            "4 bit": (f"{LAYERS}-Q4_0.gguf", f"{LAYERS}-Q4_K_M.gguf"), "Q4_K_M": (f"{LAYERS}-Q4_K_M.gguf",)}
EQUAL_KL = 1.02  # a peer's divergence up to so many times bora's counts as equal: their order of summation differs


@dataclasses.dataclass(frozen=True)
class Line:
    """One way that bora runs the model, and the least that each figure of it must be."""
    name: str
    model: str  # in the folder of models
    weights: str
    bars: dict
    peers: tuple  # GGUFs that it is compared with


@dataclasses.dataclass(frozen=True)
class Group:
    title: str
    lines: tuple
    prompt: int = 512
    new: int = 32
    long: bool = False  # prefill of a long prompt, and decode after it

    def ggufs(self):
        return sorted({gguf for line in self.lines for gguf in line.peers})


def _line(weights, model, flag, bits, **bars):
    return Line(f"bora {weights}", model, flag, bars, PEERS_AT[bits])


GROUPS = {
    "smollm2": Group("SmolLM2-135M-Instruct Q4_1, prompt of 512 tokens", (
        Line("bora Q4_1", SMOLLM2, "auto", {"decode_ratio": 1.5, "prefill_ratio": 1.2}, (SMOLLM2,)),
    ), new=128),
    "bf16": Group("4 layers of Mistral-7B, bf16, prompt of 512 tokens", (
        _line("bf16", LAYERS, "auto", "bf16", decode_bandwidth=0.88, decode_ratio=1.15,
              prefill_ratio=1.0, prefill_fma=0.85),
    )),
    "8bit": Group("4 layers of Mistral-7B, 8 bits, prompt of 512 tokens", (
        _line("int8", LAYERS, "int8", "8 bit", decode_bandwidth=0.88, decode_ratio=1.15,
              prefill_ratio=1.05, prefill_inner_loop=0.80),
        _line("Q8_0", f"{LAYERS}-Q8_0.gguf", "auto", "8 bit", decode_ratio=1.15,
              prefill_ratio=1.05, prefill_inner_loop=0.80),
    )),
    "4bit": Group("4 layers of Mistral-7B, 4 bits, prompt of 512 tokens", (
        _line("int4", LAYERS, "int4", "4 bit", decode_bandwidth=0.75, decode_ratio=1.25,
              prefill_ratio=1.05, prefill_inner_loop=0.80),
        _line("Q4_0", f"{LAYERS}-Q4_0.gguf", "auto", "4 bit", decode_bandwidth=0.65,
              decode_ratio=1.25, prefill_ratio=1.05, prefill_inner_loop=0.80),
        _line("Q4_K_M", f"{LAYERS}-Q4_K_M.gguf", "auto", "Q4_K_M", decode_bandwidth=0.65,
              decode_ratio=1.25, prefill_ratio=1.05, prefill_inner_loop=0.80),
    )),
    "long-bf16": Group("4 layers of Mistral-7B, bf16, prompt of 8,192 tokens, window of 4,096", (
        _line("bf16", LAYERS, "auto", "bf16", prefill_ratio_llama=1.5, depth_share=0.80),
    ), prompt=8192, long=True),
    "long-8bit": Group("4 layers of Mistral-7B, 8 bits, prompt of 8,192 tokens, window of 4,096", (
        _line("int8", LAYERS, "int8", "8 bit", prefill_ratio_llama=1.5, depth_share=0.80),
    ), prompt=8192, long=True),
}
