"""Goal: the program `bede` does what its manual and help say, to the byte and the exit code.

Method: the real binary in directories of its own. What went in is compared with what `bede dump`
gives back; stores are damaged, shared and refused; real data, where it is at hand, is compared bit
for bit with how Python reads it.

usage: cli_test.py BEDE [NAME...]
"""
import csv
import io
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

BEDE = ""  # the program; main() sets it
REAL_DATA = Path(__file__).resolve().parents[3] / "shared/data"
SECOND = 10**9

DONE, FAILED, WRONG_USAGE, DAMAGED = 0, 1, 2, 3
IMPORTED = re.compile(r"imported (\d+) values, rejected (\d+), \d+ values/s\n")
VERIFIED = re.compile(r"verified (\d+) blocks, (\d+) values, (\d+) damaged\n$")


class Scenario(unittest.TestCase):
    """Runs `bede` in an empty directory; the store is where it is by default."""

    def setUp(self):
        self.place = Path(tempfile.mkdtemp(prefix="bede-cli-"))
        self.addCleanup(shutil.rmtree, self.place)

    def bede(self, *words, code=DONE, stdin=""):
        """What it prints; stderr is in self.stderr."""
        stdin = stdin if isinstance(stdin, bytes) else stdin.encode()
        run = subprocess.run([BEDE, *map(str, words)], input=stdin, capture_output=True,
                             cwd=self.place, timeout=60)
        self.stderr = run.stderr.decode(errors="replace")
        out = run.stdout.decode()
        self.assertEqual(run.returncode, code, f"bede {words}:\n{out}{self.stderr}")
        return out

    def write(self, name, content):
        content = content if isinstance(content, bytes) else content.encode()
        (self.place / name).write_bytes(content)
        return name

    def load(self, content, *words, rejected=0, store="bede-data"):
        """Imports the text; returns how many values were stored."""
        out = self.bede("import", "-", "--data", store, *words, stdin=content,
                        code=FAILED if rejected else DONE)
        closing = IMPORTED.fullmatch(out)
        self.assertTrue(closing, out)
        self.assertEqual(int(closing[2]), rejected, self.stderr)
        return int(closing[1])

    def dump(self, *words, store="bede-data"):
        return self.bede("dump", "--data", store, *words)

    def digest(self, *words, store="bede-data"):
        return self.bede("digest", "--data", store, *words)

    def assert_dump(self, lines, *words):
        self.assertEqual(self.dump(*words), "".join(line + "\n" for line in lines))

    def figures(self):
        return json.loads(self.bede("stats", "--json"))

    def make_tags(self, definitions):
        self.make_store()
        self.bede("tags", "import", "-", stdin=definitions)

    def make_store(self):
        self.load("tag,ts,value\n")


