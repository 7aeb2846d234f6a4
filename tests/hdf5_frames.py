"""Holds decoded pandas frames against the facts about them in the shared folder: columns with the index first, rows,
counts, sums and conditions; and against any other file with what pandas read in it beside it.

    python tests/hdf5_frames.py TABLECAST [FILE.h5 ...]

`FILE.h5.json` says of each key `{"columns": […], "rows": [[…], …]}`, or `{"refused": "part of the reason"}`.
"""

import json
import math
import pathlib
import sqlite3
import sys

from server import SHARED, Tally, serve, tilde

# Columns of a frame that conditions are put to.
COLUMNS = 20
SQLITE = sqlite3.connect(":memory:")
SETTINGS = [
    "--setting", "max_returned_rows", "20000",
    "--setting", "sql_time_limit_ms", "60000",
]


def same(found, expected):
    """Equality, with reals to a relative 1e-9."""
    if isinstance(expected, dict) and "$float" in expected:
        return found is None
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(same(found[k], expected[k]) for k in expected)
    if isinstance(expected, (list, tuple)) and isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float) and isinstance(found, (int, float)) and not isinstance(found, bool):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def shown_value(text):
    """A facet's value: booleans are 0 and 1 there."""
    value = json.loads(text)
    return int(value) if isinstance(value, bool) else value


