"""Follows the guide "Publish your own format" to the letter: writes its files, runs its commands, compares the answers.

    python tests/guide.py TABLECAST

Blocks of the guide say what they are: `file=NAME` is written, `sh run` is run, and the block behind it is what comes
(`answers`) or what stands in it (`contains`).
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from server import ROOT, Tally

BLOCK = re.compile(r"^```(\w+) ([^\n]+)\n(.*?)^```$", re.M | re.S)


def main(binary):
    tally = Tally()
    guide = (ROOT / "docs" / "publish-your-own-format.md").read_text()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "bin").mkdir()
        (folder / "bin" / "tablecast").symlink_to(pathlib.Path(binary).resolve())
        # The guide says to put it there.
        shutil.copy(ROOT / "sdk" / "node" / "tablecast.mjs", folder)
        environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        ran = None
        for language, what, text in BLOCK.findall(guide):
            if what.startswith("file="):
                (folder / what[5:]).write_text(text)
            elif what == "run":
                ran = subprocess.run(
                    ["sh", "-e"], input=text, cwd=folder, env=environment, text=True, capture_output=True, timeout=60
                )
                tally.that(text.strip()[:80], ran.returncode == 0, ran.stderr)
            elif what == "answers":
                tally.check("it answers", ran.stdout.strip(), text.strip())
            elif what == "contains":
                tally.that("it says", text.strip() in ran.stdout + ran.stderr, ran.stdout + ran.stderr)
            else:
                tally.that(f"a block that says {language} {what}", False, "nobody knows what to do with it")
    tally.end()


main(sys.argv[1])
