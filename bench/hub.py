#!/usr/bin/env python3
"""How fast `bora pull` downloads and verifies, beside `curl` followed by `sha256sum`, and beside huggingface_hub.

All fetch one file of random bytes from the test double of the Hub (tests/hub/double.py: sendfile, loopback) into
--folder, a tmpfs, each round one after the other, so that a busy machine hits all. A time is the wall time of a
process from its start to its end, with what it fetched removed before. huggingface_hub runs without Xet, in the venv
that `tools/build_peers.sh hub` makes; its time without the import of the package is in brackets. It checks no hash
of what came; curl does so by way of sha256sum, bora always.

Prints the medians, their ratios, what memory bora took at most, and exits 1 where a bar of docs/cli.md is missed.

example: hub.py --bora build/release/bora --rounds 5
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

DOUBLE = pathlib.Path(__file__).resolve().parent.parent / "tests/hub/double.py"
REPOSITORY = "acme/big"
WEIGHTS = "model.safetensors"
PIECE = 1 << 20
CURL_BAR, CLIENT_BAR, MEMORY_BAR = 1.15, 1 / 1.2, 100e6
CLIENT = """
import time
begin = time.monotonic()
from huggingface_hub import hf_hub_download
imported = time.monotonic()
hf_hub_download("%s", "%s")
print(imported - begin)
""" % (REPOSITORY, WEIGHTS)


def make_repository(root, size):
    """Returns the SHA-256 of the weights, which the double is told, so that it need not read them."""
    folder = root / REPOSITORY
    folder.mkdir(parents=True)
    digest = hashlib.sha256()
    with (folder / WEIGHTS).open("wb") as file:
        for start in range(0, size, PIECE):
            piece = os.urandom(min(PIECE, size - start))
            digest.update(piece)
            file.write(piece)
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    described = {"declare": {WEIGHTS: {"sha256": digest.hexdigest()}}}
    (folder / ".double.json").write_text(json.dumps(described))
    return digest.hexdigest()


def start_double(folder):
    """(process, endpoint); it ends with its standard input."""
    ports = folder / "ports"
    double = subprocess.Popen([sys.executable, DOUBLE, "--root", folder / "root", "--port-file", ports,
                               "--exit-with-stdin"], stdin=subprocess.PIPE)
    while not ports.exists():
        if double.poll() is not None:
            sys.exit("hub.py: the double did not start")
        time.sleep(0.02)
    return double, dict(line.split("=", 1) for line in ports.read_text().splitlines())["HUB"]


class Contest:
    def __init__(self, args, folder, endpoint, sha256):
        self.args, self.folder, self.sha256 = args, folder, sha256
        self.url = f"{endpoint}/{REPOSITORY}/resolve/main/{WEIGHTS}"
        self.environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "home"),
                            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                            "HF_HUB_DISABLE_TELEMETRY": "1"}
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
            self.environment.pop(name, None)

    def run(self, *command):
        """(seconds, most bytes resident, standard output)"""
        begin = time.monotonic()
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
        text = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"hub.py: {command[0]}: expected exit code 0, found {process.returncode}")
        return seconds, usage.ru_maxrss * 1024, text

    def clear(self):
        shutil.rmtree(self.folder / "home", ignore_errors=True)
        (self.folder / "copy").unlink(missing_ok=True)

    def curl(self):
        fetched = self.run("curl", "-sSfL", "-o", self.folder / "copy", self.url)
        hashed = self.run("sha256sum", self.folder / "copy")
        if hashed[2].split()[0] != self.sha256:
            sys.exit("hub.py: sha256sum: expected the hash of what the double serves, found another")
        return {"seconds": fetched[0] + hashed[0], "part": fetched[0]}

    def bora(self):
        seconds, resident, _ = self.run(self.args.bora, "pull", REPOSITORY, "--quiet")
        return {"seconds": seconds, "part": seconds, "resident": resident}

    def client(self):
        seconds, _, text = self.run(self.args.python, "-c", CLIENT)
        return {"seconds": seconds, "part": seconds - float(text)}

    def measure(self):
        """{name: {what: median, of memory the most}}; the first round warms the machine and is left out."""
        contestants = {"bora": self.bora, "curl": self.curl}
        if self.args.python.exists():
            contestants["huggingface_hub"] = self.client
        runs = {name: [] for name in contestants}
        for i in range(self.args.rounds + 1):
            for name, run in contestants.items():
                self.clear()
                result = run()
                if i > 0:
                    runs[name].append(result)
        found = {name: {what: statistics.median(run[what] for run in results) for what in results[0]}
                 for name, results in runs.items()}
        found["bora"]["resident"] = max(run["resident"] for run in runs["bora"])
        return found


def show(found, size):
    """Prints it; returns whether every bar is kept."""
    for name, note in (("bora", ""), ("curl", "curl alone"), ("huggingface_hub", "without the import")):
        if name in found:
            one = found[name]
            more = f" ({note}: {one['part']:.2f} s)" if note else ""
            print(f"{name:16} {one['seconds']:6.2f} s  {size / one['seconds'] * 1e-6:6.0f} MB/s{more}")
    bora = found["bora"]
    bars = [("of curl and sha256sum", bora["seconds"] / found["curl"]["seconds"], CURL_BAR)]
    if "huggingface_hub" in found:
        bars.append(("of huggingface_hub", bora["seconds"] / found["huggingface_hub"]["seconds"], CLIENT_BAR))
        bars.append(("of it without the import", bora["seconds"] / found["huggingface_hub"]["part"], CLIENT_BAR))
    else:
        print("huggingface_hub: not measured; tools/build_peers.sh hub installs it")
    bars.append(("MB resident at most", bora["resident"] * 1e-6, MEMORY_BAR * 1e-6))
    for what, value, bar in bars:
        print(f"bora: {value:.2f} {what} (bar: {bar:.2f}){'' if value <= bar else ', MISSED'}")
    return all(value <= bar for _, value, bar in bars)


def parse_args():
    peers = os.environ.get("BORA_PEERS", os.path.expanduser("~/.cache/bora-peers"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", default="build/release/bora")
    parser.add_argument("--python", type=pathlib.Path, default=pathlib.Path(peers) / "hub-venv/bin/python",
                        help="of a venv with huggingface_hub; left out where it is not there")
    parser.add_argument("--folder", default="/dev/shm", help="a tmpfs with room for twice the size")
    parser.add_argument("--size", type=int, default=2_000_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def main():
    args = parse_args()
    with tempfile.TemporaryDirectory(prefix="bora-bench-hub-", dir=args.folder) as name:
        folder = pathlib.Path(name)
        sha256 = make_repository(folder / "root", args.size)
        double, endpoint = start_double(folder)
        try:
            kept = show(Contest(args, folder, endpoint, sha256).measure(), args.size)
        finally:
            double.stdin.close()
            double.wait()
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
