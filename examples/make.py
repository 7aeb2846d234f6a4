"""Makes the example data from the packages that ship it. Needs: tables, netCDF4, palmerpenguins, statsmodels.

    python examples/make.py

The files are committed, so that nobody needs this to start. Sources and licences: examples/README.md.
"""

import csv
import datetime
import importlib.util
import pathlib
import sqlite3

import duckdb
import netCDF4
import numpy
import tables

HERE = pathlib.Path(__file__).parent


def rows(package, *path):
    """The rows of a CSV file that a package ships, as dictionaries."""
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    with open(folder.joinpath(*path), newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return None if text in ("", "NA") else float(text)


def make_penguins():
    """An SQLite database with foreign keys, a full-text index and a view."""
    path = HERE / "penguins.db"
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.executescript(
        """
        create table species (id integer primary key, name text not null, latin_name text not null);
        create table islands (id integer primary key, name text not null, region text not null);
        create table studies (id text primary key, season text not null);
        create table penguins (
            id integer primary key,
            study text not null references studies(id),
            sample_number integer not null,
            species integer not null references species(id),
            island integer not null references islands(id),
            individual text not null,
            clutch_complete text not null,
            egg_date text,
            bill_length_mm real,
            bill_depth_mm real,
            flipper_length_mm integer,
            body_mass_g integer,
            sex text,
            delta_15_n real,
            delta_13_c real,
            comments text
        );
        create index penguins_by_species on penguins(species);
        create view heaviest as
            select penguins.id, species.name as species, sex, body_mass_g from penguins
            join species on species.id = penguins.species
            where body_mass_g is not null order by body_mass_g desc;
        """
    )
    ids = {"species": {}, "islands": {}}

    def id_of(table, *values):
        known = ids[table]
        if values not in known:
            known[values] = len(known) + 1
            marks = ", ".join("?" * (len(values) + 1))
            db.execute(f"insert into {table} values ({marks})", (known[values], *values))
        return known[values]

    for row in rows("palmerpenguins", "data", "penguins-raw.csv"):
        common, latin = row["Species"].split(" (")
        season = f"20{row['studyName'][3:5]}-20{row['studyName'][5:7]}"
        db.execute("insert or ignore into studies values (?, ?)", (row["studyName"], season))
        text = lambda name: None if row[name] in ("", "NA") else row[name]
        db.execute(
            f"insert into penguins values ({', '.join('?' * 16)})",
            (
                None,
                row["studyName"],
                int(row["Sample Number"]),
                id_of("species", common.split()[0], latin.rstrip(")")),
                id_of("islands", row["Island"], row["Region"]),
                row["Individual ID"],
                row["Clutch Completion"],
                text("Date Egg"),
                number(row["Culmen Length (mm)"]),
                number(row["Culmen Depth (mm)"]),
                number(row["Flipper Length (mm)"]),
                number(row["Body Mass (g)"]),
                text("Sex"),
                number(row["Delta 15 N (o/oo)"]),
                number(row["Delta 13 C (o/oo)"]),
                text("Comments"),
            ),
        )
    db.executescript(
        """
        create virtual table penguins_fts using fts5 (comments, content="penguins", content_rowid="id");
        insert into penguins_fts (rowid, comments) select id, comments from penguins;
        """
    )
    db.commit()
    db.execute("vacuum")


class Week(tables.IsDescription):
    date = tables.StringCol(10, pos=0)
    year = tables.Int16Col(pos=1)
    co2 = tables.Float32Col(pos=2, dflt=numpy.nan)


class Month(tables.IsDescription):
    year = tables.Int16Col(pos=0)
    month = tables.UInt8Col(pos=1)
    temperature = tables.Float32Col(pos=2)


def make_climate():
    """A PyTables file: two compressed tables in groups, and an array."""
    path = HERE / "climate.h5"
    with tables.open_file(path, "w", title="Two long records of the climate") as file:
        filters = tables.Filters(complevel=5, complib="blosc:lz4", shuffle=True)
        co2 = file.create_table(
            "/mauna_loa", "co2", Week, "Carbon dioxide at Mauna Loa, weekly", filters, createparents=True
        )
        co2.attrs.units = "ppm"
        co2.append(
            [
                (f"{d[:4]}-{d[4:6]}-{d[6:]}", int(d[:4]), number(row["co2"]) or numpy.nan)
                for row in rows("statsmodels", "datasets", "co2", "co2.csv")
                for d in [row["date"]]
            ]
        )
        years = rows("statsmodels", "datasets", "elnino", "elnino.csv")
        months = [[float(value) for name, value in row.items() if name != "YEAR"] for row in years]
        sea = file.create_table(
            "/pacific", "sea_surface", Month, "Sea surface temperature off Peru, monthly", filters, createparents=True
        )
        sea.attrs.units = "degree_Celsius"
        sea.append(
            [
                (int(row["YEAR"]), month + 1, value)
                for row, values in zip(years, months)
                for month, value in enumerate(values)
            ]
        )
        file.create_carray(
            "/pacific", "by_year", obj=numpy.array(months, "f4"), title="The same: a row per year, a column per month",
            filters=filters,
        )


def make_el_nino():
    """A NetCDF file with coordinates, units and a time axis."""
    years = rows("statsmodels", "datasets", "elnino", "elnino.csv")
    with netCDF4.Dataset(HERE / "el_nino.nc", "w", format="NETCDF4") as file:
        file.title = "Sea surface temperature of the Nino 1+2 region"
        file.source = "NOAA National Weather Service, ERSST.V3B"
        file.Conventions = "CF-1.8"
        file.createDimension("time", None)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar, time.long_name = "days since 1950-01-01", "standard", "middle of the month"
        sst = file.createVariable("sst", "f4", ("time",), zlib=True, fill_value=numpy.float32(-999))
        sst.units, sst.long_name = "degree_Celsius", "sea surface temperature"
        start = datetime.date(1950, 1, 1)
        values = [(int(r["YEAR"]), m, float(v)) for r in years for m, v in enumerate(list(r.values())[1:], 1)]
        time[:] = [(datetime.date(year, month, 15) - start).days for year, month, _ in values]
        sst[:] = [value for _, _, value in values]


def make_penguin_sizes():
    """A CSV file of the penguins' sizes, with the names of species and islands written out."""
    penguins = sqlite3.connect(HERE / "penguins.db").execute(
        """select species.name as species, islands.name as island, sex, egg_date, bill_length_mm, bill_depth_mm,
        flipper_length_mm, body_mass_g from penguins join species on species.id = species
        join islands on islands.id = island order by penguins.id"""
    )
    with open(HERE / "penguin_sizes.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column[0] for column in penguins.description)
        writer.writerows(penguins)


def make_sea_surface():
    """A Parquet file of the sea's temperatures, a row per month."""
    years = rows("statsmodels", "datasets", "elnino", "elnino.csv")
    months = [
        (datetime.date(int(row["YEAR"]), month, 1), float(value))
        for row in years
        for month, value in enumerate(list(row.values())[1:], 1)
    ]
    connection = duckdb.connect()
    connection.execute("create table sea_surface (month date, temperature float)")
    connection.executemany("insert into sea_surface values (?, ?)", months)
    path = HERE / "sea_surface.parquet"
    connection.execute(f"copy sea_surface to '{path}' (format parquet, compression zstd)")


make_penguins()
make_climate()
make_el_nino()
make_penguin_sizes()
make_sea_surface()
