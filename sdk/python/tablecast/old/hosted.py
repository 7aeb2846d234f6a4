"""An old connector in the form of a new one."""

import warnings

from .. import failures
from ..connector import Connector
from ..rows import cell
from .adapter import OldConnector
from .failures import Failed, Invalid, NotDone, NotThere

KINDS = {
    Failed: failures.Unreadable,
    Invalid: failures.InvalidRequest,
    NotDone: failures.Unsupported,
    NotThere: failures.NotFound,
}


class translated:
    """Raises the adapter's failures as those of the protocol."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind in KINDS:
            raise KINDS[kind](str(error)) from error


def hosted(old_class):
    """A connector class over an old one."""
    # What old libraries deprecate is nobody's news.
    warnings.simplefilter("ignore")

    class Old(Connector):
        name = getattr(old_class, "connector_type", None) or old_class.__name__.lower()
        opens = f"What the old connector {old_class.__name__} opens"
        sql = "sqlite"

        def open(self, path):
            with translated():
                self.old = OldConnector(old_class, path)

        def close(self):
            self.old.close()

        def table_names(self):
            with translated():
                # The host lists views and hidden tables among the others; old connectors do not.
                names = self.old.table_names()
                hidden = self.old.optional(self.old.hidden_table_names, [])
                return list(dict.fromkeys([*names, *hidden]))

        def table_info(self, table):
            with translated():
                known = self.old.table(table)
            keys = sorted((column["key"], at) for at, column in enumerate(known.columns) if column["key"])
            columns = [
                {
                    "name": column["name"],
                    "type": column["kind"],
                    "declared_type": column["type"],
                    "not_null": column["not_null"],
                    "default": column["default"],
                }
                for column in known.columns
            ]
            told = {"columns": columns, "key": [known.columns[at]["name"] for _, at in keys], "row_number": "given"}
            if table in self.old.optional(self.old.view_names, []):
                told.update(is_view=True, row_number="none")
            return told

        def scan(self, table, columns=None, limit=None):
            with translated():
                yield from self.old.scan(table, columns, limit)

        def execute(self, sql, params=None):
            with translated():
                names, rows = self.old.execute(sql, params)
            return names, through(rows)

        def foreign_keys(self, table):
            with translated():
                found = self.old.foreign_keys(table)
            return [
                {"columns": columns, "other_table": other, "other_columns": others} for columns, other, others in found
            ]

        def ask(self, table, filters, wants):
            given = [(item["column"], item["operator"], item["value"]) for item in filters]
            return [self.wanted(table, given, want) for want in wants]

        def wanted(self, table, filters, want):
            try:
                if want is None:
                    return None
                if "count" in want:
                    return {"count": self.old.count(table, filters)}
                if "facet" in want:
                    counted = self.old.facet(table, want["facet"]["column"], filters, want["facet"]["limit"])
                    return {"facet": [[cell(value, None), number] for value, number in counted]}
                return self.page(table, filters, want["rows"])
            except (NotDone, Failed, Invalid, NotThere):
                # The engine does it, or says what is wrong.
                return None

        def page(self, table, filters, want):
            sort = want["sort"] and (want["sort"]["column"], want["sort"]["descending"])
            if want["limit"] is None:
                return None
            names, rows = self.old.rows(table, filters, sort, want["limit"], want["offset"])
            at = [names.index(name) for name in want["columns"]]
            return {"rows": [[cell(row[place], None) for place in at] for row in rows]}

    for method in (
        "hidden_table_names",
        "view_names",
        "detect_spatialite",
        "table_count",
        "table_definition",
        "indices_definition",
    ):
        setattr(Old, method, passed_on(method))
    return Old


def passed_on(method):
    def call(self, **arguments):
        with translated():
            return getattr(self.old, method)(*arguments.values())

    return call


def through(rows):
    with translated():
        yield from rows
