"""Write a connector for Tablecast in Python: a class with `table_names` and `scan`, and a line that runs it.

    from tablecast import Connector, run

    class Lines(Connector):
        extensions = [".lines"]
        def open(self, path): self.path = path
        def table_names(self): return ["lines"]
        def scan(self, table):
            for line in open(self.path): yield {"line": line.rstrip()}

    run(Lines)

What a connector does not do (filters, sorts, facets, counts, SQL), Tablecast does.
"""

from .columns import Column
from .connector import Connector
from .failures import Forbidden, InvalidRequest, NotFound, TooLarge, Unavailable, Unreadable, Unsupported
from .guest import run

__all__ = [
    "Column",
    "Connector",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "TooLarge",
    "Unavailable",
    "Unreadable",
    "Unsupported",
    "run",
]
__version__ = "0.1.0"
