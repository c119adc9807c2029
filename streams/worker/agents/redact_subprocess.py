"""Takes session tokens out of bytes in a process of its own, with bounds on time and memory.

For bytes that may be what kills a worker. The process imports no Kafka client, so that it starts soon.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from streams import pipeline

SECONDS = 20.0
_MEMORY_BYTES = 512 * 1024 * 1024
_UNCHANGED, _REDACTED = b"=", b"!"


def redact_in_subprocess(value: bytes, limit: int) -> tuple[bytes, bool] | None:
    """Take the session tokens out of a message.

    Args:
        value: the message.
        limit: how many bytes it may have, decompressed.

    Returns:
        The bytes without tokens, and whether any was replaced; ``None`` if the process failed or took too long.
    """
    command = [sys.executable, "-P", "-m", "streams.worker.agents.redact_subprocess", str(limit)]
    try:
        done = subprocess.run(  # noqa: S603  the command is this module
            command, input=value, capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    flag, content = done.stdout[:1], done.stdout[1:]
    return (content, flag == _REDACTED) if flag in {_UNCHANGED, _REDACTED} else None


def main(limit: int) -> None:
    """Read bytes from stdin; write to stdout whether a token was replaced, as one byte, and the bytes without it."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    rejected = pipeline.reject(sys.stdin.buffer.read(), "skipped", "", pipeline.ExtractSettings(max_message_size=limit))
    sys.stdout.buffer.write((_REDACTED if rejected.redacted else _UNCHANGED) + rejected.content)


if __name__ == "__main__":
    main(int(sys.argv[1]))
