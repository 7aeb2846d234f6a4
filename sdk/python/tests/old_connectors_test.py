"""Old connectors of every kind, honest and not, asked through the adapter.

    python -m unittest discover -s sdk/python/tests -p '*_test.py'
"""

import pathlib
import re
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import datasette_connectors as dc  # noqa: E402
from tablecast.old import Failed, Invalid, NotDone, NotThere, OldConnector, load, text  # noqa: E402


class Sqlite(dc.Connector):
    """An honest connector: everything goes to SQLite. What it is asked stays in `asked`."""

    connector_type = "honest"
    asked = []

    class connection_class(dc.Connection):
        def __init__(self, path, connector):
            super().__init__(path, connector)
            self.db = sqlite3.connect(":memory:", check_same_thread=False)
            self.db.execute("create table t (c1 integer primary key, [c 2] text, [group] real)")
            self.db.executemany("insert into t values (?, ?, ?)", ((i, f"x{i}", i / 2) for i in range(1, 2501)))
            self.db.execute("create table small (a)")
            self.db.executemany("insert into small values (?)", ((i,) for i in range(3)))
            self.db.execute("create table hollow (a)")

    def rows_of(self, sql, *params):
        return self.conn.db.execute(sql, *params).fetchall()

    def table_names(self):
        return [name for (name,) in self.rows_of("select name from sqlite_master")]

    def table_info(self, table_name):
        return self.rows_of(f"pragma table_info([{table_name}])")

    def table_count(self, table_name):
        return self.rows_of(f"select count(*) from [{table_name}]")[0][0]

    def execute(self, sql, params=None, truncate=False, custom_time_limit=None, page_size=None, log_sql_errors=True):
        self.asked.append((sql, params))
        try:
            cursor = self.conn.db.execute(sql, params or {})
        except sqlite3.OperationalError as error:
            raise dc.OperationalError(str(error)) from error
        return cursor.fetchall(), False, cursor.description


def opened(connector_class):
    return OldConnector(connector_class, "somewhere.xyz")


def changed(**members):
    """The honest connector with other methods."""
    return opened(type("Changed", (Sqlite,), members))


def rows_changed(change):
    """The honest connector whose `execute` answers what `change(connector, sql, rows, description)` makes of it."""

    def execute(self, sql, params=None, **others):
        rows, _, description = Sqlite.execute(self, sql, params)
        return change(self, sql, rows, description)

    return changed(execute=execute)


NUMBERS = list(range(1, 2501))


class Honest(unittest.TestCase):
    def test_a_page_is_asked_for_in_the_old_words(self):
        Sqlite.asked.clear()
        names, rows = opened(Sqlite).rows("t", limit=51)
        self.assertIn(("select c1, [c 2], [group] from t limit 51", {}), Sqlite.asked)
        self.assertEqual((names, len(rows), rows[0]), (["c1", "c 2", "group"], 51, [1, "x1", 0.5]))

    def test_filters_are_asked_for_in_the_old_words_and_left_to_the_engine(self):
        Sqlite.asked.clear()
        with self.assertRaises(NotDone):
            opened(Sqlite).rows("t", [("c 2", "contains", "x"), ("c1", "gt", "5")], ("group", True))
        wanted = 'select c1, [c 2], [group] from t where "c 2" like :p0 and "c1" > :p1 order by [group] desc limit 101'
        self.assertIn((wanted, {"p0": "%x%", "p1": 5}), Sqlite.asked)

    def test_a_whole_table_is_read_by_pages(self):
        Sqlite.asked.clear()
        self.assertEqual([row[0] for row in opened(Sqlite).scan("t", ["c1"])], NUMBERS)
        self.assertIn("select c1, [c 2], [group] from t limit 1001 offset 1000", [sql for sql, _ in Sqlite.asked])

    def test_row_numbers_begin_as_the_connector_begins(self):
        self.assertEqual(list(opened(Sqlite).scan("t", ["rowid"], limit=2)), [[1], [2]])

    def test_columns_are_told_with_types_and_keys(self):
        told = [(c["name"], c["kind"], c["key"]) for c in opened(Sqlite).table_info("t")]
        self.assertEqual(told, [("c1", "integer", 1), ("c 2", "text", 0), ("group", "real", 0)])

    def test_an_empty_table_is_empty(self):
        self.assertEqual(list(opened(Sqlite).scan("hollow")), [])
        self.assertEqual(opened(Sqlite).table_count("hollow"), 0)

    def test_a_missing_table_is_named(self):
        with self.assertRaisesRegex(NotThere, "nosuch"):
            opened(Sqlite).table_info("nosuch")

    def test_a_missing_column_is_named(self):
        with self.assertRaisesRegex(Invalid, "nosuch"):
            list(opened(Sqlite).scan("t", ["nosuch"]))


