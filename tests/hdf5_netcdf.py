"""Holds the long form of NetCDF files, and of h5py files with dimension scales, against what netCDF4 and cftime read: all
cells of every grid, conditions on coordinates and on variables, and orders by coordinates. The files are made anew.

    python tests/hdf5_netcdf.py TABLECAST [FILE.nc ...]

With files, these are compared in place of those made here. Needs netCDF4, cftime, h5py and numpy.
"""

import itertools
import json
import math
import pathlib
import random
import sys
import tempfile

import cftime
import h5py
import netCDF4
import numpy

from server import SHARED, Tally, serve, tilde

CALENDARS = ["standard", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day"]


def make_packed(path, form="NETCDF4"):
    """Every way of packing and of missing, on one grid."""
    is_new = form == "NETCDF4"
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.title = "Packed numbers"
        file.createDimension("time", None)
        file.createDimension("lat", 5)
        file.createDimension("lon", 7)
        file.createDimension("station", 3)
        file.createDimension("strlen", 12)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "hours since 2001-02-27 06:00:00", "standard"
        lat = file.createVariable("lat", "f4", ("lat",))
        lat.units = "degrees_north"
        lon = file.createVariable("lon", "i4", ("lon",))
        lon.units = "degrees_east"
        time[:] = numpy.arange(11) * 7.5
        lat[:] = [60.5, 30.25, 0, -30.1, -60.2]
        lon[:] = numpy.arange(7) * 10 - 30
        numbers = numpy.arange(11 * 5 * 7).reshape(11, 5, 7)

        def variable(name, kind, values=None, fill=None, dims=("time", "lat", "lon"), **attributes):
            made = file.createVariable(name, kind, dims, fill_value=fill)
            made.set_auto_maskandscale(False)
            for attribute, value in attributes.items():
                made.setncattr(attribute, value)
            made[:] = (numbers % 100 if values is None else values).astype(kind)

        variable("packed_double", "i2", fill=numpy.int16(7), scale_factor=0.01, add_offset=273.15, units="K")
        variable("packed_single", "i2", scale_factor=numpy.float32(0.1), add_offset=numpy.float32(5))
        variable("packed_long", "i4", scale_factor=numpy.float32(0.1))
        variable("packed_mixed", "f4", scale_factor=numpy.float64(0.1), add_offset=numpy.float32(1))
        variable("only_offset", "f4", add_offset=numpy.float32(0.1))
        variable("no_change", "i2", scale_factor=1.0, add_offset=0.0)
        variable("range", "i2", valid_range=numpy.array([10, 20], "i2"))
        variable("least", "f4", valid_min=numpy.float32(12.5))
        variable("most", "i4", valid_max=numpy.int32(33))
        variable("missing", "f8", missing_value=numpy.float64(3), fill=4.0)
        variable("byte", "i1", values=numbers % 250 - 120)
        variable("byte_filled", "i1", fill=numpy.int8(-1), values=numbers % 7 - 3)
        variable("byte_unfilled", "i1", fill=False, values=numbers % 250 - 128)
        variable("short_unsigned", "i2", values=numbers % 90 - 32800, _Unsigned="true")
        if form == "NETCDF4":
            variable("long_exact", "i8", values=numbers + 2**53, scale_factor=numpy.int32(3), add_offset=numpy.int64(-1))
            variable("long_unsigned", "u8", values=numbers.astype("u8") + 2**63, add_offset=numpy.int32(1))
        holes = numbers.astype("f4")
        holes[::3, 1, ::2] = numpy.nan
        variable("holes", "f4", values=holes)
        never = file.createVariable("never_written", "f8", ("time", "lat"))
        never[2, 3] = 1.5
        flag = file.createVariable("flag", "i1", ("time",))
        flag.flag_values, flag.flag_meanings = numpy.array([0, 1, 2], "i1"), "good suspect bad"
        flag[:] = numpy.arange(11) % 3
        letters = file.createVariable("station_name", "S1", ("station", "strlen"))
        letters[:] = netCDF4.stringtochar(numpy.array(["Oslo", "Sao Paulo", "x"], "S12"))
        height = file.createVariable("height", "f4", ("station",))
        height[:] = [1, 2, 3.5]
        if is_new:
            variable("missing_list", "i4", missing_value=numpy.array([3, 5, 8], "i4"))
            variable("unsigned", "i1", values=numbers % 250 - 120, fill=numpy.int8(-1), _Unsigned="true")
            variable("u8", "u8", values=numbers.astype("u8") + numpy.uint64(2**63))
            variable("deflated", "f4", dims=("time", "lat", "lon"))
            texts = file.createVariable("words", str, ("lat", "lon"))
            for at in itertools.product(range(5), range(7)):
                texts[at] = f"ä{at}"
            inner = file.createGroup("inner").createGroup("more")
            inner.createDimension("level", 2)
            cell = inner.createVariable("cell", "f8", ("level", "lat"), zlib=True, chunksizes=(1, 3))
            cell[:] = numpy.arange(10).reshape(2, 5) / 3


def make_times(path, form="NETCDF4"):
    with netCDF4.Dataset(path, "w", format=form) as file:
        for calendar in CALENDARS:
            name = "t_" + calendar
            file.createDimension(name, 60)
            time = file.createVariable(name, "f8", (name,))
            time.units, time.calendar = "days since 1581-12-30 12:00:00", calendar
            time[:] = numpy.arange(60) * 61.37 - 40
            count = file.createVariable("count_" + calendar, "i4", (name,))
            count[:] = numpy.arange(60)
        for number, units in enumerate(
            ["seconds since 1970-01-01", "milliseconds since 1970-01-01T00:00:00Z", "minutes since 2000-1-1 12:30 +02:00",
             "hours since 1900-01-01 00:00:0.0", "microseconds since 1999-12-31 23:59:59.5", "days since 0001-01-01"]
        ):
            name = f"u{number}"
            file.createDimension(name, 5)
            time = file.createVariable(name, "i8" if form == "NETCDF4" else "i4", (name,))
            time.units = units
            time[:] = numpy.array([-5, 0, 1, 86_399, 730_000])
            count = file.createVariable("of_" + name, "i2", (name,))
            count[:] = numpy.arange(5)
        file.createDimension("month", 3)
        month = file.createVariable("month", "i4", ("month",))
        month.units = "months since 2000-01-01"
        month[:] = [0, 1, 2]
        value = file.createVariable("by_month", "f4", ("month",))
        value[:] = [1, 2, 3]
        file.createDimension("nv", 2)
        file.createDimension("day", 4)
        day = file.createVariable("day", "f4", ("day",))
        day.units, day.bounds = "days since 2010-01-01", "day_bounds"
        day[:] = [0.5, 1.5, 2.5, 3.5]
        bounds = file.createVariable("day_bounds", "f8", ("day", "nv"))
        bounds[:] = [[0, 1], [1, 2], [2, 3], [3, 4]]


def make_odd(path, form="NETCDF4"):
    """Dimensions without coordinates, with the same twice, with none at all; coordinates of two dimensions."""
    with netCDF4.Dataset(path, "w", format=form) as file:
        for name, length in [("x", 4), ("y", 3), ("same", 4), ("none", None), ("only", 2)]:
            file.createDimension(name, length)
        same = file.createVariable("same", "i4", ("same",))
        same[:] = [1, 2, 2, 1]
        only = file.createVariable("only", "f8", ("only",))
        only[:] = [math.nan, 2]
        latitude = file.createVariable("latitude", "f8", ("y", "x"))
        latitude[:] = numpy.arange(12).reshape(3, 4) * 1.5
        field = file.createVariable("field", "f4", ("only", "y", "x"))
        field.coordinates = "latitude nowhere"
        field[:] = numpy.arange(24).reshape(2, 3, 4)
        twice = file.createVariable("twice", "i2", ("same",))
        twice[:] = [10, 20, 30, 40]
        empty = file.createVariable("empty", "f4", ("none", "x"))
        assert empty.shape == (0, 4)
        scalar = file.createVariable("scalar", "i4", ())
        scalar[:] = 42
        # Coordinates that are texts, letter by letter.
        file.createDimension("town", 3)
        file.createDimension("letters", 8)
        town = file.createVariable("town", "S1", ("town", "letters"))
        town[:] = netCDF4.stringtochar(numpy.array(["Bergen", "Oslo", "Voss"], "S8"))
        people = file.createVariable("people", "i4", ("town",))
        people[:] = [291_940, 717_710, 16_000]
        # Attributes of another type than their variable: those that it can hold count.
        odd = file.createVariable("odd", "i2", ("x",))
        odd.set_auto_maskandscale(False)
        odd.missing_value, odd.valid_max = numpy.float64(2), numpy.float64(3.5)
        odd[:] = [1, 2, 3, 4]
        lone = file.createVariable("lone", "f4", ("x",))
        lone.set_auto_maskandscale(False)
        lone.valid_min = numpy.int32(2)
        lone[:] = [1, 2, 3, 4]


def make_scales(path):
    with h5py.File(path, "w", libver="latest") as file:
        group = file.create_group("deep/group")
        for name, values in [("hour", numpy.arange(24) / 2), ("site", numpy.array([b"a", b"bb", b"c"], "S3"))]:
            group[name] = values
            group[name].make_scale(name)
        data = group.create_dataset("temperature", data=numpy.arange(72.0).reshape(24, 3), chunks=(5, 2), compression="gzip")
        wind = numpy.zeros((24, 3), [("u", "f4"), ("v", ">f8")])
        wind["u"] = numpy.arange(72).reshape(24, 3)
        records = group.create_dataset("wind", data=wind)
        for dataset in (data, records):
            dataset.dims[0].attach_scale(group["hour"])
            dataset.dims[1].attach_scale(group["site"])
        file["bare"] = numpy.arange(6).reshape(2, 3)
        half = file.create_dataset("half", data=numpy.arange(6).reshape(2, 3))
        half.dims[0].attach_scale(group["hour"])


def text_of(moment):
    text = moment.isoformat()
    return text.split("+")[0]


def decoded(variable):
    """All values in C order, as the API shows them: null for what is masked or no number, ISO text for times."""
    values = variable[...]
    if variable.dtype is str:
        return [str(value) for value in numpy.asarray(values).ravel()]
    units = getattr(variable, "units", None)
    if isinstance(units, str) and " since " in units and not units.startswith("month"):
        calendar = getattr(variable, "calendar", "standard")
        return timed(values, units, calendar)
    flat = numpy.ma.asarray(values).ravel()
    mask = numpy.ma.getmaskarray(flat)
    return [None if gone or value != value else value.item() for value, gone in zip(flat.data, mask)]


def timed(values, units, calendar):
    flat = numpy.ma.asarray(values).ravel()
    mask = numpy.ma.getmaskarray(flat)
    return [None if gone else text_of(cftime.num2date(value, units, calendar)) for value, gone in zip(flat.data, mask)]


def grids(group, path=""):
    """From the name of each grid to its columns, by netCDF4."""
    found = {}
    for name, variable in group.variables.items():
        dimensions = list(variable.dimensions)
        is_letters = variable.dtype == "S1" and dimensions and dimensions[-1] not in variable.group().variables
        if is_letters:
            dimensions.pop()
        if not dimensions or dimensions == [name]:
            continue
        found.setdefault(tuple(dimensions), []).append((name, variable, is_letters))
    named = {}
    for dimensions, variables in found.items():
        table = path + "_".join(dimensions) + "_grid"
        sizes = [dimension_of(group, name).size for name in dimensions]
        columns = {}
        for axis, name in enumerate(dimensions):
            coordinates = coordinates_of(group, name)
            columns[name] = spread(coordinates or list(range(sizes[axis])), [axis], sizes)
        for name, axes in auxiliary(group, dimensions, variables):
            columns[name] = spread(decoded(group.variables[name]), axes, sizes)
        for name, variable, is_letters in variables:
            if is_letters:
                columns[name] = [text.rstrip("\0") for text in netCDF4.chartostring(variable[:]).ravel().tolist()]
            elif is_bounds(group, name):
                of = group.variables[is_bounds(group, name)]
                columns[name] = timed(variable[:], of.units, getattr(of, "calendar", "standard"))
            else:
                columns[name] = decoded(variable)
        named[table] = columns
    for name, inner in group.groups.items():
        named.update(grids(inner, f"{path}{name}/"))
    return named


def auxiliary(group, dimensions, variables):
    names = {name for _, variable, _ in variables for name in getattr(variable, "coordinates", "").split()}
    for name, variable in group.variables.items():
        if name in names and variable.dimensions and set(variable.dimensions) < set(dimensions):
            yield name, [dimensions.index(dimension) for dimension in variable.dimensions]


def is_bounds(group, name):
    return next((of for of, variable in group.variables.items() if getattr(variable, "bounds", None) == name), None)


def dimension_of(group, name):
    while name not in group.dimensions:
        group = group.parent
    return group.dimensions[name]


def coordinates_of(group, name):
    while name not in group.dimensions:
        group = group.parent
    variable = group.variables.get(name)
    if variable is not None and variable.dtype == "S1" and variable.dimensions[:1] == (name,) and variable.ndim == 2:
        return [text.rstrip("\0") for text in netCDF4.chartostring(variable[:]).tolist()]
    return decoded(variable) if variable is not None and variable.dimensions == (name,) else None


def spread(values, axes, sizes):
    """Values of some axes, in the order of the cells of all."""
    own = [sizes[axis] for axis in axes]
    found = []
    for at in itertools.product(*map(range, sizes)):
        place = 0
        for axis, size in zip(axes, own):
            place = place * size + at[axis]
        found.append(values[place])
    return found


def same(found, expected):
    if isinstance(expected, float) and isinstance(found, (int, float)):
        return math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-300)
    return found == expected