class Import(Scenario):
    def test_the_header_says_where_everything_stands(self):
        self.load("tag,ts,value\na,1,1\n")
        self.load("value,quality,ts,tag\n2,bad,2,a\n")
        self.load("VALUE,Name,Timestamp\n3,a,3\n")
        self.load("ts,a,b\n4,4,40\n")
        self.load("note,tag,time,value\nignored,a,5,5\n")
        self.assert_dump(["a,1,f64,1,00000000", "a,2,f64,2,80000000", "a,3,f64,3,00000000",
                          "a,4,f64,4,00000000", "a,5,f64,5,00000000", "b,4,f64,40,00000000"])

    def test_the_form_can_be_given(self):
        self.load("ts,tag,value\n1,2,3\n", "--format", "wide")
        self.assert_dump(["tag,1,f64,2,00000000", "value,1,f64,3,00000000"])
        self.bede("import", "-", "--format", "long", stdin="ts,a\n1,2\n", code=FAILED)
        self.assertIn("lacks one of tag, ts, value", self.stderr)

    def test_an_empty_field_of_the_wide_form_is_no_value(self):
        self.assertEqual(self.load("ts,a,b,c\n1,,5,\n2,6\n"), 2)
        self.assert_dump(["a,2,f64,6,00000000", "b,1,f64,5,00000000"])

    def test_times(self):
        cases = [
            ("0", 0, ()),
            ("-1", -1, ()),
            ("5", 5 * SECOND, ("--unit", "s")),
            ("5", 5_000_000, ("--unit", "ms")),
            ("-5", -5000, ("--unit", "us")),
            ("5", 5, ("--unit", "ns")),
            ("1970-01-01T00:00:01Z", SECOND, ()),
            ("1970-01-01 00:00:01", SECOND, ()),
            ("1970-01-01T01:00:00+01:00", 0, ()),
            ("1970-01-01T00:00:00-05:30", 19800 * SECOND, ()),
            ("2020-02-29T00:00:00.123456789Z", 1582934400123456789, ()),
            ("1969-12-31T23:59:59.5Z", -SECOND // 2, ()),
            ("1970-01-01T00:00:00", -3600 * SECOND, ("--zone", "+01:00")),
            ("1970-01-01T00:00:00", 3600 * SECOND, ("--zone", "-01:00")),
            ("1970-01-01T00:00:00", 0, ("--zone", "UTC")),
            ("1970-01-01T00:00:00Z", 0, ("--zone", "+01:00")),
            ("7", 7 * SECOND, ("--unit", "s", "--zone", "+01:00")),
        ]
        for number, (text, time_ns, words) in enumerate(cases):
            self.load(f"tag,ts,value\n{number},{text},1\n", *words)
            with self.subTest(text, words=words):
                self.assert_dump([f"{number},{time_ns},f64,1,00000000"], "--tags", number)

    def test_what_is_no_time(self):
        texts = ["", "x", "1.5", "2021-02-29T00:00:00Z", "2020-01-01T25:00:00Z", "2020-13-01",
                 "9223372036854775808", "9223372036854775807", "-9223372036854775808"]
        rows = "".join(f"a,{text},1\n" for text in texts)
        self.assertEqual(self.load("tag,ts,value\n" + rows + "a,1,1\n", rejected=len(texts)), 1)
        self.load("tag,ts,value\na,9223372037,1\n", "--unit", "s", rejected=1)
        self.assert_dump(["a,1,f64,1,00000000"])

    def test_lines_as_other_programs_write_them(self):
        self.load(b'\xef\xbb\xbftag,ts,value\r\n"x, ""y""",1,"two\r\nlines"\r\n\r\nb,2,"7"\r\n'
                  b"c,3,8")
        out = self.bede("dump")
        self.assertEqual(out, 'b,2,f64,7,00000000\nc,3,f64,8,00000000\n'
                              '"x, ""y""",1,text,"two\r\nlines",00000000\n')

    def test_several_files_and_standard_input(self):
        one = self.write("one.csv", "tag,ts,value\na,1,1\n")
        two = self.write("two.csv", "ts,a,b\n2,2,2\n")
        out = self.bede("import", one, "-", two, stdin="tag,ts,value\na,3,3\n")
        self.assertTrue(out.startswith("imported 4 values, rejected 0, "), out)
        self.assertEqual(self.dump().count("\n"), 4)

    def test_a_prefix_goes_before_every_name(self):
        self.load("ts,a\n1,1\n", "--tag-prefix", "plant1.")
        self.load("tag,ts,value\na,2,1\nb,2,1\n", "--tag-prefix=plant1.")
        self.assert_dump(["plant1.a,1,f64,1,00000000", "plant1.a,2,f64,1,00000000",
                          "plant1.b,2,f64,1,00000000"])

    def test_the_size_of_batches_changes_nothing(self):
        rows = "tag,ts,value\n" + "".join(
            f"{'ab'[i % 2]},{i * 7919 % 1000},{i if i % 2 else f'text {i}'}\n" for i in range(1000))
        dumps = set()
        for batch in 1, 7, 1000, 65536:
            self.assertEqual(self.load(rows, "--batch", batch, store=f"b{batch}"), 1000)
            dumps.add(self.dump(store=f"b{batch}"))
        self.assertEqual(len(dumps), 1)
        self.assertEqual(dumps.pop().count("\n"), 1000)

    def test_qualities(self):
        cases = {"": 0, "good": 0, "GOOD": 0, "uncertain": 0x40000000, "bad": 0x80000000,
                 "80350000": 0x80350000, "1": 1, "DeadBeef": 0xDEADBEEF}
        rows = "".join(f"a,{i},1,{text}\n" for i, text in enumerate(cases))
        self.load("tag,ts,value,quality\n" + rows + "a,100,1\n")
        self.assert_dump([f"a,{i},f64,1,{bits:08x}" for i, bits in enumerate(cases.values())] +
                         ["a,100,f64,1,00000000"])
        self.load("tag,ts,value,quality\na,1,1,fine\na,1,1,123456789\na,1,1,-1\n", rejected=3)

    def test_an_unknown_tag_takes_the_type_of_its_first_value(self):
        self.load("tag,ts,value\nnumber,1,1e3\nword,1,on\nword,2,5\nempty,1,\n")
        self.assert_dump(["empty,1,text,\"\",00000000", "number,1,f64,1000,00000000",
                          "word,1,text,on,00000000", "word,2,text,5,00000000"])
        self.load("tag,ts,value\nnumber,2,on\n", rejected=1)
        self.assertIn("standard input:2: the tag's type cannot hold the value", self.stderr)

    def test_values_of_every_type(self):
        self.make_tags('name,type,states\nf64,f64,\nf32,f32,\ni64,i64,\nbool,bool,\ntext,text,\n'
                       'state,state,"0=off,1=run ning,-7=low"\n')
        accepted = {
            "f64": {"0.1": "0.1", "1e300": "1e+300", "-0": "-0", "inf": "inf", "-inf": "-inf",
                    "nan": "0x7ff8000000000000", "0x7ff8000000000001": "0x7ff8000000000001",
                    "5e-324": "5e-324", "1e16": "1e+16", "123456789.125": None},
            "f32": {"0.1": "0.1", "16777217": "16777216", "-0": "-0", "-inf": "-inf"},
            "i64": {"9223372036854775807": None, "-9223372036854775808": None, "0": None},
            "bool": {"true": "true", "OFF": "false", "1": "true", "0": "false", "yes": "true"},
            "state": {"off": "0", "run ning": "1", "low": "-7", "1": "1", "99": "99"},
            "text": {"5": "5", " x ": '" x "', "": '""', "ünï": "ünï"},
        }
        refused = {
            "f64": ["", "x", "1,5", "0x12", " 1"],
            "f32": ["1.5x", "on"],
            "i64": ["1.5", "9223372036854775808", "1e3", ""],
            "bool": ["2", "-1", "", "truely"],
            "state": ["OFF", "", "1.5", "off "],
            "text": ["x" * 65537],
        }
        for name, values in accepted.items():
            rows = "".join(f'{name},{i},"{text}"\n' for i, text in enumerate(values))
            self.load("tag,ts,value\n" + rows)
            with self.subTest(name):
                lines = [f"{name},{i},{name},{text if shown is None else shown},00000000"
                         for i, (text, shown) in enumerate(values.items())]
                self.assertEqual(self.dump("--tags", name).splitlines(), lines)
        before = self.digest()
        for name, values in refused.items():
            with self.subTest(name, refused=True):
                rows = "".join(f'{name},{i},"{text}"\n' for i, text in enumerate(values))
                self.assertEqual(self.load("tag,ts,value\n" + rows, rejected=len(values)), 0)
        self.assertEqual(self.digest(), before)

    def test_a_bad_line_costs_only_itself(self):
        cases = {
            "no tag": ",1,1",
            "too few fields": "a,1",
            "names that begin with $ are the store's own": "$a,1,1",
            "the tag's name is longer than 255 bytes": "n" * 256 + ",1,1",
            "the tag's name is no UTF-8, or holds a control character": "a\0b,1,1",
            "field 1: a quote in the middle": 'a"b,1,1',
            "field 3: a quote is open or stray": 'a,1,"1',
        }
        for reason, line in cases.items():
            with self.subTest(reason):
                rows = f"tag,ts,value\ngood,1,1\n{line}\ngood,2,2\n"
                self.assertEqual(self.load(rows, rejected=1), 2)
                self.assertEqual(self.stderr, f"standard input:3: {reason}\n")
        self.load(b"tag,ts,value\n\xff,1,1\n", rejected=1)
        self.load("ts,a\n1,1,1\n", rejected=1)
        self.assertIn("more fields than the header has", self.stderr)
        self.assert_dump(["good,1,f64,1,00000000", "good,2,f64,2,00000000"])

    def test_names_are_told_apart_to_the_last_byte(self):
        names = ["n", "nn", "n ", "N", "n" * 254, "n" * 255, "ñ"]
        self.load("tag,ts,value\n" + "".join(f"{name},1,{i}\n" for i, name in enumerate(names)))
        rows = {row[0]: row[3] for row in csv.reader(io.StringIO(self.dump()))}
        self.assertEqual(rows, {name: str(i) for i, name in enumerate(names)})

    def test_long_texts(self):
        rows = "tag,ts,value\n" + "".join(f"a,{i},{'x' * 65536}\n" for i in range(100))
        self.assertEqual(self.load(rows), 100)
        self.assertEqual(len(self.dump()), sum(len(f"a,{i},text,,00000000\n") + 65536
                                               for i in range(100)))

    def test_only_the_first_bad_lines_are_named(self):
        self.load("tag,ts,value\n" + "a,x,1\n" * 25, rejected=25)
        self.assertEqual(self.stderr.count(": ts is no time\n"), 10)
        self.assertIn("more rejected lines are only counted\n", self.stderr)

    def test_a_file_that_is_none(self):
        self.bede("import", "nix.csv", code=FAILED)
        self.assertIn("nix.csv: cannot open: No such file", self.stderr)
        for content in "", "foo,bar\n1,2\n", "ts\n1\n":
            self.bede("import", "-", stdin=content, code=FAILED)
        self.assertIn("the header is neither tag,ts,value nor ts,TAG,TAG", self.stderr)

    def test_the_last_of_several_values_at_one_time_counts(self):
        self.load("tag,ts,value\na,1,1\na,1,2\n")
        self.load("tag,ts,value\na,1,3\n")
        self.assert_dump(["a,1,f64,3,00000000"])

    def test_progress_only_where_it_is_asked_for(self):
        rows = "tag,ts,value\n" + "".join(f"a,{i},1\n" for i in range(5000))
        self.load(rows)
        self.assertEqual(self.stderr, "")
        self.load(rows, "--progress")
        self.assertNotEqual(self.stderr, "")


class Reject(Scenario):
    """A reject file, corrected, is imported as it is."""

    def correct(self, name, changes, rejected=0):
        text = (self.place / name).read_text()
        for old, new in changes.items():
            self.assertEqual(text.count(old), 1, text)
            text = text.replace(old, new)
        return self.load(text, rejected=rejected)

    def test_long(self):
        self.load("tag,ts,value,quality\na,1,1,bad\na,2,two\na,now,3,good\n,4,4\na,5,5,nice\na,6\n",
                  "--reject", "r.csv", rejected=5)
        rows = (self.place / "r.csv").read_text().splitlines()
        self.assertEqual(rows[0], "tag,ts,value,quality,$reason")
        self.assertEqual(rows[1], 'a,2,two,,"the tag\'s type cannot hold the value"')
        self.assertEqual(len(rows), 6)
        changes = {"two": "2", "now": "3", "\n,4": "\na,4", "nice": "80000000", "a,6,": "a,6,6"}
        self.assertEqual(self.correct("r.csv", changes), 5)
        self.assert_dump(["a,1,f64,1,80000000", "a,2,f64,2,00000000", "a,3,f64,3,00000000",
                          "a,4,f64,4,00000000", "a,5,f64,5,80000000", "a,6,f64,6,00000000"])

    def test_wide(self):
        self.load("ts,a,b,c\n1,1,1,1\n2,2,x,2\n3,3\nx,4,4\n", "--reject", "r.csv", rejected=2)
        self.correct("r.csv", {"x,2": "2,2", "x,4": "4,4"})
        self.assertEqual(self.bede("tags", "list").split()[::2], ["a", "b", "c"])
        self.assertEqual(self.dump("--tags", "b"),
                         "".join(f"b,{i},f64,{i},00000000\n" for i in (1, 2, 4)))

    def test_again_and_again(self):
        self.load("tag,ts,value\na,1,1\na,2,x\na,3,y\n", "--reject", "r1.csv", rejected=2)
        text = (self.place / "r1.csv").read_text().replace("2,x", "2,2")
        self.load(text, "--reject", "r2.csv", rejected=1)
        self.assertEqual(self.correct("r2.csv", {"3,y": "3,3"}), 1)
        self.assertEqual(self.dump().count("\n"), 3)

    def test_files_of_one_header_share_it(self):
        one = self.write("one.csv", "tag,ts,value\na,x,1\n")
        two = self.write("two.csv", "tag,ts,value\na,y,1\n")
        three = self.write("three.csv", "ts,a\n1,1\n")
        self.bede("import", one, two, "--reject", "r.csv", code=FAILED)
        self.assertEqual(self.correct("r.csv", {",x,": ",1,", ",y,": ",2,"}), 2)
        self.bede("import", one, three, "--reject", "r.csv", code=FAILED)
        self.assertIn("three.csv: its header differs", self.stderr)

    def test_a_file_that_cannot_be_made(self):
        self.bede("import", "-", "--reject", "no/r.csv", stdin="ts,a\n1,1\n", code=FAILED)
        self.assertIn("no/r.csv: cannot make", self.stderr)


class Dump(Scenario):
    def test_sorted_by_tag_then_time(self):
        order = list(range(-50, 50))
        random.Random(1).shuffle(order)
        names = ["b", "a", "a.b", "Z", "ä"]
        self.load("tag,ts,value\n" + "".join(f"{name},{i},{i}\n" for i in order for name in names))
        self.assert_dump([f"{name},{i},f64,{i},00000000"
                          for name in sorted(names, key=str.encode) for i in range(-50, 50)])

    def test_the_shortest_decimals_that_round_trip(self):
        generator = random.Random(2)
        bits = [generator.getrandbits(64) for _ in range(3000)]
        numbers = [struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits]
        numbers = [n for n in numbers if n == n]
        self.load("tag,ts,value\n" + "".join(f"a,{i},{n!r}\n" for i, n in enumerate(numbers)))
        rows = list(csv.reader(io.StringIO(self.dump())))
        self.assertEqual([float(row[3]) for row in rows], numbers)
        digits = re.compile(r"[-+.]|e.*|^0+")
        for row, number in zip(rows, numbers):
            self.assertEqual(digits.sub("", row[3]).strip("0"),
                             digits.sub("", repr(number)).strip("0"))

    def test_a_range_excludes_its_end(self):
        self.load("ts,a,ab,b\n" + "".join(f"{i},1,1,1\n" for i in range(10)))
        self.assert_dump([f"a,{i},f64,1,00000000" for i in (3, 4)],
                         "--tags", "a", "--from", "3", "--to", "5")
        self.assert_dump([f"{name},9,f64,1,00000000" for name in ("a", "ab")],
                         "--tags", "a*", "--from=1970-01-01T00:00:00.000000009Z")
        self.assert_dump([], "--tags", "x*")
        self.assert_dump([], "--from", "5", "--to", "5")
        self.assertEqual(self.dump("--from", "0", "--to", "10"), self.dump())
        self.assertEqual(self.digest("--from", "0", "--to", "10"), self.digest())
        self.assertEqual(self.digest("--tags", "a").split()[0], "10")

    def test_the_stores_own_tags_are_left_out(self):
        self.load("tag,ts,value\na,1,1\n")
        self.bede("compact", "--all")
        self.assertNotIn("$", self.dump() + self.bede("tags", "list") + self.bede("tags", "export"))
        self.assert_dump([], "--tags", "$*")

    def test_what_was_dumped_makes_the_same_store(self):
        self.make_tags("name,type\nf,f32\ni,i64\nb,bool\ns,state\n")
        self.load('tag,ts,value,quality\nf,1,0.3,\ni,2,-5,\nb,3,on,bad\ns,4,7,\nt,5,"a,""b\n c",1\n'
                  "d,6,nan,\nd,7,-0,\n")
        self.bede("tags", "import", self.write("tags.csv", "name,type\nnew,f64\n"))
        self.load("tag,ts,value\n", store="copy")
        definitions = re.sub("^[0-9a-f]{32}", "", self.bede("tags", "export"), flags=re.M)
        self.bede("tags", "import", "-", "--data", "copy", stdin=definitions)
        self.load("tag,ts,type,value,quality\n" + self.dump(), store="copy")
        self.assertEqual(self.dump(store="copy"), self.dump())
        self.assertEqual(self.digest(store="copy"), self.digest())


class Digest(Scenario):
    def test_any_difference_in_the_dump_differs(self):
        rows = ["tag,ts,value,quality\na,1,1,\n", "tag,ts,value,quality\na,1,2,\n",
                "tag,ts,value,quality\na,2,1,\n", "tag,ts,value,quality\nb,1,1,\n",
                "tag,ts,value,quality\na,1,1,1\n", "tag,ts,value,quality\na,1,0,\n",
                "tag,ts,value,quality\na,1,-0,\n", "tag,ts,value,quality\na,1,nan,\n",
                "tag,ts,value,quality\na,1,0x7ff8000000000001,\n", "tag,ts,value,quality\na,1,x,\n",
                "tag,ts,value,quality\na,1,,\n", "tag,ts,value,quality\na,1,1,\na,2,1,\n",
                "tag,ts,value,quality\n"]
        dumps, digests = set(), set()
        for i, text in enumerate(rows):
            self.load(text, store=f"s{i}")
            dumps.add(self.dump(store=f"s{i}"))
            digests.add(self.digest(store=f"s{i}"))
        self.assertEqual((len(dumps), len(digests)), (len(rows), len(rows)))
        self.assertRegex(digests.pop(), r"^\d+ values, digest [0-9a-f]{32}\n$")

    def test_history_leaves_no_trace(self):
        rows = [f"{'abc'[i % 3]},{i},{i / 7 if i % 3 else f'word {i}'}\n" for i in range(3000)]
        header = "tag,ts,value\n"
        mixed = list(rows)
        random.Random(3).shuffle(mixed)
        self.load(header + "".join(rows), store="in-order")
        self.load(header + "".join(mixed), "--batch", 10, store="shuffled")
        for part in range(5):
            self.load(header + "".join(mixed[part::5]), store="merged")
            self.bede("compact", "--data", "merged", *(["--all"] if part % 2 else []))
        for word in "wrong", "right":
            late = [row.replace("word", word) for row in rows[::3]]
            self.load(header + "".join(late), store="overruled")
            self.bede("compact", "--data", "overruled")
        self.load(header + "".join(rows[1500:]), store="overruled")
        self.load(header + "".join(rows[:1500]), store="overruled")
        stores = ["in-order", "shuffled", "merged", "overruled"]
        self.assertEqual(len({self.dump(store=store) for store in stores}), 1)
        self.assertEqual(len({self.digest(store=store) for store in stores}), 1)
        self.assertEqual(self.dump(store="merged").count("\n"), 3000)
        for store in stores:
            self.bede("verify", store)


class Verify(Scenario):
    def load_all_kinds(self):
        """A store with something in every kind of file."""
        rows = "".join(f"t{i % 5},{i},{i * 0.37}\n" for i in range(3000))
        words = "".join(f"x{i % 2},{i},w{i * i}\n" for i in range(1000))
        self.load("tag,ts,value\n" + rows)
        self.load("tag,ts,value\n" + words)
        self.bede("compact")
        self.load("tag,ts,value\n" + rows.replace(",1", ",7"))
        self.load("tag,ts,value\n" + words.replace(",1", ",7"))

    def test_a_good_store(self):
        self.load_all_kinds()
        blocks, values, damaged = map(int, VERIFIED.fullmatch(self.bede("verify")).groups())
        self.assertGreater(blocks, 0)
        self.assertGreaterEqual(values, self.dump().count("\n"))
        self.assertEqual(damaged, 0)
        self.assertEqual(self.bede("verify", "bede-data", "--deep"), self.bede("verify"))
        self.assertEqual(self.bede("verify", "--data", "bede-data"), self.bede("verify"))

    def test_a_flipped_byte_anywhere_is_found(self):
        self.load_all_kinds()
        generator = random.Random(4)
        store = self.place / "bede-data"
        kinds = {}
        for file in sorted(store.rglob("*")):
            if not file.is_file() or file.name == "LOCK" or file.suffix == ".spare":
                continue
            kind = file.parent.name if file.parent != store else file.name.split("-")[0]
            content = file.read_bytes()
            offsets = range(len(content))
            if kind == "wal":  # its padding says nothing, and the group that closes it may miss
                used = len(content.rstrip(b"\0")) // 4096 * 4096
                offsets = [i for i in range(4096, used) if content[i]]
            for offset in generator.sample(offsets, min(5, len(offsets))):
                damaged = bytearray(content)
                damaged[offset] ^= 1 << generator.randrange(8)
                file.write_bytes(damaged)
                with self.subTest(file=file.name, offset=offset):
                    self.assertIn(file.name, self.damages()[0])
                kinds[kind] = kinds.get(kind, 0) + 1
            file.write_bytes(content)
        self.assertEqual(set(kinds), {"CURRENT", "MANIFEST", "wal", "segments", "catalog"})
        self.bede("verify")

    def damages(self):
        """One line each; at least one."""
        *lines, summary = self.bede("verify", code=DAMAGED).splitlines()
        self.assertEqual(int(VERIFIED.fullmatch(summary + "\n")[3]), len(lines))
        self.assertGreater(len(lines), 0)
        return lines

    def test_a_file_that_is_gone_or_short(self):
        self.load_all_kinds()
        for pattern in "segments/*.segment", "catalog/identities", "MANIFEST-*", "wal/*4.wal":
            file = max((self.place / "bede-data").glob(pattern))
            content = file.read_bytes()
            used = content.rstrip(b"\0")  # zeros behind the end of a log are nothing
            for kept in used[:len(used) // 2], used[:len(used) * 9 // 10], b"", None:
                with self.subTest(pattern, kept=kept and len(kept)):
                    if kept is None:
                        file.unlink()
                    else:
                        file.write_bytes(kept)
                    self.damages()
                file.write_bytes(content)

    def test_the_newest_file_of_the_log_that_is_gone(self):
        self.load("ts,a\n" + "".join(f"{i},{i}\n" for i in range(100)))
        for _ in range(2):  # the only one; then the newest of several
            newest = max((self.place / "bede-data").glob("wal/*.wal"))
            newest.unlink()
            self.assertIn(f"{newest.name} is missing", self.damages()[0])
            self.assertEqual(self.figures()["damaged"], 1)  # once: then the log goes on without it
            self.bede("verify")
            self.load("ts,a\n" + "".join(f"{i},{i}\n" for i in range(100, 200)))
            self.load("ts,a\n" + "".join(f"{i},{i}\n" for i in range(200, 300)))


class Care(Scenario):
    def test_figures_add_up(self):
        self.load("ts,a,b\n" + "".join(f"{i},{i},{i}.5\n" for i in range(2000)))
        before = self.figures()
        self.assertEqual((before["tags"], before["values"], before["segments"]), (2, 4000, 0))
        self.assertGreaterEqual(before["recovered_values"], 4000)
        self.bede("compact")
        after = self.figures()
        self.assertEqual((after["tags"], after["segments"], after["damaged"]), (2, 1, 0))
        self.assertEqual(after["values"], before["values"])
        store = self.place / "bede-data"
        size = {kind: sum(file.stat().st_size for file in (store / kind).iterdir())
                for kind in ("segments", "catalog", "wal")}
        self.assertEqual(after["segment_bytes"], size["segments"])
        self.assertEqual(after["catalog_bytes"], size["catalog"])
        # The log's next file is made while others are counted.
        self.assertTrue(0 < after["wal_bytes"] <= size["wal"])
        per_value = (size["segments"] + size["catalog"]) / after["values"]
        self.assertAlmostEqual(after["bytes_per_value"], per_value, delta=0.006)
        self.assertGreater(after["memory_bytes"], 0)

    def test_people_and_programs_get_the_same_figures(self):
        self.load("tag,ts,value\na,1,1\n")
        self.bede("compact")
        figures = self.figures()
        text = self.bede("stats")
        self.assertEqual(len(text.splitlines()), len(figures))
        for label, key in {"tags": "tags", "values": "values", "segments": "segments",
                           "bytes in segments": "segment_bytes"}.items():
            self.assertRegex(text, rf"(?m)^{label} +{figures[key]:.0f}$")

    def test_compact_all_leaves_one_segment_a_window(self):
        for part in range(4):
            self.load("tag,ts,value\n" + "".join(f"a,{i * 4 + part},{i}\n" for i in range(500)))
            self.bede("compact")
        before = self.dump()
        out = self.bede("compact", "--all")
        # The month of the samples, and the day on which the tag was made.
        self.assertRegex(out, r"^\d+ segments of \d+ bytes before, 2 of \d+ after\n$")
        self.assertEqual(self.figures()["segments"], 2)
        self.assertEqual(self.dump(), before)
        self.bede("verify")


class Tags(Scenario):
    HEADER = "id,name,type,unit,description,step,zero,span,max_gap,states,source,attributes\n"

    def define(self, text, *words, code=DONE):
        """Imports definitions; returns what was printed, the last line apart."""
        out = self.bede("tags", "import", "-", *words, stdin=text, code=code)
        return out.splitlines()[:-1], out.splitlines()[-1]

    def test_export_then_import_changes_nothing(self):
        self.make_store()
        self.define('name,type,unit,description,step,zero,span,max_gap,states,source,attributes\n'
                    'a,f64,°C,"a ""quoted"", text",yes,-10.5,100,1h,,opc:ns=2,"{""line"": 3}"\n'
                    'b,state,,,,,,90s,"0=off,1=on",,\nc,text,,,,,,,,,\n')
        exported = self.bede("tags", "export")
        self.assertTrue(exported.startswith(self.HEADER))
        self.assertEqual(self.define(exported),
                         ([], "0 new, 0 changed, 3 the same, 0 rejected"))
        self.assertEqual(self.bede("tags", "export"), exported)
        row = list(csv.DictReader(io.StringIO(exported)))[0]
        self.assertEqual((row["unit"], row["description"], row["step"], row["zero"], row["span"],
                          row["max_gap"], row["source"], row["attributes"]),
                         ("°C", 'a "quoted", text', "true", "-10.5", "100", "1h", "opc:ns=2",
                          '{"line": 3}'))

    def test_list_and_glob(self):
        self.make_store()
        self.define("name,type,unit,description\nb.x,i64,bar,of steam\na,f64,,\nb.y,bool,,\n")
        listed = [line.split() for line in self.bede("tags", "list").splitlines()]
        self.assertEqual(listed, [["a", "f64"], ["b.x", "i64", "bar", "of", "steam"],
                                  ["b.y", "bool"]])
        self.assertEqual(self.bede("tags"), self.bede("tags", "list"))
        self.assertEqual(self.bede("tags", "list", "b.*").count("\n"), 2)
        self.assertEqual(self.bede("tags", "export", "*x").count("\n"), 2)

    def test_what_changes_is_shown_and_done(self):
        self.load("tag,ts,value\na,1,1\nb,1,1\n")
        edited = self.bede("tags", "export").replace(",b,f64,,", ",b,f64,bar,\"of steam\"")
        edited = edited.replace(",\"of steam\",false", ",of steam,true") + ",c,i64\n"
        shown, closing = self.define(edited, "--dry-run")
        self.assertEqual(closing, "1 new, 1 changed, 1 the same, 0 rejected (nothing was done)")
        self.assertEqual(shown, ['~ b: unit "" -> "bar" description "" -> "of steam" '
                                 'step "false" -> "true"', "+ c (i64)"])
        self.assertEqual(self.bede("tags", "list", "c"), "")
        self.assertEqual(self.define(edited),
                         (shown, "1 new, 1 changed, 1 the same, 0 rejected"))
        self.assertEqual(self.define(edited), ([], "0 new, 0 changed, 3 the same, 0 rejected"))
        self.assertEqual(self.bede("tags", "list", "c").split(), ["c", "i64"])

    def test_columns_that_are_not_there_stay_as_they_are(self):
        self.make_store()
        self.define("name,type,unit\na,i64,bar\n")
        self.define("unit,name\nmbar,a\n")
        self.assertEqual(self.bede("tags", "list").split(), ["a", "i64", "mbar"])

    def test_a_new_name_behind_an_id_keeps_the_history(self):
        self.load("tag,ts,value\nold,1,1\nother,1,5\n")
        before = self.bede("tags", "export", "old")
        shown, _ = self.define(before.replace(",old,", ",new,"))
        self.assertEqual(shown, ['~ old: name "old" -> "new"'])
        self.load("tag,ts,value\nnew,2,2\nold,3,3\n")
        self.bede("compact", "--all")
        self.assert_dump(["new,1,f64,1,00000000", "new,2,f64,2,00000000", "old,3,f64,3,00000000",
                          "other,1,f64,5,00000000"])
        after = self.bede("tags", "export", "new")
        self.assertEqual(after, before.replace(",old,", ",new,"))

    def test_bad_rows_are_named_and_cost_only_themselves(self):
        self.make_store()
        shown, closing = self.define(
            "id,name,type,step,zero,max_gap\n,a,frob,,,\n,,f64,,,\n,b,f64,maybe,,\n,c,f64,,x,\n"
            ",d,f64,,,long\n" + "0" * 32 + ",e,f64,,,\n12,f,f64,,,\n,g,f64,,,\n,\"h,f64\n",
            code=FAILED)
        self.assertEqual((shown, closing), (["+ g (f64)"],
                                            "1 new, 0 changed, 0 the same, 8 rejected"))
        reasons = ["cannot read type", "no name", "cannot read step", "cannot read zero",
                   "cannot read max_gap", "there is no tag of this id",
                   "there is no tag of this id"]
        self.assertEqual(self.stderr.splitlines()[:-1],
                         [f"standard input:{i + 2}: {text}" for i, text in enumerate(reasons)])
        self.assertEqual(self.bede("tags", "list").split(), ["g", "f64"])

    def test_what_the_store_refuses(self):
        self.load("tag,ts,value\na,1,1\n")
        cases = {"name,type\nx,f64\nx,f64\n": "there twice", "name,type\n$x,f64\n": "\\$",
                 "name\n" + "n" * 256 + "\n": "255", "name,frob\n": 'unknown column "frob"',
                 "type\nf64\n": "lacks the column name", "name,unit\na," + "u" * 5000: "4096"}
        before = self.bede("tags", "export")
        for text, reason in cases.items():
            with self.subTest(reason):
                self.bede("tags", "import", "-", stdin=text, code=FAILED)
                self.assertRegex(self.stderr, reason)
        self.assertEqual(self.bede("tags", "export"), before)
        self.bede("tags", "import", code=WRONG_USAGE)
        self.bede("tags", "frob", code=WRONG_USAGE)
        self.bede("tags", "import", "nix.csv", code=FAILED)


class Words(Scenario):
    COMMANDS = ["import", "dump", "digest", "verify", "stats", "compact", "tags", "help"]

    def test_help(self):
        overview = self.bede("help")
        for words in [], ["--help"], ["-h"]:
            self.assertEqual(self.bede(*words), overview)
        for command in self.COMMANDS:
            self.assertRegex(overview, rf"(?m)^  {command} ")
            about = self.bede("help", command)
            self.assertTrue(about.startswith(f"bede {command} "), about)
            self.assertEqual(self.bede(command, "--help"), about)
            self.assertEqual(self.bede(command, "--frob", "-h"), about)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_version(self):
        self.assertRegex(self.bede("--version"), r"^bede \d+\.\d+\.\d+\n$")

    def test_wrong_words_and_what_was_meant(self):
        cases = {
            ("imprt",): 'did you mean "import"?',
            ("help", "dmp"): 'did you mean "dump"?',
            ("frobnicate",): 'no command "frobnicate"\n',
            ("dump", "--tag", "x"): "unknown option --tag (did you mean --tags?)",
            ("import", "--bach=3", "-"): "did you mean --batch?",
            ("import", "--frobnicate", "-"): "unknown option --frobnicate\n",
            ("import",): "which file?",
            ("import", "-", "--batch"): "--batch needs a value: N",
            ("import", "-", "--batch", "0"): "use 1 to 65536",
            ("import", "-", "--batch", "65537"): "use 1 to 65536",
            ("import", "-", "--unit", "h"): "use s, ms, us or ns",
            ("import", "-", "--zone", "CET"): "use UTC or an offset",
            ("import", "-", "--format", "xml"): "--format xml",
            ("stats", "--json=1"): "--json takes no value",
            ("dump", "words"): 'unexpected "words"',
            ("verify", "a", "b"): 'unexpected "b"',
            ("dump", "--from", "never"): '"never" is no time',
            ("digest", "--to", "never"): '"never" is no time',
        }
        for words, message in cases.items():
            with self.subTest(words):
                self.assertEqual(self.bede(*words, code=WRONG_USAGE), "")
                self.assertIn(message, self.stderr)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_behind_two_dashes_nothing_is_an_option(self):
        self.write("--batch", "tag,ts,value\na,1,1\n")
        self.bede("import", "--", "--batch")
        self.assert_dump(["a,1,f64,1,00000000"])

    def test_only_import_makes_a_store(self):
        (self.place / "empty").mkdir()
        self.write("tags.csv", "name\na\n")
        for words in (["dump"], ["digest"], ["verify"], ["stats"], ["compact"], ["tags", "list"],
                      ["tags", "export"], ["tags", "import", "tags.csv"],
                      ["tags", "import", "tags.csv", "--dry-run"]):
            for place in "none", "empty":
                with self.subTest(words, place=place):
                    self.assertEqual(self.bede(*words, "--data", place, code=FAILED), "")
                    self.assertIn(f"{place}: there is no store", self.stderr)
        self.assertEqual(sorted(path.name for path in self.place.rglob("*")),
                         ["empty", "tags.csv"])

    def test_a_server_is_refused_by_name(self):
        self.bede("dump", "--server", "bede://plant:1", code=FAILED)
        self.assertIn("bede://plant:1", self.stderr)


class Sharing(Scenario):
    def wait_for_store(self, maker):
        while not (self.place / "bede-data/CURRENT").exists():
            self.assertIsNone(maker.poll())
            time.sleep(0.01)

    def test_who_comes_second_is_told_the_pid_of_the_first(self):
        holder = subprocess.Popen([BEDE, "import", "-", "--batch", "1"], cwd=self.place,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.kill)
        holder.stdin.write(b"tag,ts,value\na,1,1\n")
        holder.stdin.flush()
        self.wait_for_store(holder)
        self.write("more.csv", "tag,ts,value\na,2,2\n")
        for words in (["dump"], ["digest"], ["stats"], ["compact"], ["tags", "list"], ["verify"],
                      ["import", "more.csv"]):
            with self.subTest(words):
                self.assertEqual(self.bede(*words, code=FAILED), "")
                self.assertRegex(self.stderr, rf"\b{holder.pid}\b")
        out, _ = holder.communicate(b"a,3,3\n", timeout=60)
        self.assertTrue(out.startswith(b"imported 2 values, rejected 0, "), out)
        self.assert_dump(["a,1,f64,1,00000000", "a,3,f64,3,00000000"])

    def test_a_dead_holder_holds_nothing(self):
        holder = subprocess.Popen([BEDE, "import", "-"], cwd=self.place, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.wait_for_store(holder)
        holder.kill()
        holder.communicate()
        self.load("tag,ts,value\na,1,1\n")
        self.bede("verify")


@unittest.skipUnless((REAL_DATA / "ett").is_dir(), f"no real data: {REAL_DATA / 'ett'} is absent")
class RealData(Scenario):
    def test_transformer_temperatures_bit_for_bit(self):
        for file in sorted((REAL_DATA / "ett").glob("*.csv")):
            with self.subTest(file.name):
                self.compare(file)

    def compare(self, file):
        text = file.read_text()
        rows = list(csv.DictReader(io.StringIO(text)))
        names = [name for name in rows[0] if name != "date"]
        store = file.stem
        count = self.load(text.replace("date", "ts", 1), store=store)
        self.assertEqual(count, len(rows) * len(names))
        expected = {(name, row["date"]): struct.pack("<d", float(row[name]))
                    for row in rows for name in names}
        for step in "log", "segments":
            dumped = {}
            for tag, time_ns, kind, value, quality in csv.reader(io.StringIO(
                    self.dump(store=store))):
                self.assertEqual((kind, quality), ("f64", "00000000"))
                dumped[tag, time_text(int(time_ns))] = struct.pack("<d", float(value))
            self.assertEqual(dumped == expected, True, f"{file.name} from the {step} differs")
            self.bede("compact", "--data", store)
        self.bede("verify", store)


def time_text(time_ns):
    moment = datetime.fromtimestamp(time_ns // SECOND, timezone.utc)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def main():
    global BEDE
    BEDE = os.path.abspath(sys.argv[1])
    tests = unittest.defaultTestLoader
    module = sys.modules["__main__"]
    suite = (tests.loadTestsFromNames(sys.argv[2:], module) if sys.argv[2:]
             else tests.loadTestsFromModule(module))
    result = unittest.TestResult()
    suite.run(result)
    for test, text in result.failures + result.errors:
        print(f"{test}\n{text}")
    for test, reason in result.skipped:
        print(f"skipped {test}: {reason}")
    print(f"Ran {result.testsRun} tests")
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
