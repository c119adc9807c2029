"""Where the URLs of services come from. They hold secrets, so nothing here puts a URL into a message."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streams.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FILE, _VARIABLE = "file:", "env:"
_COST = 2**12  # of scrypt: some 15 ms, so that nobody guesses a password from an id in Kafka
_ID_BYTES = 4


class Address(NamedTuple):
    """One service's URL.

    Attributes:
        url: the URL, a secret.
        name: what it is called in logs: its schema and its number, such as ``slack-1``.
        source: where it was given, without the secret: an argument, a file or a variable.
    """

    url: str
    name: str
    source: str

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that are the same in every run, and from which the URL cannot be found."""
        salt = b"rootwatch notify"
        return hashlib.scrypt(self.url.encode(), salt=salt, n=_COST, r=8, p=1, dklen=_ID_BYTES).hex()


def read_addresses(given: Iterable[str], url_files: Iterable[Path] = ()) -> list[Address]:
    """The services that the arguments name, each once and in their order.

    Args:
        given: URLs; or ``file:PATH`` and ``env:NAME``, which hold URLs.
        url_files: more files. A file has a URL per line; blank lines and lines that begin with ``#`` do not count.

    Raises:
        UsageError: a file or a variable cannot be read or holds no URL; the message names it, and never a URL.
    """
    found: dict[str, str] = {}
    for number, argument in enumerate(given, 1):
        for url, source in _expanded(argument, f"argument {number}"):
            found.setdefault(url, source)
    for path in url_files:
        for url in _in_file(path):
            found.setdefault(url, f"file {path}")
    return [Address(url, f"{_schema(url)}-{number}", source) for number, (url, source) in enumerate(found.items(), 1)]


def _expanded(argument: str, source: str) -> Iterator[tuple[str, str]]:
    if argument.startswith(_FILE):
        path = Path(argument.removeprefix(_FILE).removeprefix("//"))
        yield from ((url, f"file {path}") for url in _in_file(path))
    elif argument.startswith(_VARIABLE):
        name = argument.removeprefix(_VARIABLE)
        text = os.environ.get(name)
        if text is None:
            raise UsageError(f"env:{name}: there is no such variable; set it, or give file:PATH")
        yield from ((url, f"variable {name}") for url in _urls(text, f"env:{name}"))
    else:
        yield from ((url, source) for url in _urls(argument, source))


def _in_file(path: Path) -> list[str]:
    try:
        return _urls(path.read_text("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
        ) from error


def _urls(text: str, source: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise UsageError(f"{source}: holds no URL; write one per line, such as slack://…")
    for number, url in enumerate(urls, 1):
        if "://" not in url:
            raise UsageError(f"{source}: line {number} is no URL such as slack://… (what it says is not shown)")
    return urls


def _schema(url: str) -> str:
    schema = url.partition("://")[0].lower()
    return schema if schema.isalnum() else "url"
