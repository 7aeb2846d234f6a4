"""How many of the reading queries of SQLite's public sqllogictest files the engine answers as SQLite does.

    python bench/sqllogictest.py --tablecast BINARY --tests GIT_REPOSITORY [--files N] [--queries N]

The repository is a clone (with or without a work tree) that has the files below `test/`. Statements run in SQLite; before a
query, the tables and views are written as Parquet files, which Tablecast serves. Of each folder of tests, some files, and
of each file, some queries, both spread evenly. Needs pyarrow.
"""

import argparse
import collections
import json
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import urllib.parse



import pyarrow
import pyarrow.parquet

from serving import server


def listed(repository):
    """The test files of each folder."""
    names = subprocess.run(["git", "-C", repository, "ls-tree", "-r", "--name-only", "HEAD", "test"], capture_output=True, text=True, check=True)
    folders = collections.defaultdict(list)
    for name in names.stdout.split("\n"):
        if name.endswith(".test"):
            folders[name.rsplit("/", 1)[0]].append(name)
    return folders


def spread(items, count):
    """At most `count` of the items, evenly spread."""
    if count is None or len(items) <= count:
        return items
    return [items[at * len(items) // count] for at in range(count)]


def records(text):
    """Each statement and query: kind, types, sort mode, SQL."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = [line for line in block.split("\n") if line.strip() and not line.startswith("#")]
        conditions = []
        while lines and lines[0].split()[0] in ("skipif", "onlyif"):
            conditions.append(lines.pop(0).split()[:2])
        if any((word == "onlyif") != (name == "sqlite") for word, name in conditions) or not lines:
            continue
        words = lines[0].split()
        if words[0] == "halt":
            return
        if words[0] == "statement":
            yield "statement", None, None, "\n".join(lines[1:])
        elif words[0] == "query":
            end = lines.index("----") if "----" in lines else len(lines)
            mode = words[2] if len(words) > 2 else "nosort"
            yield "query", words[1], mode, "\n".join(lines[1:end])


def shown(rows, types, mode):
    """Rows as the tests write them, in the order in which they compare."""

    def cell(value, kind):
        if value is None:
            return "NULL"
        if kind == "I":
            try:
                return str(int(value))
            except (TypeError, ValueError, OverflowError):
                return "0"
        if kind == "R":
            try:
                return f"{float(value):.3f}"
            except (TypeError, ValueError):
                return "0.000"
        return str(value) if value != "" else "(empty)"

    rows = [[cell(value, kind) for value, kind in zip(row, types)] for row in rows]
    if mode == "rowsort":
        return sorted(rows)
    if mode == "valuesort":
        return sorted(value for row in rows for value in row)
    return rows


def dumped(database, folder):
    """Every table and view as a Parquet file."""
    kinds = {"I": pyarrow.int64(), "R": pyarrow.float64(), "T": pyarrow.string()}
    for (name,) in database.execute("select name from sqlite_master where type in ('table', 'view')").fetchall():
        columns = database.execute(f'select name, type from pragma_table_info("{name}")').fetchall()
        rows = database.execute(f'select * from "{name}"').fetchall()
        arrays = {}
        for at, (column, declared) in enumerate(columns):
            declared = declared.upper()
            kind = "I" if "INT" in declared else "T" if re.search("CHAR|TEXT|CLOB", declared) else "R" if declared else None
            values = [row[at] for row in rows]
            if kind is None:
                kind = "I" if all(value is None or isinstance(value, int) for value in values) else "R"
                kind = "T" if any(isinstance(value, str) for value in values) else kind
            arrays[column] = pyarrow.array(values, kinds[kind])
        pyarrow.parquet.write_table(pyarrow.table(arrays), folder / f"{name}.parquet")


class Counts(collections.Counter):
    def line(self):
        asked = sum(self.values()) or 1
        parts = (f"{self[name]} {name} ({100 * self[name] / asked:.2f} %)" for name in ("same", "refused", "different"))
        return f"{asked} queries: " + ", ".join(parts)


def asked(connection, sql):
    path = "/db/-/query.json?" + urllib.parse.urlencode({"sql": sql, "_shape": "arrays"})
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def run(binary, text, wanted, reasons, refusals, samples):
    counts = Counts()
    everything = list(records(text))
    queries = [at for at, record in enumerate(everything) if record[0] == "query"]
    chosen = set(spread(queries, wanted))
    database = sqlite3.connect(":memory:")
    at = 0
    while at < len(everything):
        kind, _, _, sql = everything[at]
        if kind == "statement":
            try:
                database.execute(sql)
            except sqlite3.Error:
                pass
            at += 1
            continue
        end = at
        while end < len(everything) and everything[end][0] == "query":
            end += 1
        if not chosen & set(range(at, end)):
            at = end
            continue
        with tempfile.TemporaryDirectory() as folder:
            location = pathlib.Path(folder) / "db"
            location.mkdir()
            dumped(database, location)
            settings = ["-s", "max_returned_rows", "1000000", "-s", "sql_time_limit_ms", "20000"]
            pyarrow.parquet.write_table(pyarrow.table({"nothing": [1]}), location / "nothing.parquet")
            with server(binary, "serve", location, *settings) as connection:
                for place in sorted(chosen & set(range(at, end))):
                    _, types, mode, sql = everything[place]
                    try:
                        right = shown(database.execute(sql).fetchall(), types, mode)
                    except sqlite3.Error:
                        continue
                    found = asked(connection, sql)
                    if not found.get("ok"):
                        counts["refused"] += 1
                        reason = re.sub(r'"[^"]*"|\d+|tab\w*', "…", found["error"])[:100]
                        reasons[reason] += 1
                        refusals.setdefault(reason, " ".join(sql.split()))
                    elif shown(found["rows"], types, mode) == right:
                        counts["same"] += 1
                    else:
                        counts["different"] += 1
                        samples.append((sql, str(shown(found["rows"], types, mode))[:200], str(right)[:200]))
        at = end
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tablecast", required=True)
    parser.add_argument("--tests", required=True)
    parser.add_argument("--files", type=int, default=5, help="of each folder")
    parser.add_argument("--only", default="", help="folders whose names hold this")
    parser.add_argument("--queries", type=int, default=400, help="of each file")
    arguments = parser.parse_args()
    whole, reasons, refusals, samples = Counts(), collections.Counter(), {}, []
    for folder, names in sorted(listed(arguments.tests).items()):
        if arguments.only not in folder:
            continue
        counts = Counts()
        for name in spread(names, arguments.files):
            text = subprocess.run(["git", "-C", arguments.tests, "show", f"HEAD:{name}"], capture_output=True, text=True, check=False)
            if text.returncode == 0:
                counts.update(run(arguments.tablecast, text.stdout, arguments.queries, reasons, refusals, samples))
        if sum(counts.values()):
            print(f"{folder}: {counts.line()}", flush=True)
        whole.update(counts)
    print(f"all: {whole.line()}")
    for reason, count in reasons.most_common(15):
        print(f"  refused {count} times: {reason}\n    {refusals[reason][:300]}")
    for sql, found, right in samples[:10]:
        print(f"  different: {sql}\n    {found}\n    {right}")


if __name__ == "__main__":
    main()
