"""Structured logs on stderr: JSON for machines, lines for people, never a text, a password or a key."""

import io
import logging
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from voip_sms.app.sections import LogSettings

HIDDEN: Final = frozenset({"password", "token", "secret", "authorization", "text", "body", "ha1", "nonce"})
"""Keys whose values never reach the log, whoever passes them."""


def set_up(settings: LogSettings) -> None:
    """Once, at the start of a process."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    render: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if settings.format == "console":
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # others show what variables hold
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide,
            *([structlog.processors.format_exc_info] if settings.format == "json" else []),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Patient(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library's loggers: only what went wrong is of interest.
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING), format="%(name)s: %(message)s")


class _Patient(io.TextIOBase):
    """A stream whose disk may be full: a line that can't be written is lost, and nothing else with it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _hide(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in HIDDEN & event.keys():
        event[key] = "…"
    return event
