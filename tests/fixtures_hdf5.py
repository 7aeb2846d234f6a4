"""Stores the tables of a SQLite file in an HDF5 file, one compound dataset each, so that both can be asked the same.

    python tests/fixtures_hdf5.py FIXTURES.db FIXTURES.h5

Needs h5py and numpy. Integers and reals keep their width, texts are UTF-8 of any length, and bytes are texts that are
not UTF-8, which is how an HDF5 compound holds bytes of any length. HDF5 has no null but NaN: a null text becomes an empty
one, and a null integer -1.
"""

import pathlib
import sqlite3
import sys

import h5py
import numpy


def names(database):
    """The tables of people, in their order: HDF5 has no virtual tables, and no views."""
    rows = database.execute("select name from sqlite_master where type = 'table' order by rowid").fetchall()
    return [name for (name,) in rows if not name.startswith("searchable_fts")]


def opened(source):
    return sqlite3.connect(f"{pathlib.Path(source).resolve().as_uri()}?mode=ro", uri=True)


def held(database, name):
    """The columns of a table with their kinds (`i`, `f`, `O` for text, `B` for bytes), and its rows as HDF5 holds them."""
    columns = database.execute(f"pragma table_info([{name}])").fetchall()
    rows = database.execute(f"select * from [{name}]").fetchall()
    kinds = [kind(column[2].lower(), {type(row[at]) for row in rows}) for at, column in enumerate(columns)]
    filled = [[cell(value, kind) for value, kind in zip(row, kinds)] for row in rows]
    return [(column[1], kind) for column, kind in zip(columns, kinds)], filled


def kind(declared, types):
    found = types - {type(None)}
    for python, kind in ((bytes, "B"), (str, "O"), (float, "f"), (int, "i")):
        if python in found:
            return kind
    return {"integer": "i", "real": "f"}.get(declared, "O")


def cell(value, kind):
    if value is not None or kind == "f":
        return value
    return {"i": -1, "O": "", "B": b""}[kind]


def store(source, target):
    """The tables of the SQLite file `source` as datasets of the HDF5 file `target`."""
    database = opened(source)
    types = {"i": "i8", "f": "f8", "O": h5py.string_dtype("utf-8"), "B": h5py.string_dtype("utf-8")}
    with h5py.File(target, "w", track_order=True) as file:
        for name in names(database):
            columns, rows = held(database, name)
            stored = numpy.empty(len(rows), dtype=[(column, types[kind]) for column, kind in columns])
            for at, (column, kind) in enumerate(columns):
                stored[column] = [float("nan") if row[at] is None else row[at] for row in rows]
            file.create_dataset(name, data=stored, track_order=True)


def store_twin(source, target):
    """A SQLite file with what the HDF5 file holds: no nulls but of reals, row numbers from 0, no views, no search."""
    database = opened(source)
    twin = sqlite3.connect(target)
    for name in names(database):
        (definition,) = database.execute("select sql from sqlite_master where name = ?", [name]).fetchone()
        twin.execute(definition)
        columns, rows = held(database, name)
        has_key = any(row[5] for row in database.execute(f"pragma table_info([{name}])"))
        for number, row in enumerate(rows):
            into = [f"[{column}]" for column, _ in columns] + ([] if has_key else ["rowid"])
            values = row + ([] if has_key else [number])
            marks = ", ".join("?" * len(values))
            twin.execute(f"insert into [{name}] ({', '.join(into)}) values ({marks})", values)
    twin.commit()
    twin.close()


if __name__ == "__main__":
    store(*sys.argv[1:3])
