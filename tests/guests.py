"""Connectors in other languages, honest and not: what is served of them, what is said of those that break off, and that
the server answers others meanwhile.

    python tests/guests.py TABLECAST
"""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import threading
import time

from server import ROOT, Tally, serve_process, tilde

GUESTS = ROOT / "tests" / "guests"

# The way to misbehave in a scan, what the error says, and its status.
BROKEN = [
    ("silent", "time limit", 400),
    ("exits", "The connector rude broke off: it closed its output", 503),
    ("half", "stopped in the middle of a message", 503),
    ("line", "a line of more than 16777216 bytes", 503),
    ("gigabyte", "a line of more than 16777216 bytes", 503),
    ("claims", "a payload of 1125899906842624 bytes", 503),
    ("rubbish", "no message of the protocol: Hello, I print!", 503),
    ("other", "when request", 503),
    ("nameless", "an error without saying which", 503),
    ("forks", "broke off", 503),
    ("memory", "broke off", 503),
    ("killed", "broke off", 503),
    ("arrow", "invalid Arrow", 500),
    ("misfit", 't, row 11, column "n": "eleven" is no value of the type integer', 500),
    ("narrow", "t, row 0: it has 1 cells instead of 2", 500),
    ("errors", "the disk is wet", 500),
    ("ignores", "time limit", 400),
]


def program(folder, mode=""):
    """The rude guest as a program of its own, which misbehaves in `mode` before it opens anything."""
    path = folder / f"rude{mode}"
    path.write_text(f'#!/bin/sh\nexec python3 {GUESTS / "rude.py"} {mode or "open"}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def processes():
    """How many of the rude guests run."""
    found = subprocess.run(["pgrep", "-fc", str(GUESTS / "rude.py")], stdout=subprocess.PIPE, text=True)
    return int(found.stdout or 0)


def before_hello(tally, binary, folder):
    """A guest that does not say hello is named, and the program does not start."""
    (folder / "x.rude").write_text("good")
    for mode, wanted in (
        ("exits", "closed its output (exit status: 1)"),
        ("chatty", "no message of the protocol: Welcome!"),
        ("future", "version 99 of the protocol; version 1 is spoken here"),
        ("early", '"result" before its hello'),
        ("mute", "did not say hello within 20 s"),
    ):
        command = [binary, "serve", folder / "x.rude", "--connector", program(folder, mode), "--get", "/-/databases.json"]
        ended = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, timeout=60)
        tally.that(f"{mode} before hello", ended.returncode != 0 and wanted in ended.stderr, ended.stderr[-300:])
    tally.check("no guest is left", processes(), 0)


def at_open(tally, binary, folder):
    """What a guest refuses to open is named; the others are served."""
    (folder / "refused.rude").write_text("refuses")
    (folder / "leaks.rude").write_text("leaks")
    (folder / "good.rude").write_text("good")
    with tempfile.TemporaryFile("w+") as errors:
        files = [folder / "refused.rude", folder / "leaks.rude", folder / "good.rude"]
        with serve_process(binary, errors, *files, "--connector", program(folder)) as (server, _):
            status, body = server.json("/good/t.json", _shape="array")
            tally.check("the good one is served", (status, len(body)), (200, 10))
        errors.seek(0)
        said = errors.read()
    tally.that("the refused one is named", "refused.rude: this is no file of mine" in said, said)
    environment = next((line for line in said.splitlines() if "leaks.rude" in line), "")
    tally.that("no secret is inherited", "PATH" in environment and "TABLECAST_TEST_SECRET" not in environment, environment)
    tally.that("a working folder of its own", "tablecast-guest-" in environment, environment)


