"""tools/check_isa_objects.py tells symbols of an ISA's namespace from those that could leak."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "check_isa_objects.py"
COMPILER = sys.argv.pop(1) if len(sys.argv) > 1 else "c++"


class CheckIsaObjectsTest(unittest.TestCase):
    def check(self, source):
        """The finished run over a build folder with this source compiled for avx2."""
        with tempfile.TemporaryDirectory() as folder:
            objects = pathlib.Path(folder) / "src" / "kernels.dir" / "cpu" / "avx2"
            objects.mkdir(parents=True)
            subprocess.run([COMPILER, "-std=c++20", "-O0", "-c", "-x", "c++", "-", "-o",
                            str(objects / "a.cc.o")], input=source, text=True, check=True)
            return subprocess.run([sys.executable, str(SCRIPT), folder], text=True, check=False,
                                  stdout=subprocess.PIPE)

    def test_symbols_of_the_namespace_pass(self):
        done = self.check("namespace bora::kernels::avx2 { struct S { virtual ~S() {} };"
                          "template <class T> T twice(T x) { static T last = x; return last + x; }"
                          "int f() { S s; return twice(2); } }"
                          "namespace { int local() { return 1; } } static int used = local();")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_an_inline_function_from_outside_fails(self):
        done = self.check("namespace bora { inline int leak() { return 1; } }"
                          "namespace bora::kernels::avx2 { int f() { return leak(); } }")
        self.assertEqual(done.returncode, 1)
        self.assertIn("_ZN4bora4leakEv", done.stdout)

    def test_another_isas_namespace_fails(self):
        done = self.check("namespace bora::kernels::scalar { int f() { return 1; } }")
        self.assertEqual(done.returncode, 1)

    def test_a_folder_without_objects_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, str(SCRIPT), folder], check=False,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()
