"""tools/check_arrows.py accepts what the arrows allow, and names what they do not."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_arrows  # noqa: E402

ARCHITECTURE = "`tensor->base` · `kernels->tensor` · `model->kernels` · `hub->base`\n"


class CheckArrowsTest(unittest.TestCase):
    def check(self, path, source, architecture=ARCHITECTURE):
        """The violations of a tree of one file."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "docs").mkdir()
            (root / "docs" / "architecture.md").write_text(architecture, encoding="utf-8")
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(source, encoding="utf-8")
            return check_arrows.check_tree(root)

    def test_own_room_and_reachable_rooms_are_allowed(self):
        source = '#include "model/model.h"\n#include "base/result.h"\n#include <vector>\n'
        self.assertEqual(self.check("src/model/model.cc", source), [])

    def test_an_upward_include_fails(self):
        found = self.check("src/tensor/dtype.cc", '#include "kernels/gemm.h"\n')
        self.assertEqual(len(found), 1)
        self.assertIn("src/tensor/dtype.cc:1: kernels/gemm.h", found[0])

    def test_a_sideways_include_fails(self):
        self.assertEqual(len(self.check("src/hub/hub.cc", '#  include "tensor/dtype.h"\n')), 1)

    def test_tests_and_fuzz_targets_are_held_to_their_room(self):
        for path in ("tests/tensor/dtype_test.cc", "fuzz/tensor_dtype_fuzz.cc"):
            self.assertEqual(self.check(path, '#include "base/result.h"\n'), [], path)
            self.assertEqual(len(self.check(path, '#include "model/model.h"\n')), 1, path)

    def test_public_headers_are_api_and_for_those_above_it(self):
        architecture = "`api->base` · `cli->api`\n"
        include = "#include <bora/llm.h>\n"
        self.assertEqual(self.check("src/cli/run.cc", include, architecture), [])
        self.assertEqual(len(self.check("src/base/log.cc", include, architecture)), 1)
        upward = '#include "cli/flags.h"\n'
        self.assertEqual(len(self.check("include/bora/llm.h", upward, architecture)), 1)

    def test_a_path_that_is_not_from_src_fails(self):
        self.assertEqual(len(self.check("src/base/log.cc", '#include "log.h"\n')), 1)
        self.assertEqual(len(self.check("src/base/log.cc", '#include "../model/model.h"\n')), 1)

    def test_a_cuda_header_outside_a_cuda_folder_fails(self):
        source = "#include <cuda_runtime.h>\n"
        self.assertEqual(len(self.check("src/kernels/gemm.cc", source)), 1)
        self.assertEqual(self.check("src/kernels/cuda/gemm.cu", source), [])

    def test_per_isa_sources_include_kernels_and_block_structs_only(self):
        path = "src/kernels/cpu/avx2/gemm.cc"
        source = '#include "kernels/gemm.h"\n#include "tensor/blocks.h"\n#include <immintrin.h>\n'
        self.assertEqual(self.check(path, source), [])
        self.assertEqual(len(self.check(path, '#include "base/result.h"\n')), 1)
        self.assertEqual(self.check("src/kernels/cpu/select.cc", '#include "base/result.h"\n'), [])

    def test_an_unknown_room_fails(self):
        self.assertEqual(len(self.check("src/attic/old.cc", '#include "base/result.h"\n')), 1)

    def test_a_cycle_of_arrows_is_refused(self):
        with self.assertRaises(ValueError):
            self.check("src/base/a.cc", "", "`base->tensor` · `tensor->base`\n")


if __name__ == "__main__":
    unittest.main()
