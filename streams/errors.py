"""Errors that an operator can fix."""

from __future__ import annotations


class OperatorError(Exception):
    """An error that an operator can fix; a command prints the message, without a traceback, and exits.

    The message says what is wrong and where.

    Attributes:
        exit_code: the exit code of the command: 1 for a problem found while it ran, 2 for wrong usage.
    """

    exit_code = 1


class UsageError(OperatorError):
    """The options or arguments are wrong; the message names the option and says what is allowed."""

    exit_code = 2


class SourceError(OperatorError):
    """The source cannot be reached or read at all; the message names the source and says why."""
