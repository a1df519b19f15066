"""What results/README.md says of the bytes, tried on a journal and a results.h5.

Usage: readme_test.py WRITE_SAMPLE_FOLDER. That program writes the sweep of sample_sweep.cpp.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

WRITE_SAMPLE_FOLDER = sys.argv.pop(1)
README = pathlib.Path(__file__).parents[2] / "results" / "README.md"


def code_block(containing):
    blocks = re.findall(r"^```\w*\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if containing in block)


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "out" / "quickstart"
        self.folder.mkdir(parents=True)
        subprocess.run([WRITE_SAMPLE_FOLDER, self.folder], check=True)
        self.journal = (self.folder / "journal").read_bytes()

    def records(self, journal):
        names = {}
        exec(code_block("def records"), names)
        return list(names["records"](journal))

    def test_the_reader_reads_every_record(self):
        records = self.records(self.journal)

        self.assertEqual([kind for kind, _ in records], [1, 2, 3, 4, 4, 4, 4, 4, 4, 5, 3, 5])
        self.assertEqual(records[0][1], {"format": "mpisweep journal", "version": 1})
        self.assertEqual(records[1][1]["name"], "Größe")
        self.assertEqual(records[3][1]["id"], "abcdef0000000000")
        self.assertEqual(records[3][1]["values"]["train_loss"], [3, 2, 1.5, None])

    def test_the_reader_skips_one_bad_record(self):
        damaged = bytearray(self.journal)
        damaged[self.journal.index(b"mpisweep run first.yaml")] ^= 1  # in the first session

        kinds = [kind for kind, _ in self.records(bytes(damaged))]

        self.assertEqual(kinds, [1, 2, 4, 4, 4, 4, 4, 4, 5, 3, 5])

    def test_the_reader_leaves_out_a_torn_tail(self):
        self.assertEqual(len(self.records(self.journal[:-1])), 11)

    def test_the_checksum_has_the_catalogued_check_value(self):
        names = {}
        exec(code_block("def crc32c"), names)

        self.assertEqual(names["crc32c"](b"123456789"), 0xE3069283)

    def test_the_dump_shows_the_first_record(self):
        dump = code_block("00000000: 89")
        digits = re.findall(r"^[0-9a-f]{8}: ((?:[0-9a-f]{2} )+)", dump, re.MULTILINE)

        self.assertEqual(self.journal[:65], bytes.fromhex("".join(digits)))

    def test_every_field_of_a_payload_is_in_the_table(self):
        for kind, payload in self.records(self.journal):
            row = re.search(rf"^\| {kind} \| \w+ \|.*$", README.read_text(), re.MULTILINE).group()
            for field in payload:
                with self.subTest(kind=kind):
                    self.assertIn(f"`{field}`", row)

    def test_the_xarray_example_runs(self):
        names = {}
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder.parents[1])
        exec(code_block("import xarray"), names)

        self.assertEqual(names["finished"].sizes["trial"], 3)
        self.assertEqual(names["workers"].sizes["worker"], 2)
        names["sweep"].close()
        names["workers"].close()


if __name__ == "__main__":
    unittest.main()
