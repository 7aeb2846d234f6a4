"""Compares Tablecast with Datasette, PyTables, the sqlite3 shell and a bare axum server in one run, in turn, and prints ratios.

    bench/run            (sets up what it needs, then runs this)

Three rounds; each figure is the median of its rounds. Requests vary: each is one of 500 different ones in turn.
"without" = kept answers off, "with" = on, after each request has been asked once. No figure is a pass or a failure.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import sys
import tempfile
import time

import tables

import data

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONNECTIONS = 32
# Datasette would take minutes for all rows.
PART_ROWS = 200_000

# HTML pages that are asked for once each: more than are answered in a round.
PAGES_ANEW = 60_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path):
    """The status and body of one request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def must_get(port, path):
    status, body = get(port, path)
    if status != 200:
        sys.exit(f"{path} answered {status}: {body[:300]!r}")
    return body


@contextlib.contextmanager
def server(*command):
    """Starts a server on a free port; gives the port, the process and the seconds until it answered."""
    port = free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        [str(part).replace("PORT", str(port)) for part in command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            if process.poll() is not None:
                sys.exit(f"{command} ended with {process.returncode}")
            try:
                get(port, "/-/versions.json")
                break
            except OSError:
                time.sleep(0.002)
        yield port, process, time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def load(port, paths, seconds):
    """Requests a second, and the p50 and p99 in milliseconds, of `paths` asked in turn over many connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("local paths = {" + ",".join(json.dumps(path) for path in paths) + "}\nlocal at = 0\n")
        script.write('request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end\n')
        script.flush()
        out = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "30s", "-s", script.name,
             f"http://127.0.0.1:{port}"],
            capture_output=True, text=True, check=True,
        ).stdout
    if "Non-2xx" in out:
        sys.exit(f"{paths[0]}: {out}")
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}

    def percentile(name):
        value, unit = re.search(rf"{name}%\s+([\d.]+)(us|ms|s|m)", out).groups()
        return float(value) * units[unit]

    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), percentile(50), percentile(99)


def seconds_of(work, *arguments):
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def requests():
    """The HTTP comparisons by name: 500 different paths each, the same for both servers."""
    choose = random.Random(11)
    numbers = [choose.randrange(data.ROWS - 200) for _ in range(500)]
    return {
        "page of 100 rows": [f"/trees/trees.json?_next={n}" for n in numbers],
        "HTML page": [f"/trees/trees?_next={n}" for n in numbers],
        "filtered page": [f"/trees/trees.json?station={n % 500}&height__gt={n % 7 + 15}" for n in numbers],
        "row": [f"/trees/trees/{n}.json" for n in numbers],
        "SQL": [f"/trees/-/query.json?sql=select+*+from+trees+where+number+between+{n}+and+{n + 20}" for n in numbers],
        "facet": [f"/trees/trees.json?station={n % 500}&_facet=tree&_size=0" for n in numbers],
    }


class Figures:
    """Values by name, one for each round."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def __getitem__(self, name):
        return statistics.median(self.values[name])


def measure_http(figures, name, port, paths, seconds, warm):
    if warm:
        for path in paths:
            must_get(port, path)
    must_get(port, paths[0])
    for what, value in zip(("req/s", "p50 ms", "p99 ms"), load(port, paths, seconds)):
        figures.add(f"{name} {what}", value)


def http_round(figures, options, folder):
    tablecast = (options.tablecast, "serve", folder / "trees.db", "-p", "PORT")
    peers = {
        "without": (*tablecast, "--setting", "kept_answers_mb", "0"),
        "with": (*tablecast, "--setting", "kept_answers_mb", "256"),
        "Datasette": (options.datasette, "serve", folder / "trees.db", "-p", "PORT"),
    }
    for peer, command in peers.items():
        with server(*command) as (port, _, _):
            for name, paths in requests().items():
                measure_http(figures, f"{name} {peer}", port, paths, options.seconds, peer == "with")
                if peer == "without" and name == "page of 100 rows":
                    (folder / "page.json").write_bytes(must_get(port, paths[0]))
            path = "/trees/trees.csv?_stream=on&station=7"
            figures.add(f"full read of one station {peer} s", seconds_of(must_get, port, path))
    # What leafing through a table is like: with the default settings, no page asked for twice.
    numbers = random.Random(17).sample(range(data.ROWS - 200), PAGES_ANEW)
    with server(*tablecast) as (port, _, _):
        paths = [f"/trees/trees?_next={number}" for number in numbers]
        measure_http(figures, "HTML page anew", port, paths, options.seconds, False)
    with server(options.limit, folder / "page.json", "PORT") as (port, _, _):
        measure_http(figures, "page of 100 rows limit", port, ["/x"], options.seconds, False)


def hdf5_round(figures, options, folder):
    choose = random.Random(13)
    command = (options.tablecast, "serve", folder / "trees.h5", "-p", "PORT", "--setting", "kept_answers_mb", "0",
               "--setting", "sql_time_limit_ms", "60000", "--setting", "max_csv_mb", "0")
    heights = [round(choose.uniform(34, 36), 3) for _ in range(5)]
    with server(*command) as (port, _, _):
        must_get(port, "/trees/small.json")
        for _ in range(20):
            path = f"/trees/small.json?_next={choose.randrange(data.PAGE_ROWS - 200)}"
            figures.add("HDF5 page ms", 1e3 * seconds_of(must_get, port, path))
        for kind in ("plain", "zlib", "blosc"):
            for height in heights:
                path = f"/trees/{kind}.json?height__gt={height}&_extra=count&_size=100"
                figures.add(f"HDF5 filter {kind} tablecast ms", 1e3 * seconds_of(must_get, port, path))
            path = f"/trees/{kind}.csv?_stream=on"
            figures.add(f"HDF5 full read as CSV {kind} tablecast s", seconds_of(must_get, port, path))
            path = f"/trees/-/query.json?sql=select+sum(number),avg(height),max(note),count(*)+from+{kind}"
            figures.add(f"HDF5 full read {kind} tablecast s", seconds_of(must_get, port, path))
    with tables.open_file(folder / "trees.h5") as file:
        for kind in ("plain", "zlib", "blosc"):
            table = file.get_node("/", kind)
            for height in heights:
                where = lambda: table.read_where(f"height > {height}")
                figures.add(f"HDF5 filter {kind} PyTables ms", 1e3 * seconds_of(where))
            figures.add(f"HDF5 full read {kind} PyTables s", seconds_of(table.read))


def drained(stream):
    """The bytes of a stream, read to its end."""
    size = 0
    while piece := stream.read(1 << 20):
        size += len(piece)
    return size


def memory(process, name):
    """A figure of the process's memory in MB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status).group(1)) / 1024


def export(port, path):
    """Reads an export to its end without keeping it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    size = drained(answer)
    connection.close()
    if answer.status != 200 or size < 1000:
        sys.exit(f"{path} answered {answer.status} with {size} bytes")


def export_shell(file):
    """The same rows by the sqlite3 shell."""
    command = ["sqlite3", "-readonly", "-csv", "-header", file, "select * from trees"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        drained(process.stdout)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}")


def export_round(figures, options, folder):
    """Whole tables as files: seconds, and memory beyond what the idle program has."""
    file = folder / "large.db"
    settings = ("-p", "PORT", "--setting", "max_csv_mb", "0")
    with server(options.tablecast, "serve", file, *settings) as (port, process, _):
        idle = memory(process, "VmRSS")
        for path in ("csv?_stream=on", "ndjson", "parquet", "arrow"):
            name = path.split("?")[0]
            pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")
            figures.add(f"export {name} tablecast s", seconds_of(export, port, f"/large/trees.{path}"))
            figures.add(f"export {name} memory beyond idle MB", memory(process, "VmHWM") - idle)
        path = f"/large/trees.csv?_stream=on&number__lt={PART_ROWS}"
        figures.add("export csv of a part tablecast s", seconds_of(export, port, path))
    figures.add("export csv sqlite3 s", seconds_of(export_shell, file))
    with server(options.datasette, "serve", file, *settings) as (port, _, _):
        figures.add("export csv of a part Datasette s", seconds_of(export, port, path))


def facet_round(figures, options, folder):
    """A facet of the whole table: first asked, asked again, against the sqlite3 shell; and rows asked meanwhile."""
    file = folder / "trees.db"
    for column in ("tree", "station"):
        sql = (f"select {column}, count(*) as n from trees where {column} is not null "
               f"group by {column} order by n desc, {column} limit 31")
        path = f"/trees/trees.json?_facet={column}&_size=0"
        figures.add(f"facet {column} sqlite3 ms", 1e3 * seconds_of(subprocess.check_output, ["sqlite3", file, sql]))
        with server(options.tablecast, "serve", file, "-p", "PORT") as (port, _, _):
            figures.add(f"facet {column} first ms", 1e3 * seconds_of(must_get, port, path))
            answer = json.loads(must_get(port, path))
            if answer["facet_results"]["timed_out"]:
                sys.exit(f"{path} took too long")
            figures.add(f"facet {column} again ms", 1e3 * seconds_of(must_get, port, path))
    with server(options.tablecast, "serve", file, "-p", "PORT", "--setting", "kept_answers_mb", "0") as (port, _, _):
        facets = [threading.Thread(target=must_get, args=(port, f"/trees/trees.json?_facet=tree&_size={n}")) for n in range(4)]
        for facet in facets:
            facet.start()
        while any(facet.is_alive() for facet in facets):
            number = random.randrange(data.ROWS)
            figures.add("row while facets are counted ms", 1e3 * seconds_of(must_get, port, f"/trees/trees/{number}.json"))


def start_round(figures, options):
    examples = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix in (".db", ".h5", ".nc"))
    for name, binary, files in (
        ("tablecast", options.tablecast, examples),
        ("Datasette", options.datasette, [path for path in examples if path.suffix == ".db"]),
    ):
        with server(binary, "serve", *files, "-p", "PORT") as (_, process, seconds):
            figures.add(f"start {name} ms", 1e3 * seconds)
            figures.add(f"idle memory {name} MB", memory(process, "VmRSS"))


