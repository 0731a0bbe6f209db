"""tools/check_style.py names what docs/style.md forbids, and nothing else."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_style  # noqa: E402


class CheckStyleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def test_leftovers_fail_and_a_to_do_with_an_issue_passes(self):
        mark = "TO" + "DO"
        bad = self.write("src/base/a.cc", f"// {mark}: later\n#if 0\n// {mark}(#12): known\n")
        self.assertEqual(len(check_style.check_forbidden(self.root, [bad])), 2)

    def test_long_files_fail_and_tables_may_be_long(self):
        header = self.write("src/base/a.h", "\n" * 251)
        source = self.write("src/base/a.cc", "\n" * 401)
        table = self.write("src/text/unicode_table.cc", "\n" * 5000)
        wrong, notes = check_style.check_sizes(self.root, [header, source, table])
        self.assertEqual((len(wrong), len(notes)), (1, 1))

    def test_links_to_missing_files_and_headings_fail(self):
        self.write("docs/other.md", "# A heading, with `code`\n")
        self.write("README.md", "[a](docs/other.md) [b](docs/other.md#a-heading-with-code)\n"
                                "[c](docs/none.md) [d](docs/other.md#none) [e](https://x.org/y)\n"
                                "```\n[f](in/a/fence.md)\n```\n")
        found = check_style.check_links(self.root)
        self.assertEqual([line.split(": ")[1] for line in found],
                         ["docs/none.md", "docs/other.md#none"])


if __name__ == "__main__":
    unittest.main()
