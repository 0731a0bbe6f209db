#!/usr/bin/env python3
"""bora against the test double of the Hub: what is planned and refused before a model is here.

usage: bora_plan_test.py BORA [unittest arguments]
"""

import json
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from bora_case import TOKEN, TOKENIZER, Case

SEVEN = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096,
         "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
         "head_dim": 128, "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 4096,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "torch_dtype": "bfloat16",
         "tie_word_embeddings": False}


def seven_tensors():
    yield "model.embed_tokens.weight", [32000, 4096]
    for i in range(32):
        for name, shape in {"input_layernorm": [4096], "post_attention_layernorm": [4096],
                            "self_attn.q_proj": [4096, 4096], "self_attn.k_proj": [1024, 4096],
                            "self_attn.v_proj": [1024, 4096], "self_attn.o_proj": [4096, 4096],
                            "mlp.gate_proj": [14336, 4096], "mlp.up_proj": [14336, 4096],
                            "mlp.down_proj": [4096, 14336]}.items():
            yield f"model.layers.{i}.{name}.weight", shape
    yield "model.norm.weight", [4096]
    yield "lm_head.weight", [32000, 4096]


def write_hollow(path, tensors):
    """A safetensors file of these shapes in bf16, its data a hole in the file."""
    header, end = {}, 0
    for name, shape in tensors:
        begin, end = end, end + 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


class Seven(Case):
    """mistralai/Mistral-7B-v0.1's shapes: 14.5 GB, of which nobody may fetch more than headers."""

    def make_repositories(self):
        tensors = list(seven_tensors())
        names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        parts = dict(zip(names, (tensors[:150], tensors[150:])))
        index = {"weight_map": {tensor: name for name, part in parts.items() for tensor, _ in part}}
        self.folder_of_model = self.root / "acme/seven"
        self.write("acme/seven", {"config.json": json.dumps(SEVEN).encode(), "tokenizer.model": TOKENIZER.read_bytes(),
                                  "model.safetensors.index.json": json.dumps(index, indent=2).encode()})
        declared = {}
        for name, part in parts.items():
            write_hollow(self.folder_of_model / name, part)
            declared[name] = {"size": (self.folder_of_model / name).stat().st_size, "sha256": name[10] * 64}
        self.described = {"declare": declared}
        self.write("acme/seven", {".double.json": json.dumps(self.described).encode()})

    def plan(self, *arguments, code=0, **variables):
        return self.bora("plan", "acme/seven", "--threads", "1", *arguments, code=code, **variables)

    def test_is_planned_from_headers_as_a_folder_is(self):
        told = json.loads(self.plan("--json", "--memory-limit", "32G").stdout)
        remote = told.pop("remote")
        self.assertEqual(remote["fetched_bytes"], self.sent())
        self.assertLess(self.sent(), 130_000)
        self.assertGreater(remote["bytes"], 14_480_000_000)
        local = json.loads(self.bora("plan", str(self.folder_of_model), "--threads", "1", "--json", "--memory-limit",
                                     "32G").stdout)
        self.assertIsNone(local.pop("remote"))
        self.assertEqual(told.pop("model"), "acme/seven")
        local.pop("model")
        self.assertEqual(told, local)
        self.double.log.clear()
        stdout = self.plan("--memory-limit", "32G").stdout
        self.assertEqual(self.sent(), 0)
        self.assertIn("on the Hub: 14.5 GB to download; 0 kB of headers fetched for this plan", stdout)

    def test_what_does_not_fit_is_refused_before_its_weights(self):
        local = self.bora("run", str(self.folder_of_model), "-p", "x", "--memory-limit", "6G", code=5).stderr
        self.assertIn("--weights int4 fits", local)
        for command in (["run", "-p", "x"], ["chat"]):
            self.double.log.clear()
            done = self.bora(command[0], "acme/seven", *command[1:], "--memory-limit", "6G", code=5)
            self.assertEqual(done.stderr, local)
            self.assertLess(self.sent(), 130_000)
            self.assertFalse(self.cache.exists())
        self.assertEqual(self.plan("--memory-limit", "6G", code=5).stderr, "")

    def test_asks_for_a_token_and_for_a_network(self):
        self.double.store.get("acme/seven").load({**self.described, "gated": "auto", "accepted": ["ann"]})
        self.assertIn("found a gated model (status 401)", self.plan(code=4).stderr)
        self.assertIn("(offline)", self.plan(code=4, HF_HUB_OFFLINE="1", HF_TOKEN=TOKEN).stderr)
        self.plan("--memory-limit", "32G", HF_TOKEN=TOKEN)
        self.assertEqual({line["origin"] for line in self.double.log.lines() if line["authorization"]}, {"hub"})

    def test_an_outline_is_not_run(self):
        self.plan("--memory-limit", "32G")
        (outline,) = (self.folder / ".cache/bora/outlines/models--acme--seven/snapshots").iterdir()
        stderr = self.bora("run", str(outline), "-p", "x", "--memory-limit", "32G", code=4).stderr
        self.assertIn("expected its original weights, found only their headers", stderr)
        self.assertLess(sum(path.stat().st_blocks * 512 for path in outline.iterdir()), 300_000)

    def test_a_header_that_lies_is_one_error(self):
        first = self.folder_of_model / "model-00001-of-00002.safetensors"
        for length, said in ((100_000_000_000, "expected a header of at most 100000000 bytes, found 100000000000"),
                             (90_000_000, "model-00001-of-00002.safetensors: ")):
            with first.open("r+b") as file:
                file.write(struct.pack("<Q", length))
            for command in (["plan", "acme/seven"], ["run", "acme/seven", "-p", "x"]):
                done = self.bora(*command, code=3)
                error = done.stderr[done.stderr.index("bora: "):]  # lines of progress may come before
                self.assertIn(said, error)
                self.assertEqual(len(error.splitlines()), 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
