"""Makes HDF5 files of odd formats, and `expected_formats.json`: what the libraries that made them read in them.

    python make_formats.py FOLDER

What h5py has no function for is asked of the HDF5 library that it brings along. Each file is small.
"""

import ctypes
import glob
import json
import os
import sys

import h5py
import numpy as np
import tables
from h5py import h5d, h5f, h5g, h5p, h5s, h5t

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
expected = {}
library = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(h5py.__file__), "..", "h5py.libs", "libhdf5-*"))[0])
hid = ctypes.c_int64
library.H5Dcreate2.restype = hid
library.H5Dcreate2.argtypes = [hid, ctypes.c_char_p] + [hid] * 5
library.H5Dwrite.argtypes = [hid] * 5 + [ctypes.c_void_p]
library.H5Dclose.argtypes = [hid]


def path(name):
    return os.path.join(folder, name)


def type_of(name):
    return hid.in_dll(library, f"H5T_{name}_g").value


def expect(file, table, values=None, rows=None, unreadable=None, column="value", metadata=None, error=None):
    fact = {"column": column}
    if values is not None:
        fact["values"] = values.tolist() if isinstance(values, np.ndarray) else values
        fact["rows"] = len(fact["values"])
    for name, value in [("rows", rows), ("unreadable", unreadable), ("metadata", metadata), ("error", error)]:
        if value is not None:
            fact[name] = value
    expected.setdefault(file, {})[table] = fact


def with_h5py(name, make, **options):
    with h5py.File(path(name), "w", **options) as file:
        make(file, lambda table, *args, **kwargs: expect(name, table, *args, **kwargs))


def source(number):
    name = f"source_{number}.h5"

    def make(file, say):
        file["d"] = np.arange(10) + 100 * number
        say("d", np.arange(10) + 100 * number)
        square = np.arange(30).reshape(5, 6) + 1000 * number
        file.create_dataset("q", data=square.astype(">i2"), chunks=(2, 4), compression="gzip")
        say("q", square)
        file["s"] = np.array([f"s{number}", "é", ""], object)
        say("s", [f"s{number}", "é", ""])
        file.create_dataset("grown", data=np.arange(7) + number, maxshape=(None,), chunks=(3,))
        say("grown", np.arange(7) + number)
        file["pair"] = np.array([(number, 0.5)], [("a", "<i4"), ("b", "<f8")])
        say("pair", [number], column="a")

    with_h5py(name, make)


source(0)
source(1)


def virtual(file, say):
    layout, of = h5py.VirtualLayout, h5py.VirtualSource

    def put(name, values, dtype, maps, fill=None, **more):
        shape = np.shape(values)
        made = layout(shape, dtype)
        for key, mapped in maps:
            made[key] = mapped
        file.create_virtual_dataset(name, made, fillvalue=fill)
        say(name, values, **more)

    d, q = np.arange(10), np.arange(30).reshape(5, 6)
    whole = [of(f"source_{n}.h5", "d", (10,)) for n in range(2)]
    put("stacked", np.array([d, d + 100]), "<f4", [(0, whole[0]), (1, whole[1])])
    put("columns", np.array([d, d + 100]).T, "i8", [((slice(None), 0), whole[0]), ((slice(None), 1), whole[1])])
    put("woven", np.array([d, d + 100]).T.reshape(20), ">i4", [(slice(0, 20, 2), whole[0]), (slice(1, 20, 2), whole[1])])
    framed = np.full((7, 8), -1)
    framed[1:6, 1:7] = q + 1000
    put("framed", framed, "i4", [((slice(1, 6), slice(1, 7)), of("source_1.h5", "q", (5, 6)))], fill=-1)
    put("thinned", q[::2, ::3], "i2", [(slice(None), of("source_0.h5", "q", (5, 6))[::2, ::3])])
    put("reshaped", q.reshape(6, 5), "i2", [(slice(None), of("source_0.h5", "q", (5, 6)))])
    put("texts", [["s0", "é", ""], ["s1", "é", ""]], h5py.string_dtype(),
        [(n, of(f"source_{n}.h5", "s", (3,))) for n in range(2)])
    put("pairs", [0, 1], np.dtype([("b", "<f4"), ("a", ">i2")]),
        [(slice(n, n + 1), of(f"source_{n}.h5", "pair", (1,))) for n in range(2)], column="a")
    put("overlapping", np.concatenate([d[:3], [100, 101], d[5:]]), "i8",
        [(slice(0, 10), whole[0]), (slice(3, 5), whole[1][:2])])
    put("missing", np.array([d, d * 0 - 5, d * 0 - 5]), "i8",
        [(0, whole[0]), (1, of("nowhere.h5", "d", (10,))), (2, of("source_0.h5", "nothing", (10,)))], fill=-5)
    put("nothing", [1.5] * 3, "f8", [], fill=1.5)
    file["own"] = np.arange(12)
    say("own", np.arange(12))
    put("self", np.arange(12).reshape(3, 4), "i8", [(slice(None), of(file["own"]))])
    put("nested", np.arange(12), "i8", [(slice(None), of(".", "self", (3, 4)))])


