"""Replays the cases that read, of all groups of Datasette's corpus, and holds the answers against Datasette's.

    python tests/conformance.py TABLECAST CONFORMANCE_FOLDER [-v]

Every API case passes but those listed here, each under its reason, which stands in docs/datasette.md, too; a case that
passes although it is listed fails the test. Of the facts of HTML pages a share must agree. Both shares stand in
docs/datasette.md.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from server import ROOT

# Reasons and the cases that they are about. A reason is a sentence of docs/datasette.md.
DIFFERENT = {
    "The style sheet is another, and so is its entity tag.": ["fixtures/p0032", "fixtures/p0034"],
    "The list of extras describes each in words of our own.": ["fixtures/p0079"],
    "A page that `max_returned_rows` cuts short is followed by a next page; Datasette ends there.": [
        "other-databases/p0106", "other-databases/p0107", "other-databases/p0108", "other-databases/p0109",
    ],
    "The columns of a table that the visitor may not view are not told.": ["other-databases/p0204"],
}
HTML_SHARE = 0.9


def replay(tablecast, folder):
    with tempfile.TemporaryDirectory() as place:
        report = pathlib.Path(place) / "report.json"
        command = f"{tablecast.resolve()} serve {{files}} {{options}} -p {{port}}"
        subprocess.run(
            [sys.executable, folder / "replay.py", "--manifest", folder / "groups.json", "--reading",
             "--server-cmd", command, "--report", report],
            stdout=subprocess.DEVNULL, check=False,
        )
        return json.loads(report.read_text())["results"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tablecast", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("-v", "--verbose", action="store_true", help="show the failed HTML cases, too")
    options = parser.parse_args()
    results = replay(options.tablecast, options.folder)
    guide = " ".join((ROOT / "docs/datasette.md").read_text().split())
    problems = [f"docs/datasette.md does not say: {reason}" for reason in DIFFERENT if reason not in guide]
    listed = {case for cases in DIFFERENT.values() for case in cases}
    pages = [case for case in results if case["kind"] == "html"]
    others = [case for case in results if case["kind"] != "html"]
    for case in others:
        if case["ok"] == (case["id"] in listed):
            what = "passes, but is listed" if case["ok"] else "; ".join(case["failures"][:3])
            problems.append(f"{case['id']} {case['path']}: {what}")
    for case in pages:
        if options.verbose and not case["ok"]:
            print(f"{case['id']} {case['path']}: {'; '.join(case['failures'][:3])}")
    shares = []
    for kind, cases in (("API", others), ("HTML", pages)):
        passed = sum(case["ok"] for case in cases)
        shares.append(f"{passed} of {len(cases)}")
        print(f"{kind}: {shares[-1]} cases, {100 * passed / len(cases):.1f} %")
    if sum(case["ok"] for case in pages) < HTML_SHARE * len(pages):
        problems.append(f"fewer than {HTML_SHARE:.0%} of the pages agree")
    problems.extend(f"docs/datasette.md does not say: {share}" for share in shares if share not in guide)
    if problems:
        sys.exit("\n".join(problems))


main()
