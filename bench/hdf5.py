"""Compares Tablecast over HTTP with PyTables, h5py and numpy, and DuckDB (over Parquet) on the same 10 million rows, and prints
ratios.

    python bench/hdf5.py [--data FOLDER] [--rounds 3] [--tablecast PROGRAM]

Needs the packages tables, h5py, hdf5plugin, numpy, pandas and duckdb. All peers are measured in each round, in turn; a figure is the
median of its rounds. For each file a server is started anew: its first answer, for which the file is decoded, stands by itself. No
literal value comes twice, and answers are not kept. No figure is a pass or a failure.
"""

import argparse
import os
import pathlib
import random
import statistics
import sys
import time
import urllib.parse

import duckdb
import h5py
import hdf5plugin  # noqa: F401  (lets h5py read Blosc)
import numpy
import tables

import hdf5_data as data
from serving import get, server

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETTINGS = ["--setting", "kept_answers_mb", "0", "--setting", "sql_time_limit_ms", "60000",
            "--setting", "facet_time_limit_ms", "60000", "--setting", "max_csv_mb", "0"]


class Figures:
    """Milliseconds by name and peer."""

    def __init__(self):
        self.values = {}

    def measure(self, name, peer, work):
        started = time.perf_counter()
        result = work()
        self.values.setdefault(name, {}).setdefault(peer, []).append(1e3 * (time.perf_counter() - started))
        return result

    def report(self):
        peers = ("Tablecast", "PyTables", "numpy", "DuckDB")
        print(f"{'milliseconds':46}{'the first':>11}" + "".join(f"{peer:>11}" for peer in peers)
              + "   times as fast as the first peer: the first, all")
        for name, by_peer in self.values.items():
            medians = {peer: statistics.median(values) for peer, values in by_peer.items()}
            start = by_peer["Tablecast"][0]
            cells = "".join(f"{medians[peer]:11.1f}" if peer in medians else " " * 11 for peer in peers)
            first = next((medians[peer] for peer in peers[1:] if peer in medians), None)
            ratio = f"   {first / start:.1f}  {first / medians['Tablecast']:.1f}" if first else ""
            print(f"{name:46}{start:11.1f}{cells}{ratio}")


def check(name, found, expected):
    if found != expected:
        sys.exit(f"{name}: {found} is not {expected}")


def conditions(choose):
    """Filters by name: for addresses, for PyTables and numpy, for SQL. The values are new each time."""
    low, high = round(choose.uniform(-50, 50), 4), round(choose.uniform(200, 260), 4)
    share = choose.uniform(0.1, 0.9)
    number = choose.randrange(data.ROWS)
    name = choose.choice(data.NAMES).decode()
    return {
        "range of a thousandth (x)": (f"x__gt={low}&x__lt={low + 0.25}", f"(x > {low}) & (x < {low + 0.25})"),
        "many rows (x)": (f"x__gt={low}", f"x > {low}"),
        "few rows (x)": (f"x__gt={high}&x__lt={high + 1}", f"(x > {high}) & (x < {high + 1})"),
        "float32 (y)": (f"y__gt={share:.6f}&y__lt={share + 1e-5:.6f}", f"(y > {share:.6f}) & (y < {share + 1e-5:.6f})"),
        "one row (id)": (f"id={number}", f"id == {number}"),
        "text and number": (f"name={name}&x__gt={high}", f'(name == b"{name}") & (x > {high})'),
    }


def filter_round(figures, connection, choose, kind):
    # The page of a filter and its count: what one request to the table gives. PyTables reads the rows and counts them.
    with tables.open_file(FOLDER / f"{kind}.h5") as file:
        table = file.root.t
        for name, (query, where) in conditions(choose).items():
            path = f"/{kind}/t.json?{query}&_size=100&_extra=count"
            name = f"{kind}: {name}"
            answer = figures.measure(name, "Tablecast", lambda: get(connection, path))
            rows = figures.measure(name, "PyTables", lambda: table.read_where(where))
            if answer["count"] <= 10_000:
                check(name, answer["count"], len(rows))
            if not kind.startswith("indexed"):
                sql = where.replace("&", "and").replace("==", "=").replace('b"', "'").replace('"', "'")
                figures.measure(name, "DuckDB", lambda: DUCK.execute(f"select count(*) from t where {sql}").fetchall())
            # Counted whole, which pages do not.
            sql = urllib.parse.quote("select count(*) from t where "
                                     + where.replace("&", "and").replace("==", "=").replace('b"', "'").replace('"', "'"))
            found = figures.measure(f"{name}, counted", "Tablecast",
                                    lambda: get(connection, f"/{kind}/-/query.json?sql={sql}"))
            check(name, next(iter(found["rows"][0].values())), len(rows))
            figures.values[f"{name}, counted"]["PyTables"] = figures.values[name]["PyTables"]


