"""Compares connectors in Python with reading the same in Python, over HTTP, and prints ratios.

    python bench/guests.py [--rounds 5] [--tablecast PROGRAM]

Needs pyarrow. One million rows of a Parquet file come by Arrow: read whole and summed up column by column, in Python alone and by
SQL over a connector that reads it likewise. And a page of 100 rows comes by JSON, beside the same page of a CSV file that the
program reads itself. Figures are medians; none is a pass or a failure. Answers are not kept.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time
import urllib.parse

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from serving import get, server

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUESTS = ROOT / "bench" / "guests"
ROWS = 1_000_000
SUMS = "select count(*), sum(id), sum(x), sum(y), sum(code), max(name) from rows"


def data(folder):
    """The rows as Parquet under the connector's extension, and their beginning as CSV."""
    ids = range(ROWS)
    table = pyarrow.table(
        {
            "id": pyarrow.array(ids, pyarrow.int64()),
            "name": [f"name {i % 1000}" for i in ids],
            "x": [i / 7 for i in ids],
            "y": [i / 11 for i in ids],
            "code": pyarrow.array([i % 50 for i in ids], pyarrow.int32()),
        }
    )
    pyarrow.parquet.write_table(table, folder / "many.rows")
    (folder / "page.made").write_text("made up")
    with open(folder / "own.csv", "w") as file:
        file.write("id,name,x,y,code\n")
        file.writelines(f"{i},name {i % 1000},{i / 7},{i / 11},{i % 50}\n" for i in range(ROWS))


def command(program, *files):
    guests = ["--connector", GUESTS / "arrow_rows.py", "--connector", GUESTS / "json_rows.py", "--python", sys.executable]
    settings = ["--setting", "kept_answers_mb", "0", "--setting", "sql_time_limit_ms", "60000"]
    return [program, "serve", *files, *guests, *settings]


def timed(ask):
    begun = time.perf_counter()
    ask()
    return (time.perf_counter() - begun) * 1000


def in_python(path):
    """All columns of all batches, summed up."""
    sums = {}
    for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
        for name in batch.schema.names:
            column = batch.column(name)
            reduce = pyarrow.compute.max if name == "name" else pyarrow.compute.sum
            value = reduce(column).as_py()
            sums[name] = value if name not in sums else max(sums[name], value) if name == "name" else sums[name] + value
    return sums


def in_python_rows(path):
    """Every row as a dict, as somebody would who knows nothing of columns."""
    return sum(len(batch.to_pylist()) for batch in pyarrow.parquet.ParquetFile(path).iter_batches())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tablecast", default=str(ROOT / "target" / "release" / "tablecast"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data(folder)
        query = "/many/-/query.json?" + urllib.parse.urlencode({"sql": SUMS, "_shape": "array"})
        pages = {
            "a page of 100 rows by JSON": "/page/rows.json?_size=100",
            "the same of a CSV file": "/own/own.json?_size=100",
        }
        figures = {}
        files = [folder / name for name in ("many.rows", "page.made", "own.csv")]
        with server(*command(arguments.tablecast, *files)) as connection:
            get(connection, query)
            for _ in range(arguments.rounds):
                path = folder / "many.rows"
                figures.setdefault("columns in Python", []).append(timed(lambda: in_python(path)))
                figures.setdefault("rows in Python", []).append(timed(lambda: in_python_rows(path)))
                figures.setdefault("by a connector, by Arrow", []).append(timed(lambda: get(connection, query)))
                for name, page in pages.items():
                    get(connection, page)
                    figures.setdefault(name, []).extend(timed(lambda: get(connection, page)) for _ in range(50))
    medians = {name: statistics.median(found) for name, found in figures.items()}
    for name, median in medians.items():
        print(f"{name:32} {median:9.2f} ms")
    arrow, columns, rows = medians["by a connector, by Arrow"], medians["columns in Python"], medians["rows in Python"]
    print(f"a million rows by Arrow take {arrow / columns:.2f} times the columns in Python, {arrow / rows:.2f} times the rows")
    page, own = (medians[name] for name in pages)
    print(f"a page by JSON takes {page - own:.2f} ms more than one of a CSV file")


main()
