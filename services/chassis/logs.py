"""Log lines: constant text, identifiers as fields, JSON on standard error."""

import logging
import sys
from typing import Any

import structlog

log: Any = structlog.get_logger()

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class _OnceAMinute(logging.Filter):
    """During an outage aiokafka repeats itself some 65 times a second: one line a minute says as much."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        last = self._said.get(str(record.msg), float("-inf"))
        if record.created - last < 60:  # seconds
            return False
        if len(self._said) > 1000:
            self._said.clear()  # libraries that format before they log have endlessly many texts
        self._said[str(record.msg)] = record.created
        return True


def configure(service: str, level: str) -> None:
    """Send the service's and the libraries' lines to standard error as JSON."""
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("message"),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(_OnceAMinute())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
