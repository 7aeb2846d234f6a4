"""A program on a free port for a benchmark, and JSON from it."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time


@contextlib.contextmanager
def server(*command):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*map(str, command), "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            if process.poll() is not None:
                sys.exit(f"{command} ended with {process.returncode}")
            try:
                http.client.HTTPConnection("127.0.0.1", port).request("GET", "/-/versions.json")
                break
            except OSError:
                time.sleep(0.01)
        yield http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def get(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        sys.exit(f"{path} answered {answer.status}: {body[:300]!r}")
    return json.loads(body)
