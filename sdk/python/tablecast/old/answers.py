"""Reads what old connectors give back: rows, columns and counts in every form that their host took, and then some.

What cannot be read for certain raises `NotDone`; a value is never guessed.
"""

import base64
import collections.abc
import datetime
import decimal
import json
import math
import numbers
import uuid

from .failures import NotDone

# Names of the values of `table_info` in use, where a connector gives them in an order of its own.
NAME_KEYS = ("name", "column", "column_name")
KEY_KEYS = ("is_pk", "pk", "primary_key")
TYPE_KEYS = ("type", "declared_type", "data_type")


class Answer:
    """Rows (an iterator of lists), the names of their columns (or `None`), and whether more were left out."""

    def __init__(self, rows, names, truncated):
        self.rows, self.names, self.truncated = rows, names, truncated


def described(description):
    """The names in a description: DB-API's tuples, tuples of one name, or names."""
    if description is None:
        return []
    names = []
    for item in description:
        if isinstance(item, collections.abc.Mapping):
            item = next((item[key] for key in NAME_KEYS if key in item), None)
        elif isinstance(item, (list, tuple)):
            item = item[0] if item else None
        names.append(item if isinstance(item, str) else None)
    return names


def executed(result):
    """What `execute` returned: the triple of the interface, an object with these attributes, or rows alone."""
    if result is None:
        raise NotDone("execute returned nothing")
    if hasattr(result, "rows") and hasattr(result, "description"):
        rows, truncated, description = result.rows, getattr(result, "truncated", False), result.description
    elif isinstance(result, (tuple, list)) and len(result) == 3 and not is_row_like(result[1]) and iterable(result[0]):
        rows, truncated, description = result
    elif isinstance(result, (tuple, list)) and len(result) == 2 and isinstance(result[1], bool):
        (rows, truncated), description = result, None
    elif hasattr(result, "fetchall") and hasattr(result, "description"):
        rows, truncated, description = result, False, result.description
        rows = rows if iterable(rows) else rows.fetchall()
    else:
        rows, truncated, description = result, False, None
    if rows is None:
        rows = ()
    if not iterable(rows):
        raise NotDone(f"execute returned {type(rows).__name__} instead of rows")
    rows = iter(rows)
    first = next(rows, None)
    names = described(description)
    if first is not None and (not names or None in names) and has_names(first):
        names = [str(key) for key in first.keys()]
    return Answer(chain(first, rows), names, bool(truncated))


def is_row_like(value):
    return iterable(value) or value is None


def iterable(value):
    return isinstance(value, collections.abc.Iterable) and not isinstance(value, (str, bytes))


def has_names(row):
    return hasattr(row, "keys")


def chain(first, rows):
    if first is not None:
        yield first
        yield from rows


def cells(row, names, answer_names):
    """The values of a row for `names`: by name where it has names, otherwise by the description, otherwise in order."""
    if has_names(row):
        keys = [str(key) for key in row.keys()]
        values = list(row.values()) if isinstance(row, collections.abc.Mapping) else list(row)
        return by_name(values, keys, names)
    if not isinstance(row, (list, tuple)) and not iterable(row):
        if len(names) == 1:
            return [row]
        raise NotDone(f"a row is {type(row).__name__}")
    values = list(row)
    if len(values) == len(answer_names or ()) and set(names) <= set(answer_names):
        return by_name(values, answer_names, names)
    if len(values) != len(names):
        raise NotDone(f"a row has {len(values)} values instead of {len(names)}")
    return values


def by_name(values, keys, names):
    if keys == names:
        return values
    at = {key: place for place, key in reversed(list(enumerate(keys)))}
    folded = {key.lower(): place for key, place in at.items()}
    places = [at.get(name, folded.get(name.lower())) for name in names]
    if None in places:
        missing = names[places.index(None)]
        raise NotDone(f"a row has no column {missing}; it has {', '.join(keys)}")
    return [values[place] for place in places]


def value(cell):
    """A cell as null, boolean, number, text or bytes. Lists and mappings become JSON; not-a-number becomes null."""
    if cell is None or type(cell) in (str, int, bytes, bool):
        return cell
    if isinstance(cell, float):
        return None if math.isnan(cell) else float(cell)
    if isinstance(cell, (bytearray, memoryview)):
        return bytes(cell)
    # Subclasses: numpy's texts, enumerations.
    if isinstance(cell, str):
        return str.__str__(cell)
    if isinstance(cell, bytes):
        return bytes(cell)
    if isinstance(cell, int):
        return int(cell)
    if isinstance(cell, complex):
        return json.dumps({"r": cell.real, "i": cell.imag})
    if isinstance(cell, (datetime.datetime, datetime.date, datetime.time)):
        return cell.isoformat(*([" "] if isinstance(cell, datetime.datetime) else []))
    if isinstance(cell, decimal.Decimal):
        return int(cell) if cell == cell.to_integral_value() and cell.is_finite() else float(cell)
    if isinstance(cell, uuid.UUID):
        return str(cell)
    # Numbers and arrays of numpy, without knowing numpy.
    if hasattr(cell, "tolist"):
        plain = cell.tolist()
        return value(plain) if type(plain) is not type(cell) else str(cell)
    if isinstance(cell, numbers.Number):
        return float(cell)
    if isinstance(cell, (collections.abc.Mapping, list, tuple, set, frozenset)):
        return json.dumps(nested(cell), ensure_ascii=False)
    return str(cell)


