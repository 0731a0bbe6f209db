#!/usr/bin/env python3
"""bora pull onto what is no roomy ext4: a disk that is full, a limit on file sizes, a file system without links.

usage: bora_disk_test.py BORA [unittest arguments]
"""

import ctypes
import json
import pathlib
import platform
import resource
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from bora_case import BORA, CHUNK, WANTED, Case

LIMIT = 1 << 20  # less than the weights of acme/data
TWINS = b"\1" * 300_000


def forbid_symlinks():
    """In this process symlink() and symlinkat() fail with EPERM, as they do on FAT: a seccomp filter."""
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    def instruction(code, yes, no, value):
        return struct.pack("HBBI", code, yes, no, value)

    load_number, jump_if_equal, give_back = 0x20, 0x15, 0x06
    eperm, allow = 0x00050001, 0x7FFF0000
    code = ctypes.create_string_buffer(b"".join([
        instruction(load_number, 0, 0, 0), instruction(jump_if_equal, 2, 0, 88),  # symlink, of x86-64
        instruction(jump_if_equal, 1, 0, 266),  # symlinkat
        instruction(give_back, 0, 0, allow), instruction(give_back, 0, 0, eperm)]))
    libc = ctypes.CDLL(None, use_errno=True)
    set_no_new_privileges, set_seccomp, with_filter = 38, 22, 2
    program = Program(5, ctypes.addressof(code))
    if libc.prctl(set_no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, with_filter, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "prctl")


def limit_file_sizes():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


class Disk(Case):
    def pull_after(self, prepare, *arguments, code=0):
        done = subprocess.run([BORA, "pull", "acme/data", "--chunk", str(CHUNK), "--json", *arguments],
                              env=self.environment(), capture_output=True, text=True, timeout=60, check=False,
                              preexec_fn=prepare)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_a_limit_on_file_sizes_is_one_clear_error(self):
        stderr = self.pull_after(limit_file_sizes, code=1).stderr
        self.assertRegex(stderr, r"^bora: .*: expected room for 1500000 bytes, found File too large\n")
        self.assertFalse(self.snapshot().exists())
        self.pull()
        self.check_snapshot(WANTED)

    def test_a_full_disk_is_told_before_the_first_byte(self):
        self.double.store.get("acme/data").load({"declare": {"model.safetensors": {"size": 1 << 50}}})
        stderr = self.pull(code=1).stderr
        self.assertRegex(stderr,
                         r"(?m)^bora: .*models--acme--data: expected room for 1125899\.91 GB, found \d+\.\d\d GB$")
        self.assertIn("free some space there", stderr)
        self.assertEqual([line for line in self.double.log.lines() if "/resolve/" in line["path"]], [])

    @unittest.skipUnless(platform.machine() == "x86_64", "the filter knows the system calls of x86-64")
    def test_without_links_the_snapshot_holds_the_files(self):
        self.write("acme/data", {"a.bin": TWINS, "b.bin": TWINS})
        self.double.store.get("acme/data").load()
        names = [*WANTED, "a.bin", "b.bin"]
        patterns = [word for name in names for word in ("--include", name)]
        self.pull_after(forbid_symlinks, *patterns)
        self.check_snapshot(names)
        self.assertEqual([path for path in self.snapshot().iterdir() if path.is_symlink()], [])
        self.assertEqual(list(self.cache.glob("models--*/blobs/*")), [])
        again = json.loads(self.pull_after(forbid_symlinks, *patterns).stdout)
        self.assertEqual(again["fetched_bytes"], 0)
        freed = json.loads(self.bora("rm", "acme/data", "--json").stdout)["freed_bytes"]
        self.assertEqual(freed - 40, again["bytes"])  # refs/main holds a commit


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
