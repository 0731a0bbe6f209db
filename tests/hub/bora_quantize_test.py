#!/usr/bin/env python3
"""bora against the test double of the Hub: weights that are quantized as they come, and originals that go.

usage: bora_quantize_test.py BORA [unittest arguments]
"""

import json
import pathlib
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from bora_case import BORA, TINY, TOKENIZER, Case
from tiny_gguf import Q8_0, tiny_gguf

KILLS = 12


class TinyCase(Case):
    """A tiny model in two parts."""

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


class Run(TinyCase):
    """Quantized as its files come."""

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


class Pull(TinyCase):
    """bora pull --weights: the same without running it."""

    def pull(self, *arguments, code=0, **variables):
        done = self.bora("pull", "acme/tiny", "--json", *arguments, code=code, **variables)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def test_makes_weights_that_a_run_maps(self):
        for weights in ("int8", "int4"):
            told = self.pull("--weights", weights)
            self.assertEqual((told["weights"], told["discarded"], told["path"]),
                             (weights, False, str(self.snapshot("acme/tiny"))))
            (made,) = self.folder.glob(f".cache/bora/quantized/*/{weights}.bora")
            before = made.stat().st_mtime_ns, made.stat().st_ino
            self.assertEqual(self.ids("--weights", weights, HF_HUB_OFFLINE="1"), self.expected(weights))
            self.assertEqual(told["fetched_bytes"], told["bytes"] if weights == "int8" else 0)
            self.assertEqual(self.pull("--weights", weights)["fetched_bytes"], 0)
            self.assertEqual((made.stat().st_mtime_ns, made.stat().st_ino), before)
        self.assertEqual(len(self.quantized()), 2)

    def test_weights_go_with_their_model(self):
        self.pull("--weights", "int8")
        self.expected("int4")  # of a folder that stays
        (made,) = self.quantized()
        size = made.stat().st_size
        freed = json.loads(self.bora("rm", "acme/tiny", "--json").stdout)["freed_bytes"]
        self.assertGreaterEqual(freed, size + self.double.store.get("acme/tiny").find("main").entries[
            self.weights[0]].size)
        self.assertEqual(self.quantized(), [])
        self.assertFalse(made.parent.exists())
        self.assertEqual(len(list(self.folder.glob(".cache/bora/other/quantized/*/int4.bora"))), 1)

    def test_discards_and_does_not_fetch_again(self):
        told = self.pull("--weights", "int8", "--discard-original")
        self.assertEqual((told["weights"], told["discarded"]), ("int8", True))
        self.assertEqual(self.ids("--weights", "int8", HF_HUB_OFFLINE="1"), self.expected("int8"))
        self.assertEqual(self.ids("--weights", "int8", model=told["path"]), self.expected("int8"))
        self.double.log.clear()
        again = self.pull("--weights", "int8", "--discard-original")
        self.assertEqual((again["path"], again["fetched_bytes"], self.sent()), (told["path"], 0, 0))
        self.assertFalse(any((self.snapshot("acme/tiny") / name).exists() for name in self.weights))
        stderr = self.bora("pull", "acme/tiny", "--weights", "int4", "--discard-original").stderr
        self.assertIn("run it with --weights int4, the original is not kept", stderr)
        self.assertEqual(self.ids("--weights", "int4", HF_HUB_OFFLINE="1"), self.expected("int4"))
        self.assertEqual(self.ids("--weights", "int8", HF_HUB_OFFLINE="1"), self.expected("int8"))

    def test_follows_a_revision_that_moves(self):
        self.pull("--weights", "int8", "--discard-original")
        self.write("acme/tiny", {".double/" + path.name: path.read_bytes()
                                 for path in (self.root / "acme/tiny").iterdir() if path.is_file()})
        config = self.root / "acme/tiny/.double/config.json"
        config.write_text(config.read_text().replace("{", "{ ", 1))
        self.double.store.get("acme/tiny").move("main", ".double")
        told = self.pull("--weights", "int8", "--discard-original")
        self.assertEqual(told["revision"], self.snapshot("acme/tiny").name)
        self.assertGreater(told["fetched_bytes"], 0)
        self.assertEqual(self.ids("--weights", "int8", HF_HUB_OFFLINE="1"), self.expected("int8"))

    def test_refuses_what_it_cannot_run_and_wrong_uses(self):
        self.assertIn("--discard-original: expected --weights", self.pull("--discard-original", code=2))
        self.assertIn("--weights: expected", self.pull("--weights", "f32", code=2))
        config = self.root / "acme/tiny/config.json"
        config.write_text(config.read_text().replace("MistralForCausalLM", "OtherForCausalLM"))
        self.double.store.reload()
        self.assertIn("OtherForCausalLM", self.pull("--weights", "int8", code=3))
        self.assertFalse(self.cache.exists())
        self.assertEqual(self.pull()["weights"], None)  # as files it can be had


