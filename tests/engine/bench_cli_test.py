"""Goal: `bede bench` measures every workload, and its answers and files are right.

Method: the real binary with tiny workloads in a directory of its own; what it exports is imported
and dumped again, and its answers are computed once more from that.

usage: bench_cli_test.py BEDE
"""
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BEDE = ""  # the program; main sets it
GENERATED = ["plant", "single", "slow", "backfill"]
DONE, FAILED, WRONG_USAGE = 0, 1, 2


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bede-bench-")
        self.addCleanup(folder.cleanup)
        self.place = Path(folder.name)

    def bede(self, *words, code=DONE):
        run = subprocess.run([BEDE, *words], capture_output=True, text=True, cwd=self.place,
                             timeout=120, env={**os.environ, "BEDE_DATA_DIR": "real"})
        self.stderr = run.stderr
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run.stdout

    def test_one_table(self):
        lines = self.bede("bench", *GENERATED, "--scale", "0.001").splitlines()
        for word in "cores", "GiB", "Linux", "fdatasync", "durable":
            self.assertIn(word, lines[0])
        self.assertEqual({line.split()[0] for line in lines[1:]}, set(GENERATED))
        self.assertEqual([line for line in lines if line != line.rstrip() or "missed" in line], [])
        self.assertEqual(list((self.place / "bench-data").iterdir()), [])

    def test_json_has_what_the_table_has(self):
        report = json.loads(self.bede("bench", "plant", "backfill", "--scale=0.001", "--json"))
        self.assertGreater(report["machine"]["fdatasync_us"], 0)
        plant, late = report["workloads"]
        self.assertEqual((plant["workload"], plant["values"]), ("plant", 24000))
        keys = {figure["key"] for figure in plant["figures"]}
        self.assertLessEqual({"append", "append_cpu", "bytes_per_value", "peak_memory", "full_scan",
                              "raw_range", "minutes_of_tag", "ten_minutes", "latest", "sum",
                              "sum_above", "trend"}, keys)
        self.assertLessEqual({"append_against_plant", "bytes_against_plant"},
                             {figure["key"] for figure in late["figures"]})

    def test_answers_are_those_of_the_exported_values(self):
        report = json.loads(self.bede("bench", "plant", "--scale", "0.001", "--json"))
        answers = {figure["key"]: (figure["answer"], figure["rows"])
                   for figure in report["workloads"][0]["figures"] if "answer" in figure}
        self.bede("bench", "plant", "--scale", "0.001", "--export", "out")
        rows, tags = (list(csv.DictReader((self.place / "out" / name).read_text().splitlines()))
                      for name in ("plant.csv", "plant.tags.csv"))
        names = [tag["name"] for tag in tags]
        values = [float(row["value"]) for row in rows]
        above = [value for value in values if value > 50]
        one = [float(row["value"]) for row in rows if row["tag"] == names[1]]
        latest = {row["tag"]: float(row["value"]) for row in rows}
        for key, expected in {"sum": values, "sum_above": above, "raw_range": one,
                              "latest": list(latest.values())}.items():
            self.assertEqual(answers[key][1], len(expected), key)
            self.assertTrue(math.isclose(answers[key][0], math.fsum(expected), rel_tol=1e-9), key)
        self.assertEqual(answers["minutes_of_tag"][1], 1)
        self.assertTrue(math.isclose(answers["minutes_of_tag"][0], math.fsum(one) / len(one)))

    def test_what_is_exported_can_be_imported(self):
        self.bede("bench", "plant", "--scale", "0.001", "--export", "out")
        self.bede("bench", "plant", "--scale", "0.001", "--keep", "kept")
        self.bede("import", "--unit", "ms", "out/plant.csv", "--data", "store")
        stored = set(self.bede("dump", "--data", "kept/bench-plant").splitlines())
        imported = set(self.bede("dump", "--data", "store").splitlines())
        self.assertEqual(len(imported), 24000)
        # Counters and states were imported as numbers, without the definitions of their tags.
        as_numbers = {line.replace(",i64,", ",f64,").replace(",state,", ",f64,") for line in stored}
        self.assertEqual(imported, as_numbers)

    def test_real_data(self):
        for folder, name, content in [
            ("ett", "a.csv", "date,x,y\n2020-01-01 00:00:00,1.5,2\n2020-01-01 01:00:00,,3\n"),
            ("skab", "b.csv", "datetime;p;p\n2020-01-01 00:00:00;0.5;0.25\n"),
            ("rosa", "c.csv", "Time, s,mode\n5,1,H\n6,2,A\n7,,H\n"),
        ]:
            (self.place / "real" / folder).mkdir(parents=True)
            (self.place / "real" / folder / name).write_text(content)
        out = self.bede("bench", "ett", "nab", "skab", "rosa", "--keep", "kept")
        self.assertIn("nab: skipped", self.stderr)
        self.assertEqual({line.split()[0] for line in out.splitlines()[1:]}, {"ett", "skab", "rosa"})
        hour = 3600 * 10**9
        start = 1577836800 * 10**9
        self.assertEqual(self.bede("dump", "--data", "kept/bench-ett"),
                         f"a.x,{start},f64,1.5,00000000\na.y,{start},f64,2,00000000\n"
                         f"a.y,{start + hour},f64,3,00000000\n")
        self.assertEqual(self.bede("dump", "--data", "kept/bench-skab"),
                         f"b.p,{start},f64,0.5,00000000\nb.p#2,{start},f64,0.25,00000000\n")
        self.assertEqual(self.bede("dump", "--data", "kept/bench-rosa"),
                         "c. s,5000000,f64,1,00000000\nc. s,6000000,f64,2,00000000\n"
                         "c.mode,5000000,state,0,00000000\nc.mode,6000000,state,1,00000000\n"
                         "c.mode,7000000,state,0,00000000\n")

    def test_wrong_usage(self):
        for words, message in {("plants",): 'no workload "plants"',
                               ("--scale", "0"): "--scale 0",
                               ("--scale", "2"): "--scale 2",
                               ("--seed", "x"): "--seed x"}.items():
            self.bede("bench", *words, code=WRONG_USAGE)
            self.assertIn(message, self.stderr)
        self.assertEqual(list(self.place.iterdir()), [])
        self.bede("bench", "plant", "--data", "no/such/place", code=FAILED)


if __name__ == "__main__":
    BEDE = os.path.abspath(sys.argv.pop(1))
    unittest.main()
