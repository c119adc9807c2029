"""Logging: this project's (structlog) and its libraries' (stdlib) through one renderer, to stderr.

* stdout is for results alone.
* No record bodies and no secrets: tracebacks show code, never variables, and a session token in the words of a library
  is replaced (T7).
* An error that an operator can mend has no traceback: its message says it all.
* A library that repeats itself is heard once in ten seconds.
* Faust, mode and aiokafka speak from WARNING on: their INFO is tables for a terminal, and aiokafka's debug calls alone
  would cost a tenth of the throughput.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

from streams.detection.redaction import redact_text
from streams.operator_error import OperatorError

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_LIBRARIES = ("faust", "mode", "aiokafka", "asyncio", "botocore", "urllib3", "httpx2", "httpcore2")


def configure(log_format: str = "console", stream: TextIO | None = None) -> None:
    """Set up logging for this process; a second call replaces the first.

    Args:
        log_format: ``console`` for people, ``json`` for one JSON object a line.
        stream: where to; stderr if None.
    """
    stream = stream or sys.stderr
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format, colors=stream.isatty()),
            ],
        )
    )
    handler.addFilter(RepeatsOfLibraries())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)


class RepeatsOfLibraries(logging.Filter):
    """Lets a library say the same thing once in ten seconds, and counts what it says between.

    A broker that is away makes aiokafka write twenty lines a second, which buries what matters.
    """

    SECONDS = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to pass a record on; one that is passed on after others were not says how many."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        what = (record.name, str(record.msg))
        last, held_back = self._said.get(what, (-self.SECONDS, 0))
        if record.created - last < self.SECONDS:
            self._said[what] = (last, held_back + 1)
            return False
        self._said[what] = (record.created, 0)
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back} times in the last seconds)"
            record.args = ()
        return True


def _renderers(log_format: str, *, colors: bool) -> list[Processor]:
    # As text, before the tokens go; the console's own formatter would show the variables of every frame.
    plain: list[Processor] = [_without_needless_traceback, structlog.processors.format_exc_info, _without_tokens]
    if log_format == "json":
        return [*plain, structlog.processors.JSONRenderer(default=str)]
    return [*plain, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _without_needless_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    raised = event.get("exc_info")
    if raised is True:
        raised = sys.exc_info()
    failure = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(failure, OperatorError):
        del event["exc_info"]
    return event


def _without_tokens(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace any session token in the texts of the event."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact_text(value)
    return event
