"""An opened container of an old connector, as Tablecast asks for it.

The connector's answers are believed only where a lie would be noticed: pages of whole tables. What is filtered, sorted,
counted under filters, grouped, or empty, `NotDone` leaves to the engine, which reads whole tables; only where these
cannot be read does the connector's own answer stand. Each statement gets a new connector over the one connection, as
the old host did it.
"""

import itertools
import os
import sqlite3

from . import answers, compat, text
from .failures import Failed, Invalid, NotDone, NotThere, reason
from .reading import Reader

SAMPLE = 101


class OldConnector:
    """One connection of one old connector. It is used by one thread at a time."""

    def __init__(self, connector_class, path):
        compat.prepare()
        self.connector_class, self.path = connector_class, os.fspath(path)
        self.name = getattr(connector_class, "connector_type", None) or connector_class.__name__
        self.known = {}
        self.reader = Reader(self.run)
        self.open()

    def open(self):
        """Opens the container, or says why the connector cannot."""
        try:
            connect = getattr(self.connector_class, "connect", None)
            if connect is not None:
                self.connection = connect(self.path)
            else:
                self.connection = self.connector_class.connection_class(self.path, self.connector_class)
        except Exception as error:
            raise Failed(f"The connector {self.name} cannot open {os.path.basename(self.path)}: {reason(error)}") from error

    def close(self):
        """Closes what the connection offers to close."""
        close = getattr(self.connection, "close", None)
        if callable(close):
            close()

    def connector(self):
        """A connector for one statement."""
        made_by = getattr(self.connection, "connector_class", None)
        return (made_by if isinstance(made_by, type) else self.connector_class)(self.connection)

    def ask(self, method, *arguments):
        """What a method of the connector answers; `NotDone` for one that is missing or raises."""
        try:
            connector = self.connector()
            found = getattr(connector, method, None)
            if found is None:
                raise NotDone(f"{self.name} has no {method}")
            return found(*arguments)
        except NotDone:
            raise
        except (NotImplementedError, RecursionError, MemoryError) as error:
            raise NotDone(f"{self.name}.{method}: {reason(error)}") from error
        except Exception as error:
            raise NotDone(f"{self.name}.{method}: {reason(error)}") from error

    def run(self, sql, params):
        """An answer to SQL of ours."""
        try:
            return self.executed(sql, params)
        except Invalid as error:
            raise NotDone(f"{self.name}.execute: {error}") from error

    def executed(self, sql, params):
        """An answer to any SQL; `Invalid` where the connector says that the statement is wrong."""
        from datasette_connectors import OperationalError

        try:
            answer = answers.executed(self.call(sql, dict(params)))
        except (OperationalError, sqlite3.OperationalError) as error:
            raise Invalid(" ".join(str(error).split()) or "The connector refuses this statement") from error
        except NotDone:
            raise
        except Exception as error:
            raise NotDone(f"{self.name}.execute: {reason(error)}") from error
        answer.rows = self.guarded(answer.rows)
        return answer

    def guarded(self, rows):
        """The rows of a generator, whose exceptions come late."""
        try:
            yield from rows
        except (NotDone, GeneratorExit):
            raise
        except Exception as error:
            raise NotDone(f"{self.name}.execute: {reason(error)}") from error

    def call(self, sql, params):
        """`execute` with the arguments that the old host gave it: no connector ever got others."""
        connector = self.connector()
        return connector.execute(
            sql,
            params=params,
            truncate=False,
            custom_time_limit=None,
            page_size=None,
            log_sql_errors=True,
        )

    def table_names(self):
        """The tables. This one method a connector cannot do without."""
        try:
            return answers.names(self.ask("table_names"))
        except NotDone as error:
            raise Failed(f"The connector does not tell its tables: {error}") from error

    def hidden_table_names(self):
        return answers.names(self.ask("hidden_table_names"))

    def view_names(self):
        return answers.names(self.ask("view_names"))

    def detect_spatialite(self):
        return bool(self.ask("detect_spatialite"))

    def exists(self, table):
        if table in self.known:
            return True
        if table in self.table_names():
            return True
        return table in self.optional(self.view_names, []) or table in self.optional(self.hidden_table_names, [])

    def optional(self, method, otherwise):
        try:
            return method()
        except NotDone:
            return otherwise

    def table_info(self, table):
        """The columns of a table, with types by what its first rows hold."""
        return self.table(table).columns

    def table(self, table):
        """What is known of a table; read once, and again when the file has changed."""
        self.notice_changes()
        if table not in self.known:
            if not self.exists(table):
                raise NotThere(f"no such table: {table}")
            try:
                columns = list(map(answers.column, self.ask("table_info", table)))
            except (NotDone, TypeError) as error:
                raise Failed(f"The connector does not tell the columns of {table}: {reason(error)}") from error
            repeated = [c["name"] for at, c in enumerate(columns) if c["name"] in [b["name"] for b in columns[:at]]]
            if repeated:
                raise Failed(f"The connector tells the column {repeated[0]} of {table} twice")
            self.known[table] = Table(self, table, columns)
        return self.known[table]

    def notice_changes(self):
        """Opens a file again that is no longer the same."""
        try:
            status = os.stat(self.path)
            state = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            state = None
        if state != getattr(self, "state", state):
            self.known.clear()
            self.open()
        self.state = state

    def table_count(self, table):
        """The number of rows; `NotDone` if the connector's number cannot be right."""
        known = self.table(table)
        if known.rows_if_few is not None:
            return known.rows_if_few
        told = answers.count(self.ask("table_count", table))
        if known.readable and told < SAMPLE:
            raise NotDone(f"{self.name} counts {told} rows of {table}, but gives {SAMPLE} and more")
        return told

    def foreign_keys(self, table):
        return answers.foreign_keys(self.ask("foreign_keys", table))

    def table_definition(self, table):
        kind = "view" if table in self.optional(self.view_names, []) else "table"
        found = self.ask("table_definition", kind, table)
        if isinstance(found, str) and found.strip():
            return found
        raise NotDone(f"table_definition returned {type(found).__name__}")

    def indices_definition(self, table):
        found = self.ask("indices_definition", table)
        if not answers.iterable(found):
            raise NotDone(f"indices_definition returned {type(found).__name__}")
        return [item for item in found if isinstance(item, str)]

    def scan(self, table, columns=None, limit=None):
        """The rows of a table, as lists of values in the order of `columns`, which may name `rowid`.

        A value that does not fit the column's type ends it with an error that says which.
        """
        known = self.table(table)
        wanted = known.names if columns is None else list(columns)
        places = [known.place(name) for name in wanted]
        if not known.readable:
            raise Failed(f"The rows of {table} cannot be read: {known.problem}")
        base = self.row_number_base(known) if None in places else 0
        try:
            rows = (
                itertools.islice(self.reader.capped_rows(table, known.names), limit)
                if known.is_capped
                else self.reader.rows(table, known.names, limit)
            )
            for at, row in enumerate(rows):
                typed = known.typed(row, at)
                yield [base + at if place is None else typed[place] for place in places]
        except NotDone as error:
            raise Failed(f"The rows of {table} cannot be read: {error}") from error

    def row_number_base(self, known):
        """The number of the first row: 1 if the connector's own `rowid` begins so, otherwise 0."""
        if known.base is None:
            known.base = 0
            try:
                answer = self.run(f"select rowid, {text.columns(known.names)} from {text.name(known.name)} limit 2", {})
                wanted = ["rowid", *known.names]
                rows = [answers.cells(row, wanted, answer.names)[:1] for row in itertools.islice(answer.rows, 2)]
                known.base = 1 if rows in ([[1]], [[1], [2]]) else 0
            except NotDone:
                pass
        return known.base

    def rows(self, table, filters=(), sort=None, limit=101, offset=0):
        """A page as Datasette 0.51.1 asked for it: names of columns and rows. `filters` are triples of column,
        operator and value; `sort` is a pair of column and whether it descends. `NotDone` unless it can be trusted."""
        known = self.table(table)
        condition = text.where(table, filters)
        if condition is None:
            raise NotDone("the operator is newer than the connector")
        sql = text.select(table, known.names, condition[0], sort or "", limit, offset)
        answer = self.run(sql, condition[1])
        rows = self.read(answer, known, limit)
        if known.readable and (filters or sort or offset or not rows):
            raise NotDone("a part of a table is not trusted")
        return known.names, rows

    def read(self, answer, known, limit):
        """The rows of an answer, no more than `limit`."""
        rows = (answers.cells(row, known.names, answer.names) for row in itertools.islice(answer.rows, limit))
        values = [list(map(answers.value, row)) for row in rows]
        # Nothing is known of the types of a table that is not readable.
        return [known.typed(row, at) for at, row in enumerate(values)] if known.readable else values

    def count(self, table, filters=()):
        """A count of rows under filters; `NotDone` unless it can be trusted."""
        if not filters:
            return self.table_count(table)
        known = self.table(table)
        condition = text.where(table, filters)
        if known.readable or condition is None:
            raise NotDone("a count under filters is not trusted")
        answer = self.run(f"select count(*) from {text.name(table)} where {condition[0]}", condition[1])
        row = next(answer.rows, None)
        return answers.count(answers.cells(row, ["count(*)"], answer.names)[0] if row is not None else None)

    def facet(self, table, column, filters=(), limit=31):
        """The commonest values of a column with their counts; `NotDone` unless it can be trusted."""
        known = self.table(table)
        condition = text.where(table, filters)
        if known.readable or condition is None:
            raise NotDone("a facet is not trusted")
        answer = self.run(text.facet(table, known.names, column, condition[0], limit), condition[1])
        rows = [answers.cells(row, ["value", "count"], answer.names) for row in itertools.islice(answer.rows, limit)]
        return [(answers.value(cell), answers.count(number)) for cell, number in rows]

    def execute(self, sql, params=None):
        """A person's SQL, as it was written: names of columns and an iterator of rows.

        `Invalid` where the connector says so; `NotDone` where the engine is to do it.
        """
        answer = self.executed(sql, params or {})
        first = list(itertools.islice(answer.rows, 1))
        names = answer.names
        if first and (not names or None in names):
            raise NotDone("the answer does not name its columns")
        rows = itertools.chain(first, answer.rows)
        if not self.is_trusted(sql, names, bool(first), answer.truncated):
            tables = text.tables_of(sql)
            if not first or (tables and all(map(self.can_read, tables))):
                raise NotDone("the answer is not trusted")
        return names, self.lists(rows, names)

    def lists(self, rows, names):
        for row in rows:
            yield list(map(answers.value, answers.cells(row, names, names)))

    def can_read(self, table):
        """Whether a table is there, and the engine can read it."""
        try:
            return self.table(self.as_written(table)).readable
        except (Failed, NotThere):
            return False

    def as_written(self, table):
        """The table's name as the connector has it, for one written in another case."""
        names = self.table_names()
        return table if table in names else next((name for name in names if name.lower() == table.lower()), table)

    def is_trusted(self, sql, names, has_rows, truncated):
        """Whether an answer is to SQL that only reads rows, and has its columns."""
        plain = text.plain_reading(sql)
        if plain is None or not has_rows or truncated:
            return False
        table, wanted, _, offset = plain
        try:
            known = self.table(self.as_written(table))
        except (Failed, NotThere):
            return False
        return not offset and names == (known.names if wanted is None else wanted)


