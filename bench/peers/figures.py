"""The arithmetic of the report: from rounds to figures, and from figures to verdicts. Runs nothing.

A round is {"runs": {name: {...}}, ..}: what each run gave, under "failed" why it gave nothing, and under "spread" how far
the read bandwidths probed beside it spread.
"""

import statistics

MOST_SPREAD = 0.15  # as `bora bench` has it: beyond this other load was on the machine


def spread_of(values):
    """(largest - smallest) / median"""
    return (max(values) - min(values)) / statistics.median(values)


def is_steady(run):
    return run["spread"] <= MOST_SPREAD


def steady_only(rounds):
    """The rounds with the runs that count, and those that failed."""
    return [{**measured, "runs": {name: run for name, run in measured["runs"].items()
                                  if "failed" in run or is_steady(run)}} for measured in rounds]


def steady_runs(rounds):
    """The least number of steady runs that any of the names has; one that failed needs no more."""
    names = {name for measured in rounds for name in measured["runs"]}
    return min((sum("failed" in measured["runs"][name] or is_steady(measured["runs"][name]) for measured in rounds)
                for name in names), default=0)


def values_of(rounds, name, key):
    return [measured["runs"][name][key] for measured in rounds
            if key in measured["runs"].get(name, {})]


def median_of(rounds, name, key):
    """None where nothing was measured."""
    values = values_of(rounds, name, key)
    return statistics.median(values) if values else None


def best_peer(rounds, names, key):
    """The name of the fastest by its median, or None."""
    medians = {name: median_of(rounds, name, key) for name in names}
    known = {name: value for name, value in medians.items() if value is not None}
    return max(known, key=known.get) if known else None


def paired_ratio(rounds, ours, theirs, key):
    """The median of the ratios in each round, so that what slows a whole round cancels out. None without a pair."""
    ratios = [measured["runs"][ours][key] / measured["runs"][theirs][key] for measured in rounds
              if all(key in measured["runs"].get(name, {}) for name in (ours, theirs))]
    return statistics.median(ratios) if ratios else None


def ratio_to_best(rounds, ours, names, key):
    theirs = best_peer(rounds, names, key)
    return None if theirs is None else paired_ratio(rounds, ours, theirs, key)


def median_share(rounds, name, part, whole):
    """Of run(part) / run(whole), round by round."""
    shares = [part(run) / whole(run) for run in (measured["runs"].get(name, {}) for measured in rounds)
              if "failed" not in run and run]
    return statistics.median(shares) if shares else None


def cache_bytes(config, positions):
    """Of keys and values in 16 bits that a token reads of that many positions before it; config: config.json's"""
    window = config.get("sliding_window") or positions
    heads = config["num_key_value_heads"]
    values = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return config["num_hidden_layers"] * 2 * heads * values * 2 * min(positions, window)


def depth_share(rounds, name, config, depths):
    """Bytes read per second in decode at the deeper of two depths, to those at the other.

    The runs are "NAME at DEPTH".
    """
    shares = []
    for measured in rounds:
        runs = [measured["runs"].get(f"{name} at {depth}", {}) for depth in depths]
        if all("decode" in run for run in runs):
            shallow, deep = (run["decode"] * (run["weight_bytes"] + cache_bytes(config, depth))
                             for run, depth in zip(runs, depths))
            shares.append(deep / shallow)
    return statistics.median(shares) if shares else None


def verdict(value, bar, steady=True):
    """steady: whether the value is of runs that count"""
    if value is None:
        return "not measured"
    if not steady:
        return "unsteady, not counted"
    return "met" if value >= bar else "not met"


def needed_over_limit(bar, rounds, ours, names, phase):
    """(tokens/s that a bar of a ratio asks for, the machine's limit) where it asks for more than the limit; else None.

    phase: decode or prefill
    """
    theirs = best_peer(rounds, names, phase)
    limit = median_of(rounds, ours, f"{phase}_limit_tokens_per_s")
    if theirs is None or limit is None:
        return None
    needed = bar * median_of(rounds, theirs, phase)
    return (needed, limit) if needed > limit else None
