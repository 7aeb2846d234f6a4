"""Manifests: web APIs and commands as tables, those that work and those that do not, over a real port and with real programs.

    python tests/manifests.py TABLECAST
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from server import ROOT, Tally, serve, serve_process

SECRET = "do-not-tell-4711"
ROWS = [{"id": at, "name": f"n{at}", "depth": at / 4} for at in range(1, 126)]


class Api(http.server.BaseHTTPRequestHandler):
    """An API with pages of 50 rows, and every fault that an API can have, by the first part of the path."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        self.server.asked.append((path, given, self.headers.get("Authorization")))
        try:
            getattr(self, path.strip("/").split("/")[0])(given)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, body, status=200, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def page(self, rows, start, also=""):
        some = rows[start : start + 50]
        more = f"?from={start + 50}{also}" if start + 50 < len(rows) else None
        self.answer({"data": {"items": some}, "next": more})

    def next(self, given):
        least = given.get("least", "0")
        self.page([row for row in ROWS if row["id"] >= int(least)], int(given.get("from", 0)), f"&least={least}")

    def offset(self, given):
        self.page(ROWS, int(given["start"]))

    def pages(self, given):
        self.page(ROWS, (int(given["p"]) - 1) * 50)

    def lines(self, _):
        self.answer("\n".join(map(json.dumps, ROWS)).encode())

    def csv(self, _):
        self.answer(b"id,name,depth\n" + b"".join(f"{r['id']},{r['name']},{r['depth']}\n".encode() for r in ROWS))

    def private(self, _):
        if self.headers.get("Authorization") != f"Bearer {SECRET}":
            return self.answer({"error": "who are you"}, 401)
        self.answer(ROWS)

    def away(self, _):
        """To another origin, where nobody may see the password."""
        self.answer(b"", 302, Location=f"http://localhost:{self.server.server_port}/lines")

    def circle(self, _):
        self.answer(b"", 302, Location="/circle")

    def nested(self, _):
        self.answer([{"id": 1, "who": {"name": "a/b"}, "tags": ["x", "y"]}, {"id": 2, "who": {}, "tags": []}])

    def status(self, _):
        self.answer({}, int(self.path.rsplit("/", 1)[1]))

    def html(self, _):
        self.answer(b"<html>Please log in</html>")

    def slow(self, _):
        time.sleep(4)
        self.answer(ROWS)

    def drips(self, _):
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def breaks(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"[{")
        self.close_connection = True

    def huge(self, _):
        self.send_response(200)
        self.end_headers()
        for _ in range(64):
            self.wfile.write(b" " * (1 << 20))
        self.close_connection = True

    def same(self, _):
        self.answer({"data": {"items": ROWS[:50]}, "next": "/same"})

    def twice(self, _):
        self.answer([{"id": 1}, {"id": 2}, {"id": 1}])

    def keyless(self, _):
        self.answer([{"id": 1}, {"id": None}])

    def misfit(self, _):
        self.answer([{"id": 1}, {"id": 1.5}])

    def changes(self, _):
        self.answer([{"id": 1}] * 5000 + [{"id": 1, "more": 2}])

    def empty(self, _):
        self.answer([])

    def counter(self, _):
        self.answer([{"id": len(self.server.asked)}])


@contextlib.contextmanager
def api():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def manifest(folder, name, tables):
    """A manifest; JSON is YAML."""
    path = folder / f"{name}.tablecast.yaml"
    path.write_text(json.dumps({"tablecast": 1, "tables": tables}))
    return path


