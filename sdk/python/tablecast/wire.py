"""Messages: lines of JSON on standard input and output, some followed by bytes.

Standard output is the protocol's alone: whatever else is printed goes to standard error, which is the log. A thread reads,
so that a cancel is noticed while a scan runs.
"""

import json
import os
import queue
import sys
import threading
import time

from .failures import Cancelled


class Wire:
    """The two ends of the pipes."""

    def __init__(self):
        self.input = os.fdopen(os.dup(0), "rb")
        self.output = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self.requests = queue.Queue()
        self.changed = threading.Condition()
        self.credit, self.cancelled, self.ended = {}, set(), False

    def start(self):
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.input:
            said = json.loads(line)
            kind, number = said.get("type"), said.get("id")
            with self.changed:
                if kind == "cancel":
                    self.cancelled.add(number)
                elif kind == "credit":
                    self.credit[number] = self.credit.get(number, 0) + said.get("batches", 1)
                elif kind == "request":
                    self.credit[number] = said.get("credit", 0)
                self.changed.notify_all()
            if kind in ("hello", "request", "goodbye"):
                self.requests.put(said)
            if kind == "goodbye":
                return
        with self.changed:
            self.ended = True
            self.changed.notify_all()
        self.requests.put({"type": "goodbye"})
        # The host is gone: a computation that does not end would go on for nobody.
        time.sleep(5)
        os._exit(1)

    def send(self, message, payload=None):
        if payload is not None:
            message = {**message, "bytes": len(payload)}
        self.output.write(json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
        self.output.write(b"\n")
        if payload is not None:
            self.output.write(payload)
        self.output.flush()

    def check(self, number):
        """Raises `Cancelled` if nobody waits any more."""
        if number in self.cancelled or self.ended:
            raise Cancelled

    def batch(self, number, message, payload=None):
        """Sends a batch as soon as there is credit for it."""
        with self.changed:
            while self.credit.get(number, 0) < 1:
                self.check(number)
                self.changed.wait()
            self.check(number)
            self.credit[number] -= 1
        self.send({"type": "batch", "id": number, **message}, payload)

    def done(self, number):
        with self.changed:
            self.credit.pop(number, None)
            self.cancelled.discard(number)