def conditions(cells):
    """Conditions on a column of these cells: operator, value, and whether it holds of a cell."""
    known = [cell for cell in cells if cell is not None]
    yield "isnull", "1", lambda cell: cell is None
    yield "notnull", "1", lambda cell: cell is not None
    if not known or not all(isinstance(cell, (str, int, float)) for cell in known):
        return
    middle = known[len(known) // 2]
    some = [middle, known[0]]
    yield "in", json.dumps(some), lambda cell: cell in some
    yield "notin", json.dumps(some), lambda cell: cell is not None and cell not in some
    if not isinstance(middle, str):
        values = [middle, 0.5, -1] if isinstance(middle, float) else [int(middle), 1]
    else:
        values = [middle, middle[:max(1, len(middle) // 2)], middle[:-1] + "~"]
    for value in values:
        yield from compared(value)
    if isinstance(middle, str) and middle.isascii() and not set(middle) & set("%_*?["):
        upper, part = middle.upper(), middle[1:-1].upper()
        yield "startswith", middle[:6].lower(), lambda cell: cell is not None and cell.upper().startswith(upper[:6])
        yield "endswith", middle[-4:], lambda cell: cell is not None and cell.upper().endswith(upper[-4:])
        yield "contains", middle[1:-1], lambda cell: cell is not None and part in cell.upper()
        yield "notcontains", middle[1:-1], lambda cell: cell is not None and part not in cell.upper()
        yield "like", middle, lambda cell: cell is not None and cell.upper() == upper
        yield "glob", middle[:5] + "*", lambda cell: cell is not None and cell.startswith(middle[:5])
        if len(middle) > 10 and middle[10] == "T":
            today = day(middle)
            yield "date", today, lambda cell: cell is not None and day(cell) == today
            yield "date", middle[:9], lambda cell: False


def day(text):
    """The day of a time as SQLite has it: by universal time."""
    return SQLITE.execute("select date(?)", (text,)).fetchone()[0]


def compared(value):
    """The comparisons with one value."""
    for operator, holds in (("exact", lambda a, b: a == b), ("not", lambda a, b: a != b), ("gt", lambda a, b: a > b),
                            ("gte", lambda a, b: a >= b), ("lt", lambda a, b: a < b), ("lte", lambda a, b: a <= b)):
        yield operator, value, lambda cell, holds=holds: cell is not None and holds(cell, value)


class File:
    """One served file."""

    def __init__(self, server, path, tally):
        self.server, self.tally = server, tally
        self.name = path.name
        self.database = "/" + tilde(path.stem)

    def table(self, key, **arguments):
        path = f"{self.database}/{tilde(key.lstrip('/'))}.json"
        return self.server.json(path, _shape="arrays", _size="max", **arguments)

    def frame(self, fact):
        """A frame of the facts: some rows, and what its columns come to."""
        label = f"{self.name}{fact['key']}"
        status, page = self.table(fact["key"], _extra="columns,count,metadata")
        if status != 200:
            return self.tally.check(label, (status, page.get("error")), (200, None))
        index = [name or ("index" if len(fact["index"]["names"]) == 1 else f"level_{level}")
                 for level, name in enumerate(fact["index"]["names"])]
        names = [column["name"] for column in fact["columns"]]
        self.tally.check(f"{label} columns", page["columns"], ["rowid", *index, *names])
        self.tally.check(f"{label} count", page["count"], fact["nrows"])
        rows = page["rows"]
        labels = [*fact["index"]["first"], fact["index"]["last"]]
        cells = [*fact["first_rows"], fact["last_row"]]
        for at, (place, row) in enumerate(zip(labels, cells)):
            found = rows[at if at + 1 < len(cells) else -1]
            expected = [*(place if len(index) > 1 else [place]), *(row[name] for name in names)]
            self.tally.that(f"{label} row {at}", same(found[1:], expected), f"{found} instead of {expected}"[:300])
        for name, stats in fact.get("stats", {}).items():
            at = page["columns"].index(name)
            cells = [row[at] for row in rows if row[at] is not None]
            self.tally.check(f"{label} {name} not null", len(cells), stats["n"] - stats.get("nan", 0))
            for what, aggregate in (("sum", sum), ("sum_of_finite", math.fsum), ("min", min), ("max", max), ("true", sum)):
                if what in stats:
                    found = aggregate(cells)
                    self.tally.that(f"{label} {name} {what}", same(found, stats[what]), f"{found}, not {stats[what]}")

    def condition(self, fact):
        key, sql = fact["key"].lstrip("/"), fact["sql"].replace("(NaN)", "").replace("index ", '"index" ').strip()
        first, last = fact["first_row_numbers"], fact["last_row_number"]
        label = f"{self.name} {key}: {sql}"
        status, answer = self.server.json(
            self.database + "/-/query.json", _shape="arrays",
            sql=f"select count(*), min(rowid), max(rowid) from [{key}] where {sql}")
        self.tally.check(label, answer.get("rows", answer.get("error")), [[fact["count"], first[0], last]])
        status, page = self.table(key, _where=sql, _extra="count")
        found = status == 200 and (page["count"], [row[0] for row in page["rows"][:len(first)]])
        self.tally.check(f"{label} as _where", found or page.get("error"), (fact["count"], first))

    def whole(self, key, fact):
        """A frame that is known whole."""
        label = f"{self.name} {key}"
        status, page = self.table(key, _extra="columns,count")
        if "refused" in fact:
            reason = page.get("error", "")
            return self.tally.that(label, status >= 400 and fact["refused"] in reason, f"{status} {reason}")
        if status != 200:
            return self.tally.check(label, (status, page.get("error")), (200, None))
        names = [name for name in page["columns"] if name != "rowid"]
        self.tally.check(f"{label} columns", names, fact["columns"])
        self.tally.check(f"{label} count", page["count"], len(fact["rows"]))
        skip = len(page["columns"]) - len(names)
        wrong = [(found[skip:], expected) for found, expected in zip(page["rows"], fact["rows"])
                 if not same(found[skip:], expected)]
        self.tally.that(f"{label} rows", not wrong, f"{len(wrong)} differ: {wrong[:1]}"[:400])
        if wrong or not skip:
            return
        for at, name in enumerate(fact["columns"][:COLUMNS]):
            cells = [row[at] for row in fact["rows"]]
            for operator, value, holds in conditions(cells):
                self.filtered(key, name, operator, value, [row for row, cell in enumerate(cells) if holds(cell)])
            if all(cell is None or isinstance(cell, (str, int, float)) for cell in cells):
                self.arranged(key, name, cells)

    def filtered(self, key, name, operator, value, expected):
        """What a condition leaves, by an argument and by SQL."""
        label = f"{self.name} {key}: {name}__{operator}={value}"
        status, page = self.table(key, **{f"{name}__{operator}": value}, _col=name)
        found = [row[0] for row in page["rows"]] if status == 200 else page.get("error")
        self.tally.check(label, found, expected)

    def arranged(self, key, name, cells):
        """Order and facets."""
        label = f"{self.name} {key}: {name}"
        status, page = self.table(key, _sort_desc=name, _facet=name, _facet_size="max", _extra="columns,facet_results")
        if status != 200:
            return self.tally.check(f"{label} sorted", page.get("error"), None)
        at = page["columns"].index(name)
        known = sorted((cell for cell in cells if cell is not None), reverse=True)
        found = [row[at] for row in page["rows"]]
        self.tally.that(f"{label} sorted", same(found, known + [None] * (len(cells) - len(known))), f"{found}"[:200])
        counts = {json.dumps(cell): sum(1 for other in cells if other == cell) for cell in cells}
        facets = page["facet_results"]["results"].get(name, {"results": []})["results"]
        if len(counts) <= 100 and not any(isinstance(cell, float) for cell in cells):
            found = {json.dumps(facet["value"]): facet["count"] for facet in facets}
            shown = {name: count for name, count in counts.items() if name in found or name != "null"}
            self.tally.check(f"{label} facet", found, {json.dumps(shown_value(name)): count for name, count in shown.items()})


def main():
    binary, *chosen = sys.argv[1:]
    tally = Tally()
    facts = SHARED / "hdf5" / "facts"
    if not chosen and not facts.is_dir():
        tally.skip("the facts about pandas frames", f"{facts} is not here")
    for path in [] if chosen else sorted(facts.glob("*.frames.json")):
        fact = json.loads(path.read_text())
        data = SHARED / "hdf5" / "data" / fact["file"]
        with serve(binary, data, *SETTINGS) as server:
            file = File(server, data, tally)
            for frame in fact["frames"]:
                file.frame(frame)
            for condition in fact["conditions"]:
                file.condition(condition)
    for path in map(pathlib.Path, chosen):
        with serve(binary, path, *SETTINGS) as server:
            file = File(server, path, tally)
            for key, fact in json.loads(pathlib.Path(f"{path}.json").read_text()).items():
                file.whole(key, fact)
    tally.end()


main()
