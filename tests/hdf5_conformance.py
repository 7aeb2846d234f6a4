"""Replays the reading cases of Datasette's fixtures over the same tables stored in an HDF5 file.

    python tests/hdf5_conformance.py TABLECAST CONFORMANCE_FOLDER [-v]

Needs h5py and numpy. Keys and references, which HDF5 does not have, are declared in the metadata file. Every case that
passes over SQLite passes over HDF5, but those of the two lists below, each for the reason it stands under. A case that
passes although it stands there fails the test.
"""

import argparse
import collections
import contextlib
import importlib.util
import json
import pathlib
import shutil
import sys
import tempfile

from fixtures_hdf5 import names, opened, store, store_twin
from server import serve

# The number of a case behind `fixtures/`, under the reason why its answer cannot be Datasette's: HDF5 holds other rows.
# Over SQLite with the rows that HDF5 holds, Tablecast answers these as it does over HDF5.
HELD_OTHERWISE = {
    "HDF5 has no null but a real's NaN: a null text is an empty one, a null integer -1": "p0027 p0075 p0170 p0172 p0173 p0174 p0175 p0176 p0177 p0178 p0179 p0181 p0192 p0222 p0255 p0259 p0330",
    "HDF5 has no null bytes: they are empty": "p0054",
    "HDF5 counts rows from 0": "p0055 p0086 p0087 p0095 p0096 p0097 p0098 p0099 p0191 p0195 p0206 p0223 p0224 p0256 p0257",
    "HDF5 has no views": (
        "p0070 p0088 p0089 p0090 p0091 p0092 p0093 p0094 p0100 p0101 p0102 p0103 p0104 p0105 p0106 p0162 p0163 "
        "p0164 p0186 p0201 p0233 p0234 p0243 p0331 "
    ),
    "HDF5 has no full-text index": "p0157 p0158 p0159 p0160 p0161",
}
# The same for what HDF5 does not have at all, or tells otherwise.
DIFFERENT = {
    "a column's type is told as its container writes it": "p0009",
    "EXPLAIN shows the engine's own plan": "p0072",
    "HDF5 keeps no CREATE TABLE: one is made from the columns": "p0251",
    "the file has another size, no views and no search": "p0001 p0002",
    "the keys and references that are declared stand in the configuration": "p0250",
    "PRAGMA is SQLite's own": "p0053 p0060",
}


def replay(folder):
    """The corpus's own reader and judge of answers."""
    spec = importlib.util.spec_from_file_location("replay", folder / "replay.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.READING_ONLY = True
    return module


def with_keys(metadata, fixtures):
    """The metadata with the keys and the references of the SQLite file."""
    database = opened(fixtures)
    tables = metadata["databases"]["fixtures"]["tables"]
    for name in names(database):
        key = [row[1] for row in database.execute(f"pragma table_info([{name}])") if row[5]]
        references = {}
        rows = database.execute(f"pragma foreign_key_list([{name}])").fetchall()
        for row in rows:
            if sum(other[0] == row[0] for other in rows) == 1:
                references[row[3]] = {"table": row[2], "column": row[4]}
        declared = {"primary_key": key} if key else {}
        if references:
            declared["foreign_keys"] = references
        if declared:
            tables.setdefault(name, {}).update(declared)
    return metadata


def answers(tablecast, folder):
    """What became of each case, whether the twin in SQLite answers as HDF5 does, and what became of it over SQLite."""
    manifest = json.loads((folder / "groups.json").read_text())
    group = next(group for group in manifest["groups"] if group["name"] == "fixtures")
    (fixtures,) = (folder / file["path"] for file in group["files"])
    module = replay(folder)
    cases = module.load(folder / "public" / "fixtures.jsonl")
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        store(fixtures, place / "fixtures.h5")
        (place / "twin").mkdir()
        store_twin(fixtures, place / "twin" / "fixtures.db")
        (place / "own").mkdir()
        shutil.copyfile(fixtures, place / "own" / "fixtures.db")
        for file in group["extra_files"]:
            text = (folder / file["path"]).read_text()
            (place / "twin" / file["name"]).write_text(text)
            (place / "own" / file["name"]).write_text(text)
            if file["name"] == "metadata.json":
                text = json.dumps(with_keys(json.loads(text), fixtures))
            (place / file["name"]).write_text(text)
        with served(tablecast, place / "fixtures.h5", group) as hdf5, \
                served(tablecast, place / "twin" / "fixtures.db", group) as twin, \
                served(tablecast, place / "own" / "fixtures.db", group) as sqlite:
            tally, twins, own = module.Tally(), module.Tally(), module.Tally()
            for case in cases:
                module.run_case(hdf5, case, tally, 60)
                module.run_case(sqlite, case, own, 60)
                answered = module.send(twin, case["request"])
                expected = module.digest(twin, case["request"], *answered)
                module.run_case(hdf5, {**case, "expect": expected}, twins, 60)
    return zip(tally.results, twins.results, own.results)


@contextlib.contextmanager
def served(tablecast, file, group):
    """The address of a file that is served with the options of the group."""
    folder = file.parent
    options = [folder / option if (folder / option).is_file() else option for option in group["options"]]
    with serve(tablecast, file, *options) as server:
        yield f"http://127.0.0.1:{server.port}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tablecast", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("-v", action="store_true", help="tells of each case how it differs")
    options = parser.parse_args()
    lists = {**HELD_OTHERWISE, **DIFFERENT}
    reasons = {number: reason for reason, numbers in lists.items() for number in numbers.split()}
    counts = collections.Counter()
    wrong = 0
    for case, twin, own in answers(options.tablecast, options.folder):
        reason = reasons.pop(case["id"].split("/")[1], None)
        problem = None
        if case["ok"]:
            counts["passed"] += 1
            problem = reason and f"passes, although it stands under {reason!r}"
        elif not own["ok"]:
            counts["neither"] += 1
        elif reason is None:
            problem = case["failures"]
        elif reason in HELD_OTHERWISE:
            counts["twins"] += twin["ok"]
            problem = None if twin["ok"] else f"{reason!r}, but SQLite with the same rows: {twin['failures']}"
        else:
            counts["different"] += 1
        if options.v and not case["ok"]:
            print(f"{case['id']} {case['path'][:150]}: {reason}, twin {twin['ok']}, own {own['ok']}\n  {case['failures'][0]}")
        if problem:
            wrong += 1
            print(f"FAILED {case['id']} {case['path']}: {problem}")
    for number, reason in reasons.items():
        wrong += 1
        print(f"FAILED {number} stands under {reason!r}, but is no case")
    print(
        "HDF5: {passed} cases pass, {twins} more answer as SQLite does with the rows that HDF5 can hold, "
        "{different} are different, {neither} do not pass over SQLite either".format_map(counts)
    )
    sys.exit(1 if wrong else 0)


main()
