"""Connectors written for Datasette-Connectors, as they are: their dialect is spoken here and nowhere else.

`compat` lets them be imported, `text` writes the SQL that Datasette 0.51.1 wrote, `answers` reads what connectors give
back, `reading` gets the rows of whole tables out of them, and `adapter` is what Tablecast asks.
"""

from .adapter import OldConnector
from .compat import is_old, load, old_connectors
from .failures import Failed, Invalid, NotDone, NotThere

__all__ = ["Failed", "Invalid", "NotDone", "NotThere", "OldConnector", "is_old", "load", "old_connectors"]
