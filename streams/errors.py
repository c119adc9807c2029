"""Errors that an operator can fix, and what they have in common."""

from __future__ import annotations


class OperatorError(Exception):
    """An error whose message tells an operator what is wrong and where; a command that meets one prints it and ends.

    Attributes:
        exit_code: what the command then exits with: 1 for what was met on the way, 2 for wrong usage.
    """

    exit_code = 1


class UsageError(OperatorError):
    """What was asked for cannot be; the message names the option and says what is allowed."""

    exit_code = 2


class SourceError(OperatorError):
    """The source cannot be reached or read at all; the message names it and says why."""