class PersonsSql(unittest.TestCase):
    def test_it_goes_as_written(self):
        Sqlite.asked.clear()
        names, rows = opened(Sqlite).execute("select  a\nfrom small", {"p": "1"})
        self.assertEqual((names, list(rows)), (["a"], [[0], [1], [2]]))
        self.assertIn(("select  a\nfrom small", {"p": "1"}), Sqlite.asked)

    def test_an_operational_error_is_the_persons(self):
        with self.assertRaisesRegex(Invalid, "no such column: nosuch"):
            opened(Sqlite).execute("select nosuch from t")

    def test_any_other_exception_is_left_to_the_engine(self):
        def execute(self, sql, **others):
            raise KeyError("from")

        with self.assertRaises(NotDone):
            changed(execute=execute).execute("select 1")

    def test_what_is_filtered_or_grouped_is_left_to_the_engine(self):
        for sql in (
            "select a from small where a > 1",
            "select count(*) from small",
            "select a as b from small",
            "select a from small order by a desc",
            "select a from small limit 1 offset 1",
            "select a from small join t on a = c1",
        ):
            with self.subTest(sql), self.assertRaises(NotDone):
                opened(Sqlite).execute(sql)

    def test_what_reads_no_table_of_the_engine_stands(self):
        self.assertEqual(list(opened(Sqlite).execute("select 2 + 3 as n")[1]), [[5]])

    def test_columns_that_were_not_asked_for_are_not_believed(self):
        lying = rows_changed(lambda self, sql, rows, description: (rows, False, (("other",),)))
        with self.assertRaises(NotDone):
            lying.execute("select a from small")


class Fixed(unittest.TestCase):
    """A connector that knows some texts, and nothing else."""

    class Dummy(dc.Connector):
        connector_type = "dummy"
        connection_class = dc.Connection

        def table_names(self):
            return ["table1"]

        def table_count(self, table_name):
            return 2

        def table_info(self, table_name):
            return [{"idx": at, "name": name, "primary_key": False} for at, name in enumerate(("c1", "c2"))]

        def execute(self, sql, params=None, *others, **more):
            rows = [{"c1": 10, "c2": "ten"}, {"c1": 20, "c2": "twenty"}]
            if sql in ("select c1, c2 from table1 limit 51", "select c1, c2 from table1 limit 101"):
                return rows, False, (("c1",), ("c2",))
            if sql == 'select c1, c2 from secret where "c1" > :p0 limit 101':
                return rows[1:], False, (("c1",), ("c2",))
            if sql == "magic":
                return [{"m": 1}], False, (("m",),)
            raise Exception(f"Unexpected query: {sql}")

    def test_pages_of_every_size_come_from_the_one_it_knows(self):
        for limit in (None, 1, 2, 3, 51, 101, 5000):
            with self.subTest(limit):
                self.assertEqual([row[0] for row in opened(self.Dummy).scan("table1", None, limit)], [10, 20][:limit])

    def test_an_answer_to_a_text_of_its_own_stands(self):
        self.assertEqual(opened(self.Dummy).execute("magic")[0], ["m"])

    def test_where_no_page_can_be_read_its_own_answers_stand(self):
        class Secret(self.Dummy):
            def table_names(self):
                return ["secret"]

        connector = opened(Secret)
        self.assertEqual(connector.rows("secret", [("c1", "gt", "15")])[1], [[20, "twenty"]])
        self.assertEqual(connector.table_count("secret"), 2)
        with self.assertRaisesRegex(Failed, "Unexpected query"):
            list(connector.scan("secret"))


