"""Errors that a user can act on."""


class InputError(Exception):
    """Input that cannot be used: one sentence that names the file, the line and the
    rule.
    """


class BusyError(InputError):
    """Something that another process is using; later it may be free."""


class BuildError(Exception):
    """A build that stopped. The message has a line for each thing that failed."""
