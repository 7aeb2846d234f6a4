"""Serves HDF5 and NetCDF files that were mutated byte by byte, and asks for everything in them: no panic, no answer
after more than 5 seconds, no more than 512 MB of memory, no answer that is no answer.

    python tests/hdf5_mutations.py TABLECAST [--files 10000] [--seed 1] [--keep FOLDER]

What fails is told with the file it was made from and its number; with --keep the file is kept.
"""

import argparse
import http.client
import json
import pathlib
import random
import re
import tempfile
import time

from server import ROOT, SHARED, Tally, serve_process, tilde

SECONDS_MAX = 5
MEMORY_MAX_KB = 512 << 10
BATCH = 50
TABLES_MAX = 12
BYTES_MAX = 1 << 20


def originals():
    """The files that are mutated: small ones of every writer."""
    folders = [ROOT / "connectors/hdf5/tests/made", SHARED / "hdf5/data", SHARED / "hdf5/data/broken"]
    files = [file for folder in folders for file in sorted(folder.glob("*")) if file.suffix in (".h5", ".hdf5", ".nc")]
    return [file for file in files if 0 < file.stat().st_size <= BYTES_MAX]


def structures(data):
    """Where metadata of the format begin: damage there is worth more than in the elements."""
    return [found.start() for found in re.finditer(rb"OHDR|OCHK|TREE|SNOD|HEAP|GCOL|FRHP|FHDB|FHIB|BTHD|BTLF|BTIN|FAHD|FADB|EAHD|EAIB|EADB|SMTB|SMLI|CDF", data)]


def mutated(data, chance):
    data = bytearray(data)
    near = structures(data)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 5, 8, 20])):
        if near and chance.random() < 0.7:
            at = min(chance.choice(near) + chance.randrange(0, 96), len(data) - 1)
        elif chance.random() < 0.3:
            at = chance.randrange(0, min(len(data), 4096))
        else:
            at = chance.randrange(0, len(data))
        kind = chance.randrange(0, 6)
        if kind < 2:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        elif kind == 3:
            length = chance.choice([2, 4, 8])
            data[at : at + length] = chance.choice([b"\xff", b"\x00", b"\x7f", b"\x01"]) * len(data[at : at + length])
        elif kind == 4:
            source, length = chance.randrange(0, len(data)), chance.choice([4, 8, 16, 64])
            piece = bytes(data[source : source + length])[: len(data) - at]
            data[at : at + len(piece)] = piece
        else:
            length = min(8, len(data) - at)
            data[at : at + length] = chance.randrange(1 << 64).to_bytes(8, "little")[:length]
    if chance.random() < 0.02:
        del data[chance.randrange(1, len(data)) :]
    return bytes(data)


class Asker:
    """Asks one server over one connection, and tells what was wrong with an answer."""

    def __init__(self, port):
        self.port, self.connection, self.asked = port, None, 0

    def get(self, path):
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX * 4)
        start = time.monotonic()
        self.asked += 1
        try:
            self.connection.request("GET", path)
            answer = self.connection.getresponse()
            status, kind, body = answer.status, answer.getheader("Tablecast-Error"), answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection = None
            return f"no answer: {error!r}", {}
        seconds = time.monotonic() - start
        if seconds > SECONDS_MAX:
            return f"{seconds:.1f} seconds", {}
        try:
            found = json.loads(body)
        except ValueError:
            return f"status {status}, and no JSON: {body[:100]}", {}
        if kind == "internal" or "in a way that is not known" in str(found.get("error")):
            return f"status {status}: {found.get('error')}", found
        return None, found


def table_paths(base, columns):
    yield f"{base}.json?_size=50&_extra=count"
    yield f"{base}/-/picture.json"
    for column in columns[:2]:
        name = tilde_query(column)
        yield f"{base}.json?_size=5&{name}__gt=1&_sort_desc={name}"
    if columns:
        yield f"{base}.json?_size=0&_facet={tilde_query(columns[-1])}"


def tilde_query(name):
    return "".join(chr(b) if chr(b).isalnum() and b < 128 or b in b"_-." else f"%{b:02X}" for b in name.encode())


def ask_all(asker, name):
    """Everything of one file; the first complaint."""
    wrong, found = asker.get(f"/{name}.json?_extra=tables")
    if wrong:
        return f"/{name}.json: {wrong}"
    tables = found.get("tables") or []
    for table in tables[:TABLES_MAX]:
        base = f"/{name}/{tilde(table['name'])}"
        for path in table_paths(base, table.get("columns") or []):
            wrong, _ = asker.get(path)
            if wrong:
                return f"{path}: {wrong}"
    return None


def peak_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def batch(binary, files, tally, told):
    """Serves the files and asks; `files` are (path, what it was made from)."""
    good = ROOT / "connectors/hdf5/tests/made/kit.h5"
    with tempfile.TemporaryFile("w+") as errors, serve_process(
        binary, errors, good, *(path for path, _ in files), "--setting", "sql_time_limit_ms", "300"
    ) as (server, process):
        asker = Asker(server.port)
        for path, origin in files:
            wrong = ask_all(asker, path.stem)
            if wrong is None and process.poll() is not None:
                wrong = f"the server ended with {process.returncode}"
            tally.that(f"{path.name} of {origin}", wrong is None, wrong)
            if wrong:
                told.append(path)
            if process.poll() is not None:
                break
        peak = peak_kb(process.pid) if process.poll() is None else 0
        tally.that(f"memory of {files[0][0].name}…", peak < MEMORY_MAX_KB, f"{peak >> 10} MB")
        errors.seek(0)
        panics = [line for line in errors if "panicked" in line]
        tally.that(f"no panic in {files[0][0].name}…", not panics, " | ".join(panics[:3]))
        if panics or peak >= MEMORY_MAX_KB:
            told.extend(path for path, _ in files)
    return asker.asked, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tablecast")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--only", help="a part of the names of the files to mutate")
    options = parser.parse_args()
    sources = [(file.name, file.read_bytes(), file.suffix) for file in originals() if (options.only or "") in file.name]
    tally, asked, highest, start = Tally(), 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for first in range(0, options.files, BATCH):
            files = []
            for number in range(first, min(first + BATCH, options.files)):
                chance = random.Random(f"{options.seed}/{number}")
                origin, data, suffix = sources[number % len(sources)]
                path = folder / f"m{number:05}{suffix}"
                path.write_bytes(mutated(data, chance))
                files.append((path, origin))
            told = []
            more, peak = batch(options.tablecast, files, tally, told)
            asked, highest = asked + more, max(highest, peak)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                for path in set(told):
                    (options.keep / path.name).write_bytes(path.read_bytes())
            for path, _ in files:
                path.unlink()
    minutes = (time.monotonic() - start) / 60
    print(f"{options.files} files of {len(sources)}, {asked} requests, {highest >> 10} MB at most, {minutes:.1f} minutes")
    tally.end()


if __name__ == "__main__":
    main()