def refused(file, say):
    layout, of = h5py.VirtualLayout, h5py.VirtualSource
    for name, (source, dataset), reason in [
        ("outside", ("/etc/passwd", "d"), "outside of the served folder"),
        ("above", ("../../other.h5", "d"), "outside of the served folder"),
    ]:
        made = layout((10,), "i8")
        made[:] = of(source, dataset, (10,))
        file.create_virtual_dataset(name, made)
        say(name, unreadable=reason)
    for name, source, error in [
        ("circle", "circle", "maps itself"),
        ("there", "back", "maps itself"),
        ("back", "there", "maps itself"),
        ("wrong_type", "text", "cannot be converted"),
    ]:
        made = layout((3,), "i8")
        made[:] = of(".", source, (3,))
        file.create_virtual_dataset(name, made)
        say(name, rows=3, error=error)
    file["text"] = np.array(["a"] * 3, object)
    say("text", ["a"] * 3)
    for number in range(12):
        made = layout((3,), "i8")
        made[:] = of(".", f"deep{number + 1}", (3,))
        file.create_virtual_dataset(f"deep{number}", made)
        if number < 4:
            say(f"deep{number}", rows=3, error="more than 8 deep")
        else:
            say(f"deep{number}", np.arange(3))
    file["deep12"] = np.arange(3)
    say("deep12", np.arange(3))


def endless(file, say):
    """Mappings without end, numbered files, irregular selections: beyond h5py's own layouts."""
    forever = h5s.UNLIMITED

    def put(name, values, dims, most, maps):
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_fill_value(np.array(-1, "i8"))
        for choose, of, dataset, of_dims, of_most, choose_of in maps:
            target, chosen = h5s.create_simple(dims, most), h5s.create_simple(of_dims, of_most)
            choose(target)
            choose_of(chosen)
            plist.set_virtual(target, of.encode(), dataset.encode(), chosen)
        h5d.create(file.id, name.encode(), h5t.STD_I64LE, h5s.create_simple(dims, most), plist)
        say(name, values)

    def slab(*parts):
        return lambda space: space.select_hyperslab(*parts)

    def whole(space):
        space.select_all()

    grown = [np.arange(7), np.arange(7) + 1]
    end = slab((0,), (forever,), (1,), (1,))
    put("end", grown[0], (4,), (forever,), [(end, "source_0.h5", "grown", (7,), (forever,), end)])
    spread = np.full(14, -1)
    spread[3::2] = np.arange(1, 7)[: len(spread[3::2])]
    put("spread", spread, (4,), (forever,), [
        (slab((3,), (forever,), (2,), (1,)), "source_0.h5", "grown", (7,), (forever,), slab((1,), (forever,), (1,), (1,)))])
    blocks = np.array([-1, 0, 1, 2, -1, -1, 3, 4, 5, -1, -1, 6])
    put("blocks", blocks, (4,), (forever,), [
        (slab((1,), (forever,), (5,), (3,)), "source_0.h5", "grown", (7,), (forever,), slab((0,), (forever,), (3,), (3,)))])
    put("side_by_side", np.array(grown).T, (4, 2), (forever, 2), [
        (slab((0, n), (forever, 1), (1, 1), (1, 1)), f"source_{n}.h5", "grown", (7,), (forever,), end) for n in range(2)])
    d = np.arange(10)
    put("numbered", np.concatenate([d, d + 100]), (10,), (forever,), [
        (slab((0,), (forever,), (10,), (10,)), "source_%b.h5", "d", (10,), None, whole)])
    put("numbered_columns", np.array([d, d + 100]).T, (10, 1), (10, forever), [
        (slab((0, 0), (1, forever), (1, 1), (10, 1)), "source_%b.h5", "/d", (10,), None, whole)])
    put("none_numbered", [], (10,), (forever,), [
        (slab((0,), (forever,), (10,), (10,)), "nowhere_%b.h5", "d", (10,), None, whole)])

    def corner(space):
        space.select_hyperslab((0, 0), (1, 1), block=(2, 2))
        space.select_hyperslab((1, 3), (1, 1), block=(2, 3), op=h5s.SELECT_OR)

    cornered = np.full((4, 8), -1)
    cornered[[0, 0, 1, 1, 1, 1, 1, 2, 2, 2], [0, 1, 0, 1, 3, 4, 5, 3, 4, 5]] = d
    put("cornered", cornered, (4, 8), None, [(corner, "source_0.h5", "d", (10,), None, whole)])
    q = np.arange(30).reshape(5, 6)
    put("from_corners", q[[0, 0, 1, 1, 1, 1, 1, 2, 2, 2], [0, 1, 0, 1, 3, 4, 5, 3, 4, 5]], (10,), None, [
        (whole, "source_0.h5", "q", (5, 6), None, corner)])
    put("a_hundred", np.arange(100) % 10, (100,), None, [
        (slab((n,), (1,), (1,), (1,)), "source_0.h5", "d", (10,), None, slab((n % 10,), (1,), (1,), (1,)))
        for n in range(100)])


