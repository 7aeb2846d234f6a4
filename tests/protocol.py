"""Plays the golden transcripts of the connector protocol with a guest of each SDK.

    python tests/protocol.py

`>` is said to the guest, `<` is what it has to answer (each member of the transcript as it stands, others may be there),
`= nothing` says that it keeps silent for half a second.
"""

import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

from server import ROOT, Tally

FOLDER = ROOT / "tests" / "protocol"
GUESTS = {
    "Python": [sys.executable, str(FOLDER / "lines.py")],
    "JavaScript": ["node", str(FOLDER / "lines.mjs")],
}


def covers(found, wanted):
    """Whether `found` has all that stands in `wanted`."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and covers(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(covers, found, wanted))
    return type(found) is type(wanted) and found == wanted


def play(tally, language, transcript):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "sdk" / "python")}
    guest = subprocess.Popen(GUESTS[language], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    said = queue.Queue()
    threading.Thread(target=lambda: [said.put(line) for line in guest.stdout], daemon=True).start()
    for number, line in enumerate(transcript.read_text().splitlines(), 1):
        place = f"{language}, {transcript.name}, line {number}"
        line = line.replace("$FOLDER", str(FOLDER))
        if line.startswith(">"):
            guest.stdin.write(line[1:].strip().encode() + b"\n")
            guest.stdin.flush()
        elif line.startswith("<"):
            try:
                found = json.loads(said.get(timeout=10))
            except queue.Empty:
                tally.that(place, False, "silence")
                break
            tally.that(place, covers(found, json.loads(line[1:])), f"{found} instead of {line[1:]}")
        elif line.startswith("="):
            try:
                tally.that(place, False, said.get(timeout=0.5))
            except queue.Empty:
                tally.that(place, True)
    guest.stdin.close()
    try:
        tally.check(f"{language}, {transcript.name}: it ends", guest.wait(5), 0)
    except subprocess.TimeoutExpired:
        guest.kill()
        tally.that(f"{language}, {transcript.name}: it ends", False, "it still runs")


def main():
    tally = Tally()
    for transcript in sorted(FOLDER.glob("*.transcript")):
        for language in GUESTS:
            play(tally, language, transcript)
    tally.end()


main()
