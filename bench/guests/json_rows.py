"""Rows made up one by one and given as dicts, which go as JSON."""

from tablecast import Connector, run


class JsonRows(Connector):
    extensions = [".made"]

    def table_names(self):
        return ["rows"]

    def scan(self, table):
        for i in range(1_000_000):
            yield {"id": i, "name": f"name {i % 1000}", "x": i / 7, "y": i / 11, "code": i % 50}


run(JsonRows)
