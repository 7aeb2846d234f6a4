"""Serves the examples and walks their pages in a browser: tests/browser/walk.js says what is done and held.

    python tests/browser.py TABLECAST WALK.JS CHROMIUM
"""

import subprocess
import sys

from server import ROOT, serve


def main():
    tablecast, walk, chromium = sys.argv[1:]
    files = [ROOT / "examples" / name for name in ("penguins.db", "climate.h5", "el_nino.nc")]
    with serve(tablecast, *files) as server:
        walked = subprocess.run(["node", walk, f"http://127.0.0.1:{server.port}", chromium], check=False)
    sys.exit(walked.returncode)


main()
