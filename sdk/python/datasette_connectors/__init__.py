"""Stands in for Datasette-Connectors, so that connectors written for it run as they are, under Tablecast and without
Datasette.

It has that package's names, and does nothing on import: entry points are loaded when somebody asks for them.
"""

from .connection import Connection
from .connectors import Connector, ConnectorList
from .cursor import OperationalError

__all__ = ["Connection", "Connector", "ConnectorList", "OperationalError"]
