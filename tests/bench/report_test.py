#!/usr/bin/env python3
"""The arithmetic, the rounds and the page of bench/peers/report.py, on made-up runs."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/peers"))

import cases
import chart
import checkpoints
import divergence
import figures
import page
import rounds
from programs import RunFailed

STEADY, UNSTEADY = 0.15, 0.151
CONFIG = {"num_hidden_layers": 4, "num_key_value_heads": 8, "hidden_size": 4096, "num_attention_heads": 32,
          "sliding_window": 4096}
PEER, OTHER = "llama.cpp mistral4.gguf", "ik_llama.cpp mistral4.gguf repacked"


def ours(prefill=100.0, decode=20.0, **more):
    return {"prefill": prefill, "decode": decode, "bandwidth_fraction": 0.9, "prefill_gops": 90.0,
            "prefill_limit_gops": 120.0, "inner_loop_gops": {"f32": 100.0}, "decode_limit_tokens_per_s": 24.0,
            "prefill_limit_tokens_per_s": 110.0, "decode_fraction": 0.8, "prefill_fraction": 0.9,
            "decode_bound": "memory", "prefill_bound": "compute", "isa": "avx2", **more}


def round_of(spread=STEADY, **runs):
    """Under "bora", "peer" and "other" what their runs gave, all beside the same probes."""
    names = {"bora": "bora bf16", "peer": PEER, "other": OTHER}
    return as_round({names[key]: run for key, run in runs.items()}, spread)


def as_round(runs, spread=STEADY):
    return {"group": "bf16", "runs": {name: {"spread": spread, "probes": [30.0, 31.0], **run} for name, run in runs.items()}}


def report_of(measured, group="bf16", divergences=()):
    return page.Report({group: measured}, dict(divergences), CONFIG, [("CPU", "of a test")], ["bora bench"], "report.py", [])


class Figures(unittest.TestCase):
    def test_the_spread_is_of_the_median(self):
        self.assertAlmostEqual(figures.spread_of([92.0, 100.0, 110.0]), 0.18)

    def test_a_spread_of_15_percent_is_steady_and_more_is_not(self):
        self.assertTrue(figures.is_steady({"spread": STEADY}))
        self.assertFalse(figures.is_steady({"spread": UNSTEADY}))

    def test_unsteady_runs_are_not_counted(self):
        good, bad = round_of(bora=ours()), round_of(UNSTEADY, bora=ours(decode=99.0))
        counted = figures.steady_only([bad, good])
        self.assertEqual(figures.values_of(counted, "bora bf16", "decode"), [20.0])
        self.assertEqual(figures.verdict(9.0, 1.0, steady=False), "unsteady, not counted")

    def test_the_program_with_the_fewest_steady_runs_counts(self):
        failed = {"failed": "exit 1", "spread": UNSTEADY}
        mixed = as_round({"bora bf16": ours(), PEER: {"decode": 1.0, "spread": UNSTEADY}, OTHER: failed})
        self.assertEqual(figures.steady_runs([mixed, round_of(bora=ours(), peer={"decode": 1.0}, other=failed)]), 1)
        self.assertEqual(figures.steady_runs([]), 0)

    def test_a_ratio_is_the_median_of_pairs_with_the_best_peer(self):
        # Ratios of medians would be 20 / 10; of the pairs: 30 / 10, 20 / 16, 10 / 8.
        measured = [round_of(bora=ours(decode=mine), peer={"decode": theirs}, other={"decode": 1.0})
                    for mine, theirs in ((30.0, 10.0), (20.0, 16.0), (10.0, 8.0))]
        self.assertEqual(figures.best_peer(measured, [PEER, OTHER], "decode"), PEER)
        self.assertAlmostEqual(figures.ratio_to_best(measured, "bora bf16", [PEER, OTHER], "decode"), 1.25)

    def test_a_peer_that_failed_is_no_zero(self):
        measured = [round_of(bora=ours(), peer={"failed": "exit 132"})]
        self.assertIsNone(figures.ratio_to_best(measured, "bora bf16", [PEER], "decode"))
        self.assertEqual(figures.verdict(None, 1.15, steady=True), "not measured")

    def test_a_bar_is_met_from_its_value_on(self):
        self.assertEqual(figures.verdict(0.88, 0.88, steady=True), "met")
        self.assertEqual(figures.verdict(0.8799, 0.88, steady=True), "not met")

    def test_the_cache_of_a_window_grows_no_further(self):
        per_token = 4 * 2 * 8 * 128 * 2
        self.assertEqual(figures.cache_bytes(CONFIG, 512), 512 * per_token)
        self.assertEqual(figures.cache_bytes(CONFIG, 8192), 4096 * per_token)

    def test_the_share_at_depth_counts_the_bytes_of_the_cache(self):
        weights = 1e9
        grown = (weights + figures.cache_bytes(CONFIG, 8192)) / (weights + figures.cache_bytes(CONFIG, 512))
        measured = [as_round({"bora bf16 at 512": {"decode": 20.0, "weight_bytes": weights},
                              "bora bf16 at 8192": {"decode": 20.0 / grown, "weight_bytes": weights}})]
        self.assertAlmostEqual(figures.depth_share(measured, "bora bf16", CONFIG, (512, 8192)), 1.0)

    def test_a_ratio_beyond_the_limit_is_told(self):
        measured = [round_of(bora=ours(), peer={"decode": 22.0})]
        needed, limit = figures.needed_over_limit(1.15, measured, "bora bf16", [PEER], "decode")
        self.assertAlmostEqual(needed, 25.3)
        self.assertEqual(limit, 24.0)
        self.assertIsNone(figures.needed_over_limit(1.0, measured, "bora bf16", [PEER], "decode"))


class FakeRunner:
    def __init__(self, spreads):
        self.spreads = spreads  # of each round in turn

    def measure(self, name, number):
        return {"group": name, "runs": {"bora": {"decode": 1.0, "spread": self.spreads[number]}}}


class ProbingRunner(rounds.Runner):
    """Finds these bandwidths in turn."""

    def __init__(self, probes, tries=3):
        super().__init__("bora", pathlib.Path("models"), 2, tries)
        self.found = iter(probes)

    def probe(self):
        return next(self.found)


class Tries(unittest.TestCase):
    def test_a_run_is_repeated_until_the_probes_around_it_agree(self):
        speeds = iter([1.0, 2.0, 3.0])
        best = ProbingRunner([30.0, 40.0, 39.0]).steadiest("peer", lambda: {"decode": next(speeds)})
        self.assertEqual((best["decode"], best["probes"]), (2.0, [40.0, 39.0]))

    def test_without_a_steady_one_it_keeps_the_steadiest(self):
        speeds = iter([1.0, 2.0, 3.0])
        best = ProbingRunner([30.0, 40.0, 50.0, 80.0]).steadiest("peer", lambda: {"decode": next(speeds)})
        self.assertEqual(best["decode"], 2.0)
        self.assertFalse(figures.is_steady(best))

    def test_the_probes_between_the_phases_of_bora_bench_count_too(self):
        runner = ProbingRunner([30.0, 30.0], tries=1)
        self.assertEqual(runner.steadiest("bora", lambda: {"read_bandwidth_spread": 0.4})["spread"], 0.4)

    def test_a_peer_that_fails_is_noted_and_bora_is_not(self):
        def fail():
            raise RunFailed("exit 132")
        self.assertEqual(ProbingRunner([30.0, 30.0]).steadiest("peer", fail)["failed"], "exit 132")
        with self.assertRaises(RunFailed):
            ProbingRunner([30.0, 30.0]).steadiest("bora bf16", fail)


class Rounds(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "state.jsonl"
        progress = contextlib.redirect_stderr(io.StringIO())
        progress.__enter__()
        self.addCleanup(progress.__exit__, None, None, None)

    def state(self, bora="1", restart=False):
        return rounds.State(self.path, {"bora": bora, "threads": 2}, restart)

    def test_a_round_is_added_for_one_that_was_unsteady(self):
        state = self.state()
        left = rounds.measure_all(state, FakeRunner([STEADY, UNSTEADY, STEADY]), {"bf16": (2, 4)})
        self.assertEqual((left, len(state.of("bf16"))), (0, 3))

    def test_adding_rounds_ends(self):
        state = self.state()
        self.assertEqual(rounds.measure_all(state, FakeRunner([UNSTEADY] * 9), {"bf16": (2, 4)}), 0)
        self.assertEqual(len(state.of("bf16")), 4)

    def test_a_report_that_was_stopped_goes_on_where_it_was(self):
        plan = {"bf16": (2, 2), "8bit": (1, 1)}
        self.assertEqual(rounds.measure_all(self.state(), FakeRunner([STEADY] * 2), plan, 1), 2)
        again = self.state()
        self.assertEqual(len(again.of("bf16")), 1)
        self.assertEqual(rounds.measure_all(again, FakeRunner([STEADY] * 2), plan), 0)
        self.assertEqual((len(again.of("bf16")), len(again.of("8bit"))), (2, 1))

    def test_rounds_of_another_build_are_refused(self):
        rounds.measure_all(self.state(), FakeRunner([STEADY]), {"bf16": (1, 1)})
        with self.assertRaisesRegex(RunFailed, "expected rounds of bora 2, found 1: --restart"):
            self.state(bora="2")
        self.assertEqual(self.state(bora="2", restart=True).of("bf16"), [])


class Divergence(unittest.TestCase):
    def test_the_mean_is_read_from_what_llama_perplexity_prints(self):
        said = "Mean PPL(Q)/PPL(base)         :   1.01\n====== KL divergence statistics ======\nMean    KLD:   0.062829 ±   0.000486\n"
        self.assertEqual(divergence.mean_of(said), 0.062829)
        with self.assertRaisesRegex(RunFailed, "expected a line 'Mean KLD"):
            divergence.mean_of("Maximum KLD:   0.1\n")

    def test_each_line_of_the_checkpoint_is_measured_once(self):
        self.assertEqual(set(divergence.lines_of(cases.GROUPS.values())),
                         {f"bora {weights}" for weights in ("bf16", "int8", "Q8_0", "int4", "Q4_0", "Q4_K_M")})

    def test_they_are_kept_with_the_rounds(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "state.jsonl"
            rounds.State(path, {"bora": "1"}, False).set_divergences({"bora int8": 0.5})
            rounds.State(path, {"bora": "1"}, False).add(round_of(bora=ours()))
            state = rounds.State(path, {"bora": "1"}, False)
        self.assertEqual(state.divergences, {"bora int8": 0.5})
        self.assertEqual(len(state.of("bf16")), 1)


class Page(unittest.TestCase):
    def test_every_figure_of_every_bar_is_computed_from_its_runs(self):
        peers = {"llama.cpp mistral4.gguf": {"prefill": 50.0, "decode": 16.0}}
        runs = {"bora bf16": ours(), **peers}
        values = {row[2]: (row[4], row[5]) for row in page.bar_rows(report_of([as_round(runs)]))}
        self.assertEqual(values, {"decode_bandwidth": (0.9, "met"), "decode_ratio": (1.25, "met"),
                                  "prefill_ratio": (2.0, "met"), "prefill_fma": (0.9, "met")})

    def test_long_prompts_are_compared_with_llama_cpp_alone(self):
        runs = {"bora bf16 at 512": {"prefill": 100.0, "decode": 20.0, "weight_bytes": 2e9},
                "bora bf16 at 8192": {"prefill": 90.0, "decode": 19.0, "weight_bytes": 2e9},
                "llama.cpp mistral4.gguf": {"prefill": 60.0}, "ik_llama.cpp mistral4.gguf": {"prefill": 900.0}}
        values = {row[2]: row[4] for row in
                  page.bar_rows(report_of([as_round(runs)], "long-bf16"))}
        self.assertAlmostEqual(values["prefill_ratio_llama"], 1.5)
        self.assertAlmostEqual(values["depth_share"], 0.95 * (2e9 + 4096 * 16384) / (2e9 + 512 * 16384))

    def test_what_is_missed_failed_or_absent_is_said(self):
        runs = {"bora bf16": ours(), PEER: {"prefill": 150.0, "decode": 23.0}, OTHER: {"failed": "ik: exit 132"}}
        text = page.page(report_of([as_round(runs)]))
        self.assertIn("| prefill, to the best peer | 1.00x | 0.67x | not met |", text)
        self.assertIn("decode: 1.15 x 23.0 (llama.cpp mistral4.gguf) = 26.4 tokens/s; the limit by reads is 24.0", text)
        self.assertIn("ik: exit 132", text)
        del runs[OTHER]
        self.assertIn("Not measured, since not built: ik_llama.cpp", page.page(report_of([as_round(runs)])))

    def test_a_figure_of_unsteady_runs_is_shown_and_not_counted(self):
        runs = {"bora bf16": ours(), PEER: {"prefill": 50.0, "decode": 16.0}}
        report = report_of([as_round(runs, UNSTEADY)])
        self.assertEqual({row[5] for row in page.bar_rows(report)}, {"unsteady, not counted"})
        self.assertIn("0 of 1: for orientation only", page.page(report))

    def test_a_ratio_does_not_count_while_a_peer_has_no_steady_run(self):
        runs = {"bora bf16": ours(), OTHER: {"prefill": 50.0, "decode": 10.0},
                PEER: {"prefill": 80.0, "decode": 30.0, "spread": UNSTEADY}}
        rows = {row[2]: row[4:] for row in page.bar_rows(report_of([as_round(runs)]))}
        self.assertEqual(rows["decode_ratio"], (20.0 / 30.0, "unsteady, not counted"))
        self.assertEqual(rows["decode_bandwidth"], (0.9, "met"))

    def test_a_peer_of_worse_kl_divergence_is_shown_and_counted_on_its_own(self):
        runs = {"bora bf16": ours(), PEER: {"prefill": 80.0, "decode": 10.0}, OTHER: {"prefill": 150.0, "decode": 25.0}}
        worse = {"bora bf16": 0.010, OTHER.removesuffix(" repacked"): 0.011, PEER: 0.0102}
        rows = {row[2]: row[4:] for row in page.bar_rows(report_of([as_round(runs)], divergences=worse))}
        self.assertEqual(rows["prefill_ratio"], (1.25, "met"))
        self.assertEqual(rows["decode_ratio"], (2.0, "met"))
        worse[PEER] = 0.0103
        report = report_of([as_round(runs)], divergences=worse)
        rows = {row[2]: row[4:] for row in page.bar_rows(report)}
        self.assertEqual(rows["prefill_ratio"], (100.0 / 150.0, page.NO_EQUAL))
        self.assertEqual(rows["decode_bandwidth"], (0.9, "met"))
        text = page.page(report)
        self.assertIn("2 of 4 met; 2 not reached against a peer of worse KL divergence alone", text)
        self.assertIn(f"| {PEER} | 0.0103 |", text)
        self.assertIn("KL divergence\n\nNot measured.", page.page(report_of([as_round(runs)])))

    def test_what_is_written_by_hand_stays(self):
        old = f"old table\n{page.HAND_WRITTEN}\n\n## Why\n"
        self.assertEqual(page.with_hand_written(f"new\n{page.HAND_WRITTEN}", old), f"new\n{page.HAND_WRITTEN}\n\n## Why\n")

    def test_every_bar_has_a_name(self):
        named = {figure for group in cases.GROUPS.values() for line in group.lines for figure in line.bars}
        self.assertEqual(named, set(cases.FIGURES))


class Chart(unittest.TestCase):
    def test_bars_are_as_long_as_the_speeds(self):
        rows = [("bora bf16", {"prefill": 50.0, "decode": 20.0}), ("llama.cpp <a>", {"prefill": 100.0, "decode": None})]
        root = xml.etree.ElementTree.fromstring(chart.bar_chart([("a & b", rows)]))
        bars = [rect for rect in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
        widths = [float(bar.get("width")) for bar in bars]
        self.assertEqual(len(widths), 3)
        self.assertAlmostEqual(widths[1] / widths[0], 2.0, places=2)


class Checkpoints(unittest.TestCase):
    def test_what_a_missing_file_is_made_from_is_made_too(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertEqual(checkpoints.names_to_make({"mistral4-Q8_0.gguf", cases.SMOLLM2}, folder),
                             {"mistral4", "mistral4.gguf", "mistral4-Q8_0.gguf"})
            (folder / "mistral4").mkdir()
            (folder / "mistral4.gguf").touch()
            self.assertEqual(checkpoints.names_to_make({"mistral4-Q8_0.gguf"}, folder), {"mistral4-Q8_0.gguf"})


if __name__ == "__main__":
    unittest.main()
