"""Makes HDF5 files of odd kinds, and `expected.json`: what h5py, PyTables and pandas read in them.

    python make_files.py FOLDER

Each file is small. What a library on this machine cannot write is left out of `expected.json`.
"""

import json
import math
import os
import sys
import warnings

import h5py
import numpy as np
import pandas as pd
import tables

warnings.simplefilter("ignore")
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
expected = {}


def path(name):
    return os.path.join(folder, name)


def plain(value):
    """A value as the API shows it."""
    if isinstance(value, np.void) and value.dtype.names:
        return {name: plain(value[name]) for name in value.dtype.names}
    if isinstance(value, np.void):
        return plain(bytes(value))
    if isinstance(value, (np.ndarray, list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (complex, np.complexfloating)):
        return {"r": plain(value.real), "i": plain(value.imag)}
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (bytes, np.bytes_)):
        try:
            return bytes(value).rstrip(b"\0").decode()
        except UnicodeDecodeError:
            import base64

            return {"$base64": True, "encoded": base64.b64encode(bytes(value).rstrip(b"\0")).decode()}
    return value


def expect(file, table, values=None, rows=None, unreadable=None, column="value", metadata=None):
    """Says what a table holds: all its rows in one column, or a number of rows, or part of the reason."""
    fact = {"column": column}
    if values is not None:
        fact["values"] = [plain(value) for value in values]
        fact["rows"] = len(fact["values"])
    if rows is not None:
        fact["rows"] = rows
    if unreadable is not None:
        fact["unreadable"] = unreadable
    if metadata is not None:
        fact["metadata"] = metadata
    expected.setdefault(file, {})[table] = fact


def with_h5py(name, make, **options):
    with h5py.File(path(name), "w", **options) as file:
        make(file, lambda table, *args, **kwargs: expect(name, table, *args, **kwargs))


def dataset(file, say, name, values, **options):
    file.create_dataset(name, data=values, **options)
    say(name, list(values))


def chunk_indexes(file, say):
    numbers = np.arange(1000, dtype="<i4")
    square = np.arange(40 * 30, dtype="<i2").reshape(40, 30)
    dataset(file, say, "single", numbers, chunks=(1000,))
    dataset(file, say, "single_gzip", numbers, chunks=(1000,), compression="gzip")
    dataset(file, say, "fixed", numbers, chunks=(64,), maxshape=(2000,))
    dataset(file, say, "fixed_gzip", numbers, chunks=(64,), compression="gzip")
    if file.libver[0] == "latest":
        dataset(file, say, "fixed_paged", np.arange(3000, dtype="<i4"), chunks=(2,))
    dataset(file, say, "extensible", numbers, chunks=(7,), maxshape=(None,))
    dataset(file, say, "extensible_gzip", numbers, chunks=(7,), maxshape=(None,), compression="gzip")
    dataset(file, say, "extensible_second", square, chunks=(7, 4), maxshape=(60, None))
    dataset(file, say, "two_unlimited", square, chunks=(7, 4), maxshape=(None, None))
    dataset(file, say, "two_unlimited_gzip", square, chunks=(7, 4), maxshape=(None, None), compression="gzip", shuffle=True)
    three = np.arange(9 * 5 * 7, dtype=">i8").reshape(9, 5, 7)
    dataset(file, say, "three", three, chunks=(2, 3, 4), compression="gzip")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((64,))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple((1000,))
    implicit = h5py.h5d.create(file.id, b"implicit", h5py.h5t.STD_I32LE, space, plist)
    implicit.write(h5py.h5s.ALL, h5py.h5s.ALL, numbers)
    say("implicit", list(numbers))
    sparse = file.create_dataset("sparse", (1000,), "<i4", chunks=(10,), maxshape=(None,), fillvalue=-7)
    sparse[500:505] = 1
    say("sparse", list(sparse[:]))
    shrunk = file.create_dataset("shrunk", data=numbers, chunks=(64,), maxshape=(None,), compression="gzip")
    shrunk.resize((130,))
    say("shrunk", list(numbers[:130]))
    masked = file.create_dataset("masked", (20,), "<i4", chunks=(10,), compression="gzip")
    masked[:10] = numbers[:10]
    masked.id.write_direct_chunk((10,), numbers[10:20].tobytes(), filter_mask=1)
    say("masked", list(numbers[:20]))


