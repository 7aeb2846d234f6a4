"""The benchmark's data: the same 2 million rows as SQLite and as PyTables tables, plain, zlib and blosc; and 5 million
rows as SQLite, for exports. Made once."""

import sqlite3

import numpy
import tables

ROWS = 2_000_000
PAGE_ROWS = 200_000
LARGE_ROWS = 5_000_000
WORDS = ["ash", "beech", "birch", "elm", "fir", "larch", "maple", "oak", "pine", "rowan", "spruce", "yew"]


class Measurement(tables.IsDescription):
    number = tables.Int64Col(pos=0)
    station = tables.Int32Col(pos=1)
    tree = tables.StringCol(8, pos=2)
    height = tables.Float64Col(pos=3)
    width = tables.Float32Col(pos=4)
    day = tables.Int32Col(pos=5)
    note = tables.StringCol(12, pos=6)
    flag = tables.Int8Col(pos=7)


def columns(rows):
    """The rows as a structured array; the same for every file."""
    random = numpy.random.default_rng(7)
    data = numpy.empty(rows, tables.dtype_from_descr(Measurement))
    data["number"] = numpy.arange(rows)
    data["station"] = random.integers(0, 500, rows)
    data["tree"] = numpy.array(WORDS, "S8")[random.integers(0, len(WORDS), rows)]
    data["height"] = random.normal(20, 5, rows)
    data["width"] = random.random(rows)
    data["day"] = random.integers(0, 3650, rows)
    data["note"] = numpy.char.add(b"note ", (numpy.arange(rows) % 9973).astype("S6"))
    data["flag"] = random.integers(0, 2, rows)
    return data


def make(folder):
    """Puts `trees.db` and `trees.h5` into `folder`, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "done").exists():
        return
    data = columns(ROWS)
    (folder / "trees.db").unlink(missing_ok=True)
    db = sqlite3.connect(folder / "trees.db")
    db.execute(
        "create table trees (number integer primary key, station integer, tree text, height real, width real,"
        " day integer, note text, flag integer)"
    )
    decoded = zip(*(
        [cell.decode() for cell in data[name].tolist()] if data.dtype[name].kind == "S" else data[name].tolist()
        for name in data.dtype.names
    ))
    db.executemany("insert into trees values (?, ?, ?, ?, ?, ?, ?, ?)", decoded)
    db.execute("create index trees_by_station on trees(station)")
    db.commit()
    db.close()
    with tables.open_file(folder / "trees.h5", "w") as file:
        kinds = {
            "plain": tables.Filters(),
            "zlib": tables.Filters(complevel=5, complib="zlib", shuffle=True),
            "blosc": tables.Filters(complevel=5, complib="blosc:lz4", shuffle=True),
        }
        for name, filters in kinds.items():
            file.create_table("/", name, Measurement, filters=filters, expectedrows=ROWS).append(data)
        small = file.create_table("/", "small", Measurement, filters=kinds["blosc"], expectedrows=PAGE_ROWS)
        small.append(data[:PAGE_ROWS])
    (folder / "done").touch()


def make_large(folder):
    """Puts `large.db` into `folder`, unless it is there: the rows of `trees.db` again and again under further numbers."""
    file = folder / "large.db"
    if file.exists():
        return
    making = folder / "large.db.new"
    making.unlink(missing_ok=True)
    db = sqlite3.connect(making)
    db.execute("attach ? as small", [str(folder / "trees.db")])
    db.execute(
        "create table trees (number integer primary key, station integer, tree text, height real, width real,"
        " day integer, note text, flag integer)"
    )
    for start in range(0, LARGE_ROWS, ROWS):
        db.execute(
            "insert into trees select number + ?, station, tree, height, width, day, note, flag from small.trees"
            " where number < ? order by number", [start, LARGE_ROWS - start],
        )
    db.commit()
    db.close()
    making.rename(file)
