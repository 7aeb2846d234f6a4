"""Days of times with a zone, and names of enumerated values, in filters, facets and SQL alike.

    python tests/hdf5_facets.py TABLECAST

Needs h5py, pandas and tables.
"""

import collections
import pathlib
import sys
import tempfile

import h5py
import numpy
import pandas

from server import Tally, serve


def days(tally, binary, folder):
    times = pandas.date_range("2024-02-28", periods=300, freq="53min", tz="America/New_York")
    pandas.DataFrame({"at": times}).to_hdf(folder / "times.h5", key="frame", format="table")
    wanted = collections.Counter(str(time.tz_convert("UTC").date()) for time in times)
    with serve(binary, folder / "times.h5") as server:
        for day, count in wanted.items():
            _, found = server.json("/times/frame.json", at__date=day, _extra="count", _size=0)
            tally.check(f"rows of {day}", found.get("count"), count)
        _, found = server.json("/times/frame.json", _facet_date="at", _size=0)
        facets = found["facet_results"]["results"]["at"]["results"]
        tally.check("days as a facet", {facet["value"]: facet["count"] for facet in facets}, dict(wanted))
        _, found = server.json("/times/-/query.json", sql="select date(at) as day, count(*) as n from frame group by 1", _shape="array")
        tally.check("days in SQL", {row["day"]: row["n"] for row in found}, dict(wanted))


def names(tally, binary, folder):
    with h5py.File(folder / "colours.h5", "w") as file:
        kind = h5py.enum_dtype({"red": 1, "green": 2}, basetype="i1")
        file.create_dataset("colours", data=numpy.array([1, 2, 1, 1, 3], dtype="i1"), dtype=kind)
    with serve(binary, folder / "colours.h5") as server:
        _, found = server.json("/colours/colours.json", _facet="value", _labels="on", _size=0)
        facets = found["facet_results"]["results"]["value"]["results"]
        shown = [(facet["value"], facet["label"], facet["count"]) for facet in facets]
        tally.check("names in a facet", shown, [(1, "red", 3), (2, "green", 1), (3, 3, 1)])
        _, _, page = server.get("/colours/colours?_facet=value")
        tally.that("names in a page's facet", b">red<" in page.replace(b"\n", b"").replace(b" ", b""), "")


def main():
    tally = Tally()
    for part in (days, names):
        with tempfile.TemporaryDirectory() as folder:
            part(tally, pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(folder))
    tally.end()


if __name__ == "__main__":
    main()