with_h5py("indexes_latest.h5", chunk_indexes, libver="latest")
with_h5py("indexes_earliest.h5", chunk_indexes, libver="earliest")


def types(file, say):
    file["half"] = np.array([0.5, -2, np.inf, np.nan], "<f2")
    say("half", [0.5, -2, None, None])
    file["big_half"] = np.array([0.5, -2], ">f2")
    say("big_half", [0.5, -2])
    long = np.array([1.5, -2.25, 1e300, 0], np.longdouble)
    file["long_double"] = long
    say("long_double", [float(x) for x in long])
    odd = h5py.h5t.STD_I32LE.copy()
    odd.set_precision(12)
    odd.set_offset(4)
    space = h5py.h5s.create_simple((3,))
    h5py.h5d.create(file.id, b"twelve_bits", odd, space).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, -5, 2047], "<i4"))
    say("twelve_bits", [1, -5, 2047])
    three = h5py.h5t.STD_U32BE.copy()
    three.set_precision(24)
    three.set_size(3)
    h5py.h5d.create(file.id, b"three_bytes", three, space).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, 70000, 16777215], "<u4"))
    say("three_bytes", [1, 70000, 16777215])
    brain = h5py.h5t.IEEE_F32LE.copy()
    brain.set_fields(15, 7, 8, 0, 7)
    brain.set_size(2)
    brain.set_ebias(127)
    h5py.h5d.create(file.id, b"bfloat16", brain, space).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.array([1.5, -3, 256], "<f4"))
    say("bfloat16", [1.5, -3, 256])
    file["unsigned"] = np.array([0, 2**64 - 1], "<u8")
    say("unsigned", [0, 2**64 - 1])
    file["complex"] = np.array([1 + 2j, -1j], ">c8")
    say("complex", [1 + 2j, -1j])
    file["complex_pairs"] = np.array([[1 + 2j, 3], [4j, 5]], "<c16")
    say("complex_pairs", list(np.array([[1 + 2j, 3], [4j, 5]])))
    file["not_utf8"] = np.array([b"ab", b"\xff\xfe", b""], "S4")
    say("not_utf8", [{"$base64": True, "encoded": "YWI="}, {"$base64": True, "encoded": "//4="}, {"$base64": True, "encoded": ""}])
    # What is behind the null is left from a longer text.
    ended = h5py.h5t.C_S1.copy()
    ended.set_size(8)
    space = h5py.h5s.create_simple((3,))
    made = h5py.h5d.create(file.id, b"null_ended", ended, space)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([b"ab\0xyz", b"ab", b"\0hidden"], "S8"), mtype=ended)
    say("null_ended", ["ab", "ab", ""])
    file["space_padded"] = np.array([b"ab "], "S3")
    say("space_padded", ["ab "])
    file["no_width"] = np.zeros((5, 0), "<i4")
    say("no_width", [[]] * 5)
    file["no_rows"] = np.zeros((0, 5), "<i4")
    say("no_rows", [])
    pair = np.dtype([("a", "<i2"), ("b", "S3")])
    nested = np.dtype([("id", "<i4"), ("pairs", pair, (2,)), ("matrix", "<f4", (2, 3)), ("rowid", "<i8")])
    values = np.zeros(3, nested)
    values["id"] = [1, 2, 3]
    values["pairs"]["a"] = [[1, 2], [3, 4], [5, 6]]
    values["pairs"]["b"] = [[b"x", b"y"], [b"", b"zz"], [b"1", b"2"]]
    values["matrix"] = np.arange(18).reshape(3, 2, 3)
    file["nested"] = values
    say("nested", list(values["pairs"]), column="pairs")
    file["compound_square"] = np.array([[(1, b"a"), (2, b"b")]], pair)
    say("compound_square", [[{"a": 1, "b": "a"}, {"a": 2, "b": "b"}]])
    vlen = file.create_dataset("vlen_float", (3,), h5py.vlen_dtype(np.dtype(">f4")))
    vlen[0] = [1.5]
    vlen[2] = [1, 2, 3]
    say("vlen_float", [[1.5], [], [1, 2, 3]])
    texts = file.create_dataset("texts", (2, 2), h5py.string_dtype())
    texts[0] = ["a", "é"]
    texts[1] = ["", "日本"]
    say("texts", [["a", "é"], ["", "日本"]])
    lists = file.create_dataset("text_lists", (2,), h5py.vlen_dtype(h5py.string_dtype()))
    lists[0] = np.array(["a", "b"], object)
    say("text_lists", [["a", "b"], []])
    file["type"] = np.dtype([("x", "<i4"), ("y", "<f8")])
    file.create_dataset("typed", (2,), file["type"])
    say("typed", [0, 0], column="x")
    file["days"] = np.array([18321, -1], "<i8").view("<M8[D]").astype(h5py.opaque_dtype("<M8[D]"))
    say("days", ["2020-02-29", "1969-12-31"])


