#!/usr/bin/env python3
"""bora against the test double of the Hub: the commands as a user types them, faults, and kills at any moment.

usage: bora_test.py BORA [--kills N] [unittest arguments]
"""

import json
import pathlib
import random
import signal
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from bora_case import BORA, CHUNK, TINY, TOKEN, TOKENIZER, WANTED, Case

KILLS = 25


class Pull(Case):
    def test_takes_the_right_files_and_prints_where_they_lie(self):
        done = self.pull("--json")
        told = json.loads(done.stdout)
        self.assertEqual(sorted(file["name"] for file in told["files"]), WANTED)
        self.assertEqual(told["path"], str(self.snapshot()))
        self.assertEqual(told["fetched_bytes"], told["bytes"])
        self.check_snapshot(WANTED)
        again = json.loads(self.pull("--json").stdout)
        self.assertEqual(again["fetched_bytes"], 0)

    def test_sends_the_token_to_the_hub_alone(self):
        self.pull("--token", TOKEN)
        lines = self.double.log.lines()
        self.assertGreater(sum(line["origin"] == "cdn" for line in lines), 20)
        self.assertEqual({line["origin"] for line in lines if line["authorization"]}, {"hub"})
        self.assertTrue(all(TOKEN not in line["query"] + line["path"] for line in lines))

    def test_takes_tags_and_pull_requests(self):
        self.write("acme/data", {".double/config.json": b"[]\n", ".double/model.safetensors": b"old"})
        self.double.store.get("acme/data").load({"revisions": {"main": ".", "v1.0": ".double", "refs/pr/1": ".double"}})
        for revision in ("v1.0", "refs/pr/1"):
            path = pathlib.Path(self.bora("pull", f"acme/data@{revision}").stdout.strip())
            self.assertEqual((path / "model.safetensors").read_bytes(), b"old")
            self.assertEqual((self.cache / "models--acme--data/refs" / revision).read_text(), path.name)
        self.assertIn("expected a revision", self.bora("pull", "acme/data@v9", code=4).stderr)

    def test_notes_a_revision_that_moves_meanwhile(self):
        before = self.snapshot()
        self.write("acme/data", {".double/model.safetensors": b"new"})
        self.double.faults.add([{"kind": "move", "origin": "cdn", "id": "acme/data", "to": ".double"}])
        stderr = self.pull().stderr
        self.assertRegex(stderr, rf"acme/data: main moved to {self.snapshot().name[:12]} meanwhile; "
                                 rf"this is {before.name[:12]}, bora pull fetches the new")
        self.assertEqual((before / "model.safetensors").stat().st_size, 1_500_000)
        self.check_cache()

    def test_keeps_to_patterns(self):
        self.pull("--include", "*.bin", "--include", "*.md", "--exclude", "READ*")
        self.check_snapshot(["pytorch_model.bin"])

    def test_names_what_is_near_a_typo(self):
        for token in ("", TOKEN):
            stderr = self.bora("pull", "acme/date", code=4, HF_TOKEN=token).stderr
            self.assertIn("bora: acme/date: expected a model on the Hub, found none of that name\n", stderr)
            self.assertIn("near names: acme/data\n", stderr)

    def test_says_what_is_cached_where_there_is_no_network(self):
        self.pull()
        stderr = self.bora("pull", "acme/other", "--retries", "0", code=1, HF_ENDPOINT="http://127.0.0.1:9").stderr
        self.assertIn("  in the cache: acme/data\n", stderr)
        stderr = self.bora("run", "acme/other", "-p", "x", code=4, HF_HUB_OFFLINE="1").stderr
        self.assertIn("expected it in the cache (offline)", stderr)
        self.assertIn("  in the cache: acme/data\n", stderr)

    def test_refuses_names_that_lead_out_of_the_cache(self):
        for name in ("../../x.safetensors", "/tmp/bora-evil.safetensors", "a\0b.safetensors"):
            self.double.store.get("acme/data").load({"extra_files": [{"path": name, "text": "evil"}]})
            self.assertIn("file name: expected one inside of the repository", self.pull(code=3).stderr)
            self.assertFalse(self.cache.exists())

    def test_two_processes_share_one_download(self):
        self.double.faults.add([{"kind": "delay", "seconds": 0.05, "origin": "cdn", "times": 0}])
        command = [BORA, "pull", "acme/data", "--chunk", str(CHUNK), "--quiet", "--connections", "2"]
        both = [subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL) for _ in range(2)]
        self.assertEqual([process.wait(60) for process in both], [0, 0])
        self.check_snapshot(WANTED)
        sent = sum(line["sent"] for line in self.double.log.lines() if line["origin"] == "cdn")
        self.assertEqual(sent, 1_500_000)

    def test_keeps_what_came_at_ctrl_c_and_says_how_to_go_on(self):
        self.double.faults.add([{"kind": "delay", "seconds": 0.2, "origin": "cdn", "times": 0}])
        process = subprocess.Popen([BORA, "pull", "acme/data", "--chunk", str(CHUNK), "--connections", "2"],
                                   env=self.environment(), stderr=subprocess.PIPE, text=True)
        while len([line for line in self.double.log.lines() if line["origin"] == "cdn"]) < 4:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=30)[1]
        self.assertEqual(process.returncode, 130)
        self.assertRegex(stderr, r"bora: acme/data: interrupted with .* of 2 MB here\n"
                                 r"  the same command goes on from there\n")
        self.double.faults.clear()
        told = json.loads(self.pull("--json").stdout)
        self.assertLess(told["fetched_bytes"], 1_500_000 - 2 * CHUNK)
        self.check_snapshot(WANTED)

    def test_rm_takes_it_out_again(self):
        self.pull()
        self.assertEqual(json.loads(self.bora("rm", "acme/data", "--json").stdout)["files"], 4)
        self.assertEqual(list(self.cache.glob("models--*")), [])
        self.assertIn("found none", self.bora("rm", "acme/data", code=4).stderr)

    def test_list_says_revision_and_size(self):
        self.pull()
        model = json.loads(self.bora("list", "--json").stdout)["models"][0]
        self.assertEqual(model["name"], "acme/data")
        self.assertEqual(model["revision"], self.snapshot().name)
        self.assertGreater(model["last_used"], 1_700_000_000)
        self.assertEqual(model["bytes"], 1_500_012)


