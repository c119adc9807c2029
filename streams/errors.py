"""What every error that an operator can fix has in common."""

from __future__ import annotations


class OperatorError(Exception):
    """An error whose message tells an operator what is wrong and where; a command that meets one prints it and ends.

    Attributes:
        exit_code: what the command then exits with: 1 for what was met on the way, 2 for wrong usage.
    """

    exit_code = 1
