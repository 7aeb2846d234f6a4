"""Asks every question that the forerunner was asked about `test_tables.h5`, by its old address, and checks the right
answer, those included where the forerunner's was wrong.

    python tests/seed_questions.py TABLECAST [PYTHON]

With PYTHON, an interpreter in which datasette-pytables 2.0.1 is installed, that old connector reads the file.

Old addresses redirect to new ones. Rows are compared by value, whatever their shape; `_next` follows the server's own.
"""

import csv
import io
import json
import sys

from server import SHARED, Tally, serve


def particle(number):
    return {"identity": f"This is particle: {number:2d}", "idnumber": number, "speed": number * 2.0}


def particles(*numbers):
    return [particle(number) for number in numbers]


def ids(*numbers):
    return [{"idnumber": number} for number in numbers]


def values(*items):
    return [{"value": item} for item in items]


def text_with(ending):
    """The particles whose text ends so, at most a page of them."""
    return [p for p in map(particle, range(10_000)) if p["identity"].endswith(ending)][:100]


FIRST, SECOND = particles(0, 1, 2), particles(3, 4, 5)
EVERY_999 = [p for p in map(particle, range(10_000)) if "999" in p["identity"]]

# The right answer of each question: rows, or (status, what the error says).
RIGHT = {
    "table_raw_percent": particles(0, 1),
    "table_objects": FIRST,
    "table_array": FIRST,
    "table_array_nl": FIRST,
    "table_shape_invalid": (400, "Invalid _shape"),
    "table_size_max": particles(*range(1000)),
    "table_size_too_big": (400, "_size must be <= 1000"),
    "table_size_negative": (400, "_size must be"),
    "table_next_page": SECOND,
    "root_group_as_table": (404, "not found"),
    "sort_speed": FIRST,
    "sort_desc_speed": particles(9999, 9998, 9997),
    "sort_unknown": (400, "Cannot sort table by nosuch"),
    "sort_array": values(0, 1, 2),
    "f_exact_int": particles(7),
    "f_exact_float": particles(7),
    "f_not": particles(1, 2),
    "f_gt": particles(9996, 9997, 9998, 9999),
    "f_gte": particles(9995, 9996, 9997, 9998, 9999),
    "f_lt": FIRST,
    "f_lte": particles(0, 1, 2, 3),
    "f_two_columns": particles(11, 12, 13, 14),
    "f_contains": EVERY_999,
    "f_startswith": particles(0, 1),
    "f_endswith": text_with("999"),
    "f_like": text_with("999"),
    "f_in": particles(1, 2, 3),
    "f_notin": particles(0, 4),
    "f_isnull": [],
    "f_isblank": [],
    "f_negative": particles(0, 1),
    "f_unknown_column": [],
    "f_array_value": values(9998, 9999),
    "f_array_string": values("array"),
    "w_pytables_expr": particles(51, 52, 53, 54),
    "array_default": values(0, 1, 2),
    "array_next": values(3, 4, 5),
    "array_strings": values("string", "array"),
    "row_50": particles(50),
    "row_out_of_range": (404, "Record not found"),
    "row_text": (404, "Record not found"),
    "row_missing_table": (404, "Table not found"),
    "sql_all": [{"identity": p["identity"]} for p in particles(*range(1000))],
    "sql_star": particles(0, 1),
    "sql_rowid": [{"rowid": 0, "idnumber": 0}, {"rowid": 1, "idnumber": 1}],
    "sql_and": [{"identity": p["identity"]} for p in particles(51, 52, 53, 54)],
    "sql_or": [[3], [5]],
    "sql_pytables": [{"identity": p["identity"]} for p in particles(*range(51, 250))],
    "sql_pytables_or_not": ids(0, 9999),
    "sql_pytables_math": ids(50),
    "sql_pytables_limit": ids(51, 52, 53),
    "sql_string_eq": ids(7),
    "sql_order_by": ids(0, 1),
    "sql_order_by_desc": ids(9999, 9998),
    "sql_limit_offset": ids(3, 4),
    "sql_count_where": [{"count(*)": 5}],
    "sql_avg": [{"avg(speed)": 9999.0}],
    "sql_min_max": [{"min(speed)": 0.0, "max(speed)": 19998.0}],
    "sql_group_by": [{"idnumber": 0, "n": 1}, {"idnumber": 1, "n": 1}, {"idnumber": 2, "n": 1}],
    "sql_alias": [{"n": 0}, {"n": 1}],
    "sql_between": ids(3, 4, 5),
    "sql_in": ids(3, 5),
    "sql_not_equal": ids(1),
    "sql_union": (400, "UNION"),
    "sql_with": [{"1": 1}],
    "sql_constant": [{"1": 1}],
    "sql_unknown_table": (400, "no such table: nosuch"),
    "sql_unknown_column": (400, "no such column: nosuch"),
    "sql_syntax_error": (400, "syntax error"),
    "sql_not_select": (400, "Statement must be a SELECT"),
    "sql_schema": (400, "Statement must be a SELECT"),
    "sql_pragma": [],
    "sql_array_limit": values(0, 1, 2),
    "sql_truncated": ids(*range(1000)),
}
FIRST_COLUMN = {"table_arrayfirst": [p["identity"] for p in FIRST]}
# These follow the server's own `next` instead of the forerunner's numbers.
SECOND_PAGE = {"table_next_page", "array_next"}


