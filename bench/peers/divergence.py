"""How far what each program makes of the measured weights lies from the checkpoint in float32: mean KL divergence, in nats.

Peers by llama.cpp's llama-perplexity --kl-divergence, bora by `bora eval --against`, on the same text, in windows of the
same length of which the second half counts, as llama-perplexity has it. The weights are random, so that errors grow more
from layer to layer than in a trained model: the figures compare programs and say nothing of the quality of an answer.
"""

import os
import pathlib
import re
import tempfile

import cases
import checkpoints
import programs

TEXT = pathlib.Path(__file__).resolve().parents[2] / "tests/data/golden/inputs/eval.txt"
WINDOW = 512  # tokens


def perplexity_command(program, model, base, threads):
    return [program, "-m", str(model), "-f", str(TEXT), "-c", str(WINDOW), "-t", str(threads),
            "--kl-divergence-base", str(base)]


def eval_command(bora, model, weights, against, threads):
    return [bora, "eval", str(model), "--weights", weights, "--text", str(TEXT), "--ctx", str(WINDOW), "--skip",
            str(WINDOW // 2), "--against", str(against), "--against-compute", "f32", "--threads", str(threads), "--json"]


def mean_of(said):
    """The mean in what llama-perplexity printed."""
    found = re.search(r"^Mean +KLD: +([0-9.eE+-]+)", said, re.MULTILINE)
    if not found:
        raise programs.RunFailed("llama-perplexity: expected a line 'Mean KLD: ..', found none")
    return float(found[1])


def lines_of(groups):
    """Those that run the checkpoint, once each."""
    return {line.name: line for group in groups for line in group.lines if line.model != cases.SMOLLM2}


def of_peers(models, lines, threads):
    """{"PROJECT GGUF": nats} of each project that has a llama-perplexity; llama.cpp's makes the float32 base."""
    found = {project: os.path.join(os.path.dirname(path), "llama-perplexity")
             for project, path in programs.find_projects().items()}
    found = {project: path for project, path in found.items() if os.path.exists(path)}
    if "llama.cpp" not in found or not lines:
        return {}
    models = models.resolve()
    ggufs = sorted({gguf for line in lines.values() for gguf in line.peers})
    with tempfile.TemporaryDirectory(dir=models) as scratch:
        exact, base = os.path.join(scratch, "f32.gguf"), os.path.join(scratch, "base.kld")
        checkpoints.run_maker(checkpoints.quantize_command(models / f"{cases.LAYERS}.gguf", exact, "F32"), scratch)
        checkpoints.run_maker(perplexity_command(found["llama.cpp"], exact, base, threads), scratch)
        os.remove(exact)
        # Run in the scratch folder, since ik_llama.cpp leaves a log where it runs.
        return {f"{project} {gguf}": mean_of(checkpoints.run_maker(
            [*perplexity_command(program, models / gguf, base, threads), "--kl-divergence"], scratch))
                for project, program in found.items() for gguf in ggufs}


def of_bora(bora, models, lines, threads):
    """{name of the line: nats}"""
    return {name: programs.run_json(eval_command(bora, models / line.model, line.weights, models / cases.LAYERS,
                                                 threads))["kl_mean"] for name, line in lines.items()}


def measure(bora, models, groups, threads):
    """{name of a line, or "PROJECT GGUF": nats}"""
    lines = lines_of(groups)
    return {**of_peers(models, lines, threads), **of_bora(bora, models, lines, threads)}