class Table:
    """What is known of a table: its columns, the types of their values, and whether its rows can be read."""

    def __init__(self, connector, name, columns):
        self.name, self.columns = name, columns
        self.names = [column["name"] for column in columns]
        self.readable, self.problem, self.base = True, None, None
        # The number of rows where the first page holds all of them.
        self.rows_if_few, self.is_capped = None, False
        rows = self.sample(connector) if columns else self.unreadable("it has no columns")
        for at, column in enumerate(columns):
            column["kind"] = kind_of(column["type"], [row[at] for row in rows])

    def unreadable(self, problem):
        self.readable, self.problem = False, problem
        return []

    def sample(self, connector):
        """The first rows; by them it is told what the table can be used for."""
        try:
            rows, complete, _, _ = connector.reader.first(self.name, self.names, SAMPLE)
        except NotDone as error:
            return self.unreadable(str(error))
        if complete:
            told = connector.optional(lambda: answers.count(connector.ask("table_count", self.name)), 0)
            if told and not rows:
                return self.unreadable(f"the connector counts {told} rows and gives none")
            self.is_capped = told > len(rows) and connector.reader.capped(self.name, self.names, rows)
            self.rows_if_few = None if self.is_capped else len(rows)
        return rows

    def place(self, name):
        """Where a column stands; `None` for the row number."""
        if name in self.names:
            return self.names.index(name)
        folded = [column.lower() for column in self.names]
        if name.lower() in folded:
            return folded.index(name.lower())
        if name.lower() in ("rowid", "oid", "_rowid_"):
            return None
        raise Invalid(f"no such column: {name}")

    def typed(self, row, at):
        """A row whose values have the types of their columns."""
        return [cell if cell is None else self.fitted(cell, column, at) for cell, column in zip(row, self.columns)]

    def fitted(self, cell, column, at):
        kind, found = column["kind"], type(cell)
        if KINDS[found] == kind:
            if found is not int or -(2**63) <= cell < 2**63:
                return cell
        elif kind == "real" and found is int:
            return float(cell)
        elif kind == "integer" and (found is bool or found is float and cell.is_integer() and abs(cell) < 2**63):
            return int(cell)
        elif kind in NUMBERS and found is str and number_of(cell, kind) is not None:
            return number_of(cell, kind)
        elif kind == "text":
            return cell.decode("utf-8", "replace") if found is bytes else str(cell)
        raise Failed(
            f"Row {at} of {self.name} has {str(cell)[:60]!r} in {column['name']}, whose values are of the type {kind}"
        )