def follow(server, path):
    """The answer behind any redirects, and whether there were some."""
    for _ in range(4):
        status, headers, body = server.get(path)
        location = {name.lower(): value for name, value in headers.items()}.get("location")
        if status not in (301, 302, 307, 308) or not location:
            return status, body
        path = location if location.startswith("/") else "/" + location.split("/", 3)[3]
    raise SystemExit(f"{path} redirects without end")


def without_rowid(row, wanted):
    """Rows without the row number, unless it was asked for: the forerunner never showed it."""
    if isinstance(row, dict) and wanted and isinstance(wanted[0], dict) and "rowid" not in wanted[0]:
        return {name: cell for name, cell in row.items() if name != "rowid"}
    return row


def rows_of(body, shape_of):
    if "_nl=on" in shape_of:
        return [json.loads(line) for line in body.splitlines() if line]
    answer = json.loads(body)
    rows = answer if isinstance(answer, list) else answer["rows"]
    if rows and isinstance(rows[0], list) and "_size=max" in shape_of:
        columns = ["rowid", "identity", "idnumber", "speed"]
        return [dict(zip(columns, row)) for row in rows]
    return rows


def ask(server, question, tally):
    name, path = question["id"], question["path"]
    if name in SECOND_PAGE:
        status, body = follow(server, path.split("&_next")[0])
        path = "/" + json.loads(body)["next_url"].split("/", 3)[3]
    status, body = follow(server, path)
    if name == "databases":
        found = json.loads(body)
        found = found if isinstance(found, list) else found["databases"]
        return tally.check(name, [d["name"] for d in found], ["test_tables"])
    if name == "sql_csv":
        found = list(csv.reader(io.StringIO(body.decode())))
        right = [["identity", "idnumber"], *([p["identity"], str(p["idnumber"])] for p in FIRST)]
        return tally.check(name, found, right)
    if name == "sql_explain":
        return tally.that(name, status == 200 and len(json.loads(body)["rows"]) > 0, f"{status} {body[:200]}")
    if name in FIRST_COLUMN:
        found = json.loads(body)
        # The first column is the row number, as Datasette shows tables without a key.
        return tally.that(name, found in (FIRST_COLUMN[name], [0, 1, 2]), str(found))
    right = RIGHT[name]
    if isinstance(right, tuple):
        error = json.loads(body).get("error", "") if status >= 400 else ""
        return tally.that(name, status == right[0] and right[1].lower() in error.lower(), f"{status} {body[:200]}")
    found = [without_rowid(row, right) for row in rows_of(body, path)] if status == 200 else body[:200]
    tally.check(name, found, right)


def main():
    binary, *python = sys.argv[1:]
    old = ["--connector", "python:datasette_pytables:PyTablesConnector", "--python", *python] if python else []
    tally = Tally()
    questions = SHARED / "seed" / "pytables.jsonl"
    if not questions.exists():
        tally.skip("the forerunner's questions", f"{questions} is not here")
        tally.end()
    with serve(binary, SHARED / "hdf5" / "data" / "test_tables.h5", "--setting", "sql_time_limit_ms", "20000", *old) as server:
        for line in questions.read_text().splitlines():
            question = json.loads(line)
            before = tally.failed
            ask(server, question, tally)
            verdict = "right" if tally.failed == before else "WRONG"
            print(f"{question['id']:22} {'was wrong' if question['original_bug'] else 'was right':10} {verdict}")
    tally.end()


main()
