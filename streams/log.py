"""Logging: rootwatch (structlog) and its libraries (stdlib) log through the same renderers, to stderr.

* stdout is for results only.
* Lines of rootwatch go past the standard library's logging. Its records and handlers took half of a line's time, and
  under load there is a line per alert. The lines of a batch of alerts are made and written together (``log_all``).
* A line that cannot be written, for example on a full disk, is lost. It stops nothing.
* The log holds no record bodies and no secrets: tracebacks show code, never variables, and a session token in a
  library's text is replaced (T7).
* An error that an operator can fix has no traceback, because its message says everything.
* One line is one event. At the console, control characters are escaped, because an attacker may have chosen the text.
* A library that repeats a line is logged once per ten seconds.
* Faust, mode and aiokafka log from WARNING on, also under the names of rootwatch's classes that derive from theirs.
  Their INFO is tables for a terminal, aiokafka's debug calls alone would cost a tenth of the throughput, and some of
  these show records. The worker logs the crash of a service, once and with the reason.
"""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os
import sys
from collections import OrderedDict
from functools import partialmethod
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

import structlog

from streams.content.console_line import console_line
from streams.content.printable import printable
from streams.content.redaction.redact import redact_text
from streams.content.redaction.redact_quickly import redact_quickly
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structlog.typing import EventDict, Processor, WrappedLogger

_LIBRARIES = ("faust", "mode", "aiokafka", "asyncio", "botocore", "urllib3", "httpx2", "httpcore2")


# The lines of mode's services begin like this, and go to the logger of the service's module.
_SERVICE = "[^"
# Three lines for one crash, which `worker.failed` logs.
_CRASHES = ("Crashed reason=", "Drain messages raised: ", "We experienced a crash!")


def configure(log_format: str = "console", stream: TextIO | None = None) -> None:
    """Set up logging for this process; a second call replaces the first.

    Args:
        log_format: ``console`` for people, ``json`` for one JSON object per line.
        stream: the stream to write to; stderr if ``None``.
    """
    logging.config.dictConfig(configuration(log_format, stream))


def configuration(log_format: str, stream: TextIO | None = None) -> dict[str, Any]:
    """Return the configuration for ``logging.config.dictConfig`` and Faust's command; configure structlog for it."""
    stream = stream or sys.stderr
    _OUTPUT.stream, _OUTPUT.renderers = stream, _renderers(log_format, colors=takes_colors(stream))
    structlog.configure(
        processors=_processors(),
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"all": {"()": lambda: _handler(log_format, stream)}},
        "root": {"level": "INFO", "handlers": ["all"]},
        "loggers": {name: {"level": "WARNING"} for name in _LIBRARIES},
    }


_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR, "exception": logging.ERROR}