def paged(tally, binary, folder):
    """All rows of each kind of paging and format, filters that are handed on, and what is kept."""
    columns = {"id": "integer", "name": "text", "depth": "real"}
    with api() as (server, url):
        tables = {
            "next": {"url": f"{url}/next", "rows": "/data/items", "paging": {"next": "/next"}},
            "offset": {"url": f"{url}/offset", "rows": "/data/items", "paging": {"offset": "start"}},
            "pages": {"url": f"{url}/pages", "rows": "/data/items", "paging": {"page": "p"}, "key": "id"},
            "lines": {"url": f"{url}/lines", "format": "jsonl", "columns": columns},
            "csv": {"url": f"{url}/csv", "format": "csv"},
            "handed": {
                "url": f"{url}/next?from=0", "rows": "/data/items", "paging": {"next": "/next"}, "columns": columns,
                "key": "id", "filters": [{"column": "id", "operator": "gte", "parameter": "least", "answer": "exact"}],
            },
            "nested": {
                "url": f"{url}/nested", "key": "id",
                "columns": {"id": "integer", "who": {"type": "text", "at": "/who/name"}, "tags": "json"},
            },
            "fresh": {"url": f"{url}/counter", "cache": 0},
            "kept": {"url": f"{url}/counter", "cache": 600},
        }
        location = manifest(folder, "paged", tables)
        with serve(binary, location) as site:
            for table in ("next", "offset", "pages", "lines", "csv", "handed"):
                status, found = site.json(f"/paged/{table}.json", _shape="array", _size="max")
                found = [{name: row[name] for name in columns} for row in found] if status == 200 else found
                tally.check(f"{table}: all rows", (status, found), (200, ROWS))
                question = {"id__gte": 60, "name__contains": "1", "_sort_desc": "id", "_shape": "array", "_size": 3}
                status, found = site.json(f"/paged/{table}.json", **question)
                wanted = [row["id"] for row in ROWS[::-1] if row["id"] >= 60 and "1" in row["name"]][:3]
                found = [row["id"] for row in found] if status == 200 else found
                tally.check(f"{table}: filtered", (status, found), (200, wanted))
            handed = [given for _, given, _ in server.asked if given.get("least") == "60"]
            tally.check("a filter is a parameter of the address", handed, [{"from": "0", "least": "60"}, {"from": "50", "least": "60"}])
            status, found = site.json("/paged/nested.json", _shape="array")
            wanted = [{"id": 1, "who": "a/b", "tags": '["x","y"]'}, {"id": 2, "who": None, "tags": "[]"}]
            tally.check("values within values", found, wanted)
            asked = len(server.asked)
            for _ in range(3):
                site.json("/paged/kept.json")
            tally.check("what is kept is not asked for again", len(server.asked) - asked, 1)
            first, second = (site.json("/paged/fresh.json", _shape="array")[1] for _ in range(2))
            tally.that("what is not kept is asked for again", first != second, first)
            status, found = site.json("/paged/-/query.json", sql="select count(*) as n, sum(pages.depth) as s from pages join lines using (id)", _shape="array")
            tally.check("SQL over both", found, [{"n": 125, "s": sum(row["depth"] for row in ROWS)}])


def secrets(tally, binary, folder):
    """Passwords come from the environment, go to the origin of the manifest alone, and are shown nowhere."""
    header = {"Authorization": "Bearer ${API_TOKEN}"}
    program = 'import os, sys; print("who"); print(",".join(sorted(os.environ))); sys.stderr.write(os.environ["API_TOKEN"])'
    with api() as (server, url), tempfile.TemporaryFile("w+") as errors:
        tables = {
            "private": {"url": f"{url}/private", "headers": header, "key": "id"},
            "away": {"url": f"{url}/away", "headers": header, "format": "jsonl"},
            "fails": {"command": [sys.executable, "-c", program + "; sys.exit(3)"], "format": "csv", "environment": ["API_TOKEN"]},
            "seen": {"command": [sys.executable, "-c", program.replace('","', '" "')], "format": "csv"},
        }
        location = manifest(folder, "secrets", tables)
        os.environ["API_TOKEN"] = SECRET
        try:
            with serve_process(binary, errors, location) as (site, _):
                status, found = site.json("/secrets/private.json", _size="max")
                tally.check("with the password there are rows", (status, len(found.get("rows", []))), (200, 125))
                status, found = site.json("/secrets/away.json", _size="max")
                tally.check("redirected to another origin", (status, len(found.get("rows", []))), (200, 125))
                tally.check("the password stays behind", [who for path, _, who in server.asked if path == "/lines"], [None] * sum(path == "/lines" for path, _, _ in server.asked))
                told = [site.get(path)[2] for path in ("/secrets", "/secrets.json", "/secrets/fails", "/secrets/private", "/-/databases.json", "/-/config.json", "/-/settings.json")]
                status, found = site.json("/secrets/fails.json")
                tally.that("a command that fails", status >= 500 and "exit status: 3" in str(found), (status, found))
                status, found = site.json("/secrets/seen.json")
                tally.check("a command inherits no secrets", status, 500)
            errors.seek(0)
            told.append(errors.read().encode())
            tally.that("the password is shown nowhere", not any(SECRET.encode() in text for text in told))
            tally.that("what the command said is in the log", b"${API_TOKEN}" in told[-1], told[-1][-500:])
        finally:
            del os.environ["API_TOKEN"]


