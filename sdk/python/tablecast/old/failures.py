"""What can go wrong, by what the caller does about it."""


class NotDone(Exception):
    """The connector does not answer this, or not in a way to be trusted: others find it by reading whole tables."""


class Invalid(Exception):
    """The connector says that the request is wrong."""


class NotThere(Exception):
    """There is no such table."""


class Failed(Exception):
    """The rows cannot be read; the message says whose fault it is and where."""


def reason(error):
    """An exception as a line of text."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
