"""A guest that speaks the protocol by hand, and breaks it in the way that the file it opens names. No SDK, no manners.

The file holds one word. Ways that come before `open` are named by the argument.
"""

import base64
import json
import os
import sys
import time

MODE = sys.argv[1] if len(sys.argv) > 1 else os.path.basename(sys.argv[0])
out = sys.stdout.buffer


def send(payload=None, **message):
    out.write(json.dumps(message).encode() + b"\n" + (payload or b""))
    out.flush()


def heard():
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit()
    return json.loads(line)


def forever():
    while True:
        time.sleep(1)


def hello():
    send(type="hello", protocol=1, name="rude", methods=["table_count"], recognizes={"extensions": [".rude"]})


def scan(id, way, place):
    """The answer to a scan of `t`, with columns `n` (integer) and `s` (text)."""
    rows = [[i, f"s{i}"] for i in range(10)]
    if way == "dawdles" and not os.path.exists(f"{place}.asked"):
        open(f"{place}.asked", "w").close()
        sys.exit(3)
    if way == "tired":
        # Its own time limit, told as it should be: no reason to end it.
        if not os.path.exists("tired"):
            open("tired", "w").close()
            return send(type="error", id=id, error={"kind": "timed_out", "message": "too much for me"})
        way = "good"
    if way in ("good", "negative", "dawdles"):
        send(type="batch", id=id, rows=rows)
        return send(type="result", id=id, result={})
    if way == "silent":
        forever()
    if way == "exits":
        sys.exit(3)
    if way == "killed":
        send(type="batch", id=id, rows=rows)
        time.sleep(0.05)
        os.kill(os.getpid(), 9)
    if way == "half":
        out.write(b'{"type": "batch", "id": %d, "rows": [[1, ' % id)
        out.flush()
        os._exit(0)
    if way == "endless":
        # Neither credit nor cancel means anything to it.
        while True:
            send(type="batch", id=id, rows=rows)
    if way == "line":
        while True:
            out.write(b"x" * (1 << 20))
    if way == "gigabyte":
        out.write(b'{"type": "batch", "id": %d, "rows": [["' % id)
        for _ in range(1024):
            out.write(b"x" * (1 << 20))
        out.write(b'"]]}\n')
        return out.flush()
    if way == "claims":
        return send(b"abc", type="batch", id=id, bytes=1 << 50)
    if way == "arrow":
        payload = base64.b64decode("/////wAAAAAQAAAA") + b"\xff" * 500
        return send(payload, type="batch", id=id, bytes=len(payload))
    if way == "rubbish":
        out.write(b"Hello, I print!\n")
        return out.flush()
    if way == "other":
        return send(type="batch", id=id + 7, rows=rows)
    if way == "misfit":
        send(type="batch", id=id, rows=rows)
        return send(type="batch", id=id, rows=[[10, "s10"], ["eleven", "s11"]])
    if way == "narrow":
        return send(type="batch", id=id, rows=[[1]])
    if way == "ignores":
        send(type="batch", id=id, rows=rows)
        forever()
    if way == "forks":
        if os.fork() == 0:
            forever()
        os._exit(0)
    if way == "memory":
        kept = []
        while True:
            kept.append(bytearray(64 << 20))
    if way == "errors":
        return send(type="error", id=id, error={"kind": "unreadable", "message": "the disk is wet"})
    if way == "nameless":
        return send(type="error", id=id)
    if way == "shouts":
        for i in range(100_000):
            print("shout", i, file=sys.stderr)
        send(type="batch", id=id, rows=rows)
        return send(type="result", id=id, result={})
    if way == "more":
        # More rows than were asked for, and than it was given credit for.
        for _ in range(50):
            send(type="batch", id=id, rows=rows)
        return send(type="result", id=id, result={})
    raise SystemExit(f"no such way: {way}")


def main():
    if MODE == "exits":
        sys.exit("I do not feel like it")
    if MODE == "mute":
        forever()
    if MODE == "chatty":
        out.write(b"Welcome!\n")
        out.flush()
        forever()
    heard()
    if MODE == "future":
        send(type="hello", protocol=99, name="rude")
        forever()
    if MODE == "early":
        send(type="result", id=1, result={})
        forever()
    hello()
    way, place = "", ""
    while True:
        said = heard()
        kind, id = said["type"], said.get("id")
        if kind == "goodbye":
            return
        if kind != "request":
            continue
        method = said["method"]
        if method == "open":
            place = said["params"]["location"]
            with open(place) as file:
                way = file.read().strip()
            if way == "dawdles":
                # Each process takes its time, and each is worth waiting for.
                time.sleep(2)
            if way == "refuses":
                send(type="error", id=id, error={"kind": "unreadable", "message": "this is no file of mine"})
                continue
            if way == "leaks":
                names = " ".join(sorted(os.environ))
                send(type="error", id=id, error={"kind": "unreadable", "message": f"{names} in {os.getcwd()}"})
                continue
            send(type="result", id=id, result={})
        elif method == "table_names":
            send(type="result", id=id, result=["t", "t"] if way == "twice" else ["t"])
        elif method == "table_info":
            columns = [{"name": "n", "type": "integer"}, {"name": "s", "type": "text"}]
            if way == "typeless":
                columns[0]["type"] = "number"
            send(type="result", id=id, result={"columns": columns})
        elif method == "table_count":
            send(type="result", id=id, result=-5 if way == "negative" else 10)
        elif method == "scan":
            scan(id, way, place)


main()