with_h5py("virtual_v110.h5", virtual, libver=("v110", "v110"))
with_h5py("virtual_latest.h5", virtual, libver="latest")
with_h5py("virtual_refused.h5", refused)
with_h5py("virtual_endless_v110.h5", endless, libver=("v110", "v110"))
with_h5py("virtual_endless_latest.h5", endless, libver="latest")


def external(file, say):
    np.arange(100, dtype="<i4").tofile(path("raw.bin"))
    numbers = np.arange(100)
    for name, shape, files, values in [
        ("whole", (100,), [("raw.bin", 0, h5f.UNLIMITED)], numbers),
        ("part", (50,), [("raw.bin", 40, 200)], numbers[10:60]),
        ("square", (5, 6), [("raw.bin", 8, 120)], numbers[2:32].reshape(5, 6)),
        ("two", (20,), [("raw.bin", 0, 40), ("raw.bin", 200, 40)], np.concatenate([numbers[:10], numbers[50:60]])),
        ("short", (103,), [("raw.bin", 0, 412)], np.concatenate([numbers, [0, 0, 0]])),
    ]:
        file.create_dataset(name, shape, "<i4", external=files)
        say(name, values)
    for name, other, reason in [
        ("missing", "nowhere.bin", "not there"),
        ("outside", "/etc/passwd", "outside of the served folder"),
        ("above", "../../etc/passwd", "outside of the served folder"),
    ]:
        file.create_dataset(name, (20,), "<i4", external=[(other, 0, 80)])
        say(name, unreadable=reason)


with_h5py("external.h5", external)


