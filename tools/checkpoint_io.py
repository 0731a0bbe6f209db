"""What the checkpoint makers of tools/ share: bf16, and writing safetensors and JSON files."""

import json
import os
import struct

import numpy as np


def to_bf16(values):
    """float -> the bits of bfloat16, rounded to nearest even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_safetensors(path, tensors):
    """Writes bf16 tensors in the order given: `tensors` is a list of (name, shape, make_data), where
    make_data() returns the uint16 bits. One tensor is in memory at a time. Returns the data bytes."""
    header = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape, _ in tensors:
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(encoded)))
        file.write(encoded)
        for _, _, make_data in tensors:
            file.write(make_data().tobytes())
    return offset


def write_json(folder, name, value, **options):
    """Writes `value` as folder/name; `options` as json.dump takes them."""
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, **options)
