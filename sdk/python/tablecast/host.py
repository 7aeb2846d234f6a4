"""Started by Tablecast: finds the connector that the command line names, and speaks for it.

    host.py NAME FOLDER

NAME is a module (`package.module` or `package.module:Class`), the path of a file (likewise), or `*` for whatever is
installed under the entry points of connectors. FOLDER is where modules may lie besides.
"""

import importlib
import importlib.util
import os
import pathlib
import sys
from importlib import metadata

ROOT = str(pathlib.Path(__file__).resolve().parent.parent)
GROUP = "tablecast.connectors"


def main(name, folder):
    sys.path[:1] = [ROOT]
    sys.path.append(folder)
    from tablecast import guest, wire

    # Whatever a module prints on import is no message.
    pipes = wire.Wire()
    try:
        guest.hosted = True
        connector = everything() if name == "*" else named(name)
    except Exception as error:
        pipes.send({"type": "error", "error": {"kind": "unreadable", "message": str(error)}})
        return
    pipes.start()
    guest.Guest(pipes, connector).serve()


def named(name):
    """The class of a name."""
    from tablecast import guest
    from tablecast.connector import Connector

    module_name, _, class_name = name.partition(":")
    try:
        module = from_file(module_name) if module_name.endswith(".py") else imported(module_name)
    except Exception as error:
        import traceback

        traceback.print_exc()
        raise LookupError(f"The connector {name} cannot be imported ({type(error).__name__}: {error})") from error
    if class_name:
        found = module
        for part in class_name.split("."):
            found = getattr(found, part, None)
        if found is None:
            raise LookupError(f"The module {module_name} has no {class_name}")
        return suitable(found, name)
    if guest.chosen:
        return guest.chosen
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    own = [value for value in own if (issubclass(value, Connector) or is_old(value)) and value is not Connector]
    if len(own) != 1:
        there = ", ".join(value.__name__ for value in own) or "none"
        raise LookupError(f"Say which class of {module_name} is the connector, as {module_name}:Class; it has {there}")
    return suitable(own[0], name)


def imported(module_name):
    from tablecast.old import compat

    # Old connectors import what is here in place of what they were written for.
    compat.prepare()
    return importlib.import_module(module_name)


def from_file(path):
    from tablecast.old import compat

    compat.prepare()
    path = pathlib.Path(path).resolve()
    sys.path.insert(1, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or not os.path.isfile(path):
        raise FileNotFoundError(f"{path.name} is no file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def is_old(candidate):
    from tablecast.old import compat

    return compat.is_old(candidate)


def suitable(found, name):
    """A class that can be asked as a new connector."""
    from tablecast.connector import Connector
    from tablecast.old.hosted import hosted

    if isinstance(found, type) and issubclass(found, Connector):
        return found
    if is_old(found):
        return hosted(found)
    raise LookupError(f"{name} is no connector: it inherits neither from tablecast.Connector nor from the old Connector")


def everything():
    """A connector that is whichever of those installed opens the container."""
    from tablecast.old import compat
    from tablecast.old.hosted import hosted

    found, reasons = compat.old_connectors()
    classes = [(name, hosted(old)) for name, old in found.items()]
    every = metadata.entry_points()
    for entry_point in every.select(group=GROUP) if hasattr(every, "select") else every.get(GROUP, ()):
        try:
            classes.append((entry_point.name, suitable(entry_point.load(), entry_point.name)))
        except Exception as error:
            reasons[entry_point.name] = f"{type(error).__name__}: {error}"
    for name, reason in reasons.items():
        print(f"The connector {name} cannot be imported: {reason}", file=sys.stderr)
    if not classes:
        raise LookupError("No Python connector is installed")
    return any_of(classes)


def any_of(classes):
    from tablecast.connector import OPTIONAL, Connector
    from tablecast.failures import Unsupported

    def candidates(location):
        for name, candidate in classes:
            ends = tuple(candidate.extensions)
            if not ends or str(location).lower().endswith(ends):
                yield name, candidate

    class Installed(Connector):
        """Old connectors do not say what they open: they are tried, and this is the one place where anything is."""

        name = "python"
        opens = f"What the installed Python connectors open ({', '.join(name for name, _ in classes)})"
        sql = "sqlite"

        def open(self, location):
            reasons = []
            for name, candidate in candidates(location):
                connector = candidate()
                connector.options = self.options
                try:
                    connector.open(location)
                except Exception as error:
                    reasons.append(f"{name}: {type(error).__name__}: {error}")
                    continue
                self.chosen = connector
                return
            raise Unsupported("; ".join(reasons) or "no installed connector opens this")

        def table_names(self):
            return self.chosen.table_names()

        def table_info(self, table):
            from tablecast import columns

            told = columns.told(self.chosen.table_info(table))
            return {"pushdown": self.chosen.pushdown, **told}

        def scan(self, table, **given):
            from tablecast.guest import takes

            scan = self.chosen.scan
            return scan(table, **{name: value for name, value in given.items() if takes(scan, name)})

    def passed_on(method):
        def call(self, *arguments, **given):
            found = getattr(self.chosen, method, None)
            if found is None:
                raise Unsupported(method)
            return found(*arguments, **given)

        return call

    for method in OPTIONAL:
        setattr(Installed, method, passed_on(method))
    return Installed


if __name__ == "__main__":
    main(*sys.argv[1:3])
