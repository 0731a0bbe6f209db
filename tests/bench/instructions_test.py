#!/usr/bin/env python3
"""What bench/instructions.py reads of callgrind, and when it fails."""

import pathlib
import stat
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import instructions

PROFILE = """# callgrind format
version: 1
creator: callgrind-3.19.0
positions: line
events: Ir
summary: 1000

ob=/usr/bin/bora
fl=???
fn=main
0 10
cob=/usr/bin/bora
cfi=???
cfn=kernel(int)
calls=3 0
0 900
0 5
fl=???
fn=kernel(int)
0 400
+3 500

totals: 1000
"""


class ParseCounts(unittest.TestCase):
    def test_what_a_function_calls_is_not_its_own(self):
        self.assertEqual(instructions.parse_counts(PROFILE), {"main": 15, "kernel(int)": 900})

    def test_a_function_that_comes_again_adds_up(self):
        self.assertEqual(instructions.parse_counts("fn=a\n0 1\nfn=b\n0 2\nfn=a\n0 4\n"), {"a": 5, "b": 2})

    def test_a_file_without_counts_is_an_error(self):
        for text in ("", "events: Ir\n", "0 5\n"):
            with self.assertRaises(instructions.CountFailed):
                instructions.parse_counts(text)


class Compare(unittest.TestCase):
    def test_what_loading_takes_is_taken_off(self):
        whole = instructions.parse_counts("fn=load\n0 70\nfn=kernel\n0 50\n")
        loading = instructions.parse_counts("fn=load\n0 70\nfn=kernel\n0 20\n")
        self.assertEqual(instructions.difference(whole, loading), {"kernel": 30})

    def test_growth_up_to_the_threshold_is_fine(self):
        base = {"decode": {"kernel": 1000}}
        lines, fine = instructions.compare(base, {"decode": {"kernel": 1020}}, 0.02)
        self.assertTrue(fine)
        self.assertEqual(len(lines), 1)

    def test_more_fails_and_names_the_function_that_grew_most(self):
        base = {"prefill": {"kernel": 900}, "decode": {"kernel": 900, "norm": 80, "gone": 20}}
        new = {"prefill": {"kernel": 900}, "decode": {"kernel": 910, "norm": 120, "new": 5}}
        lines, fine = instructions.compare(base, new, 0.02)
        self.assertFalse(fine)
        self.assertEqual([line.split() for line in lines if line.startswith("    ")],
                         [["+40", "norm"], ["+10", "kernel"], ["+5", "new"]])

    def test_fewer_instructions_are_fine(self):
        self.assertTrue(instructions.compare({"decode": {"a": 100}}, {"decode": {"a": 10}}, 0.02)[1])

    def test_a_base_that_did_nothing_is_an_error(self):
        with self.assertRaises(instructions.CountFailed):
            instructions.compare({"decode": {}}, {"decode": {"a": 10}}, 0.02)


class Run(unittest.TestCase):
    def test_a_program_that_fails_or_is_absent_is_told_in_a_line(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "bora"
            with self.assertRaisesRegex(instructions.CountFailed, "bora: expected a program, found none"):
                instructions.run([str(program)])
            program.write_text("#!/bin/sh\necho one >&2\necho two >&2\nexit 4\n", encoding="utf-8")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            with self.assertRaisesRegex(instructions.CountFailed, "bora: exit 4: two$"):
                instructions.run([str(program)])


if __name__ == "__main__":
    unittest.main()