class Flow(Case):
    """The README's: refused, logged in, run with a download, run again without a network."""

    def make_repositories(self):
        files = {path.name: path.read_bytes() for path in TINY.iterdir() if path.name != "golden.json"}
        self.write("mistralai/Tiny", files)
        self.write("mistralai/Tiny", {"tokenizer.model": TOKENIZER.read_bytes()})

    def run_tiny(self, code=0, **variables):
        return self.bora("run", "mistralai/Tiny", "--prompt-ids", "1,5", "--max-new-tokens", "3", "--json",
                         code=code, **variables)

    def test_from_nothing_to_an_answer(self):
        self.double.store.get("mistralai/Tiny").load({"gated": "auto", "accepted": ["ann"]})
        stderr = self.run_tiny(code=4).stderr
        self.assertIn("bora: mistralai/Tiny: expected access, found a gated model (status 401)\n", stderr)
        self.assertIn(f"  1. accept its terms at {self.double.hub_url}/mistralai/Tiny\n", stderr)
        self.assertIn("  2. bora login", stderr)
        self.assertIn("refuses", self.bora("login", stdin="hf_wrong\n", code=4).stderr)
        self.assertFalse((self.home / "token").exists())
        self.assertIn("logged in as ann", self.bora("login", stdin=TOKEN + "\n").stderr)
        self.assertEqual((self.home / "token").read_text(), TOKEN)
        self.assertEqual(stat.S_IMODE((self.home / "token").stat().st_mode), 0o600)
        first = json.loads(self.run_tiny().stdout)
        self.assertEqual(len(first["ids"]), 3)
        self.double.log.clear()
        self.assertEqual(json.loads(self.run_tiny().stdout)["ids"], first["ids"])
        self.assertEqual(json.loads(self.run_tiny(HF_HUB_OFFLINE="1").stdout)["ids"], first["ids"])
        self.assertEqual(self.double.log.lines(), [])
        self.bora("logout")
        self.assertFalse((self.home / "token").exists())

    def test_a_token_without_the_licence_is_told_so(self):
        self.double.store.get("mistralai/Tiny").load({"gated": "auto"})
        stderr = self.run_tiny(code=4, HF_TOKEN=TOKEN).stderr
        self.assertIn("(status 403)", stderr)
        self.assertIn("of the account that has accepted them", stderr)