# The table's keys, and what its error says.
FAULTY_APIS = {
    "missing": ({"path": "/status/404"}, "the server answered 404 Not Found"),
    "forbidden": ({"path": "/status/403"}, "the server answered 403 Forbidden"),
    "broken": ({"path": "/status/500"}, "the server answered 500 Internal Server Error"),
    "busy": ({"path": "/status/429"}, "the server answered 429 Too Many Requests"),
    "html": ({"path": "/html"}, "what came is not JSON"),
    "slow": ({"path": "/slow", "seconds": 1}, "the server did not answer in time"),
    "drips": ({"path": "/drips", "seconds": 1}, "the server did not answer in time"),
    "breaks": ({"path": "/breaks"}, "the server broke off in the middle of a page"),
    "huge": ({"path": "/huge"}, "a page is larger than 16777216 bytes"),
    "circle": ({"path": "/circle"}, "the server redirected more than 5 times"),
    "same": ({"path": "/same", "rows": "/data/items", "paging": {"next": "/next"}}, "leads back to a page that was read before"),
    "stuck": ({"path": "/same", "rows": "/data/items", "paging": {"page": "p"}}, "has the same rows as the page in front of it"),
    "many": ({"path": "/next", "rows": "/data/items", "paging": {"next": "/next", "pages_max": 2}}, "there are more than 2 pages"),
    "slip": ({"path": "/next", "rows": "/data/items", "paging": {"next": "/nxt"}}, "`/nxt` is not there on the first page"),
    "elsewhere": ({"path": "/next", "rows": "/data/rows"}, "`/data/rows` is not there in what came"),
    "twice": ({"path": "/twice", "key": "id"}, "row 2 has the key of a row in front of it"),
    "keyless": ({"path": "/keyless", "key": "id"}, "row 1 has no key"),
    "nokey": ({"path": "/twice", "key": "no"}, 'the first rows have no member "no", which is to be the key'),
    "misfit": ({"path": "/misfit", "columns": {"id": "integer"}}, 'row 1, column "id": 1.5 is no value of the type integer'),
    "absent": ({"path": "/twice", "columns": {"di": "integer"}}, 'no row has a value for the column "di"'),
    "changes": ({"path": "/changes"}, 'row 5000 has the member "more", which the first rows do not have'),
    "empty": ({"path": "/empty"}, "there is no row from which its columns could be found"),
    "nobody": ({"url": "http://127.0.0.1:1/"}, "the server cannot be reached"),
    "unknown": ({"url": "http://no-such-host.invalid/"}, "the server"),
}

FAULTY_COMMANDS = {
    "nothing": (["/no/such/program"], 'the command "/no/such/program" cannot be started'),
    "fails": (["sh", "-c", "echo a; exit 3"], "the command ended with exit status: 3"),
    "killed": (["sh", "-c", "kill -9 $$"], "the command ended with signal: 9"),
    "hangs": (["sh", "-c", "echo a; echo 1; sleep 61.25"], "the command did not end in time"),
    "forks": (["sh", "-c", "sleep 61.25 & sleep 61.25 & wait"], "the command did not end in time"),
    "floods": (["yes"], "the command printed more than 67108864 bytes"),
    "ragged": (["printf", "a,b\\n1\\n"], "what came is not CSV"),
    "binary": (["head", "-c", "1000", "/dev/urandom"], "what came is not CSV"),
}


def faulty(tally, binary, folder):
    """Every fault is named, and the tables beside it are served."""
    with api() as (_, url):
        tables = {"good": {"url": f"{url}/lines", "format": "jsonl"}}
        for name, (keys, _) in FAULTY_APIS.items():
            keys = dict(keys)
            tables[name] = {"url": url + keys.pop("path")} | keys if "path" in keys else keys
        for name, (command, _) in FAULTY_COMMANDS.items():
            tables[f"{name}_command"] = {"command": command, "format": "csv", "seconds": 2 if name in ("hangs", "forks") else 20}
        with serve(binary, manifest(folder, "faulty", tables), "--setting", "sql_time_limit_ms", "20000") as site:
            wanted = {name: text for name, (_, text) in FAULTY_APIS.items()}
            wanted |= {f"{name}_command": text for name, (_, text) in FAULTY_COMMANDS.items()}
            for name, text in wanted.items():
                status, found = site.json(f"/faulty/{name}.json")
                tally.that(f"{name}: refused with the reason", status >= 400 and text in str(found.get("error")), (status, found))
            for path in ("/faulty/good.json", "/faulty.json", "/faulty"):
                tally.check(f"{path} beside them", site.get(path)[0], 200)
        left = subprocess.run(["pgrep", "-f", "^sleep 61.25"], stdout=subprocess.PIPE, text=True).stdout
        tally.check("no command is left", left, "")


