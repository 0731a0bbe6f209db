"""Makes what report.py runs: the 4-layer checkpoint, its GGUFs, and the default model. Only what is missing.

Needs llama.cpp and the venv of makers: `tools/build_peers.sh llama checkpoints`.
"""

import pathlib
import shlex
import sys

import cases
import programs

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def part_of(path):
    return path.with_name(f".{path.name}.part")


def quantize_command(source, to, kind):
    quantize = str(pathlib.Path(programs.peers_folder()) / "llama.cpp/build/bin/llama-quantize")
    return [quantize, str(source), str(to), kind, "2"]


def commands(folder):
    """{name in `folder`: the command that makes it under the name of its part}, each after what it is made from."""
    python = str(pathlib.Path(programs.peers_folder()) / "checkpoint-venv/bin/python")
    base, gguf = folder / cases.LAYERS, folder / f"{cases.LAYERS}.gguf"
    made = {base.name: [python, str(TOOLS / "mistral_checkpoint.py"), str(part_of(base)), "--layers", "4"],
            gguf.name: [python, str(TOOLS / "to_gguf.py"), str(base), str(part_of(gguf))]}
    for kind in ("Q8_0", "Q4_0", "Q4_K_M"):
        name = f"{cases.LAYERS}-{kind}.gguf"
        made[name] = quantize_command(gguf, part_of(folder / name), kind)
    return made


def run_maker(command, folder=None):
    """What it printed on stdout, run in the folder; says on stderr that it begins, since it takes a while."""
    print("+ " + shlex.join(command), file=sys.stderr)
    try:
        return programs.run(command, folder)
    except FileNotFoundError as error:
        raise programs.RunFailed(
            f"{error.filename}: expected a program, found none: tools/build_peers.sh llama checkpoints") from error


def names_to_make(needed, folder):
    """Those missing, and what they are made from."""
    missing = {name for name in needed if name != cases.SMOLLM2 and not (folder / name).exists()}
    if any("-" in name for name in missing):
        missing.add(f"{cases.LAYERS}.gguf")
    if missing:
        missing.add(cases.LAYERS)
    return {name for name in missing if not (folder / name).exists()}


def make(folder, groups):
    """Sees to it that `folder` has all that the groups run."""
    needed = {name for group in groups for line in group.lines for name in (line.model, *line.peers)}
    folder.mkdir(parents=True, exist_ok=True)
    if cases.SMOLLM2 in needed and not (folder / cases.SMOLLM2).exists():
        (folder / cases.SMOLLM2).symlink_to(run_maker([str(TOOLS / "fetch_default_model.sh")]).strip())
    to_make = names_to_make(needed, folder)
    for name, command in commands(folder).items():
        if name in to_make:
            run_maker(command)
            part_of(folder / name).rename(folder / name)