def rows_of(server, path, **arguments):
    rows, next_path = [], path + ".json"
    arguments = {"_size": "max", "_shape": "arrays", "_extra": "columns", **arguments}
    columns = []
    while next_path:
        status, page = server.json(next_path, **arguments)
        if status != 200:
            raise SystemExit(f"{path}: {page}")
        rows += page["rows"]
        columns = page["columns"]
        following, arguments = page["next_url"], {}
        next_path = following and "/" + following.split("/", 3)[3]
    return columns, rows


def order_key(value):
    return (value is not None, 0 if value is None else value)


def check_grid(server, tally, database, name, expected):
    path = f"/{tilde(database)}/{tilde(name)}"
    columns, rows = rows_of(server, path)
    label = f"{database} {name}"
    tally.check(f"{label} columns", columns[1:], list(expected))
    tally.check(f"{label} rowids", [row[0] for row in rows], list(range(len(rows))))
    for place, (column, values) in enumerate(expected.items(), 1):
        if place >= len(columns):
            break
        found = [row[place] for row in rows]
        wrong = [(n, a, b) for n, (a, b) in enumerate(zip(found, values)) if not same(a, b)]
        tally.that(f"{label} {column}", len(found) == len(values) and not wrong,
                   f"{len(found)} and {len(values)} cells, {len(wrong)} differ: {wrong[:3]}")
        check_conditions(server, tally, label, path, column, values)
        check_order(server, tally, label, path, column, values)