def opened(tally, binary, folder):
    """A manifest is opened where it is named, never because it lies in a folder; a wrong one is named."""
    inner = folder / "inner"
    inner.mkdir()
    mark = folder / "started"
    manifest(inner, "trap", {"t": {"command": ["touch", str(mark)], "format": "csv", "columns": {"a": "text"}}})
    (inner / "a.csv").write_text("a\n1\n")
    with tempfile.TemporaryFile("w+") as errors:
        with serve_process(binary, errors, inner) as (site, _):
            status, found = site.json("/-/databases.json")
            tally.that("a folder's manifest is not opened", "trap" not in str(found), found)
        errors.seek(0)
        tally.that("and it is said", "trap.tablecast.yaml" in errors.read())
    tally.that("nor is its command run", not mark.exists())
    wrong = folder / "wrong.tablecast.yaml"
    wrong.write_text("tablecast: 1\ntables:\n  t:\n    ulr: http://a.example\n")
    ran = subprocess.run([binary, "serve", wrong, "--get", "/-/databases.json"], capture_output=True, text=True, timeout=60)
    tally.that("a wrong manifest is named", "`tables.t`" in ran.stdout + ran.stderr and "wrong.tablecast.yaml" in ran.stdout + ran.stderr, ran)
    whole, *more = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "manifests.md").read_text(), re.S)
    guide = folder / "quakes.tablecast.yaml"
    guide.write_text(whole + "".join(more))
    ran = subprocess.run([binary, "serve", guide, "--get", "/-/databases.json"], capture_output=True, text=True, timeout=60)
    tally.that("the guide's is right", ran.returncode == 0 and '"quakes"' in ran.stdout, ran)
    large = folder / "large.tablecast.yaml"
    large.write_text("#" * (1 << 21))
    ran = subprocess.run([binary, "serve", large, "--get", "/-/databases.json"], capture_output=True, text=True, timeout=60)
    tally.that("a large one, too", "larger than 1048576 bytes" in ran.stdout + ran.stderr, ran)


def examples(tally, binary, folder):
    """The examples over real data say what the data says, and keep their promises."""
    with sqlite3.connect(ROOT / "examples" / "penguins.db") as database:
        wanted = database.execute("select id, body_mass_g from penguins where body_mass_g >= 5900 order by id").fetchall()
    lines = (ROOT / "examples" / "rust-connector" / "stations.txt").read_text().splitlines()
    with serve(binary, ROOT / "examples" / "penguins.db") as real:
        text = (ROOT / "examples" / "manifests" / "penguins.tablecast.yaml").read_text()
        (folder / "penguins.tablecast.yaml").write_text(text.replace(":8001/", f":{real.port}/"))
        locations = [folder / "penguins.tablecast.yaml", ROOT / "examples" / "manifests" / "stations.tablecast.yaml"]
        with serve(binary, *locations) as site:
            status, found = site.json("/penguins/penguins.json", body_mass_g__gte=5900, _shape="array")
            tally.check("penguins", [(row["id"], row["body_mass_g"]) for row in found], wanted)
            status, found = site.json("/penguins/penguins.json", _facet="species", _size=0)
            facets = {each["value"]: each["count"] for each in found["facet_results"]["results"]["species"]["results"]}
            tally.check("their species", facets, {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68})
            status, found = site.json("/stations/stations.json", _shape="array")
            tally.check("stations", [(row["id"], row["name"]) for row in found], [(line[:11], line[41:71].strip()) for line in lines])
        for location in locations:
            ran = subprocess.run([binary, "connector", "test", location], capture_output=True, text=True, timeout=120)
            tally.that(f"{location.name} keeps its promises", ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-1000:])


def main():
    tally = Tally()
    binary = pathlib.Path(sys.argv[1]).resolve()
    for part in (paged, secrets, faulty, opened, examples):
        with tempfile.TemporaryDirectory() as folder:
            part(tally, binary, pathlib.Path(folder))
    tally.end()


if __name__ == "__main__":
    main()
