"""The wheel: built, installed alone, and spoken to.

    python -m unittest discover -s sdk/python/tests -p '*_test.py'
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv

SDK = pathlib.Path(__file__).resolve().parent.parent
CONNECTOR = """
from typing import Iterator, NamedTuple
from tablecast import Connector, run

class Row(NamedTuple):
    word: str
    number: int

class Words(Connector):
    def table_names(self): return ["words"]
    def scan(self, table) -> Iterator[Row]:
        yield Row("a", 1)

run(Words)
"""
SAID = [
    {"type": "hello", "protocol": 1},
    {"type": "request", "id": 1, "method": "open", "params": {"location": "x"}},
    {"type": "request", "id": 2, "method": "table_info", "params": {"table": "words"}},
    {"type": "request", "id": 3, "method": "scan", "params": {"table": "words", "columns": ["number"]}, "credit": 1},
    {"type": "goodbye"},
]


class Wheel(unittest.TestCase):
    def test_it_is_built_installed_and_works_without_anything_else(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copytree(SDK, folder / "sdk", ignore=shutil.ignore_patterns("tests", "__pycache__", "build", "*.egg-info"))
            environment = folder / "venv"
            venv.create(environment, with_pip=True)
            python = environment / "bin" / "python"
            pip = [python, "-m", "pip", "-q", "--disable-pip-version-check"]
            subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, folder / "sdk"], check=True)
            (wheel,) = folder.glob("*.whl")
            subprocess.run([*pip, "install", "--no-index", wheel], check=True)
            program = folder / "words.py"
            program.write_text(CONNECTOR)
            said = "".join(json.dumps(message) + "\n" for message in SAID)
            inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
            ran = subprocess.run(
                [python, program], input=said, capture_output=True, text=True, timeout=30, cwd=folder, env=inherited
            )
            answers = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual(ran.stderr, "")
        self.assertEqual([answer["type"] for answer in answers], ["hello", "result", "result", "batch", "result"])
        columns = [{"name": "word", "type": "text"}, {"name": "number", "type": "integer"}]
        self.assertEqual(answers[2]["result"], {"columns": columns})
        self.assertEqual(answers[3]["rows"], [[1]])


if __name__ == "__main__":
    sys.exit(unittest.main())