def shared(name, indexes, libver, cut_over=None):
    """Files with a table of shared messages: kinds of messages, and the smallest that is shared."""
    plist = h5p.create(h5p.FILE_CREATE)
    library.H5Pset_shared_mesg_nindexes.argtypes = [hid, ctypes.c_uint]
    library.H5Pset_shared_mesg_index.argtypes = [hid] + [ctypes.c_uint] * 3
    library.H5Pset_shared_mesg_phase_change.argtypes = [hid] + [ctypes.c_uint] * 2
    assert library.H5Pset_shared_mesg_nindexes(plist.id, len(indexes)) >= 0
    for at, (kinds, least) in enumerate(indexes):
        assert library.H5Pset_shared_mesg_index(plist.id, at, kinds, least) >= 0
    if cut_over:
        library.H5Pset_shared_mesg_phase_change(plist.id, *cut_over)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(libver, h5f.LIBVER_LATEST)
    with h5py.File(h5f.create(path(name).encode(), h5f.ACC_TRUNC, plist, access)) as file:
        units = "metres per second, the same everywhere"
        for number in range(8):
            rows = np.array([(number, number / 2, b"abc")] * 3, [("alpha", "<i4"), ("beta", ">f8"), ("gamma", "S5")])
            file.create_dataset(f"c{number}", data=rows).attrs["text"] = units
            expect(name, f"c{number}", [number / 2] * 3, column="beta", metadata={"text": json.dumps(units)})
            made = file.create_dataset(f"z{number}", data=np.arange(50.0), chunks=(10,), compression="gzip", fillvalue=3.25)
            made.attrs["text"] = units
            expect(name, f"z{number}", np.arange(50.0), metadata={"text": json.dumps(units)})
        dense = file.create_dataset("dense", data=[1])
        for number in range(20):
            dense.attrs[f"k{number}"] = units
        expect(name, "dense", [1], metadata={"k19": json.dumps(units), "k0": json.dumps(units)})


SPACE, TYPE, FILL, FILTERS, ATTRIBUTE = 0x2, 0x8, 0x20, 0x800, 0x1000
shared("shared_list.h5", [(TYPE | FILL, 1), (ATTRIBUTE | SPACE | FILTERS, 1)], h5f.LIBVER_EARLIEST)
shared("shared_tree.h5", [(SPACE | TYPE | FILL | FILTERS | ATTRIBUTE, 1)], h5f.LIBVER_LATEST, (0, 0))


def references(file, say):
    file["data"] = np.arange(24).reshape(4, 6)
    say("data", np.arange(24).reshape(4, 6))
    file["data"].attrs["unit"] = "m"
    file["g/deep"] = 1
    say("g/deep", [1])
    spaces = [file["data"].id.get_space() for _ in range(4)]
    spaces[0].select_hyperslab((1, 2), (1, 1), block=(2, 3))
    spaces[1].select_elements([(0, 1), (3, 5)])
    spaces[2].select_hyperslab((0, 0), (2, 3), (2, 2), (1, 1))
    spaces[3].select_hyperslab((0, 0), (1, 1), block=(1, 2))
    spaces[3].select_hyperslab((2, 3), (1, 1), block=(2, 2), op=h5s.SELECT_OR)
    regions = ["[1:2, 2:4]", "[(0, 1), (3, 5)]", "[0:2:2, 0:4:2]", "[0:0, 0:1] + [2:3, 3:4]"]
    old = file.create_dataset("old", (3,), h5py.regionref_dtype)
    old[0] = file["data"].regionref[1:3, 2:5]
    old[1] = file["data"].regionref[...]
    say("old", ["/data[1:2, 2:4]", "/data[...]", None])
    file["objects"] = np.array([file["data"].ref, file["g"].ref, file.ref], h5py.ref_dtype)
    say("objects", ["/data", "/g", "/"])
    lists = file.create_dataset("lists", (2,), h5py.vlen_dtype(h5py.ref_dtype))
    lists[0] = np.array([file["data"].ref, file["g"].ref], dtype=h5py.ref_dtype)
    say("lists", [["/data", "/g"], []])

    buffer = (ctypes.c_char * (64 * 8))()
    library.H5Rcreate_object.argtypes = [hid, ctypes.c_char_p, hid, ctypes.c_void_p]
    library.H5Rcreate_region.argtypes = [hid, ctypes.c_char_p, hid, hid, ctypes.c_void_p]
    library.H5Rcreate_attr.argtypes = [hid, ctypes.c_char_p, ctypes.c_char_p, hid, ctypes.c_void_p]
    library.H5Rcreate_object(file.id.id, b"/data", 0, ctypes.byref(buffer, 0))
    for at, space in enumerate(spaces):
        library.H5Rcreate_region(file.id.id, b"/data", space.id, 0, ctypes.byref(buffer, 64 * (at + 1)))
    library.H5Rcreate_attr(file.id.id, b"/data", b"unit", 0, ctypes.byref(buffer, 64 * 5))
    library.H5Rcreate_object(file.id.id, b"/g/deep", 0, ctypes.byref(buffer, 64 * 6))
    reference, space = type_of("STD_REF"), h5s.create_simple((8,))
    made = library.H5Dcreate2(file.id.id, b"new", reference, space.id, 0, 0, 0)
    assert library.H5Dwrite(made, reference, 0, 0, 0, buffer) >= 0
    library.H5Dclose(made)
    say("new", ["/data", *("/data" + region for region in regions), "/data@unit", "/g/deep", None])


