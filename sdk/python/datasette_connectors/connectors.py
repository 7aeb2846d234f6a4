"""The interface of old connectors, and the list of those that are installed."""

from importlib import metadata

from .connection import Connection

GROUP = "datasette.connectors"
db_connectors = {}


class Connector:
    """Base of all old connectors. What a connector leaves out raises `NotImplementedError`."""

    connector_type = None
    connection_class = Connection

    @classmethod
    def connect(cls, path):
        return cls.connection_class(path, cls)

    def __init__(self, conn):
        self.conn = conn

    def table_names(self):
        """The names of the tables."""
        raise NotImplementedError

    def hidden_table_names(self):
        """The names of tables that lists leave out."""
        raise NotImplementedError

    def detect_spatialite(self):
        """Whether there is a table `geometry_columns`."""
        raise NotImplementedError

    def view_names(self):
        """The names of the views."""
        raise NotImplementedError

    def table_count(self, table_name):
        """The number of rows."""
        raise NotImplementedError

    def table_info(self, table_name):
        """A row for each column; its second value is the name, its last whether it is part of the primary key."""
        raise NotImplementedError

    def detect_fts(self, table_name):
        """Whether the table can be searched."""
        raise NotImplementedError

    def foreign_keys(self, table_name):
        """A row for each: id, seq, table, from, to, on_update, on_delete, match."""
        raise NotImplementedError

    def table_exists(self, table_name):
        """Whether there is such a table."""
        raise NotImplementedError

    def table_definition(self, table_type, table_name):
        """The statement `CREATE TABLE …`."""
        raise NotImplementedError

    def indices_definition(self, table_name):
        """The statements `CREATE INDEX …`."""
        raise NotImplementedError

    def execute(
        self,
        sql,
        params=None,
        truncate=False,
        custom_time_limit=None,
        page_size=None,
        log_sql_errors=True,
    ):
        """Rows, whether they are truncated, and the description of their columns."""
        raise NotImplementedError


class ConnectorList:
    """The connectors by name."""

    class DatabaseNotSupported(Exception):
        pass

    @staticmethod
    def load():
        """Adds those that installed packages name in the group of entry points."""
        for entry_point in entry_points():
            db_connectors[entry_point.name] = entry_point.load()

    @staticmethod
    def add_connector(name, connector):
        db_connectors[name] = connector

    @staticmethod
    def connect(path):
        """A connection by the first connector that opens the file."""
        reasons = []
        for name, connector in db_connectors.items():
            try:
                return connector.connect(path)
            except Exception as error:
                reasons.append(f"{name}: {type(error).__name__}: {error}")
        raise ConnectorList.DatabaseNotSupported("; ".join(reasons) or "no connector is installed")


def entry_points():
    """The entry points of old connectors, by name."""
    found = metadata.entry_points()
    chosen = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return sorted(chosen, key=lambda entry_point: entry_point.name)
