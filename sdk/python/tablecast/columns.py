"""Columns and their types: as told, from annotations, from a pyarrow schema, or from the first rows."""

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import numbers
import typing

from .failures import Unreadable

# How many first rows tell the types.
SAMPLE = 1000

PYTHON = {
    bool: "boolean",
    int: "integer",
    float: "real",
    str: "text",
    bytes: "blob",
    bytearray: "blob",
    datetime.datetime: "timestamp",
    datetime.date: "date",
    datetime.time: "text",
    decimal.Decimal: "real",
    list: "json",
    dict: "json",
    tuple: "json",
}


class Column(dict):
    """A column: its name, its type as Python or the protocol names it, and what else `docs/protocol.md` knows of it."""

    def __init__(self, name, type="text", **more):
        super().__init__(name=name, type=PYTHON.get(type, type), **more)


def told(info):
    """What `table_info` returned, as the protocol has it."""
    if isinstance(info, collections.abc.Mapping) and "columns" in info and not isinstance(info["columns"], str):
        return {**info, "columns": columns_of(info["columns"])}
    return {"columns": columns_of(info)}


def columns_of(given):
    if hasattr(given, "names") and hasattr(given, "field"):
        return [Column(field.name, arrow_kind(str(field.type), field.name)) for field in given]
    if isinstance(given, collections.abc.Mapping):
        return [Column(name, kind) for name, kind in given.items()]
    columns = []
    for column in given:
        if isinstance(column, str):
            column = Column(column)
        elif isinstance(column, (tuple, list)):
            column = Column(*column)
        columns.append(column if isinstance(column, Column) else Column(**column))
    return columns


ARROW = {
    "bool": "boolean",
    "string": "text",
    "large_string": "text",
    "string_view": "text",
    "binary": "blob",
    "large_binary": "blob",
    "binary_view": "blob",
    "date32[day]": "date",
    "date64[ms]": "date",
    "halffloat": "float32",
    "float": "float32",
    "double": "real",
    "null": "text",
}


def arrow_kind(name, column):
    """The protocol's name of a type of Arrow's."""
    if name in ARROW:
        return ARROW[name]
    if name.startswith("timestamp"):
        return "timestamp_utc" if "tz=" in name else "timestamp"
    if name.startswith("dictionary<values="):
        return arrow_kind(name[len("dictionary<values=") :].split(",")[0], column)
    if name.startswith(("int", "uint")):
        return name
    if name.startswith("decimal"):
        return "real"
    raise Unreadable(f"The column {column} is of Arrow's type {name}, which the protocol has no word for")


def annotated(scan):
    """The columns that the annotation of `scan`'s result tells: an iterator of a named tuple, typed dict or data class."""
    try:
        result = typing.get_type_hints(scan).get("return")
    except Exception:
        return None
    for row in typing.get_args(result)[:1]:
        fields = getattr(row, "__annotations__", None)
        is_record = dataclasses.is_dataclass(row) or hasattr(row, "_fields") or hasattr(row, "__total__")
        if fields and is_record:
            return [Column(name, annotation(kind)) for name, kind in typing.get_type_hints(row).items()]
    return None


def annotation(kind):
    kinds = [part for part in typing.get_args(kind) if part is not type(None)]
    if kind in PYTHON:
        return PYTHON[kind]
    if typing.get_origin(kind) in PYTHON:
        return PYTHON[typing.get_origin(kind)]
    found = {annotation(part) for part in kinds}
    return found.pop() if len(found) == 1 else "text"


def guessed(names, rows):
    """The columns that the first rows tell. Lists of values, one for each name."""
    return [Column(name, kind_of({kind(row[at]) for row in rows} - {None})) for at, name in enumerate(names)]


def kind(value):
    """The type of one value; `None` for null."""
    if value is None:
        return None
    if isinstance(value, enum.Enum):
        return kind(value.value)
    known = PYTHON.get(type(value))
    if known:
        return known if known != "timestamp" or value.tzinfo is None else "timestamp_utc"
    if hasattr(value, "isoformat") and hasattr(value, "hour"):
        return "timestamp_utc" if getattr(value, "tzinfo", None) else "timestamp"
    for python, name in ((bool, "boolean"), (str, "text"), (bytes, "blob")):
        if isinstance(value, python):
            return name
    if type(value).__name__ in ("bool_", "bool"):
        return "boolean"
    if isinstance(value, numbers.Integral):
        return "integer"
    if isinstance(value, numbers.Real):
        return "real"
    if hasattr(value, "tolist"):
        return kind(value.tolist())
    return "json" if isinstance(value, (collections.abc.Mapping, collections.abc.Iterable)) else "text"


def kind_of(kinds):
    """What has room for all of these."""
    if len(kinds) <= 1:
        return kinds.pop() if kinds else "text"
    for wide, narrow in (("integer", {"boolean"}), ("real", {"boolean", "integer"}), ("timestamp", {"date"})):
        if wide in kinds and kinds <= narrow | {wide}:
            return wide
    return "text"
