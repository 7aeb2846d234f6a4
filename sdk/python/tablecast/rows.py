"""Rows as authors have them, as the protocol wants them."""

import base64
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import math

from .failures import Unreadable

BATCH_ROWS = 1000
# A page and the row that tells whether another follows.
FIRST_ROWS = 101
BATCH_CELLS = 200_000
BATCH_BYTES = 4 << 20


def is_arrow(item):
    """Whether it is a batch or table of pyarrow."""
    return hasattr(item, "schema") and hasattr(item, "num_rows")


def names_of(row):
    """The names that a row has of its own; `None` if it has none."""
    if isinstance(row, collections.abc.Mapping):
        return list(row)
    if dataclasses.is_dataclass(row):
        return [field.name for field in dataclasses.fields(row)]
    fields = getattr(row, "_fields", None)
    return list(fields) if fields else list(row.keys()) if hasattr(row, "keys") else None


def values_of(row, names, wanted):
    """The values of a row for the names wanted; a row without names of its own has those of `names`, in that order."""
    if isinstance(row, dict):
        return [row.get(name) for name in wanted]
    if dataclasses.is_dataclass(row):
        return [getattr(row, name) for name in wanted]
    own = names_of(row)
    values = [row[name] for name in own] if own and hasattr(row, "keys") else list(row)
    own = own or names
    if len(values) != len(own):
        raise Unreadable(f"A row has {len(values)} values instead of {len(own)}")
    if own == wanted:
        return values
    at = dict(zip(own, values))
    return [at.get(name) for name in wanted]


def cell(value, kind):
    """A value as a JSON cell of a column of this type."""
    if value is None:
        return None
    plain = type(value)
    if plain is str or plain is int or plain is bool:
        return str(value) if kind == "text" and plain is not str else value
    if plain is float:
        if math.isfinite(value):
            return value
        return {"real": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    return special(value, kind)


def special(value, kind):
    if isinstance(value, enum.Enum):
        return cell(value.value, kind)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        # What stands for a missing moment in pandas is not equal to itself.
        if value != value:
            return None
        if kind == "timestamp" and not isinstance(value, datetime.datetime):
            return f"{value.isoformat()}T00:00:00"
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value) if kind == "text" else float(value)
    if kind == "json" or isinstance(value, (collections.abc.Mapping, list, tuple, set, frozenset)):
        return json.dumps(nested(value), ensure_ascii=False, default=str)
    if hasattr(value, "tolist"):
        plain = value.tolist()
        return cell(plain, kind) if type(plain) is not type(value) else str(value)
    for python in (str, int, float):
        if isinstance(value, python):
            return cell(python(value), kind)
    return str(value)


def nested(value):
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, collections.abc.Mapping):
        return {str(key): nested(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [nested(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return value


def batches(rows, names, wanted, kinds, limit=None):
    """JSON batches (lists of rows) and Arrow payloads (bytes) of whatever a scan yields, up to `limit` rows or a few more.

    Rows are sent as soon as a batch is full; the first one is small, so that a page is there early.
    """
    later = max(1, min(BATCH_ROWS, BATCH_CELLS // max(1, len(wanted))))
    batch, size, most = [], 0, min(FIRST_ROWS, later)
    for row in upto(rows, limit):
        if is_arrow(row):
            if batch:
                yield batch
                batch, size = [], 0
            yield from arrow(row, wanted)
            continue
        cells = [cell(value, kind) for value, kind in zip(values_of(row, names, wanted), kinds)]
        batch.append(cells)
        size += sum(len(value) for value in cells if type(value) is str)
        if len(batch) >= most or size > BATCH_BYTES:
            yield batch
            batch, size, most = [], 0, later
    if batch:
        yield batch


def upto(rows, limit):
    """The rows and batches of a scan until `limit` rows have come."""
    came = 0
    for row in rows if limit != 0 else ():
        yield row
        came += row.num_rows if is_arrow(row) else 1
        if limit is not None and came >= limit:
            return


PAYLOAD_BYTES = 24 << 20


def arrow(table, wanted):
    """Arrow streams of a table or batch, in pieces that fit in a payload."""
    import pyarrow

    if hasattr(table, "to_batches"):
        for piece in table.to_batches():
            yield from arrow(piece, wanted)
        return
    missing = [name for name in wanted if name not in table.schema.names]
    if missing:
        raise Unreadable(f"A batch has no column {missing[0]}; it has {', '.join(table.schema.names)}")
    table = table.select(wanted)
    size = max(table.nbytes, 1)
    if size > PAYLOAD_BYTES and table.num_rows > 1:
        half = table.num_rows // 2
        yield from arrow(table.slice(0, half), wanted)
        yield from arrow(table.slice(half), wanted)
        return
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_batch(table)
    yield sink.getvalue()
