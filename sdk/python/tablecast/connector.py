"""The class that authors inherit from. Two methods are enough: `table_names` and `scan`."""

from .failures import Unsupported


class Connector:
    """One opened container. Each process has its own, and asks it one thing at a time."""

    # What it is called, and what it opens, for people. The name of the class in lower case if empty.
    name = ""
    opens = ""
    # By what it knows its locations: ends of file names with the dot, schemes before `://`, first bytes of files.
    extensions = ()
    schemes = ()
    magic = ()
    # What of a scan it does by itself: {"filters": {"=": "exact"}, "columns": [...], "sort": True, "offset": True}.
    pushdown = {}
    # The dialect in which `execute` takes SQL; `None` if it takes none.
    sql = None

    def open(self, path):
        """Opens a file, or whatever the location names. Called again when the file has changed.

        Raise `Unsupported` if it is not of your kind, `Unreadable` if it is damaged.
        """
        self.path = path

    def table_names(self):
        """The names of the tables."""
        raise NotImplementedError

    def scan(self, table, columns=None, filters=(), sort=(), limit=None, offset=0):
        """The rows: dicts, tuples in the order of the columns, named tuples, data classes, or batches of pyarrow.

        Take only the parameters that you use. `columns` are the names wanted; rows may have more if they are dicts.
        `filters` (dicts of column, op, value) and `sort` (dicts of column, descending) hold only what `pushdown`
        declares; `offset` likewise. `limit` is a hint: what comes behind it is not read.
        """
        raise NotImplementedError

    def table_info(self, table):
        """The columns: a list of `Column`, a dict of names and types, a pyarrow schema, or a dict with `columns` and what
        else `docs/protocol.md` names. Without it, they are told from the annotations of `scan` or from the first rows.
        """
        raise Unsupported("table_info")


# What a connector may answer besides. Overriding one declares it.
OPTIONAL = (
    "hidden_table_names",
    "view_names",
    "detect_spatialite",
    "table_count",
    "detect_fts",
    "foreign_keys",
    "table_exists",
    "table_definition",
    "indices_definition",
    "execute",
    "ask",
)