with_h5py("references.h5", references, libver="latest")


def numbers(file, say):
    """Types that numpy has not."""
    space = h5s.create_simple((3,))
    reals = np.array([1.5, -3, 0.25])

    def put(name, stored, memory, buffer, values=None, **more):
        made = library.H5Dcreate2(file.id.id, name.encode(), stored, space.id, 0, 0, 0)
        assert made >= 0 and library.H5Dwrite(made, memory, 0, 0, 0, buffer.ctypes.data) >= 0
        library.H5Dclose(made)
        say(name, values if values is not None or more else buffer.tolist(), **more)

    pairs = np.array([1 + 2j, -3.5, 0.25j])
    for kind in ["F16LE", "F16BE", "F32LE", "F32BE", "F64LE", "F64BE"]:
        put(f"complex_{kind}", type_of(f"COMPLEX_IEEE_{kind}"), type_of("NATIVE_DOUBLE_COMPLEX"), pairs,
            [{"r": pair.real, "i": pair.imag} for pair in pairs])
    for kind in ["FLOAT_BFLOAT16LE", "FLOAT_BFLOAT16BE", "FLOAT_F8E4M3", "FLOAT_F8E5M2", "IEEE_F16BE", "NATIVE_LDOUBLE"]:
        put(kind, type_of(kind), type_of("NATIVE_DOUBLE"), reals)
    put("VAX_F32", type_of("VAX_F32"), type_of("NATIVE_DOUBLE"), reals, unreadable="VAX")
    for kind in ["STD_B8LE", "STD_B16BE", "STD_B32LE", "STD_B64BE"]:
        put(kind, type_of(kind), type_of("NATIVE_B64"), np.array([1, 2, 200], "u8"))
    put("UNIX_D64BE", type_of("UNIX_D64BE"), type_of("UNIX_D64BE"), np.array([1, 2, 2**33], ">i8"), [1, 2, 2**33])
    whole = np.array([1, -5, 100], "<i4")
    for bits, shift in [(12, 0), (12, 4), (17, 9)]:
        for order, base in [("l", h5t.STD_I32LE), ("b", h5t.STD_I32BE)]:
            for chunked in [False, True]:
                kind, plist = base.copy(), h5p.create(h5p.DATASET_CREATE)
                kind.set_precision(bits)
                kind.set_offset(shift)
                name = f"{'nbit' if chunked else 'bits'}_{bits}_{shift}_{order}"
                if chunked:
                    plist.set_chunk((2,))
                    library.H5Pset_nbit.argtypes = [hid]
                    library.H5Pset_nbit(plist.id)
                h5d.create(file.id, name.encode(), kind, space, plist).write(h5s.ALL, h5s.ALL, whole)
                say(name, whole)
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk((3,))
    library.H5Pset_nbit(plist.id)
    letters = np.array([b"a", b"b", b"c"], "S1")
    text = h5t.C_S1.copy()
    text.set_strpad(h5t.STR_NULLPAD)
    h5d.create(file.id, b"nbit_text", text, space, plist).write(h5s.ALL, h5s.ALL, letters)
    say("nbit_text", ["a", "b", "c"])
    wide = h5t.STD_I64LE.copy()
    wide.set_size(16)
    wide.set_precision(128)
    h5d.create(file.id, b"int128", wide, space).write(h5s.ALL, h5s.ALL, whole)
    say("int128", unreadable="16 bytes")


with_h5py("numbers.h5", numbers, libver="latest")


