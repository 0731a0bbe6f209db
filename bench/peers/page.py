"""docs/performance.md from what was measured. Runs nothing."""

import dataclasses
import json

import cases
import figures

HAND_WRITTEN = "<!-- Below this line report.py keeps what is written by hand. -->"
NO_EQUAL = "no peer of equal KL"
LIMIT_BOUND = {"memory": "reads", "compute": "inner loops"}

INTRO = """# Performance

Written by [bench/peers/report.py](../bench/peers/report.py); do not edit above the marked line, run it again ([how](#again)).
bora and the peers run the same weights with the same threads, one after the other in each round, every round beginning with
another. Before and after each run the read bandwidth is probed; a run whose probes spread over more than 15 %
((largest - smallest) / median) is repeated, and not counted if it stays so. Speeds are medians. A ratio is the median of the
ratios in each round, to the peer with the best median of those with weights of equal or more bits and an [equal or better KL
divergence](#kl-divergence); where no peer has that, to the fastest, and the bar that is not reached is counted on its own. Shares of
a limit are those of [`bora bench`](cli.md#bench), probed beside each run; without a peer or a limit of its own a speed stands alone.
"""

AGAIN = """## Again

```
tools/build_peers.sh llama ik checkpoints     # once: llama.cpp, ik_llama.cpp, what makes the checkpoints
make build                                    # build/release/bora
{command}
```

`--quick` takes 3 rounds (of long prompts 1) and repeats nothing, in place of 9 (3) or more; `--groups` names what to measure, `--help` tells the
rest. A report that was interrupted goes on where it was. What it ran, at bf16:

```
{commands}
```
"""


DIVERGENCE = f"""## KL divergence

Of what each program makes of the weights from the checkpoint in float32 ([how](../bench/peers/divergence.py)), mean over the second
halves of windows of 512 tokens. The weights are random, so that errors grow from layer to layer: this compares programs and is not
the quality of an answer. A peer counts as equal up to {cases.EQUAL_KL} times bora's figure.

"""


@dataclasses.dataclass(frozen=True)
class Report:
    rounds: dict    # {group: all rounds}
    divergences: dict  # {name of a line, or "PROJECT GGUF": mean KL divergence}, those measured
    config: dict    # config.json of the checkpoint
    machine: list   # [(what, value)]
    commands: list  # command lines
    command: str    # that of the report
    plots: list     # file names beside the page


def _is_llama(name):
    return name.startswith("llama.cpp")


def has_equal_kl(line, peer, divergences):
    """Whether the peer's KL divergence is equal to the line's, or better; what was not measured is taken for equal."""
    ours, theirs = divergences.get(line.name), divergences.get(peer.removesuffix(" repacked"))
    return ours is None or theirs is None or theirs <= ours * cases.EQUAL_KL


def peers_of(line, rounds, divergences):
    """(names of the runs that the line is compared with, whether their KL divergence is equal or better)

    A name is "PROJECT GGUF" and what else it says. Those of equal KL divergence; all, where there are none.
    """
    names = {name for measured in rounds for name in measured["runs"]}
    same = sorted(name for name in names if name.split(" ")[1] in line.peers)
    equal = [name for name in same if has_equal_kl(line, name, divergences)]
    return (equal, True) if equal else (same, False)


def figure_of(figure, line, group, rounds, report):
    """A figure of FIGURES, or None where a run that it takes is not there."""
    name, (peers, _), config = line.name, peers_of(line, rounds, report.divergences), report.config
    if group.long:
        depths = (cases.SHORT_PROMPT, group.prompt)
        if figure == "depth_share":
            return figures.depth_share(rounds, name, config, depths)
        return figures.ratio_to_best(rounds, f"{name} at {group.prompt}", [peer for peer in peers if _is_llama(peer)],
                                     "prefill")
    match figure:
        case "decode_bandwidth":
            return figures.median_of(rounds, name, "bandwidth_fraction")
        case "decode_ratio" | "prefill_ratio":
            return figures.ratio_to_best(rounds, name, peers, figure.removesuffix("_ratio"))
        case "prefill_fma":
            return figures.median_share(rounds, name, lambda run: run["prefill_gops"],
                                        lambda run: run["inner_loop_gops"]["f32"])
        case "prefill_inner_loop":
            return figures.median_share(rounds, name, lambda run: run["prefill_gops"],
                                        lambda run: run["prefill_limit_gops"])
    raise KeyError(figure)


def counted_figure(figure, line, group, measured, report):
    """(value, whether it counts). A ratio does only where every peer has runs that count: the best may be the one that lacks them."""
    rounds = figures.steady_only(measured)
    peers = [peers_of(line, those, report.divergences) for those in (rounds, measured)]
    all_there = "ratio" not in figure or peers[0] == peers[1]
    value = figure_of(figure, line, group, rounds, report) if all_there else None
    if value is not None:
        return value, True
    return figure_of(figure, line, group, measured, report), False


def bar_rows(report):
    """[(group, line, figure, bar, value, verdict)]"""
    rows = []
    for key, measured in report.rounds.items():
        group = cases.GROUPS[key]
        for line in group.lines:
            for figure, bar in line.bars.items():
                value, counts = counted_figure(figure, line, group, measured, report)
                said = figures.verdict(value, bar, counts)
                if said == "not met" and "ratio" in figure and not peers_of(line, measured, report.divergences)[1]:
                    said = NO_EQUAL
                rows.append((key, line, figure, bar, value, said))
    return rows