class Forms(unittest.TestCase):
    """Whatever form an answer has, the rows are the same."""

    def check(self, change):
        connector = rows_changed(change)
        self.assertEqual([row[0] for row in connector.scan("t", ["c1"])], NUMBERS)
        self.assertEqual(list(connector.scan("small")), [[0], [1], [2]])

    def test_dictionaries(self):
        self.check(lambda c, q, rows, d: ([dict(zip([n[0] for n in d], row)) for row in rows], False, d))

    def test_dictionaries_in_another_order_and_without_a_description(self):
        self.check(lambda c, q, rows, d: ([dict(reversed(list(zip([n[0] for n in d], row)))) for row in rows], False, ()))

    def test_lists_and_a_description_of_names(self):
        self.check(lambda c, q, rows, d: (list(map(list, rows)), False, [n[0] for n in d]))

    def test_a_generator(self):
        self.check(lambda c, q, rows, d: ((row for row in rows), False, d))

    def test_rows_alone(self):
        self.check(lambda c, q, rows, d: rows)

    def test_rows_of_sqlite(self):
        def change(connector, sql, rows, description):
            connector.conn.db.row_factory = sqlite3.Row
            found = connector.conn.db.execute(sql).fetchall()
            connector.conn.db.row_factory = None
            return found, False, ()

        self.check(change)

    def test_columns_more_than_asked_for(self):
        self.check(lambda c, q, rows, d: ([{"more": 1, **dict(zip([n[0] for n in d], row))} for row in rows], False, d))

    def test_names_as_rows_and_columns_as_lists(self):
        connector = changed(
            table_names=lambda self: [{"name": "t"}, ("small",)],
            table_info=lambda self, table: [list(row) for row in Sqlite.table_info(self, table)],
        )
        self.assertEqual(connector.table_names(), ["t", "small"])
        self.assertEqual([c["name"] for c in connector.table_info("small")], ["a"])

    def test_columns_by_the_order_of_their_values(self):
        info = [{"idx": 0, "label": "a", "primary": True}]
        connector = changed(table_names=lambda self: ["small"], table_info=lambda self, table: info)
        self.assertEqual([(c["name"], c["key"]) for c in connector.table_info("small")], [("a", 1)])


class Misbehaving(unittest.TestCase):
    def check_whole(self, change):
        self.assertEqual([row[0] for row in rows_changed(change).scan("t", ["c1"])], NUMBERS)

    def test_offsets_that_are_ignored(self):
        def change(connector, sql, rows, description):
            return connector.rows_of(re.sub(" offset .*", "", sql)), False, description

        self.check_whole(change)

    def test_offsets_that_give_nothing(self):
        self.check_whole(lambda c, sql, rows, d: ([] if "offset" in sql else rows, False, d))

    def test_offsets_that_raise(self):
        def change(connector, sql, rows, description):
            if "offset" in sql:
                raise ValueError("no offset here")
            return rows, False, description

        self.check_whole(change)

    def test_limits_that_are_ignored(self):
        self.check_whole(lambda c, sql, rows, d: (c.rows_of(sql.split(" limit")[0]), False, d))

    def test_a_cap_that_is_told(self):
        self.check_whole(lambda c, sql, rows, d: (rows[:400], len(rows) > 400, d))

    def test_a_cap_that_is_not_told(self):
        self.check_whole(lambda c, sql, rows, d: (rows[:100], False, d))

    def test_rows_that_are_promised_and_never_come(self):
        connector = rows_changed(lambda c, sql, rows, d: ([] if "offset" in sql else rows[:400], True, d))
        with self.assertRaisesRegex(Failed, "more rows of t follow the first 400"):
            list(connector.scan("t"))

    def test_too_few_values(self):
        connector = rows_changed(lambda c, sql, rows, d: ([row[:-1] for row in rows], False, d[:-1]))
        with self.assertRaisesRegex(Failed, "2 values instead of 3"):
            list(connector.scan("t"))

    def test_a_column_that_is_missing(self):
        connector = rows_changed(lambda c, sql, rows, d: ([{"c1": row[0]} for row in rows], False, d))
        with self.assertRaisesRegex(Failed, "no column c 2"):
            list(connector.scan("t"))

    def test_rows_that_are_none(self):
        for rows in (3, "rows", None, [1, 2], [None]):
            connector = rows_changed(lambda c, sql, r, d, rows=rows: (rows, False, d))
            with self.subTest(rows), self.assertRaises(Failed):
                list(connector.scan("t"))

    def test_a_generator_that_breaks(self):
        def change(connector, sql, rows, description):
            def broken():
                yield rows[0]
                raise OSError("the disk is gone")

            return broken(), False, description

        with self.assertRaisesRegex(Failed, "the disk is gone"):
            list(rows_changed(change).scan("t"))

    def test_no_rows_where_rows_are_counted(self):
        connector = rows_changed(lambda c, sql, rows, d: ([], False, d))
        with self.assertRaisesRegex(Failed, "counts 2500 rows and gives none"):
            list(connector.scan("t"))

    def test_counts_of_every_kind(self):
        for told, right in ((2500.0, 2500), ("2500", 2500), (2500.5, None), (-1, None), (True, None), (None, None),
                            (float("nan"), None), (7, None), ([2500], None), (2**70, None)):
            connector = changed(table_count=lambda self, table, told=told: told)
            with self.subTest(told):
                if right is None:
                    self.assertRaises(NotDone, connector.table_count, "t")
                else:
                    self.assertEqual(connector.table_count("t"), right)

    def test_a_count_that_the_rows_disprove(self):
        connector = changed(table_count=lambda self, table: 99)
        self.assertEqual(connector.table_count("small"), 3)

    def test_a_value_of_another_type_is_an_error_with_its_place(self):
        connector = rows_changed(
            lambda c, sql, rows, d: ([(("late",) + row[1:] if row[0] == 2000 else row) for row in rows], False, d)
        )
        with self.assertRaisesRegex(Failed, "Row 1999 of t has 'late' in c1, whose values are of the type integer"):
            list(connector.scan("t"))

    def test_methods_that_are_missing_are_not_done(self):
        connector = opened(Sqlite)
        for method, arguments in (
            ("hidden_table_names", ()),
            ("view_names", ()),
            ("detect_spatialite", ()),
            ("foreign_keys", ("t",)),
            ("table_definition", ("t",)),
            ("indices_definition", ("t",)),
        ):
            with self.subTest(method), self.assertRaises(NotDone):
                getattr(connector, method)(*arguments)

    def test_a_container_that_does_not_open_says_why(self):
        class Connection(dc.Connection):
            def __init__(self, path, connector):
                raise ValueError("not one of mine")

        with self.assertRaisesRegex(Failed, "cannot open somewhere.xyz: ValueError: not one of mine"):
            opened(type("Closed", (Sqlite,), {"connection_class": Connection}))

    def test_tables_that_are_not_told(self):
        with self.assertRaisesRegex(Failed, "does not tell its tables"):
            changed(table_names=lambda self: 5).table_names()

    def test_columns_told_twice(self):
        with self.assertRaisesRegex(Failed, "the column a of small twice"):
            changed(table_info=lambda self, table: [(0, "a"), (1, "a")]).table_info("small")


