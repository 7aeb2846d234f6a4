"""A row that is read by number as well as by name."""


class Row(list):
    """The values of a row in order, with their names in `labels`."""

    def __init__(self, values=None):
        super().__init__()
        self.labels = []
        self.values = []
        for name in values or ():
            self[name] = values[name]

    def keys(self):
        return list(self.labels)

    def __setitem__(self, index, value):
        if not isinstance(index, str):
            self.values[index] = value
        elif index in self.labels:
            self.values[self.labels.index(index)] = value
        else:
            self.labels.append(index)
            self.values.append(value)

    def __getitem__(self, index):
        if isinstance(index, str):
            if index not in self.labels:
                raise KeyError(index)
            index = self.labels.index(index)
        return self.values[index]

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)

    def __eq__(self, other):
        return self.values == list(other)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __repr__(self):
        return f"Row({dict(zip(self.labels, self.values))!r})"