def _unless_disabled(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop a line that ``logging.disable`` silences; the demo silences the worker so."""
    if logging.root.manager.disable >= _LEVELS.get(method, logging.CRITICAL):
        raise structlog.DropEvent
    return event


_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


class _Output:
    """Where and how lines are written; loggers that were made before a second ``configure`` follow it too."""

    stream: TextIO
    renderers: list[Processor]

    def render(self, logger: WrappedLogger, method: str, event: EventDict) -> Any:
        """Return the line of an event."""
        line: Any = event
        for renderer in self.renderers:
            line = renderer(logger, method, line)
        return line

    def render_all(self, logger: WrappedLogger, method: str, events: Sequence[EventDict]) -> list[str]:
        """Return the lines of events without a traceback. If no text of theirs is to be replaced, none is looked at."""
        texts = [value for event in events for value in event.values() if isinstance(value, str)]
        quick = redact_quickly({"": texts})
        is_clean = quick is not None and quick.value[""] is texts and _are_printable(texts, quick.written)
        render = self.renderers[-1] if is_clean else self.render
        return [str(render(logger, method, event)) for event in events]


def _are_printable(texts: list[str], written: bytes) -> bool:
    """Whether texts hold nothing to escape. As JSON has escaped most of that already, it is looked at first."""
    is_plain = written.isascii() and b"\\" not in written and b"\x7f" not in written
    return is_plain or "".join(texts).isprintable()


_OUTPUT = _Output()


def _processors() -> list[Processor]:
    return [_unless_disabled, *_BEFORE, _OUTPUT.render]


class _Lines:
    """Writes lines; structlog's logger of one module."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._logger = logging.getLogger(name)

    def _write(self, level: int, line: str) -> None:
        """Write a line, unless the level or ``logging.disable`` silences it."""
        if self._logger.isEnabledFor(level):
            _write(line)

    info = partialmethod(_write, logging.INFO)
    warning = partialmethod(_write, logging.WARNING)
    error = partialmethod(_write, logging.ERROR)
    critical = partialmethod(_write, logging.CRITICAL)


def _write(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a full disk, a closed pipe
        _OUTPUT.stream.write(f"{line}\n")
        _OUTPUT.stream.flush()


def log_all(name: str, level: Literal["info", "warning", "error"], events: Sequence[EventDict]) -> None:
    """Log a line for each event, with one time, as structlog's logger of this name does one by one.

    Args:
        name: the logger's.
        level: the level of all of them.
        events: what is logged: the text as ``event``, and the values; no exceptions.
    """
    if structlog.get_config()["processors"] != _processors():  # not set up by ``configure``
        for event in events:
            getattr(structlog.get_logger(name), level)(**event)
        return
    if not events or not logging.getLogger(name).isEnabledFor(_LEVELS[level]):
        return
    logger = _Lines(name)
    context, common = structlog.contextvars.get_contextvars(), cast("EventDict", {})
    for processor in _BEFORE[1:]:  # the first one merges what is bound
        common = cast("EventDict", processor(logger, level, common))
    _write("\n".join(_OUTPUT.render_all(logger, level, [{**context, **event, **common} for event in events])))


def _handler(log_format: str, stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_BEFORE, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format, colors=takes_colors(stream)),
            ],
        )
    )
    handler.addFilter(_is_news)
    handler.addFilter(RepeatsOfLibraries())
    return handler


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a service's line says more than that it starts, stops or has crashed; a crash is logged elsewhere."""
    if not isinstance(record.msg, str) or not record.msg.startswith(_SERVICE):
        return True
    is_crash = any(crash in record.msg for crash in _CRASHES)
    return record.levelno >= logging.WARNING and not is_crash


class RepeatsOfLibraries(logging.Filter):
    """Passes the same line of a library once per ten seconds, and counts the repeats in between.

    If a broker is away, aiokafka writes twenty lines per second, which would bury everything else. Only the last
    ``KEPT`` different lines are remembered, because some lines contain an address or an error.
    """

    SECONDS = 10.0
    KEPT = 200

    def __init__(self) -> None:
        super().__init__()
        self._lines: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log a record; the first one after repeats says how many there were."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        line = (record.name, str(record.msg))
        last, held_back = self._lines.get(line, (-self.SECONDS, 0))
        if record.created - last < self.SECONDS:
            self._lines[line] = (last, held_back + 1)
            return False
        self._lines[line] = (record.created, 0)
        self._lines.move_to_end(line)
        if len(self._lines) > self.KEPT:
            self._lines.popitem(last=False)
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back} times in the last seconds)"
            record.args = ()
        return True


def takes_colors(stream: TextIO) -> bool:
    """Whether a person looks at the stream, at a terminal with colours, and has not refused them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _renderers(log_format: str, *, colors: bool) -> list[Processor]:
    # Tracebacks become text before tokens are replaced. The console's own formatter would show variables.
    plain: list[Processor] = [_without_needless_traceback, structlog.processors.format_exc_info, _without_tokens]
    if log_format == "json":
        return [*plain, structlog.processors.JSONRenderer(default=str)]
    console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return [*plain, _printable, console if colors else PlainConsole(console)]


class PlainConsole:
    """Renders a line as structlog's console does without colours; a line with a traceback goes there."""

    def __init__(self, console: structlog.dev.ConsoleRenderer) -> None:
        self._console = console

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        """Return the line."""
        if "exception" in event or "exc_info" in event or "stack" in event:
            return str(self._console(logger, method, event))
        return console_line(event)


def _without_needless_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    raised = event.get("exc_info")
    if raised is True:
        raised = sys.exc_info()
    failure = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(failure, OperatorError):
        del event["exc_info"]
    return event


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape characters that would end a line or control a terminal; a traceback keeps its lines."""
    for key, value in event.items():
        if isinstance(value, str):
            lines = value.split("\n") if key == "exception" else [value]
            event[key] = "\n".join(map(printable, lines))
    return event


def _without_tokens(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace every session token in the texts of the event; one look at all of them clears nearly every line."""
    quick = redact_quickly(event)
    if quick is not None and quick.value is event:
        return event
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact_text(value)
    return event