with_h5py("types.h5", types)


def names(file, say):
    for name in ["a b", "dot.ted", "it's", 'say "hi"', "per%cent", "[bracket]", "é", "🦀", "a,b;c", "~tilde", "?q=1&x#y"]:
        dataset(file, say, name, np.arange(3))
        dataset(file, say, f"group {name}/inner", np.arange(2))
    many = file.create_group("many", track_order=True)
    for number in range(300):
        many[f"set{299 - number:03}"] = number
        say(f"many/set{299 - number:03}", [number])
    attributed = file.create_dataset("attributed", data=[1.5])
    for number in range(60):
        attributed.attrs[f"a{number}"] = number
    attributed.attrs["units"] = "m/s"
    attributed.attrs["long_name"] = "Wind speed"
    attributed.attrs["empty"] = h5py.Empty("S1")
    attributed.attrs["list"] = [1, 2]
    say("attributed", [1.5], metadata={"title": "Wind speed", "unit": "m/s", "a59": "59", "list": "[1,2]"})
    # Where PyTables keeps indexes, if there is a table of that name; one without is a group like others.
    many.create_group("_i_set000")["index"] = 1
    many.create_group("_i_table")["index"] = 1
    say("many/_i_table/index", [1])


with_h5py("names.h5", names, libver="latest")


def links(file, say):
    dataset(file, say, "here", np.arange(4))
    group = file.create_group("group/deep")
    dataset(file, say, "group/deep/data", np.arange(5))
    file["group"]["relative"] = h5py.SoftLink("./deep/data")
    say("group/relative", list(range(5)))
    file["chain1"] = h5py.SoftLink("/chain2")
    file["chain2"] = h5py.SoftLink("group/relative")
    say("chain1", list(range(5)))
    say("chain2", list(range(5)))
    file["circle1"] = h5py.SoftLink("/circle2")
    file["circle2"] = h5py.SoftLink("/circle1")
    say("circle1", unreadable="circle")
    say("circle2", unreadable="circle")
    file["through"] = h5py.SoftLink("/here/inside")
    say("through", unreadable="not in")
    group["up"] = file["group"]
    file["there"] = h5py.ExternalLink("types.h5", "/half")
    say("there", [0.5, -2, None, None])
    # A group of another file, and one that leads back.
    file["entry"] = h5py.ExternalLink("beside.h5", "/entry")
    say("entry/data", [1.5, 2.5])
    say("entry/deep/more", [7])
    for back in ("entry/back/deep/data", "entry/back/relative"):
        say(back, list(range(5)))
    file["_i_current"] = np.arange(2)
    say("_i_current", [0, 1])
    file["outside"] = h5py.ExternalLink("../outside.h5", "/x")
    say("outside", unreadable="")
    file["absolute"] = h5py.ExternalLink("/etc/passwd", "/x")
    say("absolute", unreadable="outside of the served folder")
    file["no_file"] = h5py.ExternalLink("nowhere.h5", "/x")
    say("no_file", unreadable="not there")
    file["text_file"] = h5py.ExternalLink("expected.json", "/x")
    say("text_file", unreadable="")
    file["round"] = h5py.ExternalLink("links.h5", "/round")
    say("round", unreadable="circle")
    file["same"] = file["group/deep/data"]
    say("same", list(range(5)))


