"""What a connector opens: base of the classes that connectors name in `connection_class`."""

from .cursor import Cursor


class Connection:
    """An opened container. Subclasses open it in `__init__` and keep it in attributes of their own."""

    def __init__(self, path, connector_class):
        self.path = path
        self.connector_class = connector_class

    def cursor(self):
        return Cursor(self)

    def execute(self, *args, **kwargs):
        cursor = self.cursor()
        cursor.execute(*args, **kwargs)
        return cursor

    def set_progress_handler(self, handler, n):
        """Time limits are kept from outside: nothing is to be called back."""
