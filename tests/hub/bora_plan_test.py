#!/usr/bin/env python3
"""bora against the test double of the Hub: what is planned, refused and quantized before a model is all here.

usage: bora_plan_test.py BORA [unittest arguments]
"""

import json
import pathlib
import random
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from bora_test import BORA, TINY, TOKEN, Case

SEVEN = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096,
         "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
         "head_dim": 128, "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 4096,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "torch_dtype": "bfloat16",
         "tie_word_embeddings": False}

TOKENIZER = TINY.parent.parent.parent / "tokenizers/tokenizer.model.v1"

KILLS = 12


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


class PlanCase(Case):
    def sent(self):
        """Bytes of files, not of the API."""
        return sum(line["sent"] for line in self.double.log.lines()
                   if line["status"] < 300 and (line["origin"] == "cdn" or "/resolve/" in line["path"]))


class Seven(PlanCase):
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


class Quantized(PlanCase):
    """A tiny model in two parts, quantized as they come."""

    def make_repositories(self):
        files = {path.name: path.read_bytes() for path in TINY.iterdir() if path.name != "golden.json"}
        self.write("acme/tiny", {**files, "tokenizer.model": TOKENIZER.read_bytes()})
        self.weights = sorted(name for name in files if name.endswith(".safetensors"))

    def run_tiny(self, *arguments, code=0, model="acme/tiny", **variables):
        return self.bora("run", model, "--prompt-ids", "1,5", "--max-new-tokens", "8", "--json", *arguments, code=code,
                         **variables)

    def ids(self, *arguments, **variables):
        return json.loads(self.run_tiny(*arguments, **variables).stdout)["ids"]

    def expected(self, weights):
        """What the folder gives, quantized when all of it is there."""
        return self.ids("--weights", weights, "--cache-dir", str(self.folder / ".cache/bora/other"),
                        model=str(self.root / "acme/tiny"))

    def quantized(self):
        return [path for path in (self.folder / ".cache/bora").glob("quantized/*/*.bora")]

    def test_weights_are_those_of_the_whole_model(self):
        for weights in ("int8", "int4"):
            expected = self.expected(weights)
            self.assertEqual(self.ids("--weights", weights), expected)
            (made,) = self.folder.glob(f".cache/bora/quantized/*/{weights}.bora")
            (other,) = self.folder.glob(f".cache/bora/other/quantized/*/{weights}.bora")
            begin = min(4096, made.stat().st_size)  # after the header, which has a fingerprint of names and times
            self.assertEqual(made.read_bytes()[begin:], other.read_bytes()[begin:])
            before = made.stat().st_mtime_ns, made.stat().st_ino
            self.assertEqual(self.ids("--weights", weights, HF_HUB_OFFLINE="1"), expected)
            self.assertEqual((made.stat().st_mtime_ns, made.stat().st_ino), before)  # mapped, not made again
            self.check_snapshot([*self.weights, "config.json", "model.safetensors.index.json", "tokenizer.model"],
                                "acme/tiny")
            self.bora("rm", "acme/tiny")
        self.assertEqual(list(self.folder.glob(".cache/bora/outlines/models--*")), [])

    def test_the_original_goes_and_the_rest_runs_offline(self):
        expected = self.expected("int8")
        self.assertEqual(self.ids("--weights", "int8", "--discard-original"), expected)
        self.double.log.clear()
        self.assertEqual(self.ids("--weights", "int8", HF_HUB_OFFLINE="1"), expected)
        self.assertEqual(self.ids("--weights", "int8", "--discard-original"), expected)
        self.assertEqual(self.double.log.lines(), [])
        self.assertEqual(sorted(path.name for path in self.snapshot("acme/tiny").iterdir()),
                         ["config.json", "model.safetensors.index.json", "tokenizer.model"])
        self.assertEqual(len([path for path in self.cache.glob("models--*/blobs/*")]), 3)
        self.check_cache()
        self.assertEqual(self.quantized(), [])
        self.bora("tokenize", "acme/tiny", "Hello", HF_HUB_OFFLINE="1")
        (model,) = json.loads(self.bora("list", "--json").stdout)["models"]
        self.assertEqual((model["name"], model["weights"], model["discarded"], model["error"]),
                         ("acme/tiny", "int8", True, None))
        self.assertEqual(model["revision"], self.snapshot("acme/tiny").name)
        self.assertIn("the original weights were discarded", self.bora("list").stdout)
        for arguments in ([], ["--weights", "int4"], ["--weights", "f32"]):
            stderr = self.run_tiny(*arguments, code=4, HF_HUB_OFFLINE="1").stderr
            self.assertIn("  --weights int8 or int4 runs what --discard-original left\n", stderr)
            self.run_tiny(*arguments, code=4, model=model["path"])
        self.assertEqual(self.ids("--weights", "int8", model=model["path"]), expected)
        self.bora("rm", "acme/tiny")
        self.assertEqual(json.loads(self.bora("list", "--json").stdout)["models"], [])
        self.assertEqual(list(self.folder.glob(".cache/bora/outlines/models--*")), [])

    def test_damage_of_what_is_left_is_told(self):
        self.run_tiny("--weights", "int8", "--discard-original")
        (made,) = self.folder.glob(".cache/bora/outlines/*/snapshots/*/int8.bora")
        content = bytearray(made.read_bytes())
        content[-5] ^= 1
        made.write_bytes(content)
        stderr = self.run_tiny("--weights", "int8", code=3, HF_HUB_OFFLINE="1").stderr
        self.assertIn("as written, found other bytes", stderr)
        self.assertIn("bora pull fetches the original", stderr)

    def test_what_is_here_already_is_discarded_too_but_not_what_others_use(self):
        self.bora("pull", "acme/tiny")
        other = self.cache / "models--acme--tiny/snapshots" / ("b" * 40)
        other.mkdir()
        kept = self.weights[0]
        link = (self.snapshot("acme/tiny") / kept).readlink()
        (other / kept).symlink_to(link)
        self.run_tiny("--weights", "int8", "--discard-original")
        self.assertEqual((other / kept).read_bytes(), (self.root / "acme/tiny" / kept).read_bytes())
        self.assertFalse((self.snapshot("acme/tiny") / kept).exists())
        self.assertEqual(len([path for path in self.cache.glob("models--*/blobs/*")]), 4)

    def test_wrong_uses_are_refused(self):
        for arguments in (["acme/tiny"], [str(self.root / "acme/tiny"), "--weights", "int8"]):
            stderr = self.bora("run", *arguments, "-p", "x", "--discard-original", code=2).stderr
            self.assertIn("--discard-original: expected ", stderr)

    def test_a_wrong_hash_makes_no_weights(self):
        self.double.faults.add([{"kind": "corrupt", "at": 60_000, "origin": "cdn", "match": "", "times": 0, "skip": 2}])
        for more in ([], ["--discard-original"]):
            stderr = self.run_tiny("--weights", "int8", *more, code=1).stderr
            self.assertIn("expected SHA-256", stderr)
            self.assertEqual(self.quantized() + list(self.folder.glob(".cache/bora/outlines/**/int8.bora")), [])
        self.double.faults.clear()
        self.assertEqual(self.ids("--weights", "int8"), self.expected("int8"))

    def test_kills_at_any_moment_leave_what_the_next_run_goes_on_from(self):
        expected = self.expected("int8")
        self.double.faults.add([{"kind": "delay", "seconds": 0.05, "times": 0}])
        rng = random.Random()
        command = [BORA, "run", "acme/tiny", "--prompt-ids", "1,5", "--max-new-tokens", "8", "--quiet", "--weights",
                   "int8"]
        for more in ([], ["--discard-original"]):
            for _ in range(KILLS):
                process = subprocess.Popen([*command, *more], env=self.environment(), stdout=subprocess.DEVNULL)
                time.sleep(rng.uniform(0.05, 0.9))
                process.kill()
                process.wait()
                self.check_cache()
            self.assertEqual(self.ids("--weights", "int8", *more), expected)
            self.assertEqual(self.ids("--weights", "int8", HF_HUB_OFFLINE="1"), expected)
            self.bora("rm", "acme/tiny")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
