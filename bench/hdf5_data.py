"""The data of `bench/hdf5.py`: 10 million rows as PyTables tables in four ways of compression, each with and without
indexes, and as Parquet. Made once."""

import numpy
import tables

ROWS = 10_000_000
STEP = 1_000_000
KINDS = {
    "plain": None,
    "zlib": tables.Filters(5, "zlib", shuffle=True),
    "lz4": tables.Filters(5, "blosc:lz4", shuffle=True),
    "blosc2": tables.Filters(5, "blosc2:blosclz", shuffle=True),
}
# Those that are indexed completely: a sorted copy, of which every value is found at once.
INDEXED = ("plain", "lz4")
NAMES = [f"p{number:02}".encode() for number in range(40)]


class Particle(tables.IsDescription):
    id = tables.Int64Col(pos=0)
    code = tables.Int32Col(pos=1)
    x = tables.Float64Col(pos=2)
    y = tables.Float32Col(pos=3)
    name = tables.StringCol(8, pos=4)
    flag = tables.BoolCol(pos=5)
    time = tables.Float64Col(pos=6)


def rows():
    """The rows, some at a time, as structured arrays; the same for every file."""
    random = numpy.random.default_rng(29)
    for start in range(0, ROWS, STEP):
        part = numpy.empty(STEP, tables.dtype_from_descr(Particle))
        part["id"] = numpy.arange(start, start + STEP)
        part["code"] = random.integers(0, 12, STEP)
        # As measured: with three digits.
        part["x"] = random.normal(0, 100, STEP).round(3)
        part["y"] = random.random(STEP)
        part["name"] = numpy.array(NAMES, "S8")[random.integers(0, len(NAMES), STEP)]
        part["flag"] = random.integers(0, 2, STEP)
        part["time"] = numpy.arange(start, start + STEP) * 0.25
        yield part


def make(folder):
    """Puts the files into `folder`, unless they are there: `plain.h5`, …, `indexed_plain.h5`, …, `rows.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*KINDS, *(f"indexed_{kind}" for kind in INDEXED)]
    for name in names:
        if not (folder / f"{name}.h5").exists():
            table_file(folder, name)
    if not (folder / "rows.parquet").exists():
        parquet(folder)


def table_file(folder, name):
    made = folder / f"{name}.making"
    with tables.open_file(made, "w") as file:
        filters = KINDS[name.removeprefix("indexed_")]
        table = file.create_table("/", "t", Particle, filters=filters, expectedrows=ROWS)
        for part in rows():
            table.append(part)
        table.flush()
        if name.startswith("indexed_"):
            table.cols.x.create_csindex()
            table.cols.y.create_index()
            table.cols.id.create_index(kind="light", optlevel=9)
            table.cols.name.create_csindex()
    made.rename(folder / f"{name}.h5")


def parquet(folder):
    import duckdb

    with tables.open_file(folder / "plain.h5") as file:
        part = file.root.t.read()
    columns = {name: numpy.ascontiguousarray(part[name]) for name in part.dtype.names}
    columns["name"] = columns["name"].astype(str).astype(object)
    import pandas

    frame = pandas.DataFrame(columns)
    made = folder / "rows.making"
    duckdb.sql("select * from frame").write_parquet(str(made))
    made.rename(folder / "rows.parquet")


if __name__ == "__main__":
    import pathlib
    import sys

    make(pathlib.Path(sys.argv[1]))
