#!/usr/bin/env python3
"""Measures bora and the peers in turns, and writes docs/performance.md with its plots.

Makes what it runs (the shape of Mistral-7B with 4 layers of random weights, 7 GB in all, and the default model) in
$BORA_PEERS/models; takes each llama-bench in $BORA_PEERS/PROJECT/build/bin as a peer (tools/build_peers.sh llama ik
checkpoints). Rounds go into the state file at once, so that a run that was interrupted goes on where it was;
with --rounds-per-call it stops after so many itself and exits 3 while some are left. Nothing else should run on the
machine: runs beside which the probed bandwidth spread over 15 % are repeated, and not counted if they stay so.

example: report.py                    9 steady runs of everything (on 2 cores more than an hour)
         report.py --quick            3 rounds (of long prompts 1), nothing repeated: 25 minutes
         report.py --groups bf16,8bit --state build/some.jsonl --out /tmp/performance.md
"""

import argparse
import datetime
import os
import pathlib
import shlex
import subprocess
import sys

import cases
import chart
import checkpoints
import divergence
import page
import programs
import rounds

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT = 3  # exit code: rounds are left


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bora", default="build/release/bora")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path(programs.peers_folder()) / "models")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, help="runs that count of each program (default 9; of long prompts a third)")
    parser.add_argument("--quick", action="store_true", help="3 rounds, nothing repeated, a smaller roofline")
    parser.add_argument("--groups", default=",".join(cases.GROUPS), help="default: %(default)s")
    parser.add_argument("--state", default="build/performance.jsonl", help="default: %(default)s")
    parser.add_argument("--restart", action="store_true", help="forget the rounds in the state file")
    parser.add_argument("--rounds-per-call", type=int, help="stop after so many rounds")
    parser.add_argument("--no-roofline", action="store_true", help="leave out bora bench's plot")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/performance.md")
    args = parser.parse_args()
    for group in args.groups.split(","):
        if group not in cases.GROUPS:
            parser.error(f"--groups: expected some of {','.join(cases.GROUPS)}, found '{group}'")
    return args


def plot_file(args, what):
    """Beside the page, called after it."""
    return args.out.with_name(f"{args.out.stem}-{what}.svg")


def plan_of(args):
    """{group: (runs that are to count, rounds at most)}"""
    wanted = args.rounds or (3 if args.quick else 9)
    plan = {}
    for name in args.groups.split(","):
        count = max(1, wanted // 3) if cases.GROUPS[name].long else wanted
        plan[name] = (count, count if args.quick else 2 * count)
    return plan


def identity_of(args):
    """What rounds must have in common to be counted together."""
    return {"bora": programs.bora_version(args.bora), "cpu": programs.cpu_info("model name"), "threads": args.threads,
            "peers": {name: programs.version_of(name) for name in programs.find_projects()}}


def machine_rows(identity, state):
    """What the page says of the machine; the ISA as bora said it."""
    isas = {run["isa"] for measured in state.rounds.values() for each in measured for run in each["runs"].values()
            if "isa" in run}
    memory = next(line.split()[1] for line in pathlib.Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
                  if line.startswith("MemTotal"))
    wanted = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8",
              "amx_bf16")
    flags = programs.cpu_info("flags").split()
    return [("CPU", identity["cpu"]), ("CPU flags", ", ".join(flag for flag in wanted if flag in flags)),
            ("family, model, stepping", ", ".join(map(programs.cpu_info, ("cpu family", "model\t", "stepping")))),
            ("memory", f"{int(memory) / 1e6:.1f} GB"), ("kernel", os.uname().release), ("threads", identity["threads"]),
            ("bora", identity["bora"]), ("bora's ISA", ", ".join(sorted(isas)) or "not measured"),
            *identity["peers"].items(), ("measured on", datetime.date.today().isoformat())]


def example_commands(args, plan):
    """The command lines of what ran, as the first group has them."""
    shape = programs.Shape(args.threads)
    model = str(args.models / cases.LAYERS)
    gguf = str(args.models / f"{cases.LAYERS}.gguf")
    lines = [programs.bench_command(args.bora, model, "auto", shape)]
    for project, program in programs.find_projects().items():
        lines += [programs.llama_command(program, gguf, shape, [])]
        if programs.is_ik(project):
            lines += [programs.llama_command(program, gguf, shape, ["-rtr", "1"])]
    if any(cases.GROUPS[name].long for name in plan):
        answer = programs.answer_command(args.bora, model, "auto", programs.Shape(args.threads, prompt=8192))
        answer[answer.index("--prompt-ids") + 1] = "300,8219,..."
        lines.append(answer)
    if not args.no_roofline:
        lines.append(roofline_command(args))
    return [shlex.join(line).replace(os.path.expanduser("~"), "~") for line in lines]


def roofline_command(args):
    depths = "0,1024" if args.quick else "0,512,2048,4096"
    return [args.bora, "bench", str(args.models / cases.LAYERS), "--weights", "auto,int8,int4", "--load", "copy",
            "--threads", str(args.threads), "--prompt-tokens", "512", "--new-tokens", "16", "--depth", depths,
            "--reps", "1" if args.quick else "3", "--plot", str(plot_file(args, "roofline"))]


def write_bars(args, state, plan):
    groups = []
    for name in plan:
        groups.append((cases.GROUPS[name].title, page.speed_rows(state.of(name))))
    plot_file(args, "bars").write_text(chart.bar_chart(groups), encoding="utf-8")


def write_page(args, state, plan, identity):
    plots = ["bars"] if args.no_roofline else ["bars", "roofline"]
    report = page.Report(
        rounds={name: state.of(name) for name in plan}, divergences=state.divergences,
        config=page.load_config(args.models / cases.LAYERS), machine=machine_rows(identity, state), commands=example_commands(args, plan),
        command=shlex.join(["bench/peers/report.py", *sys.argv[1:]]),
        plots=[plot_file(args, what).name for what in plots])
    old = args.out.read_text(encoding="utf-8") if args.out.exists() else ""
    args.out.write_text(page.with_hand_written(page.page(report), old), encoding="utf-8")
    print(f"wrote {args.out}", file=sys.stderr)


def main():
    args = parse_args()
    plan, identity = plan_of(args), identity_of(args)
    checkpoints.make(args.models, [*(cases.GROUPS[name] for name in plan), cases.GROUPS["smollm2"]])
    state = rounds.State(args.state, identity, args.restart)
    runner = rounds.Runner(args.bora, args.models, args.threads, tries=1 if args.quick else 3)
    left = rounds.measure_all(state, runner, plan, args.rounds_per_call)
    if left:
        print(f"at least {left} rounds are left: run the same command again, without --restart", file=sys.stderr)
        return LEFT
    groups = [cases.GROUPS[name] for name in plan]
    if not divergence.lines_of(groups).keys() <= state.divergences.keys():
        state.set_divergences(divergence.measure(args.bora, args.models, groups, args.threads))
    write_bars(args, state, plan)
    if not args.no_roofline:
        subprocess.run(roofline_command(args), check=True, stdout=sys.stderr)
    write_page(args, state, plan, identity)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except programs.RunFailed as error:
        sys.exit(f"report.py: {error}")
