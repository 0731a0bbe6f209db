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

MODEL = "acme/tiny"
PATTERNS = ["config.json", "tokenizer.json", "*.safetensors"]
WANTED = {"config.json": b"{}\n", "tokenizer.json": b'{"a": 1}\n',
          "model.safetensors": random.Random(1).randbytes(20_000_000)}


class OneCache(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = pathlib.Path(folder.name) / "cache"
        repository = pathlib.Path(folder.name) / "root" / MODEL
        repository.mkdir(parents=True)
        for name, content in {**WANTED, "README.md": b"not wanted"}.items():
            (repository / name).write_bytes(content)
        self.double = Double(Settings(pathlib.Path(folder.name) / "root", port=PORT))
        self.double.start()
        self.addCleanup(self.double.stop)

    def pull(self):
        done = subprocess.run([BORA, "pull", MODEL, "--json"], env={**os.environ, "HF_HUB_CACHE": str(self.cache)},
                              capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