def beside(file, say):
    dataset(file, say, "entry/data", np.array([1.5, 2.5]))
    dataset(file, say, "entry/deep/more", np.array([7]))
    file["entry/back"] = h5py.ExternalLink("links.h5", "/group")
    for back in ("entry/back/deep/data", "entry/back/relative"):
        say(back, list(range(5)))


with_h5py("beside.h5", beside)
with_h5py("links.h5", links)
with_h5py("user_block.h5", lambda file, say: (
    dataset(file, say, "contiguous", np.arange(10)),
    dataset(file, say, "chunked", np.arange(1000), chunks=(100,), compression="gzip"),
    dataset(file, say, "text", np.array(["a", "b"], object), dtype=h5py.string_dtype()),
), userblock_size=1024)


def huge(file, say):
    file.create_dataset("chunked", (2**60,), "<i4", chunks=(1000,), fillvalue=42)
    say("chunked", rows=2**60)
    written = file.create_dataset("written", (2**60,), "<i4", chunks=(1000,), compression="gzip", fillvalue=42)
    written[2**59] = 7
    say("written", rows=2**60)
    file.create_dataset("wide", (3, 2**60), "<i4", chunks=(1, 1000))
    say("wide", unreadable="larger than")
    file.create_dataset("no_depth", (5, 2**40, 0), "<i4")
    say("no_depth", unreadable="larger than")
    attributed = file.create_dataset("attributed", data=[1])
    attributed.attrs.create("none", np.empty((2**40, 0), "<i4"))
    attributed.attrs["one"] = 1
    say("attributed", [1], metadata={"one": "1"})
    # A contiguous dataset that claims so much has no address until it is written.
    file.create_dataset("contiguous", (2**58,), "<i8")
    say("contiguous", rows=2**58)


with_h5py("huge.h5", huge)


def diamonds(file, _):
    """No expectations: the tests look at the names alone."""
    group = file
    last = None
    for number in range(39, -1, -1):
        group = file.create_group(f"g{number:02}")
        group["leaf"] = number
        if last is not None:
            group["a"] = last
            group["b"] = last
        last = group
    file["data"] = [1, 2, 3]


with_h5py("diamonds.h5", diamonds, libver="latest")


def fan(file, _):
    """Each soft link goes through the next one four times: four to the twentieth ways."""
    group = file.create_group("g")
    for number in range(20):
        file[f"s{number:02}"] = h5py.SoftLink("/" + "/".join([f"s{number + 1:02}"] * 4))
    file["s20"] = h5py.SoftLink("/g")
    for number in range(21):
        group[f"s{number:02}"] = h5py.SoftLink(f"/s{number:02}")
    file["data"] = [1, 2, 3]
    file["pipe"] = h5py.ExternalLink("pipe", "/x")


with_h5py("fan.h5", fan)
if h5py.h5z.filter_avail(4):
    with_h5py("szip.h5", lambda file, say: dataset(
        file, say, "szip", np.arange(1000, dtype="<i4"), chunks=(100,), compression="szip"))
