"""Answers the host: hello, then one request after the other, until goodbye."""

import inspect
import itertools
import sys
import traceback

from . import columns, rows
from .connector import OPTIONAL, Connector
from .failures import Cancelled, Failure, NotFound, Unreadable, Unsupported
from .wire import Wire

PROTOCOL = 1


# The class that a file gave to `run` while the host looked for one in it.
hosted, chosen = False, None


def run(connector_class):
    """Speaks for a connector on standard input and output until the host says goodbye."""
    global chosen
    if hosted:
        chosen = connector_class
        return
    if sys.stdin.isatty():
        name = connector_class.__name__
        sys.exit(f"{name} is a connector: run  tablecast serve FILE --connector {sys.argv[0]}")
    speak(connector_class)


def speak(connector_class):
    """Answers with this class until goodbye."""
    wire = Wire()
    wire.start()
    Guest(wire, connector_class).serve()


class Guest:
    def __init__(self, wire, connector_class):
        self.wire, self.connector_class = wire, connector_class
        self.connector = None
        self.known = {}

    def serve(self):
        while True:
            said = self.wire.requests.get()
            if said["type"] == "goodbye":
                return
            if said["type"] == "hello":
                self.wire.send(hello(self.connector_class))
                continue
            number = said["id"]
            try:
                result = self.answer(number, said["method"], said.get("params") or {})
                self.wire.send({"type": "result", "id": number, "result": result})
            except BrokenPipeError:
                return
            except Cancelled:
                self.fail(number, "cancelled", "The request was cancelled")
            except Failure as failure:
                self.fail(number, failure.kind, str(failure) or type(failure).__name__)
            except Exception as error:
                traceback.print_exc()
                self.fail(number, "internal", f"{type(error).__name__} in {said['method']}; the log says more")
            finally:
                self.wire.done(number)

    def fail(self, number, kind, message):
        self.wire.send({"type": "error", "id": number, "error": {"kind": kind, "message": message}})

    def answer(self, number, method, params):
        if method == "open":
            return self.open(**{key: params[key] for key in ("location", "options") if key in params})
        if self.connector is None:
            raise Unreadable("Nothing was opened")
        if method == "table_info":
            return self.table_info(params["table"])
        if method == "scan":
            return self.scan(number, **params)
        if method == "execute":
            return self.execute(number, params["sql"], params.get("parameters") or {})
        if method == "table_names" or method in OPTIONAL:
            return plain(getattr(self.connector, method)(**params))
        raise Unsupported(f"There is no method {method}")

    def open(self, location, options=None):
        self.known.clear()
        if self.connector is not None and hasattr(self.connector, "close"):
            self.connector.close()
        self.connector = None
        connector = self.connector_class()
        connector.options = options or {}
        try:
            connector.open(location)
        except (Failure, Cancelled):
            raise
        except Exception as error:
            traceback.print_exc()
            raise Unreadable(f"cannot be opened ({type(error).__name__}: {error})") from error
        self.connector = connector
        return {}

    def table_info(self, table):
        self.known[table] = found = self.found(table)
        return found

    def found(self, table):
        """The columns of a table, as the author tells them, or by its rows."""
        try:
            return columns.told(self.connector.table_info(table))
        except Unsupported:
            pass
        if table not in list(self.connector.table_names()):
            raise NotFound(f"no such table: {table}")
        annotated = columns.annotated(self.connector.scan)
        if annotated:
            return {"columns": annotated}
        came = iter(self.call_scan(table, {}))
        first = list(itertools.islice(came, 1))
        if not first:
            raise Unreadable(f"{table} has no rows to tell its columns by; give the connector a table_info")
        if rows.is_arrow(first[0]):
            return columns.told(first[0].schema)
        sample = first + list(itertools.islice(came, columns.SAMPLE - 1))
        names = list(dict.fromkeys(name for row in sample for name in rows.names_of(row) or ()))
        if not names:
            names = [f"column_{at}" for at in range(1, len(sample[0]) + 1)]
        values = [rows.values_of(row, names, names) for row in sample]
        return {"columns": columns.guessed(names, values)}

    def call_scan(self, table, given):
        """Calls `scan` with those of the parameters that it takes."""
        scan = self.connector.scan
        came = scan(table, **{name: value for name, value in given.items() if takes(scan, name)})
        return [came] if rows.is_arrow(came) else came

    def scan(self, number, table, columns, filters=(), sort=(), limit=None, offset=0):
        known = self.known.get(table) or self.table_info(table)
        kinds = {column["name"]: column["type"] for column in known["columns"]}
        # Rows without names are those of the columns asked for, if the scan looks at these.
        names = columns if takes(self.connector.scan, "columns") else list(kinds)
        given = {"columns": columns, "filters": filters, "sort": sort, "limit": limit, "offset": offset}
        came = self.call_scan(table, given)
        wanted = [kinds.get(name, "integer") for name in columns]
        if not columns:
            return self.counted(number, rows.upto(came, limit))
        for batch in rows.batches(came, names, columns, wanted, limit):
            if isinstance(batch, list):
                self.wire.batch(number, {"rows": batch})
            else:
                self.wire.batch(number, {}, batch)
            self.wire.check(number)
        return {}

    def counted(self, number, came):
        """Rows of no columns: only their number is wanted."""
        left = 0
        for row in came:
            left += row.num_rows if rows.is_arrow(row) else 1
            while left >= rows.BATCH_ROWS:
                self.wire.batch(number, {"rows": [[]] * rows.BATCH_ROWS})
                left -= rows.BATCH_ROWS
        if left:
            self.wire.batch(number, {"rows": [[]] * left})
        return {}

    def execute(self, number, sql, parameters):
        names, came = self.connector.execute(sql, parameters)
        self.wire.send({"type": "columns", "id": number, "columns": list(names)})
        for batch in rows.batches(came, list(names), list(names), [None] * len(names)):
            self.wire.batch(number, {"rows": batch})
            self.wire.check(number)
        return {}


def takes(function, name):
    """Whether a function has a parameter of that name, or takes any."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def plain(found):
    """An answer as JSON has it."""
    if isinstance(found, (str, bytes, dict, int, float)) or found is None:
        return found
    return list(found)


def hello(connector_class):
    methods = [name for name in OPTIONAL if callable(getattr(connector_class, name, None))]
    said = {
        "type": "hello",
        "protocol": PROTOCOL,
        "name": connector_class.name or connector_class.__name__.lower(),
        "methods": methods,
        "pushdown": connector_class.pushdown,
        "sql": connector_class.sql,
        "recognizes": {
            "extensions": list(connector_class.extensions),
            "schemes": list(connector_class.schemes),
            "magic": [rows.special(first, "blob")["base64"] for first in connector_class.magic],
        },
    }
    if connector_class.opens:
        said["opens"] = connector_class.opens
    return said
