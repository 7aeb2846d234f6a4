"""Holds the HTTP API against the facts about HDF5 files in the shared folder: columns, row counts, first and last rows,
sums, and the row numbers of every condition of every node; and every broken file.

    python tests/hdf5_facts.py TABLECAST [FACTS.json ...]
"""

import base64
import json
import math
import pathlib
import sys

from server import SHARED, Tally, serve, tilde

SETTINGS = [
    "--setting", "max_returned_rows", "20000",
    "--setting", "sql_time_limit_ms", "60000",
    "--setting", "facet_time_limit_ms", "60000",
]


def shown(value):
    """A fact's value as the API shows it."""
    if isinstance(value, list):
        return [shown(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$float" in value:
        return None
    if "$complex" in value:
        real, imaginary = value["$complex"]
        return {"r": shown(real), "i": shown(imaginary)}
    if "$ref" in value:
        return value["$ref"]
    if "$hex" in value:
        encoded = base64.b64encode(bytes.fromhex(value["$hex"])).decode()
        return {"$base64": True, "encoded": encoded}
    return {name: shown(item) for name, item in value.items()}


SPECIAL = {"$float", "$complex", "$hex", "$ref", "$region", "r", "i", "$base64"}


def flat(row, prefix=""):
    """A compound row with nested members as columns `outer/inner`."""
    columns = {}
    for name, value in row.items():
        if isinstance(value, dict) and not SPECIAL & set(value):
            columns.update(flat(value, f"{prefix}{name}/"))
        else:
            columns[prefix + name] = value
    return columns


def expected_row(node, value):
    return flat(shown(value)) if is_compound(node) else {"value": shown(value)}


def is_compound(node):
    if "columns" in node:
        return True
    first = (node.get("first_rows") or [None])[0]
    return isinstance(first, dict) and not SPECIAL & set(first)


def column_names(node):
    if node.get("first_rows"):
        return list(expected_row(node, node["first_rows"][0]))
    if "columns" in node:
        parents = {name.rsplit("/", 1)[0] for name in (c["name"] for c in node["columns"]) if "/" in name}
        return [c["name"] for c in node["columns"] if c["name"] not in parents]
    return ["value"]


def same(found, expected):
    """Equality, with reals to a relative 1e-9."""
    if isinstance(expected, float) and isinstance(found, (int, float)) and not isinstance(found, bool):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, dict) and "$region" in expected:
        # The path, and the selection as text in the notation of slices.
        return isinstance(found, str) and found.startswith(expected["$region"] + "[")
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(same(found[k], expected[k]) for k in expected)
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def leaves(value):
    """All scalars of a cell, nulls left out."""
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None:
        yield value


class File:
    """One served file and its facts."""

    def __init__(self, server, name, tally):
        self.server, self.name, self.tally = server, name, tally
        self.database = "/" + tilde(pathlib.Path(name).stem)

    def sql(self, sql):
        return self.server.json(self.database + "/-/query.json", sql=sql, _shape="arrays")

    def node(self, node):
        label = f"{self.name}{node['path']}"
        table = self.database + "/" + tilde(node["path"].lstrip("/"))
        status, page = self.server.json(table + ".json", _size=3, _extra="columns,count,primary_keys")
        if status != 200:
            return self.tally.check(label, (status, page.get("error")), (200, None))
        names = column_names(node)
        rowless = [name for name in page["columns"] if name != "rowid"]
        self.tally.check(f"{label} columns", rowless, names)
        self.rows(label, table, node, page["rows"])
        self.count(label, node, page)
        self.sums(label, table, node, names)

    def rows(self, label, table, node, rows):
        values = node.get("first_rows", [node["value"]] if "value" in node else [])
        for number, value in enumerate(values):
            expected = {"rowid": number, **expected_row(node, value)}
            found = rows[number] if number < len(rows) else None
            self.tally.that(f"{label} row {number}", same(found, expected), f"{found} instead of {expected}"[:400])
        if node["nrows"] and node.get("last_row") is not None:
            status, page = self.server.json(f"{table}/{node['nrows'] - 1}.json")
            expected = {"rowid": node["nrows"] - 1, **expected_row(node, node["last_row"])}
            found = page["rows"][0] if status == 200 else page
            self.tally.that(f"{label} last row", same(found, expected), f"{found} instead of {expected}"[:400])

    def count(self, label, node, page):
        expected = node["nrows"]
        if expected > 10_000:
            self.tally.check(f"{label} truncated count", page["count"], 10_001)
        else:
            self.tally.check(f"{label} count", page["count"], expected)
        quoted = node["path"].lstrip("/")
        status, answer = self.sql(f"select count(*) from [{quoted}]")
        self.tally.check(f"{label} count by SQL", answer.get("rows", answer), [[expected]])

    def sums(self, label, table, node, names):
        stats = {name: fact for name, fact in node.get("stats", {}).items() if name in names}
        if not stats:
            return
        totals = {name: [] for name in stats}
        path = f"{table}.json?_size=max&_shape=objects"
        seen = 0
        while path:
            status, page = self.server.json(path)
            if status != 200:
                return self.tally.check(f"{label} all rows", (status, page.get("error")), (200, None))
            seen += len(page["rows"])
            for name, cells in totals.items():
                for row in page["rows"]:
                    cells.extend(leaves(row[name]))
            following = page["next_url"]
            path = following and "/" + following.split("/", 3)[3]
        self.tally.check(f"{label} all rows", seen, node["nrows"])
        for name, fact in stats.items():
            self.column_facts(f"{label} {name}", fact, totals[name])

    def column_facts(self, label, fact, cells):
        if "true" in fact:
            return self.tally.check(f"{label} true", sum(cells), fact["true"])
        if "distinct" in fact:
            self.tally.check(f"{label} distinct", len(set(map(str, cells))), fact["distinct"])
        finite = len(cells)
        if "nan" in fact:
            infinite = sum(1 for f in (fact.get("min"), fact.get("max")) if isinstance(f, dict))
            expected = fact["n"] - fact["nan"]
            self.tally.that(f"{label} not null", expected - infinite * fact["n"] <= finite <= expected,
                            f"{finite} of {expected}")
        elif "n" in fact and "real" not in fact:
            self.tally.check(f"{label} cells", finite, fact["n"])
        for what, aggregate in (("sum", sum), ("sum_of_finite", math.fsum), ("min", min), ("max", max)):
            if what in fact and not isinstance(fact[what], dict) and cells:
                found = aggregate(cells)
                self.tally.that(f"{label} {what}", same(found, fact[what]), f"{found} instead of {fact[what]}")

    def condition(self, fact):
        table = fact["path"].lstrip("/")
        sql = fact["sql"].replace("(NaN)", "").strip()
        label = f"{self.name} {table}: {sql}"
        first, last = fact["first_row_numbers"], fact["last_row_number"]
        status, answer = self.sql(f"select count(*), max(rowid) from [{table}] where {sql}")
        self.tally.check(label, answer.get("rows", answer.get("error")), [[fact["count"], last]])
        status, answer = self.sql(f"select rowid from [{table}] where {sql} order by rowid limit {len(first)}")
        self.tally.check(f"{label} rows", answer.get("rows", answer.get("error")), [[n] for n in first])
        path = self.database + "/" + tilde(table) + ".json"
        status, page = self.server.json(path, _where=sql, _size=len(first) or 1, _extra="count")
        found = status == 200 and (page["count"], [row["rowid"] for row in page["rows"]])
        self.tally.check(f"{label} as _where", found or page.get("error"), (min(fact["count"], 10_001), first))


def resolved(nodes):
    """The nodes that are tables: links take the facts of what they lead to."""
    by_path = {node["path"]: node for node in nodes}
    for node in nodes:
        target = by_path.get(node.get("same_as") or node.get("target"))
        if node["kind"] in ("hard_link", "soft_link") and target and "nrows" in target:
            yield {**target, "path": node["path"]}
        elif "nrows" in node and node.get("shape", ()) is not None:
            yield node


def good_files(binary, tally, chosen):
    for path in chosen:
        facts = json.loads(path.read_text())
        with serve(binary, SHARED / "hdf5" / "data" / facts["file"], *SETTINGS) as server:
            file = File(server, facts["file"], tally)
            for node in resolved(facts["nodes"]):
                file.node(node)
            for condition in facts.get("conditions", []):
                file.condition(condition)


def broken_files(binary, tally):
    """Each broken file beside a good one, which stays served."""
    folder = SHARED / "hdf5" / "data"
    good = folder / "test_tables.h5"
    for fact in json.loads((SHARED / "hdf5" / "facts" / "broken.json").read_text())["files"]:
        path = folder / fact["file"]
        with serve(binary, good, path, *SETTINGS) as server:
            status, _ = server.json("/test_tables/group1~2Ftable1.json")
            tally.check(f"{fact['file']} leaves the others", status, 200)
            database = "/" + tilde(path.stem)
            if not fact["hdf5_library_opens"]:
                status, _ = server.json(database + ".json")
                tally.that(f"{fact['file']} is refused", status in (404, 500, 503), f"status {status}")
                continue
            for dataset in fact["datasets"]:
                damaged(server, database, dataset, tally)


def damaged(server, database, dataset, tally):
    rows = dataset["shape"][0]
    bad = {row for start, end in dataset["row_ranges_that_cannot_be_read"] for row in range(start, end)}
    table = database + "/" + tilde(dataset["path"].lstrip("/"))
    for row in range(0, rows, 50):
        status, answer = server.json(f"{table}/{row}.json")
        if row in bad:
            named = dataset["path"].lstrip("/") in answer.get("error", "")
            tally.that(f"{table}/{row}", status >= 400 and named, f"{status} {answer}"[:300])
        else:
            expected = row * 2654435761 % 100003
            value = answer["rows"][0].get("value") if status == 200 else answer
            right = status == 200 and (value == expected or dataset["path"] != "/data")
            tally.that(f"{table}/{row}", right, f"{value}, not {expected}")


def main():
    binary, *chosen = sys.argv[1:]
    tally = Tally()
    facts = SHARED / "hdf5" / "facts"
    if not facts.is_dir():
        tally.skip("the facts about HDF5 files", f"{facts} is not here")
        tally.end()
    files = [p for p in sorted(facts.glob("*.json")) if p.name.count(".") == 2]
    good_files(binary, tally, [facts / name for name in chosen] or files)
    if not chosen:
        broken_files(binary, tally)
    tally.end()


main()
