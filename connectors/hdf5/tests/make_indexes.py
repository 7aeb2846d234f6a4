"""Makes a file of tables with PyTables' indexes of each kind, and the same table without: `bare`.

    python make_indexes.py FILE [all]

With `all` it has all levels, more columns and more rows; the file that is kept has a few.
"""

import sys

import numpy as np
import tables

path, is_small = sys.argv[1], len(sys.argv) < 3
random = np.random.default_rng(5)
ROWS, ADDED = (700, 50) if is_small else (5000, 777)
LEVELS = {
    "ultralight": [0], "light": [6], "medium": [3], "full": [9],
} if is_small else dict.fromkeys(["ultralight", "light", "medium", "full"], range(0, 10, 3))


class Info(tables.IsDescription):
    run = tables.Int32Col()


class Row(tables.IsDescription):
    i16 = tables.Int16Col()
    f64 = tables.Float64Col()
    s = tables.StringCol(6)
    b = tables.BoolCol()
    info = Info()
    if not is_small:
        i8, u8, u16 = tables.Int8Col(), tables.UInt8Col(), tables.UInt16Col()
        i32, u32, i64, f32 = tables.Int32Col(), tables.UInt32Col(), tables.Int64Col(), tables.Float32Col()


def rows(count):
    data = np.zeros(count, tables.dtype_from_descr(Row))
    for name in data.dtype.names:
        kind = data.dtype[name].kind
        if kind == "f":
            data[name] = random.normal(0, 10, count).round(1)
            data[name][random.integers(0, count, count // 10)] = np.nan
            data[name][random.integers(0, count, count // 50)] = 1e30
            data[name][random.integers(0, count, count // 50)] = -0.0
        elif kind in "iu":
            bounds = np.iinfo(data.dtype[name])
            data[name] = random.integers(bounds.min, bounds.max, count, endpoint=True, dtype=data.dtype[name])
    data["i16"] = random.integers(-30, 30, count)
    data["s"] = np.array([b"a%d" % number for number in range(100)], "S6")[random.integers(0, 100, count)]
    data["b"] = random.integers(0, 2, count)
    data["info"]["run"] = random.integers(0, 1000, count)
    return data


first, added = rows(ROWS), rows(ADDED)


def table(file, name, filters=None, byteorder=None):
    made = file.create_table("/", name, Row, filters=filters, chunkshape=(50,), byteorder=byteorder)
    made.append(first)
    made.flush()
    return made


def columns(made):
    names = ["f64"] if is_small else [name for name in made.colpathnames]
    return [made.cols._f_col(name) for name in names]


def index(made, kind, level, blocks):
    for column in columns(made):
        column.create_index(optlevel=level, kind=kind, _blocksizes=blocks)
    # The text's index is complete.
    if is_small and kind == "full":
        made.cols.s.create_csindex(_blocksizes=blocks)
        made.cols.info.run.create_csindex(_blocksizes=blocks)


with tables.open_file(path, "w") as file:
    bare = table(file, "bare")
    more = table(file, "added")
    more.append(added)
    more.flush()
    for kind, levels in LEVELS.items():
        for level in levels:
            index(table(file, f"{kind}{level}"), kind, level, (1024, 512, 256, 64))
            if not is_small:
                odd = table(file, f"{kind}{level}_odd", tables.Filters(1, "zlib"))
                index(odd, kind, level, (2000, 1000, 500, 100))
    # The places in an index have the byte order of the table.
    for kind in ["light"] if is_small else LEVELS:
        index(table(file, f"big_{kind}", byteorder="big"), kind, 6, (1024, 512, 256, 64))
    # Rows that come later, and are not put into the index.
    behind = table(file, "added_behind")
    index(behind, "medium", 9, (1024, 512, 256, 64))
    behind.autoindex = False
    behind.append(added)
    behind.flush()
    if is_small:
        sys.exit()
    later = table(file, "added_indexed")
    index(later, "full", 9, (1024, 512, 256, 64))
    later.append(added)
    later.flush()
    dirty = table(file, "dirty")
    index(dirty, "full", 9, (1024, 512, 256, 64))
    dirty.autoindex = False
    turned = table(file, "turned")
    for made in (dirty, turned):
        made.modify_column(0, ROWS, column=first["f64"][::-1].copy(), colname="f64")
        made.flush()
