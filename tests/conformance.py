"""Replays the reading cases of the group `fixtures` and holds the share of API cases that pass against a least.

    python tests/conformance.py TABLECAST CONFORMANCE_FOLDER --least PERCENT
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tablecast", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--least", type=float, required=True)
    parser.add_argument("--group", default="^fixtures$")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = f"{options.tablecast.resolve()} serve {{files}} {{options}} -p {{port}}"
        subprocess.run(
            [sys.executable, options.folder / "replay.py", "--manifest", options.folder / "groups.json", "--reading",
             "--group", options.group, "--server-cmd", command, "--report", report],
            stdout=subprocess.DEVNULL, check=False,
        )
        results = json.loads(report.read_text())["results"]
    for kind, cases in (
        ("API", [case for case in results if case["kind"] != "html"]),
        ("HTML", [case for case in results if case["kind"] == "html"]),
    ):
        passed = sum(case["ok"] for case in cases)
        print(f"{kind}: {passed} of {len(cases)} cases, {100 * passed / max(len(cases), 1):.1f} %")
        if kind == "API" and 100 * passed < options.least * len(cases):
            sys.exit(f"fewer than {options.least} %")


main()
