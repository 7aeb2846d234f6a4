"""Gets the rows of a whole table out of a connector by unfiltered pages, and notices when they cannot be right.

A page asks for one row more than it needs, as Datasette did: that row tells whether there are more, and must be the
first of the next page. If it is not, the connector does not do `offset`: then the limit grows instead.
"""

import itertools

from . import answers, text
from .failures import Failed, NotDone, reason

# Limits of pages that old hosts sent: a page of 100, of 50, a stream's, and none. Connectors of fixed texts know some.
KNOWN_LIMITS = (101, 51, 1001, None)
PAGE = 1000
ROWS_MAX = 1 << 40


class Reader:
    """Reads tables by `run(sql, params)`, which gives an `Answer` or raises `NotDone`."""

    def __init__(self, run):
        self.run = run

    def page(self, table, names, limit, offset=0):
        """Rows of one page as lists in the order of `names`, lazily, and the answer that they come from."""
        answer = self.run(text.select(table, names, limit=limit, offset=offset), {})
        return (list(map(answers.value, answers.cells(row, names, answer.names))) for row in answer.rows), answer

    def first(self, table, names, wanted):
        """The first `wanted` rows or more, whether that is all, and the limit by which they were read.

        The limit wanted is tried first, then those that connectors of fixed texts may know.
        """
        problem = None
        for limit in dict.fromkeys((wanted, *KNOWN_LIMITS)):
            try:
                page, answer = self.page(table, names, limit)
                rows = list(itertools.islice(page, wanted))
                complete = len(rows) < wanted and not answer.truncated and (limit is None or len(rows) < limit)
                rest = page if len(rows) == wanted else iter(())
                return rows, complete, limit, rest
            except NotDone as error:
                problem = problem or error
        raise problem

    def capped(self, table, names, rows):
        """Whether a connector that gave these rows, and told no more of them, gives others when asked to go on."""
        try:
            page, _ = self.page(table, names, KNOWN_LIMITS[0], len(rows))
            return list(itertools.islice(page, len(rows))) not in ([], rows)
        except NotDone:
            return False

    def capped_rows(self, table, names):
        """The rows of a table whose connector gives no more than some number of rows at a time, and does not say so."""
        done, last = 0, None
        while True:
            page, _ = self.page(table, names, PAGE + 1, done)
            rows = list(itertools.islice(page, PAGE + 1))
            if not rows or rows == last:
                return
            yield from rows
            done, last = done + len(rows), rows

    def rows(self, table, names, limit=None):
        """The rows of a table in the connector's order, no more than `limit`."""
        if limit is not None and limit <= PAGE:
            rows, complete, sent, rest = self.first(table, names, limit)
            if len(rows) >= limit or complete:
                yield from rows[:limit]
                return
        read = self.all_rows(table, names)
        yield from read if limit is None else itertools.islice(read, limit)

    def all_rows(self, table, names):
        rows, complete, sent, rest = self.first(table, names, PAGE + 1)
        if complete:
            yield from rows
            return
        extra = list(itertools.islice(rest, 1))
        if extra:
            # The limit is not kept: these are all rows there are.
            yield from rows
            yield from extra
            yield from rest
            return
        yield from self.further(table, names, rows)

    def further(self, table, names, rows):
        """The rows, and those behind them by `offset`, as long as each page begins where the last one ended."""
        done = 0
        while True:
            following = rows[PAGE] if len(rows) > PAGE else None
            page = rows[:PAGE]
            try:
                next_rows, next_answer = self.page(table, names, PAGE + 1, done + len(page))
                next_rows = list(itertools.islice(next_rows, PAGE + 2))
            except NotDone:
                next_rows, next_answer = [], None
            joins = following is None or (next_rows and next_rows[0] == following)
            if not joins or next_rows == rows or len(next_rows) > PAGE + 1 or next_answer is None:
                yield from self.growing(table, names, done, rows)
                return
            yield from page
            done += len(page)
            if following is None and not next_rows:
                raise Failed(f"The connector says that more rows of {table} follow the first {done}, but gives none")
            if len(next_rows) <= PAGE and not next_answer.truncated:
                yield from next_rows
                return
            rows = next_rows

    def growing(self, table, names, done, rows):
        """The rows from number `done` on, by limits that grow and no offset; `rows` are the next of them."""
        yield from rows
        done += len(rows)
        limit = 4 * (done + PAGE)
        while limit < ROWS_MAX:
            try:
                page, answer = self.page(table, names, limit)
            except NotDone as error:
                raise Failed(f"Only the first {done} rows of {table} can be read: {reason(error)}") from error
            before = sum(1 for _ in itertools.islice(page, done))
            came = 0
            for row in page:
                came += 1
                yield row
            if before < done:
                raise Failed(f"The connector gave {done} rows of {table}, and then {before} for the same question")
            done += came
            if done < limit and not answer.truncated:
                return
            if not came:
                raise Failed(f"The connector says that more rows of {table} follow the first {done}, but gives none")
            # More rows than the limit: it is not kept, and these were all.
            if done > limit:
                return
            limit = 4 * done
