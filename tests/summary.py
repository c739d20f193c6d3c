"""Adds up logs of meson's test runs; the last line is 'N passed, N failed'.

usage: summary.py TESTLOG_JSON...

Exits 1 when a test failed or when none ran: silence is not success.
"""
import json
import sys
from pathlib import Path

passed, failed = 0, []
for log in map(Path, sys.argv[1:]):
    for line in log.read_text().splitlines() if log.exists() else []:
        test = json.loads(line)
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif test["result"] == "SKIP":
            print("skipped:", test["name"])
        else:
            failed.append(f"{test['name']} ({test['result'].lower()})")

for name in failed:
    print("failed:", name)
print(f"{passed} passed, {len(failed)} failed")
sys.exit(bool(failed) or passed == 0)