def check_conditions(server, tally, label, path, column, values):
    known = sorted({value for value in values if value is not None}, key=order_key)
    if not known:
        return
    middle = known[len(known) // 2]
    for operator, holds in [
        ("exact", lambda value: value == middle), ("gt", lambda value: value > middle), ("lte", lambda value: value <= middle),
        ("not", lambda value: value != middle), ("isnull", None), ("notnull", None),
    ]:
        argument = {f"{column}__{operator}": "1" if holds is None else middle}
        status, page = server.json(path + ".json", _extra="count", _size=5, _shape="arrays", **argument)
        if holds is None:
            rows = [n for n, value in enumerate(values) if (value is None) == (operator == "isnull")]
        else:
            rows = [n for n, value in enumerate(values) if value is not None and holds(value)]
        found = status == 200 and (page["count"], [row[0] for row in page["rows"]])
        tally.check(f"{label} {column} {operator} {middle}", found or page, (len(rows), rows[:5]))


def check_order(server, tally, label, path, column, values):
    for argument, turned in [("_sort", False), ("_sort_desc", True)]:
        rows = sorted(range(len(values)), key=lambda n: order_key(values[n]))
        if turned:
            rows = sorted(range(len(values)), key=lambda n: order_key(values[n]), reverse=True)
            # Ties go by row number either way.
            rows = [n for _, run in itertools.groupby(rows, key=lambda n: values[n]) for n in sorted(run)]
        _, found = rows_of(server, path, **{argument: column, "_size": max(1, len(values) // 3)})
        tally.check(f"{label} by {column} {argument}", [row[0] for row in found], rows)


HOLDS = {
    "exact": lambda value, given: value == given,
    "not": lambda value, given: value != given,
    "gt": lambda value, given: value > given,
    "gte": lambda value, given: value >= given,
    "lt": lambda value, given: value < given,
    "lte": lambda value, given: value <= given,
}


def check_mixed(server, tally, database, name, expected, questions=40):
    """Several conditions and an order at a time, page by page."""
    path = f"/{tilde(database)}/{tilde(name)}"
    chance = random.Random(f"{database} {name}")
    usable = {column: values for column, values in expected.items() if any(value is not None for value in values)}
    for _ in range(questions if usable else 0):
        arguments, rows = {}, list(range(len(next(iter(expected.values())))))
        for column in chance.sample(list(usable), min(len(usable), chance.randint(1, 3))):
            values = usable[column]
            operator = chance.choice(list(HOLDS))
            given = chance.choice([value for value in values if value is not None])
            arguments[f"{column}__{operator}"] = given
            rows = [n for n in rows if values[n] is not None and HOLDS[operator](values[n], given)]
        if chance.random() < 0.7:
            column, turned = chance.choice(list(usable)), chance.random() < 0.5
            arguments["_sort_desc" if turned else "_sort"] = column
            values = usable[column]
            rows.sort(key=lambda n: order_key(values[n]), reverse=turned)
            rows = [n for _, run in itertools.groupby(rows, key=lambda n: values[n]) for n in sorted(run)]
        _, found = rows_of(server, path, **{**arguments, "_size": chance.choice([3, 17, 100])})
        tally.check(f"{database} {name} {arguments}", [row[0] for row in found], rows)
        status, page = server.json(path + ".json", _extra="count", _size=0, **arguments)
        tally.check(f"{database} {name} count {arguments}", status == 200 and page["count"], len(rows))


def make_all(folder):
    files = []
    for form in ["NETCDF4", *FORMS]:
        for make in (make_packed, make_times, make_odd):
            path = folder / f"{make.__name__[5:]}_{form.lower()}.nc"
            make(path, form)
            files.append(path)
    return files


FORMS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


def main():
    binary, *files = sys.argv[1:]
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = [pathlib.Path(file) for file in files] or make_all(folder)
        if (SHARED / "hdf5/data/climate.nc").exists():
            files.append(SHARED / "hdf5/data/climate.nc")
        make_scales(folder / "scales.h5")
        with serve(binary, *files, folder / "scales.h5", "--setting", "max_returned_rows", "5000",
                   "--setting", "sql_time_limit_ms", "30000") as server:
            for file in files:
                with netCDF4.Dataset(file) as opened:
                    if opened.data_model in FORMS:
                        raw(server, tally, file.stem, opened)
                    for name, columns in grids(opened).items():
                        # Its compounds and enumerations are among the facts.
                        if file.stem != "climate":
                            check_grid(server, tally, file.stem, name, columns)
                            check_mixed(server, tally, file.stem, name, columns)
            scales(server, tally)
            facts(server, tally)
    tally.end()


def raw(server, tally, database, opened):
    """The variables as they lie in a classic file: a row for each step of the first dimension."""
    opened.set_auto_maskandscale(False)
    opened.set_auto_chartostring(False)
    for name, variable in opened.variables.items():
        values = numpy.asarray(variable[...])
        if variable.dtype == "S1":
            values = values.astype("U1")
        cells = values.tolist() if variable.dimensions else [values.item()]
        cells = json.loads(json.dumps(cells).replace("NaN", "null"))
        _, rows = rows_of(server, f"/{tilde(database)}/{tilde(name)}")
        tally.check(f"{database} {name} as it is stored", [row[1] for row in rows], cells)
    opened.set_auto_maskandscale(True)


def scales(server, tally):
    hours, sites = [hour / 2 for hour in range(24)], ["a", "bb", "c"]
    columns = {
        "hour": spread(hours, [0], [24, 3]),
        "site": spread(sites, [1], [24, 3]),
        "temperature": [float(number) for number in range(72)],
        "wind/u": [float(number) for number in range(72)],
        "wind/v": [0.0] * 72,
    }
    check_grid(server, tally, "scales", "deep/group/hour_site_grid", columns)
    _, listed = server.json("/scales.json")
    names = [table["name"] for table in listed["tables"]]
    tally.check("scales: grids", [name for name in names if name.endswith("_grid")], ["deep/group/hour_site_grid"])


def facts(server, tally):
    """The decoded variables and the conditions of the shared facts."""
    path = SHARED / "hdf5/facts/climate.nc.netcdf.json"
    if not path.exists():
        return tally.skip("climate.nc", f"{path} is not here")
    told = json.loads(path.read_text())
    grid = "/climate/time_lat_lon_grid"
    for fact in told["conditions"]:
        name = fact["path"].lstrip("/")
        condition = fact["sql"].replace("value", name)
        status, page = server.json(grid + ".json", _where=condition, _extra="count", _size=3)
        found = status == 200 and (page["count"], [row["rowid"] for row in page["rows"]])
        tally.check(f"climate {condition}", found or page, (fact["count"], fact["first_positions"]))
        sql = f"select count(*), max(rowid) from time_lat_lon_grid where {condition}"
        _, answer = server.json("/climate/-/query.json", sql=sql, _shape="arrays")
        tally.check(f"climate {condition} by SQL", answer.get("rows", answer), [[fact["count"], fact["last_position"]]])
    for fact in told["variables"]:
        if "decoded" not in fact or fact["path"] in ("/time", "/crs"):
            continue
        group, name = fact["path"].rsplit("/", 1)
        dimensions = fact["dimensions"]
        table = "/".join(part for part in [group.lstrip("/"), "_".join(dimensions) + "_grid"] if part)
        if dimensions == [name]:
            continue
        columns, rows = rows_of(server, f"/climate/{tilde(table)}")
        values = [row[columns.index(name)] for row in rows]
        known = [value for value in values if value is not None]
        stats = fact["decoded"]["stats"]
        tally.check(f"climate {name} cells", len(known), stats["n"])
        total = stats.get("sum", stats.get("sum_of_finite"))
        tally.that(f"climate {name} sum", math.isclose(math.fsum(known), total, rel_tol=1e-9, abs_tol=1e-9), math.fsum(known))
        tally.that(f"climate {name} bounds", same(min(known), stats["min"]) and same(max(known), stats["max"]), (min(known), max(known)))
        first = fact["decoded"]["first"]
        tally.that(f"climate {name} first", all(map(same, values, first)), values[:3])
        tally.that(f"climate {name} last", same(values[-1], fact["decoded"]["last"]), values[-1])


if __name__ == "__main__":
    main()
