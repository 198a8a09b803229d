"""Traces (OpenTelemetry), where its own variables ask for them: what becomes of an order, from service to service.

    with tracing.span("send mail", "client", job.origin.traceparent) as traceparent:
        ...  # and what is told, asked or left for later in here says `traceparent`

Which trace something belongs to is said by a text alone, W3C's traceparent: of a call in its metadata, of an event in its
headers, of a job in its row, and here in `Origin.traceparent`. Switched off, nothing is recorded or even loaded, and the
text is handed on as it came. Switched on, it becomes that of the span in which it is handed on; until there is one it is
empty, and the first span begins the trace.

No span says what somebody wrote, nor a failure's words: names of methods, topics, types and kinds, the text of statements
without their values, and stable codes.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

Kind = Literal["server", "client", "producer", "consumer", "internal"]
Attributes = Mapping[str, str | int]

_NOTHING: AbstractContextManager[None] = nullcontext()


class Part(NamedTuple):
    """One of several things that are done at once, each in a trace of its own."""

    name: str
    traceparent: str
    attributes: Attributes = MappingProxyType({})


class Recorder(Protocol):
    """What records spans and sends them away (services/chassis/spans.py)."""

    def span(self, name: str, kind: Kind, traceparent: str, attributes: Attributes) -> AbstractContextManager[str]:
        """See the functions of the same names below."""

    def each(self, kind: Kind, parts: Sequence[Part], *, as_one: bool) -> AbstractContextManager[Sequence[str]]: ...

    def together(self, name: str, traceparents: Sequence[str]) -> AbstractContextManager[None]: ...

    def transaction(self, connection: Any) -> AbstractContextManager[None]: ...

    def mark(self, traceparent: str, attributes: Attributes) -> None: ...

    def current(self) -> str: ...

    def end(self) -> None: ...


_recorder: Recorder | None = None


def begin(service: str) -> None:
    """Record from now on, if OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) says where to; see OpenTelemetry's list."""
    if not _is_asked_for():
        return
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if os.environ.get(name, "grpc") != "grpc":
            raise SystemExit(f"{name}: traces are sent over grpc alone")
    from services.chassis import spans  # noqa: PLC0415 - loads the SDK, a second, for whoever wants it

    record_with(spans.Spans(service))


def end() -> None:
    """Send what is recorded and not sent, if there is somebody to take it soon."""
    recorder = _recorder
    record_with(None)
    if recorder is not None:
        recorder.end()


def record_with(recorder: Recorder | None) -> None:
    """Record so from now on, in this process."""
    global _recorder  # noqa: PLW0603 - of a process, as its log is
    _recorder = recorder


def is_on() -> bool:
    """Whether anything is recorded: what costs something is prepared for nobody else."""
    return _recorder is not None


def span(name: str, kind: Kind, traceparent: str, attributes: Attributes | None = None) -> AbstractContextManager[str]:
    """What is done in here, as a part of that trace; gives the traceparent of what comes of it."""
    if _recorder is None:
        return nullcontext(traceparent)
    return _recorder.span(name, kind, traceparent, attributes or {})


def each(kind: Kind, parts: Sequence[Part], *, as_one: bool = True) -> AbstractContextManager[Sequence[str]]:
    """What is done in here for all of them at once, a span in the trace of each; gives the traceparents of what comes of it.

    `as_one`: it is one piece of work. What it consists of is seen in the trace of the first, if that is recorded, and the
    others link to that one. So a batch costs the spans of its work as often as the sampler says, however many are in it.
    """
    if _recorder is None:
        return nullcontext([part.traceparent for part in parts])
    return _recorder.each(kind, parts, as_one=as_one)


def together(name: str, traceparents: Sequence[str]) -> AbstractContextManager[None]:
    """The same where each has its span already: a part of the first, if that is recorded, linked with the others."""
    return _NOTHING if _recorder is None else _recorder.together(name, traceparents)


def transaction(connection: Any) -> AbstractContextManager[None]:
    """A transaction, and its statements, if they are part of something that is recorded."""
    return _NOTHING if _recorder is None else _recorder.transaction(connection)


def mark(traceparent: str, attributes: Attributes) -> None:
    """Say something of the span that gave this, as long as it lasts: what became of it without an exception."""
    if _recorder is not None:
        _recorder.mark(traceparent, attributes)


def current() -> str:
    """The traceparent of what is being done, as far as it is known."""
    return "" if _recorder is None else _recorder.current()


def _is_asked_for() -> bool:
    said = os.environ.get
    return (
        bool(said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or said("OTEL_EXPORTER_OTLP_ENDPOINT"))
        and said("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        and said("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "otlp"
    )
