#!/usr/bin/env python3
"""Says what a test run left out: the skipped tests with their reasons, and the instruction sets that
this CPU lacks, whose kernels nothing has run here. Reads the JUnit file of ctest."""

import argparse
import collections
import re
import xml.etree.ElementTree

# The kernels' instruction sets and the flags of /proc/cpuinfo they take.
ISA_FLAGS = {
    "avx2": {"avx2", "fma", "f16c"},
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"},
    "avx512_bf16": {"avx512_bf16"},
    "amx": {"amx_tile", "amx_int8", "amx_bf16"},
}
# gtest prints the place of GTEST_SKIP, then its message.
SKIP_REASON = re.compile(r": Skipped\n(.*?)\n", re.DOTALL)


def cpu_flags():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            match = re.search(r"^flags\s*: (.*)$", file.read(), re.MULTILINE)
    except OSError:
        match = None
    return set(match[1].split()) if match else set()


def skipped(report):
    """{reason: names of the tests skipped for it}"""
    reasons = collections.defaultdict(list)
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        if case.get("status") in ("notrun", "disabled") or case.find("skipped") is not None:
            reason = SKIP_REASON.search(case.findtext("system-out") or "")
            reasons[reason[1].strip() if reason else "no reason given"].append(case.get("name"))
    return reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", help="what ctest --output-junit wrote")
    report = parser.parse_args().report

    for reason, names in sorted(skipped(report).items()):
        print(f"skipped, {reason}: {', '.join(names)}")
    lacking = [isa for isa, flags in ISA_FLAGS.items() if not flags <= cpu_flags()]
    if lacking:
        print(f"this CPU lacks {', '.join(lacking)}: those kernels were not run")


if __name__ == "__main__":
    main()
