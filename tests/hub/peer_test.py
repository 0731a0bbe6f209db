#!/usr/bin/env python3
"""Is the double honest? The real huggingface_hub downloads from it. Run by tools/test_peers.sh hub, in its venv."""

import pathlib
import random
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from client_environment import PORT  # isort: skip

import huggingface_hub
from hubdouble.server import Double, Settings
from huggingface_hub import constants, errors

constants.DOWNLOAD_CHUNK_SIZE = 100_000  # what it holds back, and loses at a cut; 10 MB as it comes
MODEL = "acme/tiny"
FILES = {"config.json": b'{"a": 1}\n', "tokenizer/vocab.txt": b"a\nb\n", "empty.txt": b"",
         "model.safetensors": random.Random(1).randbytes(3_000_000)}


class HubClient(unittest.TestCase):
    """huggingface_hub against the double; each test has a double and a cache of its own."""

    resolve_cache = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cache = self.folder / "cache"
        for name, content in FILES.items():
            file = self.folder / "root" / MODEL / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self.double = Double(Settings(self.folder / "root", port=PORT, users={"hf_ann": "ann"}, page_size=2,
                                      resolve_cache=self.resolve_cache))
        self.double.start()
        self.addCleanup(self.double.stop)
        self.repository = self.double.store.get(MODEL)
        self.api = huggingface_hub.HfApi(token=False)

    def snapshot(self, **arguments):
        return pathlib.Path(self.api.snapshot_download(MODEL, cache_dir=self.cache, **arguments))

    def download(self, name, **arguments):
        return pathlib.Path(self.api.hf_hub_download(MODEL, name, cache_dir=self.cache, **arguments))

    def test_a_snapshot_is_the_folder_byte_by_byte(self):
        found = self.snapshot()
        self.assertEqual({name: (found / name).read_bytes() for name in FILES}, FILES)
        self.assertEqual(found.name, self.repository.find("main").id)
        self.assertEqual(huggingface_hub.scan_cache_dir(self.cache).warnings, [])

    def test_a_snapshot_by_tag_pull_request_and_commit(self):
        (self.repository.folder / ".double").mkdir()
        (self.repository.folder / ".double" / "old.txt").write_text("old")
        self.repository.load({"revisions": {"main": ".", "v1.0": ".double", "refs/pr/1": ".double"}})
        commit = self.repository.find("v1.0").id
        for revision in ("v1.0", "refs/pr/1", commit):
            found = self.snapshot(revision=revision)
            self.assertEqual((found / "old.txt").read_text(), "old", revision)
            self.assertEqual(found.name, commit)

    def test_model_info_and_tree_agree_with_the_folder(self):
        info = self.api.model_info(MODEL, files_metadata=True)
        self.assertEqual({file.rfilename: file.size for file in info.siblings},
                         {name: len(content) for name, content in FILES.items()})
        tree = list(self.api.list_repo_tree(MODEL, recursive=True, expand=True))
        files = {entry.path: entry for entry in tree if isinstance(entry, huggingface_hub.RepoFile)}
        self.assertEqual(set(files), set(FILES))
        self.assertEqual(files["model.safetensors"].lfs.sha256,
                         next(file.lfs.sha256 for file in info.siblings if file.lfs))
        self.assertGreater(sum(line["path"].endswith("/tree/main") for line in self.double.log.lines()), 1)

    def test_checksums_verify_as_the_client_computes_them(self):
        self.snapshot()
        found = self.api.verify_repo_checksums(MODEL, cache_dir=self.cache)
        self.assertEqual((found.mismatches, found.missing_paths, found.checked_count), ([], [], len(FILES)))

    def test_search_refs_and_whoami(self):
        self.assertEqual([model.id for model in self.api.list_models(search="TINY")], [MODEL])
        self.assertEqual([branch.name for branch in self.api.list_repo_refs(MODEL).branches], ["main"])
        self.assertEqual(self.api.whoami(token="hf_ann")["name"], "ann")
        with self.assertRaises(errors.HfHubHTTPError):
            self.api.whoami(token="hf_wrong")

    def test_a_gated_model_is_refused_until_accepted(self):
        self.repository.load({"gated": "auto"})
        for token in (False, "hf_ann"):
            with self.assertRaises(errors.GatedRepoError):
                self.download("config.json", token=token)
        self.repository.load({"accepted": ["ann"]})
        found = self.download("model.safetensors", token="hf_ann")
        self.assertEqual(found.read_bytes(), FILES["model.safetensors"])
        self.assertEqual(self.double.log.state()["authorization_at_cdn"], 0)

    def test_what_is_not_there_has_its_own_error(self):
        with self.assertRaises(errors.HfHubHTTPError) as refused:  # the client sees "not found" in a 401 of https only
            self.api.model_info("acme/tiny-typo")
        self.assertEqual(refused.exception.response.status_code, 401)
        with self.assertRaises(errors.RepositoryNotFoundError):
            self.api.model_info("acme/tiny-typo", token="hf_ann")
        with self.assertRaises(errors.RevisionNotFoundError):
            self.api.model_info(MODEL, revision="v9")
        with self.assertRaises(errors.RemoteEntryNotFoundError):
            self.download("no.json")

    def test_a_cut_download_is_resumed_where_it_was_cut(self):
        self.double.faults.add([{"kind": "cut", "origin": "cdn", "method": "GET", "after": 1_000_000}])
        found = self.download("model.safetensors")
        self.assertEqual(found.read_bytes(), FILES["model.safetensors"])
        lines = [line for line in self.double.log.lines() if line["origin"] == "cdn"]
        self.assertEqual([line["complete"] for line in lines], [False, True])
        self.assertRegex(lines[1]["range"], r"^bytes=\d+-$")
        self.assertLessEqual(int(lines[1]["range"][6:-1]), 1_000_000)

    def test_a_rate_limit_is_waited_out(self):
        self.double.faults.add([{"kind": "status", "origin": "cdn", "status": 429, "headers": {"Retry-After": "1"}}])
        self.assertEqual(self.download("model.safetensors").read_bytes(), FILES["model.safetensors"])

    def test_a_renamed_model_is_found_by_its_old_name(self):
        self.double.store.renamed["acme/old"] = MODEL
        self.assertEqual(self.api.model_info("acme/old").id, MODEL)
        found = self.api.hf_hub_download("acme/old", "config.json", cache_dir=self.cache, token=False)
        self.assertEqual(pathlib.Path(found).read_bytes(), FILES["config.json"])


class HubClientByResolveCache(HubClient):
    """The same with small files behind the 307 that huggingface.co sends."""

    resolve_cache = True


if __name__ == "__main__":
    unittest.main()
