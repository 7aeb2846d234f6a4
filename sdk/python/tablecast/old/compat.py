"""Finds and imports old connectors, on a Python newer than they knew.

The drop-in `datasette_connectors` goes before an installed one, which would ask for Datasette. The names that Python
3.10 took out of `collections` are put back, since the libraries of old connectors are pinned to that time.
"""

import collections
import collections.abc
import importlib
import pathlib
import sys

from .failures import Failed, reason

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What a class of an old connector has, whatever it inherits from.
MARKS = ("connection_class", "connector_type", "detect_spatialite", "table_info", "execute", "connect")


def prepare():
    """Makes old connectors importable."""
    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    root = str(ROOT)
    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    importlib.import_module("datasette_connectors")


def is_old(candidate):
    """Whether a class is an old connector."""
    if not isinstance(candidate, type):
        return False
    prepare()
    base = importlib.import_module("datasette_connectors").Connector
    return issubclass(candidate, base) or all(hasattr(candidate, mark) for mark in MARKS)


def load(name):
    """The class that `package.module:Class` names; the module's only connector without `:Class`."""
    prepare()
    module_name, _, class_name = name.partition(":")
    try:
        found = importlib.import_module(module_name)
    except Exception as error:
        raise Failed(f"The module {module_name} of the connector {name} cannot be imported: {reason(error)}") from error
    if not class_name:
        own = [value for value in vars(found).values() if is_old(value) and value.__module__ == found.__name__]
        if len(own) != 1:
            named = ", ".join(value.__name__ for value in own) or "none"
            raise Failed(f"Say which class of {module_name} is the connector, as {module_name}:Class; it has {named}")
        return own[0]
    for part in class_name.split("."):
        if not hasattr(found, part):
            raise Failed(f"The module {module_name} has no {class_name}")
        found = getattr(found, part)
    return found


def old_connectors():
    """The installed old connectors by name, and for those that cannot be imported the reason."""
    prepare()
    connectors = importlib.import_module("datasette_connectors.connectors")
    found, reasons = dict(connectors.db_connectors), {}
    for entry_point in connectors.entry_points():
        try:
            found[entry_point.name] = entry_point.load()
        except Exception as error:
            reasons[entry_point.name] = reason(error)
    return found, reasons
