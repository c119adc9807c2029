"""Logging: this project's (structlog) and its libraries' (stdlib) through one renderer, to stderr.

* stdout is for results alone.
* No record bodies and no secrets: tracebacks show code, never variables, and a session token in the words of a library
  is replaced (T7).
* An error that an operator can fix has no traceback: its message says it all.
* One line is one event: at the console, control characters are spelt out, as much of what is logged was an attacker's
  to choose.
* A library that repeats itself is heard once in ten seconds.
* Faust, mode and aiokafka speak from WARNING on, also in the name of this project's classes that derive from theirs:
  their INFO is tables for a terminal, aiokafka's debug calls alone would cost a tenth of the throughput, and some of
  them show records. That a service crashed is said by the worker, once and with the reason.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from streams.content.printable import printable
from streams.content.redaction import redact_text
from streams.errors import OperatorError

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_LIBRARIES = ("faust", "mode", "aiokafka", "asyncio", "botocore", "urllib3", "httpx2", "httpcore2")


# What mode's services say begins so, and goes to the logger of their own module.
_SERVICE = "[^"
# Three times the same: `worker.failed` says it.
_CRASHES = ("Crashed reason=", "Drain messages raised: ", "We experienced a crash!")


def configure(log_format: str = "console", stream: TextIO | None = None) -> None:
    """Set up logging for this process; a second call replaces the first.

    Args:
        log_format: ``console`` for people, ``json`` for one JSON object a line.
        stream: where to; stderr if None.
    """
    logging.config.dictConfig(configuration(log_format, stream))


def configuration(log_format: str, stream: TextIO | None = None) -> dict[str, Any]:
    """What ``logging.config.dictConfig`` takes, and with it Faust's own command; sets structlog up to go there."""
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_BEFORE,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"all": {"()": lambda: _handler(log_format, stream)}},
        "root": {"level": "INFO", "handlers": ["all"]},
        "loggers": {name: {"level": "WARNING"} for name in _LIBRARIES},
    }


_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _handler(log_format: str, stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_BEFORE, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format, colors=stream.isatty()),
            ],
        )
    )
    handler.addFilter(_is_news)
    handler.addFilter(RepeatsOfLibraries())
    return handler


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a service's words are more than that it starts, stops, or has crashed as others say, too."""
    if not isinstance(record.msg, str) or not record.msg.startswith(_SERVICE):
        return True
    is_crash = any(crash in record.msg for crash in _CRASHES)
    return record.levelno >= logging.WARNING and not is_crash


class RepeatsOfLibraries(logging.Filter):
    """Lets a library say the same thing once in ten seconds, and counts what it says between.

    A broker that is away makes aiokafka write twenty lines a second, which buries what matters. Only the last ``KEPT``
    different things are remembered: some of what a library says has an address or an error in the words themselves.
    """

    SECONDS = 10.0
    KEPT = 200

    def __init__(self) -> None:
        super().__init__()
        self._said: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

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
        self._said.move_to_end(what)
        if len(self._said) > self.KEPT:
            self._said.popitem(last=False)
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back} times in the last seconds)"
            record.args = ()
        return True


def _renderers(log_format: str, *, colors: bool) -> list[Processor]:
    # As text, before the tokens go; the console's own formatter would show the variables of every frame.
    plain: list[Processor] = [_without_needless_traceback, structlog.processors.format_exc_info, _without_tokens]
    if log_format == "json":
        return [*plain, structlog.processors.JSONRenderer(default=str)]
    console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return [*plain, _printable, console]


def _without_needless_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    raised = event.get("exc_info")
    if raised is True:
        raised = sys.exc_info()
    failure = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(failure, OperatorError):
        del event["exc_info"]
    return event


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spell out what would end a line or steer a terminal; a traceback keeps its lines."""
    for key, value in event.items():
        if isinstance(value, str):
            lines = value.split("\n") if key == "exception" else [value]
            event[key] = "\n".join(map(printable, lines))
    return event


def _without_tokens(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace any session token in the texts of the event."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact_text(value)
    return event
