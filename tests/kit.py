"""Connectors in other languages, held to their promises by the kit: those of the SDKs, one for a format with a library of its
own (SPSS by pyreadstat), an old one, and those that `connector new` writes.

    python tests/kit.py TABLECAST

Needs pandas, pyreadstat, and datasette-pytables 2.0.1 importable.
"""

import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile

import pandas
import pyreadstat

from server import ROOT, SHARED, Tally, serve

PROTOCOL = ROOT / "tests" / "protocol"


def kept(tally, binary, name, location, *connector):
    """Whether everything at `location` keeps its promises."""
    command = [binary, "connector", "test", location, *connector, "--python", sys.executable]
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    tally.that(f"{name} keeps its promises", ran.returncode == 0, f"{ran.returncode}\n{ran.stdout[-3000:]}{ran.stderr[-2000:]}")


def spss(tally, binary, folder):
    """Penguins as SPSS keeps them, beside the same in SQLite."""
    with sqlite3.connect(ROOT / "examples" / "penguins.db") as database:
        frame = pandas.read_sql("select id, island, flipper_length_mm, body_mass_g from penguins order by id", database)
    pyreadstat.write_sav(frame, str(folder / "penguins.sav"))
    connector = ["--connector", ROOT / "examples" / "connectors" / "spss.py"]
    with serve(binary, folder / "penguins.sav", *connector, "--python", sys.executable) as server:
        question = {"body_mass_g__gt": 5500, "_sort_desc": "body_mass_g", "_shape": "array", "_size": 5}
        status, found = server.json("/penguins/survey.json", **question)
    wanted = frame[frame.body_mass_g > 5500].sort_values(["body_mass_g", "id"], ascending=[False, True]).head(5)
    tally.check("SPSS: status", status, 200)
    tally.check("SPSS: rows", [row["id"] for row in found], list(wanted.id))
    kept(tally, binary, "SPSS", folder / "penguins.sav", *connector)


def built_alike(manifest):
    """Gives a crate the profile of this one, so that what is built already is used."""
    profile = re.findall(r"^\[profile\.dev[^\n]*\]\n(?:[^\[\n][^\n]*\n)+", (ROOT / "Cargo.toml").read_text(), re.M)
    manifest.write_text(manifest.read_text() + "\n" + "\n".join(profile))


def written(tally, binary, folder):
    """What `connector new` writes works, and its test passes."""
    (folder / "bin").mkdir()
    (folder / "bin" / "tablecast").symlink_to(binary)
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    new = [binary, "connector", "new"]
    for language, name, test in (
        ("python", "my_words", [sys.executable, "-m", "unittest", "-q"]),
        ("node", "our_words", ["node", "--test"]),
        ("rust", "their_words", ["cargo", "test", "-q"]),
    ):
        more = ["--checkout", ROOT] if language == "rust" else []
        made = subprocess.run([*new, name, "--language", language, *more], cwd=folder, capture_output=True, text=True)
        tally.check(f"connector new in {language}", (made.returncode, made.stderr), (0, ""))
        if language == "rust":
            built_alike(folder / name / "Cargo.toml")
        ran = subprocess.run(test, cwd=folder / name, env=environment, capture_output=True, text=True)
        tally.that(f"its test passes in {language}", ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:])
    for given, wanted in (
        (["my_words", "--language", "python"], "is there already"),
        (["My Words", "--language", "python"], "no name of a connector"),
        (["tablecast", "--language", "node"], "stands for something else"),
        (["words", "--language", "rust"], "--checkout PATH"),
        (["words", "--language", "rust", "--checkout", folder], "are not there"),
        (["words", "--language", "cobol"], "invalid value 'cobol'"),
    ):
        ran = subprocess.run([*new, *map(str, given)], cwd=folder, capture_output=True, text=True)
        tally.that(f"connector new {given}", ran.returncode != 0 and wanted in ran.stderr, ran.stderr)


def main(binary):
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for language, guest in (("Python", "lines.py"), ("JavaScript", "lines.mjs")):
            kept(tally, binary, language, PROTOCOL / "lines.lines", "--connector", PROTOCOL / guest)
        spss(tally, binary, folder)
        old = ["--connector", "python:datasette_pytables:PyTablesConnector"]
        tables = SHARED / "hdf5" / "data" / "test_tables.h5"
        if tables.exists():
            kept(tally, binary, "an old connector", tables, *old, "--table", "%group1%table1")
        else:
            tally.skip("an old connector", f"{tables} is not here")
        written(tally, binary, folder)
    tally.end()


main(pathlib.Path(sys.argv[1]).resolve())