def nested(cell):
    """A cell inside of a list or mapping, as JSON has it."""
    if isinstance(cell, collections.abc.Mapping):
        return {str(key): nested(item) for key, item in cell.items()}
    if isinstance(cell, (list, tuple, set, frozenset)):
        return [nested(item) for item in cell]
    cell = value(cell)
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            return base64.b64encode(cell).decode()
    return None if isinstance(cell, float) and math.isinf(cell) else cell


def count(found):
    """A count of rows: a whole number that is not negative, whatever type says so."""
    found = value(found)
    if isinstance(found, (list, tuple)) and len(found) == 1:
        found = found[0]
    if isinstance(found, str) and found.strip().isdigit():
        found = int(found)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**63:
        raise NotDone(f"the count is {found!r}")
    return found


def names(found):
    """Names of tables: texts, or rows that have the name as `name` or as their first value."""
    if not iterable(found):
        raise NotDone(f"{type(found).__name__} instead of names")
    result = []
    for item in found:
        if isinstance(item, bytes):
            item = item.decode("utf-8", "replace")
        if has_names(item):
            keys = [str(key) for key in item.keys()]
            item = item["name"] if "name" in keys else next(iter(ordered(item)), None)
        elif isinstance(item, (list, tuple)):
            item = item[0] if item else None
        if not isinstance(item, str) or not item:
            raise NotDone(f"{item!r} instead of the name of a table")
        if item not in result:
            result.append(item)
    return result


def ordered(row):
    """The values of a row in their order."""
    return list(row.values()) if isinstance(row, collections.abc.Mapping) else list(row)


def named(row, keys):
    """The value of the first of `keys` that a row has, in a list of one; an empty list if it has none."""
    if not has_names(row):
        return []
    known = {str(key): item for key, item in zip(row.keys(), ordered(row))}
    return [known[key] for key in keys if key in known][:1]


def column(row):
    """Name, declared type, whether null is refused, default, and place in the key, of a row of `table_info`.

    Values count by their order, as they did for the old host: the second is the name, the last tells the key.
    """
    if isinstance(row, str):
        return {"name": row, "type": "", "not_null": False, "default": None, "key": 0}
    if not iterable(row):
        raise NotDone(f"table_info has {type(row).__name__} instead of a row")
    values = ordered(row)
    at = dict(enumerate(values))
    name = (named(row, NAME_KEYS) or [at.get(1, at.get(0))])[0]
    if isinstance(name, bytes):
        name = name.decode("utf-8", "replace")
    if not isinstance(name, str) or not name:
        raise NotDone(f"table_info has {name!r} instead of the name of a column")
    full = len(values) >= 6
    kind = (named(row, TYPE_KEYS) or [at.get(2) if full else None])[0]
    key = (named(row, KEY_KEYS) or [values[-1] if len(values) >= 3 and not isinstance(values[-1], str) else 0])[0]
    default = at.get(4) if full else None
    return {
        "name": name,
        "type": str(kind) if kind is not None else "",
        "not_null": bool(full and at[3]),
        "default": None if default is None else str(default),
        "key": int(key) if isinstance(key, numbers.Integral) else int(bool(key)),
    }


def foreign_keys(rows):
    """References, as lists of columns, other table and other columns; by order: id, seq, table, from, to."""
    if not iterable(rows):
        raise NotDone(f"foreign_keys returned {type(rows).__name__}")
    grouped = {}
    for place, row in enumerate(rows):
        values = ordered(row)
        at = dict(enumerate(values))
        other = (named(row, ("table", "table_name", "other_table")) or [at.get(2)])[0]
        start = (named(row, ("from", "from_", "column")) or [at.get(3)])[0]
        to = (named(row, ("to", "to_", "other_column")) or [at.get(4)])[0]
        if not (isinstance(other, str) and isinstance(start, str) and isinstance(to, str)):
            raise NotDone(f"a foreign key is {values!r}"[:200])
        known = named(row, ("id",)) or ([at[0]] if len(values) >= 8 else [("row", place)])
        key = grouped.setdefault((str(known[0]), other), ([], other, []))
        key[0].append(start)
        key[2].append(to)
    return list(grouped.values())
