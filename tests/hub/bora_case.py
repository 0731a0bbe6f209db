"""What tests of bora against the test double of the Hub have in common. The program is their first argument."""

import hashlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from hubdouble.server import Double, Settings

BORA = pathlib.Path(sys.argv[1]).resolve()
TINY = pathlib.Path(__file__).parent.parent / "data/golden/models/mistral_v02"
TOKENIZER = pathlib.Path(__file__).parent.parent / "data/tokenizers/tokenizer.model.v1"
TOKEN = "hf_ann_secret"
CHUNK = 64 << 10
WANTED = ["config.json", "model.safetensors", "tokenizer.json"]  # of acme/data


class Case(unittest.TestCase):
    settings = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bora-hub-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / "root"
        self.home = self.folder / "hf"
        self.cache = self.home / "hub"
        self.make_repositories()
        self.double = Double(Settings(self.root, users={TOKEN: "ann", "hf_bob": "bob"}, **self.settings))
        self.double.start()
        self.addCleanup(self.double.stop)

    def make_repositories(self):
        rng = random.Random(1)
        self.write("acme/data", {"config.json": b"{}\n", "tokenizer.json": b'{"a": 1}\n', "README.md": b"no",
                                 "pytorch_model.bin": b"no", "consolidated.safetensors": b"no",
                                 "model.safetensors": rng.randbytes(1_500_000)})

    def write(self, repository, files):
        for name, content in files.items():
            file = self.root / repository / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def environment(self, **variables):
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "HF_HOME": str(self.home),
                "HF_ENDPOINT": self.double.hub_url, "HF_HUB_DOWNLOAD_TIMEOUT": "1", **variables}

    def bora(self, *arguments, code=0, stdin="", **variables):
        done = subprocess.run([BORA, *arguments], env=self.environment(**variables), input=stdin, text=True,
                              capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn("Signature", done.stderr)  # of a CDN's address
        for token in self.double.tokens.users:
            self.assertNotIn(token, done.stdout + done.stderr)
        return done

    def pull(self, *arguments, code=0, **variables):
        return self.bora("pull", "acme/data", "--chunk", str(CHUNK), *arguments, code=code, **variables)

    def snapshot(self, repository="acme/data"):
        commit = self.double.store.get(repository).find("main").id
        return self.cache / f"models--{repository.replace('/', '--')}" / "snapshots" / commit

    def sent(self):
        """Bytes of files, not of the API."""
        return sum(line["sent"] for line in self.double.log.lines()
                   if line["status"] < 300 and (line["origin"] == "cdn" or "/resolve/" in line["path"]))

    def check_cache(self):
        """Every file under a final name is whole; nothing lies outside of the cache."""
        for blob in self.cache.glob("models--*/blobs/*"):
            if "." in blob.name:
                continue
            content = blob.read_bytes()
            digest = hashlib.sha256(content) if len(blob.name) == 64 else hashlib.sha1(
                b"blob %d\0" % len(content) + content)
            self.assertEqual(digest.hexdigest(), blob.name)
        outside = [path for path in self.folder.rglob("*") if path.is_file()
                   and self.root not in path.parents and self.home not in path.parents]
        self.assertEqual([str(path) for path in outside if ".cache/bora" not in str(path)], [])

    def check_snapshot(self, names, repository="acme/data"):
        found = self.snapshot(repository)
        self.assertEqual({str(path.relative_to(found)) for path in found.rglob("*") if not path.is_dir()}, set(names))
        for name in names:
            self.assertEqual((found / name).read_bytes(), (self.root / repository / name).read_bytes(), name)
        self.check_cache()
