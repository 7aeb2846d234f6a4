"""Starts Tablecast for the scenario tests, and asks it. Standard library only."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("TABLECAST_SHARED", ROOT.parent / "shared"))
SAFE = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def tilde(name):
    """A name as it stands in a path."""
    return "".join(chr(b) if b in SAFE else "+" if b == 32 else f"~{b:02X}" for b in name.encode())


class Server:
    def __init__(self, port):
        self.port = port

    def get(self, path, **arguments):
        """Status, headers and body of one request."""
        if arguments:
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(arguments, doseq=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    def json(self, path, **arguments):
        """Status and JSON of one request."""
        status, _, body = self.get(path, **arguments)
        try:
            return status, json.loads(body)
        except ValueError:
            return status, {"error": body[:200].decode(errors="replace")}


@contextlib.contextmanager
def serve(binary, *arguments):
    """Tablecast on a free port; standard error goes to ours if it does not start."""
    with tempfile.TemporaryFile("w+") as errors, serve_process(binary, errors, *arguments) as (server, _):
        yield server


@contextlib.contextmanager
def serve_process(binary, errors, *arguments):
    """As `serve`, with the process, whose standard error goes to the file `errors`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(binary), "serve", *map(str, arguments), "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, text=True)
    server = Server(port)
    try:
        deadline = time.monotonic() + 30
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                errors.seek(0)
                raise SystemExit(f"{command} did not start: {errors.read()}")
            try:
                server.get("/-/versions.json")
                break
            except OSError:
                time.sleep(0.01)
        yield server, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


class Tally:
    """Counts what passed, tells what failed, and ends the program accordingly."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, []

    def check(self, name, found, expected):
        self.that(name, found == expected, f"{str(found)[:300]} instead of {str(expected)[:300]}")

    def that(self, name, holds, otherwise=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {otherwise}")

    def skip(self, name, reason):
        self.skipped.append(name)
        print(f"skipped {name}: {reason}")

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped")
        sys.exit(1 if self.failed else 0)
