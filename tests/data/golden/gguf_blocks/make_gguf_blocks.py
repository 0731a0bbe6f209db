#!/usr/bin/env python3
"""Writes the golden blocks of every quantized GGUF type: random bytes and the float32 values that the
Python package gguf (0.19.0) reads in them, which shares no code with bora.

usage: python3 -m venv v && v/bin/pip install numpy==2.3.5 gguf==0.19.0
       v/bin/python tests/data/golden/gguf_blocks/make_gguf_blocks.py [--verify-only]

<type>.json: "type", "ggml_type", "block_values", "blocks" (each as hexadecimal text) and "values", the bits
of the float32 values of all blocks in order, as hexadecimal text (little-endian).
"""

import argparse
import json
import pathlib

import gguf
import numpy as np
from gguf import quants

SEED = 20260401
BLOCKS = {32: 8, 256: 3}
# Where a block keeps its f16 scales. Random bits there would be infinite or absurd; they get the size that
# a quantizer writes, so that values are about 0.1.
F16_AT = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "IQ4_NL": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_XS": [0], "IQ3_XXS": [0], "IQ3_S": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0],
    "IQ1_S": [0], "IQ1_M": None, "TQ1_0": [52], "TQ2_0": [64],
}
SCALE = {"Q8_0": 1e-3, "Q4_0": 2e-2, "Q4_1": 2e-2, "Q5_0": 1e-2, "Q5_1": 1e-2, "IQ4_NL": 1e-3,
         "Q2_K": 5e-3, "Q3_K": 2e-3, "IQ4_XS": 3e-5, "IQ3_XXS": 5e-4, "IQ3_S": 5e-4, "IQ2_XXS": 1e-3,
         "IQ2_XS": 1e-3, "IQ2_S": 1e-3, "IQ1_S": 1e-2, "IQ1_M": 1e-2, "TQ1_0": 1e-1, "TQ2_0": 1e-1,
         "Q4_K": 2e-4, "Q5_K": 1e-4, "Q6_K": 5e-5}


def random_blocks(name, rng):
    qtype = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[qtype]
    blocks = rng.integers(0, 256, (BLOCKS[values], size), dtype=np.uint8)
    for block in blocks:
        half = np.float16(rng.uniform(0.5, 1.5) * SCALE[name] * rng.choice([-1, 1]))
        bits = half.view(np.uint16)
        if F16_AT[name] is None:  # IQ1_M: four bits in each of its four last words
            words = block[48:56].view("<u2")
            words &= 0x0FFF
            words |= np.array([bits << 12, bits << 8 & 0xF000, bits << 4 & 0xF000, bits & 0xF000],
                              dtype=np.uint32).astype(np.uint16)
            continue
        for at in F16_AT[name]:
            scale = SCALE[name] * rng.uniform(0.5, 1.5) * rng.choice([-1, 1])
            block[at:at + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    return qtype, values, blocks


def golden(name):
    rng = np.random.default_rng([SEED, *name.encode()])
    qtype, block_values, blocks = random_blocks(name, rng)
    values = quants.dequantize(blocks, qtype).astype("<f4")
    assert np.isfinite(values).all(), name
    return {"type": name, "ggml_type": int(qtype), "block_values": block_values,
            "blocks": [block.tobytes().hex() for block in blocks],
            "values": [row.tobytes().hex() for row in values]}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify-only", action="store_true", help="compare, write nothing")
    args = parser.parse_args()
    folder = pathlib.Path(__file__).parent
    for name in F16_AT:
        text = json.dumps(golden(name), indent=1) + "\n"
        path = folder / f"{name.lower()}.json"
        if not args.verify_only:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path}: not what this script makes")
    print(f"{len(F16_AT)} types")


if __name__ == "__main__":
    main()
