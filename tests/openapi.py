"""Asks the server what its own description at /-/openapi.json says that it answers, right and wrong, by schemathesis.

    python tests/openapi.py TABLECAST [--seconds 60] [--seed 1]

Needs schemathesis and openapi-spec-validator. Rounds go on until the time is over; each takes another seed. No answer
may be a fault of the server or differ from the description in status, type or schema.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from openapi_spec_validator import validate

from server import ROOT, serve

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
FILES = ["examples/penguins.db", "examples/climate.h5", "examples/el_nino.nc"]


def one_round(address, seed, examples, seconds):
    """Runs schemathesis once; the number of requests, and what it says if it found a fault."""
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{address}/-/openapi.json",
        "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--mode", "all", "--seed", str(seed),
        "--max-examples", str(examples), "--continue-on-failure", "--max-response-time", "30",
    ]
    with tempfile.TemporaryDirectory() as place:
        result = subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=seconds + 600, check=False,
        )
    said = result.stdout + result.stderr
    requests = re.search(r"(\d+) generated", said)
    if requests is None:
        sys.exit(f"schemathesis did not run:\n{said[-4000:]}")
    return int(requests[1]), said if result.returncode else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tablecast", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with serve(options.tablecast, *(ROOT / file for file in FILES)) as server:
        status, description = server.json("/-/openapi.json")
        assert status == 200, description
        validate(description)
        for path in description["paths"]:
            if "{" not in path:
                status, _, _ = server.get(path)
                assert status == 200, f"{path}: {status}"
        started, total, seed = time.monotonic(), 0, options.seed
        while True:
            left = options.seconds - (time.monotonic() - started)
            requests, faults = one_round(f"http://127.0.0.1:{server.port}", seed, 40, left)
            total += requests
            if faults is not None:
                sys.exit(f"seed {seed}, after {total} requests:\n{faults[-8000:]}")
            seed += 1
            if time.monotonic() - started > options.seconds:
                break
    print(f"OpenAPI: {len(description['paths'])} addresses, {total} requests, every answer as described")


main()
