"""Joins across databases of different kinds, held against the same joins in SQLite alone after copying.

    python tests/joins.py TABLECAST FIXTURES.db

Needs h5py and numpy. `fixtures` is a SQLite file, `stored` an HDF5 file made from its tables; in SQLite alone `stored` is
a SQLite file with the same rows. Both sides get the same statement.
"""

import pathlib
import shutil
import sqlite3
import sys
import tempfile

from fixtures_hdf5 import store, store_twin
from server import Tally, serve

SAME = [
    "select f.pk, c.name from stored.facetable f join fixtures.facet_cities c on c.id = f._city_id order by f.pk",
    "select f.pk, c.name from fixtures.facetable f join stored.facet_cities c on c.id = f._city_id order by f.pk",
    "select c.name, count(*) from fixtures.facet_cities c left join stored.facetable f on f._city_id = c.id group by c.name",
    "select c.name, f.pk from fixtures.facet_cities c left join stored.facetable f on f._city_id = c.id and f.state = 'MI' order by 1, 2",
    "select a.pk1, a.pk2, b.content from stored.compound_primary_key a join fixtures.compound_primary_key b using (pk1, pk2) order by 1, 2",
    "select count(*) from stored.compound_three_primary_keys a, fixtures.compound_three_primary_keys b "
    "where a.pk1 = b.pk1 and a.pk2 = b.pk2 and a.pk3 > b.pk3",
    "select sum(s.sortable), max(t.sortable_with_nulls) from stored.sortable s join fixtures.sortable t "
    "on s.pk1 = t.pk1 and s.pk2 = t.pk2 where t.sortable between 10 and 60",
    "select sortable_with_nulls, count(*) from (select sortable_with_nulls from stored.sortable union all "
    "select sortable_with_nulls from fixtures.sortable) where sortable_with_nulls is not null group by 1 order by 1 limit 20",
    "select pk from stored.facetable where _city_id in (select id from fixtures.facet_cities where name like '%o%') order by pk",
    "select pk from stored.facetable f where exists (select 1 from fixtures.facet_cities c where c.id = f._city_id "
    "and c.name = 'Detroit') order by pk",
    "with c as (select id, name from fixtures.facet_cities) select c.name, f.state from stored.facetable f join c "
    "on c.id = f._city_id where f.on_earth = 1 order by f.pk limit 5",
    "select stored.facet_cities.name from stored.facet_cities join fixtures.tags on tag = 'feline' order by name",
    "select facet_cities.name, tag from stored.facet_cities cross join fixtures.tags where facet_cities.id < 3 order by 1, 2",
    "select FIXTURES.Facet_Cities.NAME from Stored.FACETABLE, Fixtures.Facet_Cities where facetable.pk = facet_cities.id order by 1",
    "select * from stored.[table/with/slashes.csv] union all select * from fixtures.[table/with/slashes.csv]",
    "select a.content, b.rowid from stored.no_primary_key a join fixtures.no_primary_key b on a.content = b.content "
    "where b.rowid between 20 and 24 order by b.rowid",
    "select a.rowid, b.a from stored.no_primary_key a join fixtures.no_primary_key b on a.a = b.a order by a.rowid limit 3",
    "select r.name, a.name from stored.roadside_attractions r join fixtures.roadside_attraction_characteristics x "
    "on x.attraction_id = r.pk join stored.attraction_characteristic a on a.pk = x.characteristic_id order by 1, 2",
    "select f.n, t.n from fixtures.facetable f join stored.facetable t using (pk) where f.n is not null order by pk",
    "select v.upper_content, s.id from fixtures.simple_view v join stored.simple_primary_key s on s.content = v.content order by 2",
    "select id from stored.facet_cities except select id from fixtures.facet_cities where id > 2 order by 1",
    "select latitude, name from stored.roadside_attractions where latitude > (select avg(latitude) from fixtures.roadside_attractions) order by 1",
    "select count(*), sum(value) from stored.infinity",
    "select count(*) from paginated_view join stored.no_primary_key using (content)",
    "select f.pk, :word || c.name from stored.facetable f join fixtures.facet_cities c on c.id = f._city_id and f.state = :state order by f.pk",
]
# Statement, part of the reason.
REFUSED = [
    ("select * from nowhere.t", "no such table: nowhere.t"),
    ("select * from stored.nope", "no such table: stored.nope"),
    ("select * from fixtures.facet_cities, stored.nope", "no such table: stored.nope"),
    ("select * from strd.facetable, stored.facetable", "no such table: strd.facetable"),
    ("select nope from stored.facetable join fixtures.facet_cities on id = pk", "nope"),
    ("select load_extension('x') from stored.facetable", "no such function: load_extension"),
    ("delete from stored.facetable", "must be a SELECT"),
    ("select m.c from misfit.numbers m join stored.facetable f on f.pk = m.id", "numbers.c, row 7"),
    ("select m.c from misfit.pairs m join stored.facetable f on f.pk = m.c", "pairs.c, row x,y"),
    ("attach 'x.db' as x", "must be a SELECT"),
]


def main():
    tablecast, fixtures = map(pathlib.Path, sys.argv[1:3])
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        store(fixtures, place / "stored.h5")
        store_twin(fixtures, place / "twin.db")
        shutil.copyfile(fixtures, place / "fixtures.db")
        misfit = sqlite3.connect(place / "misfit.db")
        misfit.executescript("create table numbers (id integer, c integer); insert into numbers values (1, 1), (2, 2)")
        misfit.execute("insert into numbers (rowid, id, c) values (7, 3, 'three')")
        misfit.executescript("create table pairs (a text, b text, c real, primary key (a, b)) without rowid; "
                             "insert into pairs values ('x', 'y', 'three')")
        misfit.commit()
        alone = sqlite3.connect(":memory:")
        for name, file in (("fixtures", "fixtures.db"), ("stored", "twin.db")):
            alone.execute("attach ? as ?", [str(place / file), name])
        with serve(tablecast, place / "fixtures.db", place / "stored.h5", place / "misfit.db", "--crossdb") as server:
            for statement in SAME:
                values = {"word": "in ", "state": "CA"} if ":word" in statement else {}
                expected = [list(row) for row in alone.execute(statement, values)]
                status, answer = server.json("/_memory/-/query.json", sql=statement, _shape="arrays", **values)
                tally.check(statement, answer.get("rows", answer), expected)
                tally.that(statement, expected, "no rows, which shows nothing")
            for statement, reason in REFUSED:
                status, answer = server.json("/_memory/-/query.json", sql=statement)
                said = answer.get("error", "")
                tally.that(statement, status in (400, 500) and reason in said, f"{status} {said}")
    tally.end()


main()
