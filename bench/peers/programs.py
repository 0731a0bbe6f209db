"""Runs bora and the peers once, and finds out which peers there are and what they are.

A peer is a program llama-bench in $BORA_PEERS/PROJECT/build/bin (default ~/.cache/bora-peers;
tools/build_peers.sh builds llama.cpp and ik_llama.cpp there).
"""

import dataclasses
import functools
import glob
import hashlib
import json
import os
import subprocess


class RunFailed(Exception):
    """A program that did not give its JSON; the text says why, in one line."""


@dataclasses.dataclass(frozen=True)
class Shape:
    threads: int
    prompt: int = 512  # tokens
    new: int = 32      # tokens
    depth: int = 0     # tokens in the KV cache before


def run(command, folder=None):
    """What it printed on stdout, run in the folder."""
    done = subprocess.run(command, check=False, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RunFailed(f"{os.path.basename(command[0])}: exit {done.returncode}: {last}")
    return done.stdout


def run_json(command):
    printed = run(command)
    starts = [at for at in (printed.find("{"), printed.find("[\n")) if at >= 0]  # ik_llama.cpp logs before it
    if not starts:
        raise RunFailed(f"{os.path.basename(command[0])}: expected JSON on stdout, found none")
    return json.loads(printed[min(starts):])


def bench_command(bora, model, weights, shape):
    """Weights are copied, as `bora run` does by itself for an answer of the founding job's length."""
    return [bora, "bench", model, "--weights", weights, "--load", "copy", "--threads", str(shape.threads),
            "--prompt-tokens", str(shape.prompt), "--new-tokens", str(shape.new),
            "--depth", str(shape.depth), "--reps", "1", "--json"]


def bench_bora(bora, model, weights, shape):
    """What `bora bench` says of the result and of the machine, in one dict; both speeds also by short names."""
    report = run_json(bench_command(bora, model, weights, shape))
    result = report["results"][0]
    return {"prefill": result["prefill_tokens_per_s"], "decode": result["decode_tokens_per_s"],
            **report["machine"], **result}


def answer_command(bora, model, weights, shape):
    ids = ",".join(str(300 + i * 7919 % 31000) for i in range(shape.prompt))
    return [bora, "run", model, "--weights", weights, "--threads", str(shape.threads),
            "--prompt-ids", ids, "--max-new-tokens", str(shape.new + 1), "--ignore-eos",
            "--speculate", "off", "--ctx", str(shape.prompt + shape.new + 1), "--json"]


def answer_with_bora(bora, model, weights, shape):
    """One answer to a prompt of ids: both speeds, decode being at the depth of the prompt."""
    timings = run_json(answer_command(bora, model, weights, shape))["timings"]
    return {"prefill": timings["prefill_tokens_per_s"], "decode": timings["decode_tokens_per_s"],
            "weight_bytes": timings["weight_bytes_per_token"]}


def llama_command(program, model, shape, options):
    depth = ["-d", str(shape.depth)] if shape.depth else []
    return [program, "-m", model, "-p", str(shape.prompt), "-n", str(shape.new),
            "-t", str(shape.threads), "-r", "1", "-o", "json", *depth, *options]


def bench_llama(program, model, shape, options):
    """Without new tokens, no decode."""
    rows = run_json(llama_command(program, model, shape, options))
    speeds = {"prefill": next(row["avg_ts"] for row in rows if row["n_prompt"])}
    if shape.new:
        speeds["decode"] = next(row["avg_ts"] for row in rows if row["n_gen"])
    return speeds


def peers_folder():
    return os.environ.get("BORA_PEERS", os.path.expanduser("~/.cache/bora-peers"))


def find_projects():
    """{project: its llama-bench}"""
    found = sorted(glob.glob(os.path.join(peers_folder(), "*", "build", "bin", "llama-bench")))
    return {path.split(os.sep)[-4]: path for path in found}


def is_ik(project):
    return project.startswith("ik")


def find_peers(ggufs, shape, projects):
    """{name: function that runs it once}: each project on each GGUF, ik_llama.cpp also with run-time repack"""
    peers = {}
    for project, program in projects.items():
        for model in ggufs:
            run = functools.partial(bench_llama, program, model, shape)
            name = f"{project} {os.path.basename(model)}"
            peers[name] = functools.partial(run, [])
            if is_ik(project):
                peers[name + " repacked"] = functools.partial(run, ["-rtr", "1"])
    return peers


def version_of(project):
    """As tools/build_peers.sh noted it."""
    try:
        with open(os.path.join(peers_folder(), project, ".version"), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return "unknown version"


def bora_version(bora):
    """What the program says of itself, and the head of its checksum: builds of one commit differ."""
    said = subprocess.run([bora, "--version"], check=True, stdout=subprocess.PIPE, text=True)
    with open(bora, "rb") as file:
        checksum = hashlib.sha256(file.read()).hexdigest()
    return f"{said.stdout.strip()}, sha256 {checksum[:12]}"


def cpu_info(key):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(key)),
                    "unknown")