def group_round(figures, connection, kind):
    def counted(column):
        with tables.open_file(FOLDER / f"{kind}.h5") as file:
            values, counts = numpy.unique(file.root.t.col(column), return_counts=True)
            return dict(zip(values.tolist(), counts.tolist()))

    def h5py_counted(column):
        with h5py.File(FOLDER / f"{kind}.h5") as file:
            return len(numpy.unique(file["t"].fields(column)[:], return_counts=True)[0])

    def grouped():
        with tables.open_file(FOLDER / f"{kind}.h5") as file:
            values, places = numpy.unique(file.root.t.col("code"), return_inverse=True)
            x = file.root.t.col("x")
            return dict(zip(values.tolist(), (numpy.bincount(places, x) / numpy.bincount(places)).tolist()))

    for column in ("code", "name", "flag"):
        name = f"{kind}: facet {column}"
        path = f"/{kind}/t.json?_facet={column}&_size=0&_facet_size=max"
        answer = figures.measure(name, "Tablecast", lambda: get(connection, path))
        expected = figures.measure(name, "PyTables", lambda: counted(column))
        figures.measure(name, "numpy", lambda: h5py_counted(column))
        sql = f"select {column}, count(*) from t group by 1"
        figures.measure(name, "DuckDB", lambda: DUCK.execute(sql).fetchall())
        found = answer["facet_results"]["results"][column]["results"]
        check(name, sorted(one["count"] for one in found), sorted(expected.values()))
    name = f"{kind}: mean by code"
    sql = "select code, avg(x) as mean from t group by code"
    path = f"/{kind}/-/query.json?sql={urllib.parse.quote(sql)}"
    answer = figures.measure(name, "Tablecast", lambda: get(connection, path))
    expected = figures.measure(name, "PyTables", grouped)
    figures.measure(name, "DuckDB", lambda: DUCK.execute(sql).fetchall())
    check(name, all(abs(row["mean"] - expected[row["code"]]) < 1e-6 for row in answer["rows"]), True)
    name = f"{kind}: least and greatest (x)"
    sql = "select min(x), max(x) from t"
    path = f"/{kind}/-/query.json?sql={urllib.parse.quote(sql)}"
    figures.measure(name, "Tablecast", lambda: get(connection, path))
    figures.measure(name, "DuckDB", lambda: DUCK.execute(sql).fetchall())


def order_round(figures, connection, choose, kind):
    for column, way in (("x", "_sort"), ("x", "_sort_desc"), ("name", "_sort")):
        name = f"{kind}: first rows by {column} ({way[1:]})"
        path = f"/{kind}/t.json?{way}={column}&_size={choose.randrange(50, 100)}"
        figures.measure(name, "Tablecast", lambda: get(connection, path))
        with tables.open_file(FOLDER / f"{kind}.h5") as file:
            table = file.root.t
            if kind.startswith("indexed"):
                step = -1 if way == "_sort_desc" else 1
                rows = figures.measure(name, "PyTables", lambda: table.read_sorted(column, True, start=0, stop=100, step=step))
                check(name, len(rows), 100)
            else:
                figures.measure(name, "PyTables", lambda: numpy.argpartition(table.col(column), 100)[:100])
    for name, place in (("page at row 1", 1), ("page at row 9,999,900", data.ROWS - 100)):
        place -= choose.randrange(1, 50) if place > 1 else 0
        path = f"/{kind}/t.json?_next={place}&_size=50"
        figures.measure(f"{kind}: {name}", "Tablecast", lambda: get(connection, path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--tablecast", default=target / "release" / "tablecast")
    parser.add_argument("--data", type=pathlib.Path, default=target / "bench" / "hdf5")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", default=",".join([*data.KINDS, *(f"indexed_{kind}" for kind in data.INDEXED)]))
    options = parser.parse_args()
    global FOLDER, DUCK
    FOLDER, DUCK = options.data, duckdb.connect()
    data.make(FOLDER)
    DUCK.execute(f"create view t as select * from '{FOLDER / 'rows.parquet'}'")
    DUCK.execute(f"set threads = {os.cpu_count()}")
    figures, choose = Figures(), random.Random(17)
    for kind in options.kinds.split(","):
        with server(options.tablecast, "serve", FOLDER / f"{kind}.h5", *SETTINGS) as connection:
            for number in range(options.rounds):
                print(f"{kind}: round {number + 1} of {options.rounds}", file=sys.stderr)
                filter_round(figures, connection, choose, kind)
                order_round(figures, connection, choose, kind)
                if not kind.startswith("indexed"):
                    group_round(figures, connection, kind)
    figures.report()


main()