LASTING = [  # what happens, exit code, what the error says
    ({"kind": "corrupt", "at": 100_000}, 1, "expected SHA-256"),
    ({"kind": "cut", "after": 100}, 1, "model.safetensors: expected an answer"),
    ({"kind": "cut", "after": -1}, 1, "model.safetensors: expected an answer"),
    ({"kind": "stall", "after": 100, "seconds": 5}, 1, "no answer, or one too slow"),
    ({"kind": "slow"}, 1, "no answer, or one too slow"),
    ({"kind": "status", "status": 500, "message": "x"}, 1, "found status 500"),
    ({"kind": "status", "status": 503, "message": "x"}, 1, "found status 503"),
    ({"kind": "status", "status": 404, "message": "x"}, 1, "found status 404"),
    ({"kind": "length", "by": -10}, 1, "model.safetensors: expected"),
    ({"kind": "redirect", "to": "{self}"}, 1, "more than 8 redirects"),
    ({"kind": "redirect", "to": "file:///etc/passwd"}, 1, "a redirect to where none may lead"),
    ({"kind": "shift_range", "by": 7}, 1, "expected bytes from"),
    ({"kind": "raw", "text": "hello\r\n\r\n"}, 1, "model.safetensors: expected an answer"),
    ({"kind": "text", "text": "<html>a captive portal</html>"}, 1, "model.safetensors: expected"),
    ({"kind": "headers", "origin": "hub", "match": "/resolve/.*safetensors", "set": {"X-Linked-ETag": '"' + "c" * 64 + '"'}}, 1,
     "it changed on the Hub meanwhile"),
    ({"kind": "huge_json", "origin": "hub", "match": "/tree/", "bytes": 80 << 20}, 1, "at most 64 MB"),
    ({"kind": "deep_json", "origin": "hub", "match": "/tree/", "depth": 100_000}, 1, "the Hub's answer"),
    ({"kind": "text", "origin": "hub", "match": "/tree/", "text": "<html>"}, 1, "the Hub's answer"),
    ({"kind": "status", "origin": "hub", "match": "/resolve/", "status": 429, "message": "x"}, 1, "found status 429"),
]
PASSING = [  # what happens once or twice, and is mended
    {"kind": "cut", "after": 1000, "times": 3},
    {"kind": "cut", "after": 1000, "times": 1, "reset": True},
    {"kind": "stall", "after": 1000, "seconds": 5, "times": 1},
    {"kind": "status", "status": 500, "message": "x", "times": 2},
    {"kind": "status", "status": 429, "message": "x", "headers": {"Retry-After": "1"}, "times": 1},
    {"kind": "status", "status": 403, "message": "expired", "skip": 5, "times": 1},
    {"kind": "ignore_range", "times": 0},
    {"kind": "length", "by": 10, "times": 0, "ranged": True},
    {"kind": "chunked", "times": 0},
    {"kind": "gzip", "times": 0},
    {"kind": "status", "origin": "hub", "match": "/api/", "status": 502, "message": "x", "times": 2},
]