KINDS = {bool: "boolean", int: "integer", float: "real", str: "text", bytes: "blob"}


def kind_of(declared, cells):
    """The type of a column: what its first values have in common, otherwise what the connector says."""
    found = {KINDS[type(cell)] for cell in cells if cell is not None}
    if any(type(cell) is int and not -(2**63) <= cell < 2**63 for cell in cells):
        found.add("text" if found == {"integer"} else "real")
    said = declared_kind(declared)
    if not found:
        return said or "text"
    if found == {"text"} and said in NUMBERS:
        # Numbers and truths that are given as texts, as SQLite would keep them in a column of that type.
        texts = [cell for cell in cells if cell is not None]
        return said if all(number_of(cell, said) is not None for cell in texts) else "text"
    if found == {"integer"} and said == "real":
        return "real"
    if len(found) == 1:
        return found.pop()
    if found == {"boolean", "integer"}:
        return "integer"
    if found <= {"boolean", "integer", "real"}:
        return "real"
    return "text"


NUMBERS = ("boolean", "integer", "real")


def number_of(cell, kind):
    """The number that a text is; `None` if it is none of that kind."""
    try:
        if kind == "boolean":
            return {"True": True, "False": False}.get(cell)
        if kind == "integer":
            number = int(cell)
            return number if -(2**63) <= number < 2**63 else None
        return float(cell)
    except ValueError:
        return None


def declared_kind(declared):
    """The type that a name of a type means; SQLite's rules, and names of numpy's types before them."""
    said = declared.lower()
    if said.startswith(("bool",)):
        return "boolean"
    if "int" in said:
        return "integer"
    if any(part in said for part in ("char", "clob", "text", "str", "unicode", "date")):
        return "text"
    if any(part in said for part in ("real", "floa", "doub", "time32", "time64")):
        return "real"
    return "blob" if "blob" in said or "binary" in said else None

