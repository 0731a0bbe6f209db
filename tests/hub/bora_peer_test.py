#!/usr/bin/env python3
"""One cache for both: what bora fetched, the real huggingface_hub takes, and the other way round. Run by
tools/test_peers.sh hub, in its venv.

usage: bora_peer_test.py BORA [unittest arguments]
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

BORA = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from client_environment import PORT  # isort: skip

import huggingface_hub
from hubdouble.server import Double, Settings
from tiny_gguf import tiny_gguf

DATA = pathlib.Path(__file__).parent.parent / "data"
TINY = DATA / "golden/models/mistral_v02"
TOKENIZER = DATA / "tokenizers/tokenizer.model.v1"
MODEL = "acme/tiny"
PATTERNS = ["config.json", "tokenizer.json", "*.safetensors"]
WANTED = {"config.json": b"{}\n", "tokenizer.json": b'{"a": 1}\n',
          "model.safetensors": random.Random(1).randbytes(20_000_000)}


class PeerCase(unittest.TestCase):
    def serve(self, repositories):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cache = self.folder / "cache"
        for repository, files in repositories.items():
            (self.folder / "root" / repository).mkdir(parents=True)
            for name, content in files.items():
                (self.folder / "root" / repository / name).write_bytes(content)
        self.double = Double(Settings(self.folder / "root", port=PORT))
        self.double.start()
        self.addCleanup(self.double.stop)

    def bora(self, *arguments):
        done = subprocess.run([BORA, *arguments], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "HF_HUB_CACHE": str(self.cache), "BORA_CACHE": str(self.folder / "own")})
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def scanned(self):
        """The files of each revision of each model, as the client sees them."""
        info = huggingface_hub.scan_cache_dir(self.cache)
        self.assertEqual(info.warnings, [])
        return {repo.repo_id: [sorted(file.file_name for file in revision.files) for revision in repo.revisions]
                for repo in info.repos}


class OneCache(PeerCase):
    def setUp(self):
        self.serve({MODEL: {**WANTED, "README.md": b"not wanted"}})

    def pull(self):
        return self.bora("pull", MODEL, "--json")

    def snapshot(self, **arguments):
        found = huggingface_hub.snapshot_download(MODEL, cache_dir=self.cache, allow_patterns=PATTERNS, **arguments)
        return pathlib.Path(found)

    def sent(self):
        """Bytes of files, not of the API."""
        return sum(line["sent"] for line in self.double.log.lines()
                   if line["method"] == "GET" and (line["origin"] == "cdn" or "/resolve/" in line["path"]))

    def test_what_bora_fetched_the_client_takes(self):
        told = self.pull()
        self.double.log.clear()
        self.assertEqual(str(self.snapshot(local_files_only=True)), told["path"])
        found = self.snapshot()
        self.assertEqual({name: (found / name).read_bytes() for name in WANTED}, WANTED)
        self.assertEqual(self.sent(), 0)
        info = huggingface_hub.scan_cache_dir(self.cache)
        self.assertEqual(info.warnings, [])
        self.assertEqual(info.size_on_disk, told["bytes"])
        (repo,) = info.repos
        self.assertEqual([revision.refs for revision in repo.revisions], [frozenset({"main"})])
        checked = huggingface_hub.HfApi(token=False).verify_repo_checksums(MODEL, cache_dir=self.cache)
        self.assertEqual((checked.mismatches, checked.checked_count), ([], len(WANTED)))

    def test_what_the_client_fetched_bora_takes(self):
        found = self.snapshot()
        self.double.log.clear()
        told = self.pull()
        self.assertEqual((told["path"], told["fetched_bytes"]), (str(found), 0))
        self.assertEqual(self.sent(), 0)


class Discarded(PeerCase):
    """After --discard-original: what the client finds in the cache is true, and it fetches the rest."""

    def setUp(self):
        files = {path.name: path.read_bytes() for path in TINY.iterdir() if path.name != "golden.json"}
        self.files = {**files, "tokenizer.model": TOKENIZER.read_bytes()}
        self.weights = sorted(name for name in files if name.endswith(".safetensors"))
        self.serve({MODEL: self.files, "acme/gguf": {"m-F32.gguf": tiny_gguf()[0]}})

    def discard(self, model):
        return self.bora("pull", model, "--weights", "int8", "--discard-original", "--json")

    def test_a_snapshot_without_weights_is_what_it_seems(self):
        told = self.discard(MODEL)
        small = sorted(set(self.files) - set(self.weights))
        self.assertEqual(self.scanned(), {MODEL: [small]})
        found = huggingface_hub.snapshot_download(MODEL, cache_dir=self.cache, local_files_only=True)
        self.assertEqual(pathlib.Path(found).name, told["revision"])
        self.assertEqual(sorted(os.listdir(found)), small)
        with self.assertRaises(huggingface_hub.errors.LocalEntryNotFoundError):
            huggingface_hub.hf_hub_download(MODEL, self.weights[0], cache_dir=self.cache, local_files_only=True)
        huggingface_hub.snapshot_download(MODEL, cache_dir=self.cache)
        self.assertEqual(self.scanned(), {MODEL: [sorted(self.files)]})
        self.assertEqual(self.bora("pull", MODEL, "--json")["fetched_bytes"], 0)

    def test_a_gguf_leaves_nothing(self):
        self.discard("acme/gguf")
        self.assertEqual(self.scanned(), {"acme/gguf": []})
        with self.assertRaises(huggingface_hub.errors.LocalEntryNotFoundError):
            huggingface_hub.snapshot_download("acme/gguf", cache_dir=self.cache, local_files_only=True)

    def test_a_gguf_that_the_client_had_fetched_goes_too(self):
        huggingface_hub.snapshot_download("acme/gguf", cache_dir=self.cache)
        self.discard("acme/gguf")
        self.assertEqual(self.scanned(), {"acme/gguf": []})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
