"""Errors that a user can act on."""


class InputError(Exception):
    """Input that cannot be used: one sentence that names the file, the line and the
    rule.
    """
