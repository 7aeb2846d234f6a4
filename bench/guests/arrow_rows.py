"""A Parquet file, read by pyarrow and given as Arrow."""

import pyarrow.parquet
from tablecast import Connector, run


class ArrowRows(Connector):
    extensions = [".rows"]

    def table_names(self):
        return ["rows"]

    def table_info(self, table):
        return pyarrow.parquet.read_schema(self.path)

    def scan(self, table, columns):
        yield from pyarrow.parquet.ParquetFile(self.path).iter_batches(columns=columns)


run(ArrowRows)