def in_a_scan(tally, binary, folder):
    """Each way to break off gives its reason, and others are answered meanwhile."""
    files = []
    for way, _, _ in BROKEN:
        files.append(folder / f"{way}.rude")
        files[-1].write_text(way)
    more = ("tired", "dawdles", "good", "more", "shouts", "twice", "typeless", "negative", "endless")
    for way in more:
        files.append(folder / f"{way}.rude")
        files[-1].write_text(way)
    settings = ["--setting", "sql_time_limit_ms", "1500", "--connector-memory-mb", "400"]
    with tempfile.TemporaryFile("w+") as errors:
        with serve_process(binary, errors, *files, "--connector", program(folder), *settings) as (server, process):
            for way, wanted, code in BROKEN:
                answers = {}

                def ask():
                    answers["rude"] = server.json(f"/{way}/t.json")

                asking = threading.Thread(target=ask)
                asking.start()
                begun = time.monotonic()
                status, body = server.json("/good/t.json", _shape="array", n__gte=3)
                took = time.monotonic() - begun
                asking.join(30)
                tally.check(f"{way}: another is answered meanwhile", (status, len(body)), (200, 7))
                tally.that(f"{way}: and soon", took < 2, f"{took:.2f} s")
                status, body = answers.get("rude", (0, {"error": "no answer"}))
                said = str(body.get("error"))
                tally.that(f"{way} is named", wanted in said and status == code, f"{status} {said[:300]}")
            for way in ("more", "shouts"):
                status, body = server.json(f"/{way}/t.json", _size=20, _shape="array")
                tally.that(f"{way} is served", status == 200 and len(body) >= 10, f"{status} {str(body)[:200]}")
            status, body = server.json("/endless/t.json", _size=25, _shape="array")
            tally.check("endless output: a page is a page", (status, len(body)), (200, 25))
            status, body = server.json("/tired/t.json")
            tally.that("a guest's own time limit", status == 400 and "too much for me" in str(body), f"{status} {body}")
            status, body = server.json("/tired/t.json", _shape="array")
            tally.check("a guest that said so goes on", (status, len(body)), (200, 10))
            # Its first process breaks off, and the second takes longer to open the file than a request may take.
            status, body = server.json("/dawdles/t.json")
            tally.that("a slow opening: broken off", status == 503, f"{status} {body}")
            status, body = server.json("/dawdles/t.json")
            tally.that("a slow opening: no time", status == 400 and "time limit" in str(body), f"{status} {body}")
            time.sleep(1.5)
            status, body = server.json("/dawdles/t.json", _shape="array")
            tally.check("a slow opening: ready at last", (status, len(body)), (200, 10))
            for way, wanted in (("twice", 'the name "t"'), ("typeless", 'unknown type "number"')):
                status, body = server.json(f"/{way}/t.json" if way == "typeless" else f"/{way}.json")
                tally.that(f"{way} is named", status >= 500 and wanted in str(body.get("error")), f"{status} {body}")
            status, body = server.json("/negative/t.json", _extra="count", _size=0)
            tally.that("a negative count is named", status == 500 and "table_count" in str(body), f"{status} {body}")
            status, body = server.json("/exits/t.json")
            tally.that("a guest that keeps failing is waited for", status == 503, f"{status} {body}")
            tally.that("the server lives", process.poll() is None)
        errors.seek(0)
        said = errors.read()
    tally.that("a flood on standard error is cut short", said.count("shout ") < 2000 and "not shown" in said, said.count("shout"))
    time.sleep(1)
    tally.check("no guest is left", processes(), 0)
    tally.check("no folder is left", list(pathlib.Path(os.environ["TMPDIR"]).glob("tablecast-*")), [])


def main(binary):
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        os.environ["TMPDIR"] = str(folder / "tmp")
        (folder / "tmp").mkdir()
        before_hello(tally, binary, folder)
        at_open(tally, binary, folder)
        in_a_scan(tally, binary, folder)
    tally.end()


if __name__ == "__main__":
    os.environ["TABLECAST_TEST_SECRET"] = "hunter2"
    main(str(pathlib.Path(sys.argv[1]).resolve()))