try:
    import hdf5plugin

    def zfp(file, say):
        file.create_dataset("zfp", data=np.arange(64.0), chunks=(64,), **hdf5plugin.Zfp(rate=16))
        say("zfp", unreadable="filter")

    with_h5py("zfp.h5", zfp)

    def filters(file, say):
        # An odd number of elements, so that the last chunk and the last block are not full.
        numbers = (np.arange(603, dtype="<i4") * 7) % 100
        records = np.zeros(103, [("a", "<i2"), ("b", "<f4"), ("c", "S3")])
        records["a"] = np.arange(103)
        kinds = {
            "bitshuffle": hdf5plugin.Bitshuffle(cname="none"),
            "bitshuffle_lz4": hdf5plugin.Bitshuffle(cname="lz4"),
            "bitshuffle_zstd": hdf5plugin.Bitshuffle(cname="zstd"),
            "bzip2": hdf5plugin.BZip2(),
            "lz4": hdf5plugin.LZ4(),
            "zstd": hdf5plugin.Zstd(),
        }
        for codec in ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]:
            for shuffle in [0, 1, 2]:
                kinds[f"blosc_{codec}_{shuffle}"] = hdf5plugin.Blosc(cname=codec, shuffle=shuffle)
        for codec in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
            for shuffle in [0, 1, 2, 3]:
                kinds[f"blosc2_{codec}_{shuffle}"] = hdf5plugin.Blosc2(cname=codec, filters=shuffle)
        for name, options in kinds.items():
            try:
                file.create_dataset(name, data=numbers, chunks=(201,), **options)
                file.create_dataset(f"{name}_records", data=records, chunks=(50,), **options)
            except (ValueError, OSError) as error:
                print(f"left out: {name}: {error}")
                for made in [name, f"{name}_records"]:
                    if made in file:
                        del file[made]
                continue
            say(name, list(numbers))
            say(f"{name}_records", list(records["a"]), column="a")
        square = np.arange(40 * 30, dtype="<i8").reshape(40, 30)
        file.create_dataset("blosc2_square", data=square, chunks=(13, 13), **hdf5plugin.Blosc2())
        say("blosc2_square", list(square))

    with_h5py("filters.h5", filters, libver="latest")
except ImportError:
    pass


def kit(file, say):
    """The data set of the conformance kit, as a table of h5py."""
    kinds = ["Ash", "beech", "Birch", "elm", "ÉRABLE", "fir 10%", "a_b", ""]
    big = [2**63 - 1, -(2**63), 2**53 + 1, 2**53]
    trees = np.zeros(250, [("number", "<i8"), ("station", ">i8"), ("big", "<i8"), ("height", "<f8"), ("kind", "S16")])
    for number in range(250):
        last = number % 10
        height = float("nan") if number % 7 == 3 else (number * 37 % 100) / 4
        kind = kinds[number * 3 % len(kinds)].encode()
        trees[number] = (number, number * 13 % 9 - 4, big[last] if last < 4 else last, height, kind)
    file.create_dataset("trees", data=trees, chunks=(16,), compression="gzip")
    file.create_dataset("empty", data=trees[:0], chunks=(16,), maxshape=(None,))
    say("trees", list(range(250)), column="number")
    say("empty", rows=0)


with_h5py("kit.h5", kit)