def _table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def bars_section(report):
    rows = bar_rows(report)
    met, alone = (sum(row[-1] == said for row in rows) for said in ("met", NO_EQUAL))
    table = [(cases.GROUPS[key].title, line.name, cases.FIGURES[figure][0], f"{bar:.2f}{cases.FIGURES[figure][1]}",
              "" if value is None else f"{value:.2f}{cases.FIGURES[figure][1]}", said)
             for key, line, figure, bar, value, said in rows]
    beyond = beyond_limit(report, rows)
    return (f"## Bars\n\n{met} of {len(rows)} met"
            + (f"; {alone} not reached against a peer of worse KL divergence alone" if alone else "") + ".\n\n"
            + _table(("what", "", "figure", "at least", "measured", ""), table)
            + ("\nBeyond what the machine can do by its own probes:\n\n" + "\n".join(beyond) + "\n" if beyond else ""))


def beyond_limit(report, rows):
    """Of the bars not met, those that ask for more than the limit, with the arithmetic."""
    found = []
    for key, line, figure, bar, _, said in rows:
        if said not in ("not met", NO_EQUAL) or figure not in ("decode_ratio", "prefill_ratio"):
            continue
        rounds = figures.steady_only(report.rounds[key])
        phase, peers = figure.removesuffix("_ratio"), peers_of(line, rounds, report.divergences)[0]
        over = figures.needed_over_limit(bar, rounds, line.name, peers, phase)
        if over:
            best = figures.best_peer(rounds, peers, phase)
            bound = LIMIT_BOUND[next(iter(figures.values_of(rounds, line.name, f"{phase}_bound")))]
            found.append(f"- {line.name}, {phase}: {bar:.2f} x {over[0] / bar:.1f} ({best}) = {over[0]:.1f} tokens/s; "
                         f"the limit by {bound} is {over[1]:.1f}.")
    return found


KEYS = {"prefill": "prefill", "decode": "decode", "prefill_limit": "prefill_limit_tokens_per_s",
        "decode_limit": "decode_limit_tokens_per_s", "prefill_share": "prefill_fraction",
        "decode_share": "decode_fraction"}  # in a row: in a run


def speed_rows(measured):
    """[(name, {key of KEYS: median or None, "failed": why, "steady": runs that count, "runs": of all})] of a group"""
    names = sorted({name for each in measured for name in each["runs"]},
                   key=lambda name: (not name.startswith("bora"), name))
    rows = []
    for name in names:
        runs = [each["runs"][name] for each in measured if name in each["runs"]]
        steady = sum(map(figures.is_steady, runs))
        rounds = figures.steady_only(measured) if steady else measured
        row = {key: figures.median_of(rounds, name, of) for key, of in KEYS.items()}
        failures = figures.values_of(measured, name, "failed")
        rows.append((name, {**row, "failed": failures[0] if failures else None, "steady": steady, "runs": len(runs)}))
    return rows


def _share_text(row, phase):
    limit, share = row[f"{phase}_limit"], row[f"{phase}_share"]
    return "" if limit is None else f"{share:.2f} of {limit:.1f}"


def _speed_text(row, phase):
    if row[phase] is None:
        return row["failed"] or ""
    return f"{row[phase]:.1f}"


def _runs_text(row):
    return f"{row['steady']} of {row['runs']}" + ("" if row["steady"] else ": for orientation only")


def speeds_section(report):
    parts = ["## Speeds\n\nTokens/s; of bora also the share of the limit. The last column tells how many runs counted.\n"]
    parts += [f"\n![{name}]({name})\n" for name in report.plots]
    for key, measured in report.rounds.items():
        reads = [probe for each in measured for run in each["runs"].values() for probe in run["probes"]]
        rows = [(name, _speed_text(row, "prefill"), _share_text(row, "prefill"), _speed_text(row, "decode"),
                 _share_text(row, "decode"), _runs_text(row)) for name, row in speed_rows(measured)]
        parts.append(f"\n**{cases.GROUPS[key].title}**; reads {min(reads):.1f} to {max(reads):.1f} GB/s.\n\n"
                     + _table(("", "prefill", "of the limit", "decode", "of the limit", "steady"), rows))
    return "".join(parts)


def divergence_section(report):
    rows = [(name, f"{value:.4f}") for name, value in sorted(report.divergences.items())]
    if not rows:
        return "## KL divergence\n\nNot measured.\n"
    return DIVERGENCE + _table(("", "mean, nats"), rows)


def machine_section(report):
    return "## Machine and versions\n\n" + _table(("", ""), [(what, str(value)) for what, value in report.machine])


def missing_peers(report):
    """Projects of which the page should speak and that were not there."""
    there = {name.split(" ")[0] for measured in report.rounds.values() for each in measured for name in each["runs"]}
    return [name for name in ("llama.cpp", "ik_llama.cpp") if name not in there]


def page(report):
    missing = missing_peers(report)
    not_there = f"\nNot measured, since not built: {', '.join(missing)}.\n" if missing else ""
    again = AGAIN.format(command=report.command, commands="\n".join(report.commands))
    return "\n".join([INTRO + not_there, bars_section(report), speeds_section(report), divergence_section(report), machine_section(report),
                      again, HAND_WRITTEN])


def with_hand_written(text, old):
    """The page, and what the old one has below the marked line."""
    _, mark, kept = old.partition(HAND_WRITTEN)
    return text + (kept if mark else "\n")


def load_config(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))
