"""Where the console script starts: a shell that completes a line gets its answer before anything else is imported."""

from __future__ import annotations

import gc
import os
import sys

_YOUNG_OBJECTS = 20_000


def main() -> None:
    """Answer a shell, or run the command line. Ends the process."""
    # The scripts of `rootwatch completion` set it.
    instruction = os.environ.get("_ROOTWATCH_COMPLETE")
    if instruction is not None:
        from streams.commands.shells.answer import answer  # noqa: PLC0415  nothing else needs click

        sys.exit(answer(instruction))
    # Modules stay: to look for garbage among them takes a tenth of a start. ``load`` lets the collector run again.
    gc.disable()
    gc.set_threshold(_YOUNG_OBJECTS)
    from streams.commands.main import main as run  # noqa: PLC0415  an answer does without Typer

    try:
        run()
    finally:
        gc.freeze()  # the interpreter looks for garbage twice before it ends; the system frees everything at once