class Gguf(Case):
    """A tiny model in a GGUF file, and one in two of them."""

    def make_repositories(self):
        self.write("acme/one", {"m-F32.gguf": tiny_gguf()[0]})
        self.write("acme/two", {f"sub/m-{i + 1:05}-of-00002.gguf": part for i, part in enumerate(tiny_gguf(2))})

    def ids(self, model, *arguments, code=0, **variables):
        done = self.bora("run", model, "-p", "Hi", "--max-new-tokens", "8", "--json", "--weights", "int8", *arguments,
                         code=code, **variables)
        return json.loads(done.stdout)["ids"] if code == 0 else done.stderr

    def expected(self, file):
        return self.ids(str(self.root / file), "--cache-dir", str(self.folder / ".cache/bora/other"))

    def check_discarded(self, model, file):
        expected = self.expected(file)
        self.assertEqual(self.ids(model, "--discard-original"), expected)
        self.double.log.clear()
        self.assertEqual(self.ids(model, HF_HUB_OFFLINE="1"), expected)
        self.assertEqual(self.ids(model, "--discard-original"), expected)
        self.assertEqual(self.double.log.lines(), [])
        self.assertEqual([path for path in self.cache.glob("models--*/*/**/*")], [])
        (listed,) = json.loads(self.bora("list", "--json").stdout)["models"]
        self.assertEqual((listed["weights"], listed["discarded"], listed["error"]), ("int8", True, None))
        self.assertEqual(self.ids(listed["path"]), expected)
        self.assertIn("found only their headers", self.bora("run", listed["path"], "-p", "x", code=4).stderr)

    def test_the_original_goes_and_the_rest_runs_offline(self):
        self.check_discarded("acme/one", "acme/one/m-F32.gguf")
        freed = json.loads(self.bora("rm", "acme/one:m-F32.gguf", "--json").stdout)
        self.assertGreater(freed["freed_bytes"], 100_000)  # the weights, too
        self.assertEqual(list(self.folder.glob(".cache/bora/outlines/**/*.bora")), [])

    def test_parts_of_a_model_go_one_by_one(self):
        self.check_discarded("acme/two", "acme/two/sub/m-00001-of-00002.gguf")
        self.bora("rm", "acme/two")
        self.assertEqual(list(self.folder.glob(".cache/bora/outlines/models--*")), [])

    def test_nothing_is_discarded_where_nothing_would_be_left(self):
        content = tiny_gguf(weights=Q8_0)[0]
        self.write("acme/int8", {"m-Q8_0.gguf": content})
        self.double.store.reload()
        stderr = self.ids("acme/int8", "--discard-original", code=2)
        self.assertEqual(stderr.splitlines()[0],
                         "bora: --discard-original: expected weights to quantize to int8 in acme/int8, found none: "
                         "nothing would be left")
        self.assertLess(self.sent(), len(content) + 1)
        self.assertFalse(self.cache.exists())
        self.assertEqual(self.ids("acme/int8"), self.expected("acme/int8/m-Q8_0.gguf"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