def report(figures):
    print(f"\n{'request':26} {'without':>10} {'with':>10} {'Datasette':>10} {'limit':>10}   ratio without, with")
    for name in requests():
        without, kept, datasette = (figures[f"{name} {peer} req/s"] for peer in ("without", "with", "Datasette"))
        limit = f"{figures[f'{name} limit req/s']:10.0f}" if name.startswith("page") else " " * 10
        print(f"{name + ', req/s':26} {without:10.0f} {kept:10.0f} {datasette:10.0f} {limit}"
              f"   {without / datasette:.1f}, {kept / datasette:.1f}")
        p99, p50 = figures[f"{name} without p99 ms"], figures[f"{name} Datasette p50 ms"]
        print(f"{'  p99, Datasette p50, ms':26} {p99:10.2f} {'':10} {p50:10.2f} {'':10}   {p99 / p50:.3f}")
    ratio = figures["HTML page anew req/s"] / figures["HTML page Datasette req/s"]
    print(f"HTML pages, each for the first time: {figures['HTML page anew req/s']:.0f} req/s, {ratio:.0f} times Datasette")
    print("\nother figures (medians)")
    for name in figures.values:
        if not name.endswith(("req/s", "p50 ms", "p99 ms")):
            print(f"{name:50} {figures[name]:10.2f}")
    shell, datasette = (figures[f"export csv {peer} s"] for peer in ("sqlite3", "of a part Datasette"))
    print(f"\nexport of {data.LARGE_ROWS} rows as CSV: {shell / figures['export csv tablecast s']:.2f} times sqlite3 -csv,"
          f" {datasette / figures['export csv of a part tablecast s']:.0f} times Datasette (on {PART_ROWS} rows)")
    for column in ("tree", "station"):
        ratio = figures[f"facet {column} first ms"] / figures[f"facet {column} sqlite3 ms"]
        print(f"facet of {data.ROWS} rows by {column}: {ratio:.2f} of sqlite3's time")
    print("\nHDF5, tablecast / PyTables (below 1 is faster)")
    for kind in ("plain", "zlib", "blosc"):
        filtered = figures[f"HDF5 filter {kind} tablecast ms"] / figures[f"HDF5 filter {kind} PyTables ms"]
        whole = figures[f"HDF5 full read {kind} tablecast s"] / figures[f"HDF5 full read {kind} PyTables s"]
        print(f"{kind:10} filter with count {filtered:.2f}   full read {whole:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--tablecast", default=target / "release" / "tablecast")
    parser.add_argument("--limit", default=target / "release" / "tablecast-limit")
    parser.add_argument("--datasette", default=shutil.which("datasette", path=pathlib.Path(sys.executable).parent))
    parser.add_argument("--data", type=pathlib.Path, default=target / "bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load for each figure")
    options = parser.parse_args()
    data.make(options.data)
    data.make_large(options.data)
    figures = Figures()
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        start_round(figures, options)
        http_round(figures, options, options.data)
        hdf5_round(figures, options, options.data)
        facet_round(figures, options, options.data)
        export_round(figures, options, options.data)
    report(figures)


main()