class Faults(Case):
    def start_with(self, fault):
        """From nothing, with that one fault, by default for every answer of the CDN."""
        self.double.faults.clear()
        subprocess.run(["rm", "-rf", self.cache], check=True)
        self.double.faults.add([{"origin": "cdn", "times": 0, "method": "GET", **fault}])

    def test_lasting_ones_end_in_one_clear_error(self):
        for fault, code, said in LASTING:
            with self.subTest(fault=fault):
                self.start_with(fault)
                done = self.pull("--retries", "1", code=code)
                error = done.stderr[done.stderr.index("bora: "):]  # lines of progress may come before
                self.assertIn(said, error.splitlines()[0])
                self.assertLessEqual(len(error.splitlines()), 4)
                self.assertFalse(self.snapshot().exists())
                self.check_cache()
                self.double.faults.clear()
                self.pull()
                self.check_snapshot(WANTED)

    def test_passing_ones_are_mended(self):
        for fault in PASSING:
            with self.subTest(fault=fault):
                self.start_with(fault)
                self.pull()
                self.check_snapshot(WANTED)


def journalled(cache):
    """{etag: {offsets}} of the chunks that journals name, and the etags of whole blobs."""
    chunks, whole = {}, set()
    for path in cache.glob("models--*/blobs/*"):
        if path.name.endswith(".bora.journal"):
            lines = [line.split() for line in path.read_text().splitlines() if line.startswith("chunk ")]
            chunks[path.name.split(".")[0]] = {int(line[1]) for line in lines if len(line) == 5}
        elif "." not in path.name:
            whole.add(path.name)
    return chunks, whole


class Kills(Case):
    """kill -9 at random moments: the next run completes, and fetches no journalled chunk again."""

    def make_repositories(self):
        rng = random.Random(2)
        files = {f"part{i:02}.bin": rng.randbytes(rng.choice([500, 70_000, 900_000, 1_500_000])) for i in range(20)}
        self.write("acme/data", files)
        self.files = files

    def check_log(self, before):
        chunks, whole = before
        for line in self.double.log.lines():
            if line["origin"] != "cdn":
                continue
            etag = line["path"].rsplit("/", 1)[1]
            begin = int(line["range"].split("=")[1].split("-")[0]) if line["range"] else 0
            self.assertNotIn(etag, whole)
            self.assertNotIn(begin // CHUNK * CHUNK, chunks.get(etag, set()), line)

    def test_at_any_moment(self):
        rng = random.Random()
        seed = rng.randrange(1 << 30)
        rng.seed(seed)
        self.double.faults.add([{"kind": "delay", "seconds": 0.03, "origin": "cdn", "times": 0}])
        killed = 0
        command = [BORA, "pull", "acme/data", "--include", "*", "--chunk", str(CHUNK), "--quiet"]
        with self.subTest(seed=seed):
            for _ in range(KILLS):
                before = journalled(self.cache)
                self.double.log.clear()
                process = subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL)
                time.sleep(rng.uniform(0.0, 0.35))
                process.kill()
                killed += process.wait() == -signal.SIGKILL
                self.check_log(before)
                self.check_cache()
                if len(journalled(self.cache)[1]) == len(self.files):
                    subprocess.run(["rm", "-rf", self.cache], check=True)
            before = journalled(self.cache)
            self.double.log.clear()
            self.pull("--include", "*")
            self.check_log(before)
            self.check_snapshot(self.files)
            self.assertGreater(killed, KILLS // 2)  # the delay of each answer sees to it, on any machine


if __name__ == "__main__":
    arguments = sys.argv[2:]
    if "--kills" in arguments:
        at = arguments.index("--kills")
        KILLS = int(arguments[at + 1])
        del arguments[at:at + 2]
    unittest.main(argv=[sys.argv[0], *arguments])
