"""``rootwatch explain … | head`` called the file unreadable, although only the pipe had closed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from cloudtrail_messages import OTHER

if TYPE_CHECKING:
    from pathlib import Path


def test_a_closed_pipe_is_no_unreadable_file(tmp_path: Path) -> None:
    """P8: only a file that cannot be read is named as one."""
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(OTHER)}\n" * 2000)
    program = "from streams.commands.main import app; app()"
    with subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, "-c", program, "explain", str(path)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["outcome"] == "no-match"
        process.stdout.close()
        assert process.stderr.read() == b""
