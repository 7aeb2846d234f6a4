"""Runs one statement: what it asks of the catalog goes to the connector's methods, anything else to its `execute`.

The statements are those by which Datasette 0.51.1 looked around in a SQLite database.
"""

import re
import sqlite3

from .row import Row


class OperationalError(Exception):
    """How a connector says that a statement is wrong."""


def _names(method):
    return lambda connector, params: [{"name": name} for name in getattr(connector, method)()]


def _definition(connector, params):
    if not connector.table_exists(params["n"]):
        return []
    return [{"sql": connector.table_definition(params["t"], params["n"])}]


# Statements by their text, without case and with single spaces.
CATALOG = {
    "select name from sqlite_master where type='table'": _names("table_names"),
    'select name from sqlite_master where type="table"': _names("table_names"),
    "select name from sqlite_master where type='view'": _names("view_names"),
    "select name from sqlite_master where rootpage = 0 and sql like '%virtual table%using fts%'": _names(
        "hidden_table_names"
    ),
    'select 1 from sqlite_master where tbl_name = "geometry_columns"': lambda connector, params: (
        [{"1": "1"}] if connector.detect_spatialite() else []
    ),
    "select 1 from sqlite_master where type='table' and name=?": lambda connector, params: (
        [{"1": "1"}] if connector.table_exists(params[0]) else []
    ),
    "select sql from sqlite_master where name = :n and type=:t": _definition,
    "select sql from sqlite_master where tbl_name = :n and type='index' and sql is not null": lambda connector, params: [
        {"sql": sql} for sql in connector.indices_definition(params["n"])
    ],
}
NAME = r"(?:\[([^\]]*)\]|\"((?:[^\"]|\"\")*)\"|(\w+))"
# Statements about one table.
OF_TABLE = [
    (re.compile(rf"select count\(\*\) from {NAME} ?;?", re.I), lambda c, t: [{"count(*)": c.table_count(t)}]),
    (re.compile(rf"pragma table_info\({NAME}\) ?;?", re.I), lambda c, t: c.table_info(t)),
    (re.compile(rf"pragma foreign_key_list\({NAME}\) ?;?", re.I), lambda c, t: c.foreign_keys(t)),
    (
        re.compile(r"select name from sqlite_master where rootpage = 0 and \( sql like '.*?content=(\"(.*?)\")().*", re.I),
        lambda c, t: [{"name": t.strip('"')}] if c.detect_fts(t.strip('"')) else [],
    ),
]


def catalog(connector, sql, params):
    """The rows of a statement about the catalog; `None` if it is none."""
    by_text = CATALOG.get(sql.lower())
    if by_text:
        return by_text(connector, params)
    for pattern, answer in OF_TABLE:
        match = pattern.fullmatch(sql)
        if match:
            return answer(connector, next(name for name in match.groups() if name is not None))
    return None


class Cursor:
    """One statement, and the rows that it gave."""

    class QueryNotSupported(Exception):
        pass

    def __init__(self, conn):
        self.conn = conn
        self.connector = conn.connector_class(conn)
        self.rows = []
        self.description = ()

    def execute(
        self,
        sql,
        params=None,
        truncate=False,
        custom_time_limit=None,
        page_size=None,
        log_sql_errors=True,
    ):
        params = {} if params is None else params
        sql = " ".join(sql.split())
        rows, description = catalog(self.connector, sql, params), ()
        if rows is None:
            try:
                rows, _, description = self.connector.execute(
                    sql,
                    params=params,
                    truncate=truncate,
                    custom_time_limit=custom_time_limit,
                    page_size=page_size,
                    log_sql_errors=log_sql_errors,
                )
            except OperationalError as error:
                raise sqlite3.OperationalError(*error.args) from error
        self.rows = [Row(row) if hasattr(row, "keys") else row for row in rows]
        self.description = description

    def fetchall(self):
        return self.rows

    def fetchmany(self, max):
        return self.rows[:max]

    def fetchone(self):
        return self.rows.pop(0) if self.rows else None

    def __getitem__(self, index):
        return self.rows[index]

    def __iter__(self):
        return iter(self.rows)