class Texts(unittest.TestCase):
    def test_names_are_bracketed_only_where_they_must_be(self):
        self.assertEqual(text.columns(["c1", "c 2", "group", "%g%t"]), "c1, [c 2], [group], [%g%t]")

    def test_facets(self):
        wanted = (
            "select c1 as value, count(*) as count from ( select c1, [c 2] from t ) where c1 is not null "
            "group by c1 order by count desc, value limit 31"
        )
        self.assertEqual(text.facet("t", ["c1", "c 2"], "c1"), wanted)

    def test_lists_of_values(self):
        self.assertEqual(text.where("t", [("c1", "in", "1,2")]), ("c1 in (:p0, :p1)", {"p0": "1", "p1": "2"}))

    def test_tables_of_a_statement(self):
        sql = "select 'from x', a from [t 1], (select 1) join \"u\" -- from y"
        self.assertEqual(text.tables_of(sql), ["t 1", "u"])


class Loading(unittest.TestCase):
    def test_what_cannot_be_loaded_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "broken_connector.py").write_text("import no_such_library")
            pathlib.Path(folder, "empty_connector.py").write_text("")
            sys.path.insert(0, folder)
            for name, says in (
                ("no_such_module:A", "No module named 'no_such_module'"),
                ("broken_connector:A", "no_such_library"),
                ("empty_connector:A", "has no A"),
                ("empty_connector", "Say which class"),
            ):
                with self.subTest(name), self.assertRaisesRegex(Failed, says):
                    load(name)
            sys.path.remove(folder)


class TheOldHostsWay(unittest.TestCase):
    def test_a_connection_answers_statements_about_the_catalog(self):
        connection = Sqlite.connect("somewhere.xyz")
        self.assertEqual([row["name"] for row in connection.execute("select name from sqlite_master where type='table'").rows],
                         ["t", "small", "hollow"])
        self.assertEqual(connection.execute("select count(*) from [t]").fetchall()[0][0], 2500)
        self.assertEqual(connection.execute("PRAGMA table_info([small])").fetchall()[0][1], "a")
        self.assertEqual(len(connection.execute("select a from small").fetchall()), 3)


if __name__ == "__main__":
    unittest.main()
