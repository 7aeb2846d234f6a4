"""What a connector raises to say what is wrong. The message is shown to whoever asked; any other exception is shown by
its type alone, and stands in the log."""


class Failure(Exception):
    kind = "internal"


class NotFound(Failure):
    """A table, column or row that is not there."""

    kind = "not_found"


class InvalidRequest(Failure):
    """What is asked cannot be right."""

    kind = "invalid_request"


class Unsupported(Failure):
    """This connector does not do it; Tablecast does it over `scan` where it can. From `open`: not a file of mine."""

    kind = "unsupported"


class Forbidden(Failure):
    """Not allowed."""

    kind = "forbidden"


class Unreadable(Failure):
    """The container is damaged, or is not what its name says."""

    kind = "unreadable"


class Unavailable(Failure):
    """Not now; ask again later."""

    kind = "unavailable"


class TooLarge(Failure):
    """More than can be answered."""

    kind = "too_large"


class Cancelled(BaseException):
    """Nobody waits for the answer any more. Raised where a scan yields; not to be caught."""
