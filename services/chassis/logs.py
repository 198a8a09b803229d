"""Log lines: constant text, identifiers as fields, JSON on standard error (on a terminal, for eyes); nobody's data."""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import psycopg
import structlog

log: Any = structlog.get_logger()

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_EVENT_TYPE = re.compile(r"receivables\.[a-z]{1,30}\.v[0-9]\.[A-Za-z]{1,60}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
# Their words are constants of our code and of the language; those of other errors quote what people wrote.
_HARMLESS = (RuntimeError, AssertionError)

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
    """Send the service's and the libraries' lines, and what ends a thread or the process, to standard error."""

    def named(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"service": service, **line}  # not a context's: libraries log from threads of their own

    ends: list[Any] = [
        named,
        structlog.processors.ExceptionRenderer(_way_to),
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]
    if sys.stderr.isatty():
        ends = [named, structlog.processors.ExceptionRenderer(_way_to), structlog.dev.ConsoleRenderer()]
    structlog.configure(
        processors=[*_SHARED, *ends],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends],
        )
    )
    handler.addFilter(_OnceAMinute())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    sys.excepthook = _last_words
    threading.excepthook = lambda ended: _last_words(ended.exc_type, ended.exc_value, ended.exc_traceback)


def trace_id(traceparent: str) -> str:
    """The trace's id (W3C Trace Context); empty for what is none, since it comes from outside."""
    parts = trace_parts(traceparent)
    return parts[0] if parts else ""


def trace_parts(traceparent: str) -> tuple[str, str, str] | None:
    """The trace's id, the id of what goes on in it here, and the flags; None for what is none of the standard's."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return (found[1], found[2], found[3]) if found else None


def harmless(headers: Mapping[str, str]) -> dict[str, str]:
    """Of an event's headers what may stand in a log: anybody may have written anything in them, a name for an id too."""
    event_type, event_id = headers.get("ce_type", ""), headers.get("ce_id", "")
    return {
        "event_type": event_type if _EVENT_TYPE.fullmatch(event_type) else "",
        "event_id": event_id if _UUID.fullmatch(event_id) else "",
        "trace_id": trace_id(headers.get("traceparent", "")),
    }


def follow_trace(traceparent: str) -> None:
    """Let every further line of this task, a call's, name its trace."""
    structlog.contextvars.bind_contextvars(trace_id=trace_id(traceparent))


def _last_words(_kind: Any, error: BaseException | None, _trace: Any) -> None:
    log.error("ended by an exception", exc_info=error)


def _way_to(exc_info: Any) -> str:
    """The way to a failure and its kind, without its words and its values: they may be somebody's name or password."""
    error = exc_info[1]
    return "".join(_ways(error)).rstrip() if error else ""


def _ways(error: BaseException) -> Iterator[str]:
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _ways(earlier)
        yield "which led to\n"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _ways(one)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}{_words(error)}\n"


def _words(error: BaseException) -> str:
    if isinstance(error, psycopg.Error):
        where = error.diag.constraint_name or error.diag.table_name or ""
        return f" SQLSTATE {error.sqlstate} {where}".rstrip()
    return f": {error}" if type(error) in _HARMLESS else ""
