"""The SQL that Datasette 0.51.1 wrote, letter for letter, and what of a person's SQL is plain reading.

Connectors compare these texts, so a blank matters. Nothing here is executed by us.
"""

import json
import re

WORDS = frozenset(
    """abort action add after all alter analyze and as asc attach autoincrement before begin between by cascade case cast
    check collate column commit conflict constraint create cross current_date current_time current_timestamp database
    default deferrable deferred delete desc detach distinct drop each else end escape except exclusive exists explain
    fail for foreign from full glob group having if ignore immediate in index indexed initially inner insert instead
    intersect into is isnull join key left like limit match natural no not notnull null of offset on or order outer plan
    pragma primary query raise recursive references regexp reindex release rename replace restrict right rollback row
    savepoint select set table temp temporary then to transaction trigger union unique update using vacuum values view
    virtual when where with without""".split()
)
PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# Operators with one value: SQL around the column and the parameter, the value, whether digits become a number.
ONE_VALUE = {
    "exact": ('"{c}" = :{p}', "{}", False),
    "not": ('"{c}" != :{p}', "{}", False),
    "contains": ('"{c}" like :{p}', "%{}%", False),
    "endswith": ('"{c}" like :{p}', "%{}", False),
    "startswith": ('"{c}" like :{p}', "{}%", False),
    "gt": ('"{c}" > :{p}', "{}", True),
    "gte": ('"{c}" >= :{p}', "{}", True),
    "lt": ('"{c}" < :{p}', "{}", True),
    "lte": ('"{c}" <= :{p}', "{}", True),
    "like": ('"{c}" like :{p}', "{}", False),
    "notlike": ('"{c}" not like :{p}', "{}", False),
    "glob": ('"{c}" glob :{p}', "{}", False),
    "arraycontains": ("rowid in ( select {t}.rowid from {t}, json_each({t}.{c}) j where j.value = :{p} )", "{}", False),
    "date": ('date("{c}") = :{p}', "{}", False),
}
NO_VALUE = {
    "isnull": '"{c}" is null',
    "notnull": '"{c}" is not null',
    "isblank": '("{c}" is null or "{c}" = "")',
    "notblank": '("{c}" is not null and "{c}" != "")',
}


def name(text):
    """A name, bracketed only where it must be."""
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else f"[{text}]"


def columns(names):
    return ", ".join(map(name, names))


def where(table, filters):
    """The condition and its parameters; `None` if an operator is newer than that Datasette. Filters are triples of
    column, operator and value as typed."""
    clauses, params = [], {}
    for column, operator, value in filters:
        p = f"p{len(params)}"
        if operator in NO_VALUE:
            clauses.append(NO_VALUE[operator].format(c=column))
        elif operator in ONE_VALUE:
            template, form, numeric = ONE_VALUE[operator]
            given = form.format(value)
            params[p] = int(given) if numeric and given.isdigit() else given
            clauses.append(template.format(c=column, p=p, t=table))
        elif operator in ("in", "notin"):
            items = json.loads(value) if value.startswith("[") else [item.strip() for item in value.split(",")]
            marks = [f"p{len(params) + at}" for at in range(len(items))]
            params.update(zip(marks, items))
            word = "in" if operator == "in" else "not in"
            clauses.append(f"{name(column)} {word} ({', '.join(':' + mark for mark in marks)})")
        else:
            return None
    return " and ".join(clauses), params


def select(table, names, condition="", order="", limit=None, offset=0):
    """A page of rows. `order` is a pair of column and whether it descends."""
    sql = f"select {columns(names)} from {name(table)}"
    if condition:
        sql += f" where {condition}"
    if order:
        column, descends = order
        sql += f" order by {name(column)}{' desc' if descends else ''}"
    if limit is not None:
        sql += f" limit {limit}"
    return f"{sql} offset {offset}" if offset else sql


def facet(table, names, column, condition="", limit=31):
    """The commonest values of a column; one more than are shown."""
    inner = f"{select(table, names, condition)} "
    quoted = name(column)
    return (
        f"select {quoted} as value, count(*) as count from ( {inner}) where {quoted} is not null "
        f"group by {quoted} order by count desc, value limit {limit}"
    )


NAME = r"(?:\[[^\]]+\]|\"(?:[^\"]|\"\")+\"|`[^`]+`|[A-Za-z_][A-Za-z0-9_$]*)"
READS = re.compile(
    rf"\s*select\s+(?P<columns>\*|{NAME}(?:\s*,\s*{NAME})*)\s+from\s+(?P<table>{NAME})"
    r"(?:\s+limit\s+(?P<limit>\d{1,18})(?:\s+offset\s+(?P<offset>\d{1,18}))?)?\s*;?\s*",
    re.I,
)


def unquoted(text):
    """A name without its quotes."""
    if text[0] in '[`"':
        inner = text[1:-1]
        return inner.replace('""', '"') if text[0] == '"' else inner
    return text


def plain_reading(sql):
    """Table, columns (`None` for all), limit and offset of SQL that does nothing but read rows; otherwise `None`."""
    match = READS.fullmatch(sql)
    if not match or unquoted(match["table"]) != match["table"].strip('[]`"'):
        return None
    names = None
    if match["columns"] != "*":
        written = re.findall(NAME, match["columns"])
        if any(PLAIN.fullmatch(item) and item.lower() in WORDS for item in written):
            return None
        names = [unquoted(item) for item in written]
    limit = None if match["limit"] is None else int(match["limit"])
    return unquoted(match["table"]), names, limit, int(match["offset"] or 0)


TOKEN = re.compile(rf"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|{NAME}|[(),]|[^\s]", re.S)


def tables_of(sql):
    """The names after `from` and `join`, as far as they can be told without knowing the dialect."""
    found, expects = [], False
    for token in TOKEN.findall(sql):
        if token.startswith(("--", "/*")):
            continue
        if token.lower() in ("from", "join"):
            expects = True
            continue
        if expects and re.fullmatch(NAME, token):
            found.append(unquoted(token))
        expects = False
    return found
