"""The old package's command. Tablecast is the program to run now."""

import sys


def cli():
    sys.exit("Run: tablecast serve FILE --connector python:package.module:Class")
