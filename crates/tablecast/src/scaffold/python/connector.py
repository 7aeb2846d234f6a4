"""Publishes files of words and numbers: tablecast serve example.@name@ --connector @name@.py"""

from tablecast import Connector, Unreadable, run


class @Name@(Connector):
    name = "@name@"
    opens = "Words and numbers (.@name@)"
    extensions = [".@name@"]

    def table_names(self):
        return ["words"]

    def scan(self, table):
        for number, line in enumerate(open(self.path), 1):
            try:
                word, count = line.split()
                yield {"word": word, "count": int(count)}
            except ValueError as error:
                raise Unreadable(f"line {number}: {error}") from error


run(@Name@)
