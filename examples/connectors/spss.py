"""SPSS files: tablecast serve survey.sav --connector spss.py   (needs: pip install pyreadstat)"""

import pyreadstat
from tablecast import Connector, run


class Spss(Connector):
    extensions = [".sav", ".zsav"]

    def table_names(self):
        return ["survey"]

    def scan(self, table):
        frame, labels = pyreadstat.read_sav(self.path, apply_value_formats=True)
        yield from frame.astype(object).where(frame.notna(), None).to_dict("records")


run(Spss)
