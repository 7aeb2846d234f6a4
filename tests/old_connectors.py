"""Every HDF5 file that an old connector opens, served through it and read in the program's own way: what the old one gives
has to be right, and what it cannot give has to be refused.

    python tests/old_connectors.py TABLECAST

datasette-pytables 2.0.1 has to be importable by this Python.
"""

import sys

from server import SHARED, Tally, serve, tilde

OLD = ["--connector", "python:datasette_pytables:PyTablesConnector", "--python", sys.executable]
LIMITS = ["--setting", "sql_time_limit_ms", "20000", "--setting", "facet_time_limit_ms", "20000"]


def plain(rows):
    """Rows by position, without row numbers, in a form that compares whatever the types of texts are."""
    return [[value for name, value in row.items() if name != "rowid"] for row in rows]


def same_value(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return a == b or (a is not None and b is not None and abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1))
    return a == b


def compare(tally, old, new, table, columns):
    """The questions that show whether rows, order, counts and conditions are right. Returns how many were answered."""
    there = new["table"]
    first = columns[0]
    questions = [{"_size": 3}, {"_size": 5}, {"_size": 5, "_sort_desc": first}, {"_size": 0, "_extra": "count"}]
    status, body = new["server"].json(there, _size=3, _shape="array")
    if status == 200 and body and isinstance(body[-1].get(first), (int, float, str)):
        questions += [{f"{first}__gt": body[0][first], "_size": 3}, {first: body[-1][first], "_size": 0, "_extra": "count"}]
    answered = 0
    for question in questions:
        status, found = old.json(f"/{new['name']}/{tilde(table)}.json", **question)
        right_status, right = new["server"].json(there, **question)
        if status != 200:
            tally.that(f"{new['name']} {table} {question}: a reason", bool(found.get("error")), str(found)[:200])
            continue
        answered += 1
        if right_status != 200:
            continue
        rows, wanted = plain(found["rows"]), plain(right["rows"])
        # The old connector writes arrays within cells as texts of its own.
        if any(isinstance(value, (list, dict)) for row in wanted for value in row):
            continue
        same = len(rows) == len(wanted) and all(
            len(a) == len(b) and all(map(same_value, a, b)) for a, b in zip(rows, wanted)
        )
        tally.that(f"{new['name']} {table} {question}: rows", same, f"{rows[:2]} instead of {wanted[:2]}")
        tally.check(f"{new['name']} {table} {question}: count", found.get("count"), right.get("count"))
    return answered


def main(binary):
    tally = Tally()
    files = sorted((SHARED / "hdf5" / "data").glob("*.h5"))
    if not files:
        tally.skip("old connectors", "the HDF5 files are not here")
        tally.end()
    answered = 0
    for file in files:
        try:
            with serve(binary, file, *OLD, *LIMITS) as old, serve(binary, file, *LIMITS) as server:
                status, listed = old.json(f"/{tilde(file.stem)}.json")
                if status != 200:
                    print(f"{file.name}: {listed.get('error')}")
                    continue
                for table in listed["tables"]:
                    name = table["name"]
                    address = f"/{tilde(file.stem)}/{tilde(name.lstrip('%').replace('%', '/'))}.json"
                    status, info = server.json(address, _size=0, _extra="columns")
                    columns = [column for column in table["columns"] if column != "rowid"]
                    if status == 200 and columns == [column for column in info["columns"] if column != "rowid"]:
                        new = {"server": server, "table": address, "name": tilde(file.stem)}
                        answered += compare(tally, old, new, name, columns)
        except SystemExit as refused:
            print(f"{file.name}: {str(refused).strip().splitlines()[-1][:200]}")
    tally.that("questions were answered", answered > 100, f"{answered} were")
    tally.end()


main(sys.argv[1])
