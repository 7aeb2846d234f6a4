from tablecast import Connector, run


class Lines(Connector):
    extensions = [".lines"]

    def table_names(self):
        return ["lines"]

    def scan(self, table):
        for line in open(self.path):
            word, number = line.split()
            yield {"word": word, "number": int(number)}


run(Lines)
