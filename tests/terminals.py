"""Runs the project's commands at a terminal of tests' own, and in pipes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOTWATCH = Path(sys.executable).with_name("rootwatch")
COLUMNS = 80
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-_])")
_STYLE = re.compile(r"\x1b\[([\d;]*)m")
_ENDS = 120.0


class Screen(NamedTuple):
    """What a command wrote to a terminal, stdout and stderr together.

    Attributes:
        exit_code: the command's.
        written: with escape sequences.
    """

    exit_code: int
    written: str

    @property
    def lines(self) -> list[str]:
        """The lines as they are read, without styles. What a progress bar wrote over is among them."""
        return re.split(r"[\r\n]+", _ESCAPE.sub("", self.written))

    @property
    def wide(self) -> list[str]:
        """The lines that the terminal breaks by itself. A long word is left to it, so that it can be copied."""
        return [line for line in self.lines if cell_len(line) > COLUMNS and " " in line.strip()]

    @property
    def colors(self) -> set[str]:
        """The parameters of styles that set a colour; not those of bold and dim."""
        codes = {code for style in _STYLE.findall(self.written) for code in style.split(";")}
        return {code for code in codes if re.fullmatch(r"[349]\d|10\d", code)}


def at_a_terminal(arguments: list[str], folder: Path, environment: Mapping[str, str], **more: str) -> Screen:
    """Run a command at a terminal of 80 columns.

    Args:
        arguments: the command's.
        folder: the working directory.
        environment: the variables that are set, of which none may say what the terminal can do.
        more: more of them.
    """
    kept = {name: value for name, value in environment.items() if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(ROOTWATCH, ["rootwatch", *arguments], {**kept, "TERM": "xterm-256color", **more})  # noqa: S606  no shell
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    written = bytearray()
    try:
        while select.select([terminal], [], [], _ENDS)[0]:
            try:
                read = os.read(terminal, 1 << 16)
            except OSError:  # Linux's end of a terminal
                break
            written += read
    finally:
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    return Screen(os.waitstatus_to_exitcode(status), written.decode())