def pytables():
    name = "pytables.h5"
    with tables.open_file(path(name), "w", title="A file") as file:
        numbers = file.create_vlarray("/", "numbers", tables.Int32Atom(), "Ragged", chunkshape=8)
        for length in [0, 1, 5]:
            numbers.append(list(range(length)))
        expect(name, "numbers", [[], [0], [0, 1, 2, 3, 4]], metadata={"title": "Ragged"})
        bools = file.create_vlarray("/", "bools", tables.BoolAtom(), chunkshape=8)
        bools.append([True, False])
        expect(name, "bools", [[True, False]])
        texts = file.create_vlarray("/", "texts", tables.VLStringAtom(), chunkshape=8)
        unicodes = file.create_vlarray("/", "unicodes", tables.VLUnicodeAtom(), chunkshape=8)
        for text in ["", "abc", "é日"]:
            texts.append(text.encode())
            unicodes.append(text)
        expect(name, "texts", ["", "abc", "é日"])
        expect(name, "unicodes", ["", "abc", "é日"])
        objects = file.create_vlarray("/", "objects", tables.ObjectAtom(), chunkshape=8)
        objects.append({"a": 1})
        expect(name, "objects", rows=1)
        columns = file.create_earray("/", "by_column", tables.Int32Atom(), (3, 0), chunkshape=(2, 4))
        columns.append(np.arange(30).reshape(3, 10))
        expect(name, "by_column", list(np.arange(30).reshape(3, 10).T))
        middle = file.create_earray("/", "by_middle", tables.Int16Atom(), (2, 0, 3), chunkshape=(1, 4, 2),
                                    filters=tables.Filters(1, "zlib"))
        block = np.arange(2 * 9 * 3).reshape(2, 9, 3)
        middle.append(block)
        expect(name, "by_middle", list(block.transpose(1, 0, 2)))
        file.create_array("/", "flags", np.array([True, False, True]))
        expect(name, "flags", [True, False, True])
        table = file.create_table("/", "times", {"t32": tables.Time32Col(), "t64": tables.Time64Col()})
        table.append([(-5, -1.5), (2**31 - 1, 1600000000.25)])
        table.flush()
        expect(name, "times", [-1.5, 1600000000.25], column="t64")


pytables()


def frames():
    """Frames of pandas, small ones of most kinds, and some that are not what they say."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "tests"))
    import frames_zoo

    name = "frames.h5"
    kept = "t_times f_times t_cat f_mcols f_mtime t_halfnamed t_text_rep f_text f_series_time f_objects f_empty_typed".split()
    with pd.HDFStore(path(name), "w", complevel=9, complib="zlib") as store:
        for key in kept:
            frame, how = frames_zoo.frames()[key]
            if how.pop("format") == "table":
                store.append(key, frame, index=False, expectedrows=len(frame), **how)
            else:
                store.put(key, frame, format="fixed")
        for key in ("refused/names", "refused/objects", "refused/rows", "refused/panel"):
            store.put(key, pd.DataFrame({"a": ["x", "y"]}), format="fixed")
        store.append("refused/columns", pd.DataFrame({"a": [1]}), index=False)
        root = store._handle.root.refused
        root.columns._v_attrs.non_index_axes = b"cos\nsystem\n(S'true'\ntR."
        root.names._v_attrs.axis0_variety = "sparse"
        root.panel._v_attrs.pandas_type = "wide"
        store._handle.remove_node(root.rows, "axis1")
        store._handle.create_array(root.rows, "axis1", np.arange(3))
        root.rows.axis1._v_attrs.kind = "integer"
        store._handle.remove_node(root.objects, "block0_values")
        objects = store._handle.create_vlarray(root.objects, "block0_values", tables.ObjectAtom(), chunkshape=1)
        objects.append(np.array([[os.path.join], ["y"]], dtype=object))
    found = frames_zoo.expected(path(name))
    for key in kept:
        expect(name, key, found[key]["rows"], column=found[key]["columns"])
    reasons = {"columns": "os.system", "names": "sparse", "panel": "wide", "rows": "different numbers of rows",
               "objects": "posixpath.join"}
    for key, reason in reasons.items():
        expect(name, f"refused/{key}", unreadable=reason)
    with tables.open_file(path(name)) as file:
        for node in file.walk_nodes("/", "Leaf"):
            table = node._v_pathname[1:]
            expect(name, table, rows=int(node.nrows))


frames()
json.dump(expected, open(path("expected.json"), "w"), ensure_ascii=False)
