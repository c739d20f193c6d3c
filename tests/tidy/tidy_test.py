"""Goal:   tidy.py finds what it is there to find, and nothing in a tree that is in order.
Method: a small tree in order; then one row a case: a file that breaks one rule, and the finding.

usage: tidy_test.py TIDY_PY
"""
import subprocess
import sys
import tempfile
from pathlib import Path

ORDERLY = {
    "README.md": "# Here\n\n```c\nint main;\n```\n",
    "docs/examples/readme.c": "int main;\n",
    "docs/examples/meson.build": "examples = ['readme']\n",
    "storage/meson.build": "storage_sources = files(\n    'base/low.c',\n    'high.c',\n)\n",
    "storage/base/low.h": "/* Low. */\n",
    "storage/base/low.c": '#include "storage/base/low.h"\n/* "open(" and time(2) are words */\n',
    "storage/high.c": '#include "storage/base/low.h"\nint x = table->open(1);\n',
    "storage/high.h": "/* High. */\n",
    "engine/bede.h": "/* Bede. */\n",
    "engine/meson.build": "engine_sources = files('bede.h')\n",
    "tests/meson.build": "storage_tests = ['base/low', 'high']\n",
    "tests/storage/base/low_test.c": "int main;\n",
    "tests/storage/high_test.c": "int main;\n",
    "tests/tidy/layers.txt": "storage/base\nstorage storage/base\nengine storage storage/base\n"
                             "tests storage storage/base\ndocs/examples engine\n",
    "tests/tidy/tested_by.txt": "# nothing\n",
}

CASES = [
    ("a layer reaches upward", "storage/high.c", '#include "engine/bede.h"\n',
     "storage may not include engine"),
    ("a file reaches below itself", "storage/base/low.c", '#include "storage/high.h"\n',
     "storage/base may not include storage"),
    ("a header is not named from the root", "storage/high.c", '#include "low.h"\n',
     'include "low.h" by its path from the root'),
    ("a file opens files by itself", "storage/high.c", "int f = open(path, 0);\n",
     "use storage/base/file.h"),
    ("a file asks for the time", "storage/high.c", "int t = time (NULL);\n",
     "use storage/base/clock.h"),
    ("a library prints", "storage/high.c", 'int p = printf("x");\n', "libraries neither print"),
    ("a copy without bounds", "storage/high.c", "char *s = strcpy(a, b);\n", "unbounded"),
    ("a header does not say what it is", "storage/high.h", "#ifndef X\n", "what it is for"),
    ("a tab", "storage/high.c", "int x;\t\n", "tab or trailing space"),
    ("work left undone", "storage/high.c", "/* TO" "DO: finish */\n", "do it, or open an issue"),
    ("a second version", "storage/high.c", "int read_v2;\n", "a second version"),
    ("a source in no list", "storage/lost.c", "int x;\n", "not in the source list"),
    ("a header in no list", "storage/lost.h", "/* Lost. */\n", "not in the source list"),
    ("a test in no list", "tests/storage/lost_test.c", "int x;\n", "no meson.build names it"),
    ("a source without a test", "storage/more.c", "int x;\n", "has no test"),
    ("a folder that nobody knows", "attic/x.c", "int x;\n", "not a folder of"),
    ("the program in the README is another", "docs/examples/readme.c", "int other;\n",
     "differs from"),
    ("a link leads nowhere", "docs/page.md", "[there](nowhere.md)\n", "leads nowhere"),
]


def findings(tree):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in tree.items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        run = subprocess.run([sys.executable, sys.argv[1], folder], capture_output=True, text=True)
        assert not run.stderr, run.stderr
        assert run.returncode == (run.stdout != "\n"), run.stdout
        return run.stdout


failed = 0
for why, name, text, expected in CASES:
    found = findings({**ORDERLY, name: text})
    if expected not in found:
        print(f"{why}: expected '{expected}', found: {found}")
        failed += 1
if findings(ORDERLY).strip():
    print("a tree in order:", findings(ORDERLY))
    failed += 1
sys.exit(failed > 0)
