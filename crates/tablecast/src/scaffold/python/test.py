"""python3 -m unittest   (`tablecast` has to be on the PATH)"""

import json
import pathlib
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def tablecast(*arguments):
    ran = subprocess.run(["tablecast", *arguments, "--connector", "@name@.py"], cwd=HERE, capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


class Test(unittest.TestCase):
    def test_rows_are_read(self):
        code, out, errors = tablecast("serve", "example.@name@", "--get", "/example/words.json?_sort=count&_shape=array")
        self.assertEqual(code, 0, errors)
        self.assertEqual([row["word"] for row in json.loads(out)], ["south", "west", "north", "east"])

    def test_it_keeps_its_promises(self):
        code, out, errors = tablecast("connector", "test", "example.@name@")
        self.assertEqual(code, 0, out + errors)
