"""The files that settings name, read: a rule, exceptions, a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path


class SettingsError(OperatorError):
    """One or more settings are wrong; the message has a line per setting: name, value, source and what is allowed."""

    exit_code = 2


def read_text(name: str, path: Path) -> str:
    """Return the text of the file that the setting ``name`` names.

    Raises:
        SettingsError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")  # with or without the byte order mark that editors on Windows write
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} = {path}: cannot be read: {error}") from error


def read_secret(name: str, path: Path | None) -> str:
    """Return the secret in the file that the setting ``name`` names, without the end of its line.

    Raises:
        SettingsError: no file is set, or it cannot be read or is empty.
    """
    if path is None:
        raise SettingsError(f"{name}: must be set")
    text = read_text(name, path)
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise SettingsError(f"{name} = {path}: the file is empty")
    return secret