def sizes(name, offset, length, libver):
    """Addresses and lengths of other sizes than eight bytes, and small B-trees."""
    plist = h5p.create(h5p.FILE_CREATE)
    plist.set_sizes(offset, length)
    library.H5Pset_istore_k.argtypes = [hid, ctypes.c_uint]
    library.H5Pset_sym_k.argtypes = [hid, ctypes.c_uint, ctypes.c_uint]
    library.H5Pset_istore_k(plist.id, 2)
    library.H5Pset_sym_k(plist.id, 2, 2)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(libver, h5f.LIBVER_LATEST)
    with h5py.File(h5f.create(path(name).encode(), h5f.ACC_TRUNC, plist, access)) as file:
        for number in range(30):
            file[f"d{number}"] = number
            expect(name, f"d{number}", [number])
        file.create_dataset("deep", data=np.arange(60), chunks=(1,))
        expect(name, "deep", np.arange(60))
        file["texts"] = np.array(["a", "bc"], object)
        expect(name, "texts", ["a", "bc"])
        lists = file.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
        lists[0] = [1, 2]
        expect(name, "lists", [[1, 2], []])


sizes("sizes_44.h5", 4, 4, h5f.LIBVER_EARLIEST)
sizes("sizes_48.h5", 4, 8, h5f.LIBVER_EARLIEST)
sizes("sizes_84.h5", 8, 4, h5f.LIBVER_LATEST)


def chain(file, say):
    file["end"] = [1, 2]
    say("end", [1, 2])
    for number in range(16):
        file[f"link{number:02}"] = h5py.SoftLink(f"/link{number + 1:02}" if number < 15 else "/end")
        say(f"link{number:02}", [1, 2])
    deep = file.id
    for _ in range(210):
        deep = h5g.create(deep, b"g")
    say("g/" * 199 + "g", unreadable="too deep")


with h5py.File(path("family_%03d.h5"), "w", driver="family", memb_size=2048, libver="latest") as family:
    family["numbers"] = np.arange(300)
expect("family_000.h5", "numbers", np.arange(300))
# A member of it alone, under a name of another family.
with open(path("family_000.h5"), "rb") as first, open(path("alone_0.h5"), "wb") as alone:
    alone.write(first.read())
with h5py.File(path("apart"), "w", driver="split") as split:
    split["numbers"] = np.arange(10)
    split.create_dataset("chunked", data=np.arange(50), chunks=(9,))
    split["texts"] = np.array(["a", "bc"], object)
expect("apart-m.h5", "numbers", np.arange(10))
expect("apart-m.h5", "chunked", np.arange(50))
expect("apart-m.h5", "texts", ["a", "bc"])


def ragged():
    name = "ragged.h5"
    with tables.open_file(path(name), "w") as file:
        for kind, atom in {
            "pairs": tables.Int16Atom(shape=(2,)),
            "matrices": tables.Float64Atom(shape=(2, 2)),
            "flags": tables.BoolAtom(),
            "complex": tables.ComplexAtom(8),
            "texts": tables.StringAtom(3),
            "times": tables.Time32Atom(),
        }.items():
            made = file.create_vlarray("/", kind, atom, chunkshape=4)
            values = []
            for length in [0, 1, 3]:
                cells = np.arange(length * int(np.prod(atom.shape, dtype=int))) % 3
                cells = cells.reshape((length,) + atom.shape)
                if kind == "texts":
                    cells = np.array([b"abc"[: cell] for cell in cells], "S3")
                    shown = [cell.decode() for cell in cells]
                elif kind == "flags":
                    cells = cells == 1
                    shown = cells.tolist()
                elif kind == "complex":
                    cells = (cells * (1 - 2j)).astype("c8")
                    shown = [{"r": cell.real.item(), "i": cell.imag.item()} for cell in cells]
                else:
                    shown = cells.tolist()
                made.append(cells.astype(atom.dtype.base))
                values.append(shown)
            expect(name, kind, values)
        file.create_vlarray("/", "objects", tables.ObjectAtom(), chunkshape=4).append({"a": 1})
        expect(name, "objects", rows=1, metadata={"note": "Pickled Python objects, as the bytes that they are. They are never unpickled."})


ragged()
with_h5py("chain.h5", chain, libver="latest")
json.dump(expected, open(path("expected_formats.json"), "w"), ensure_ascii=False)
