"""Measures rounds, and keeps them in a file, so that a report that was interrupted goes on where it was.

In a round all that is compared runs once, with a probe of the read bandwidth before and after. A run whose probes spread
over too much is repeated at once, and if it stays so it does not count.
"""

import functools
import json
import pathlib
import sys

import cases
import figures
import programs
from programs import RunFailed, Shape


class State:
    """JSON lines: first what is measured ({"bora": version, ...}), then one round each; one may be the divergences."""

    def __init__(self, path, identity, restart):
        self.path = pathlib.Path(path)
        self.rounds = {}  # group: [round]
        self.divergences = {}  # as divergence.py has them
        if self.path.exists() and not restart:
            self._read(identity)
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(identity) + "\n", encoding="utf-8")

    def _read(self, identity):
        lines = self.path.read_text(encoding="utf-8").splitlines()
        found = json.loads(lines[0])
        for key in {**found, **identity}:
            if found.get(key) != identity.get(key):
                raise RunFailed(f"{self.path}: expected rounds of {key} {identity.get(key)}, "
                                f"found {found.get(key)}: --restart measures anew")
        for line in lines[1:]:
            measured = json.loads(line)
            if "divergences" in measured:
                self.divergences = measured["divergences"]
                continue
            self.rounds.setdefault(measured["group"], []).append(measured)

    def _append(self, entry):
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def set_divergences(self, divergences):
        self._append({"divergences": divergences})
        self.divergences = divergences

    def add(self, measured):
        self._append(measured)
        self.rounds.setdefault(measured["group"], []).append(measured)

    def of(self, group):
        return self.rounds.get(group, [])


class Runner:
    """What measures a round of a group."""

    def __init__(self, bora, models, threads, tries):
        self.bora, self.models, self.threads, self.tries = bora, models, threads, tries
        self.last_probe = None  # what was probed since the last run

    def _path(self, name):
        return str(self.models / name)

    def _shape(self, group, **changes):
        return Shape(**{"threads": self.threads, "prompt": group.prompt, "new": group.new, **changes})

    def contestants(self, group):
        """{name: function that runs it once}"""
        return self._long(group) if group.long else self._short(group)

    def _short(self, group):
        shape = self._shape(group)
        ours = {line.name: functools.partial(programs.bench_bora, self.bora, self._path(line.model),
                                             line.weights, shape) for line in group.lines}
        ggufs = [self._path(name) for name in group.ggufs()]
        return {**ours, **programs.find_peers(ggufs, shape, programs.find_projects())}

    def _long(self, group):
        """No peer but llama.cpp has a bar there, and it warms up with the whole prompt if it is let."""
        found = {}
        for line in group.lines:
            for prompt in (cases.SHORT_PROMPT, group.prompt):
                found[f"{line.name} at {prompt}"] = functools.partial(
                    programs.answer_with_bora, self.bora, self._path(line.model), line.weights,
                    self._shape(group, prompt=prompt))
        llama = programs.find_projects().get("llama.cpp")
        for gguf in group.ggufs() if llama else ():
            found[f"llama.cpp {gguf}"] = functools.partial(
                programs.bench_llama, llama, self._path(gguf), self._shape(group, new=0), ["--no-warmup"])
        return found

    def probe(self):
        """GB/s, the median of what a short run of the small model finds around it."""
        shape = Shape(self.threads, prompt=1, new=1)
        return programs.bench_bora(self.bora, self._path(cases.SMOLLM2), "auto", shape)["read_bandwidth_gb_s"]

    def run_once(self, name, run):
        """With its spread: of the probes around it, and of those that bora bench makes between its phases."""
        before = self.last_probe or self.probe()
        try:
            result = run()
        except RunFailed as error:
            if name.startswith("bora"):
                raise
            result = {"failed": str(error)}
        self.last_probe = self.probe()
        around = figures.spread_of([before, self.last_probe])
        return {**result, "probes": [before, self.last_probe],
                "spread": max(around, result.get("read_bandwidth_spread", 0.0))}

    def steadiest(self, name, run):
        """Of a few tries, the first that counts."""
        tries = []
        while not tries or (len(tries) < self.tries and not figures.is_steady(tries[-1])):
            tries.append(self.run_once(name, run))
            if "failed" in tries[-1]:
                return tries[-1]
        return min(tries, key=lambda result: result["spread"])

    def measure(self, name, number):
        """One round; each starts with another of the contestants."""
        contestants = list(self.contestants(cases.GROUPS[name]).items())
        first = number % len(contestants)
        self.last_probe = None
        runs = {contestant: self.steadiest(contestant, run)
                for contestant, run in contestants[first:] + contestants[:first]}
        return {"group": name, "runs": runs}


def rounds_left(measured, wanted, most):
    """Until each has `wanted` steady runs, but no more than `most` rounds in all."""
    return max(0, min(wanted - figures.steady_runs(measured), most - len(measured)))


def measure_all(state, runner, plan, calls=None):
    """plan: {group: (steady runs wanted, rounds at most)}. In turns, so that an interrupted run has some of each group.

    Measures at most `calls` rounds (None: all) and returns how many are left at least.
    """
    def left(group):
        return rounds_left(state.of(group), *plan[group])

    while any(left(group) for group in plan) and calls != 0:
        group = min((group for group in plan if left(group)), key=lambda group: len(state.of(group)) / plan[group][0])
        measured = runner.measure(group, len(state.of(group)))
        state.add(measured)
        calls = calls - 1 if calls is not None else None
        steady = sum(map(figures.is_steady, measured["runs"].values()))
        print(f"{group}: round {len(state.of(group))}, {steady} of {len(measured['runs'])} runs steady, "
              f"at least {left(group)} rounds left", file=sys.stderr)
    return sum(map(left, plan))
