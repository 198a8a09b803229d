"""Records spans with OpenTelemetry's SDK, and sends them by OTLP; everything is set by its own variables (OTEL_…)."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from services.chassis.logs import trace_parts
from services.chassis.tracing import Attributes, Kind, Part
from services.kernel.refusals import Refusal

END_S = 2.0  # to send what is left when the process ends; whoever takes it slowly gets it not

_KINDS = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}


class Spans:
    """What a process records. What waits to be sent is bounded (OTEL_BSP_MAX_QUEUE_SIZE): what is more is dropped."""

    def __init__(self, service: str) -> None:
        """Begin to record."""
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: f"receivables-{service}"}))
        self._exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("receivables")
        # Most samplers do as the parent says: then what it does not want costs nothing.
        self._obeys = isinstance(self._provider.sampler, ParentBased)
        self._cursors: type[psycopg.AsyncCursor[Any]] | None = None
        # By the traceparent that each gave.
        self._open: dict[str, Span] = {}

    def end(self) -> None:
        """Send what is left, for a while."""
        sending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        sending.start()
        sending.join(END_S)
        if sending.is_alive():
            self._exporter.shutdown()  # ends the tries that are under way

    def flush(self) -> None:
        """Send what is there, and wait until it is."""
        self._provider.force_flush()

    @contextmanager
    def span(self, name: str, kind: Kind, traceparent: str, attributes: Attributes) -> Iterator[str]:
        """What is done in here, as a part of that trace."""
        with self._current(self._begin(name, kind, _context(traceparent), attributes)) as gives:
            yield gives

    @contextmanager
    def each(self, kind: Kind, parts: Sequence[Part], *, as_one: bool) -> Iterator[Sequence[str]]:
        """What is done in here for all of them at once, a span in the trace of each."""
        began: list[Span] = []
        gives = []
        # The first one's span, where that is recorded: the work of all is seen there.
        one_work: SpanContext | None = None
        for nth, part in enumerate(parts):
            if self._is_unwanted(part.traceparent):
                gives.append(part.traceparent)
                continue
            links = [Link(one_work)] if one_work else []
            one = self._begin(part.name, kind, _context(part.traceparent), part.attributes, links)
            gives.append(_written(one.get_span_context()))
            if one.is_recording():
                began.append(one)
                self._open[gives[-1]] = one
                if as_one and nth == 0:
                    one_work = one.get_span_context()
        token = attach(set_span_in_context(began[0])) if one_work else None
        try:
            yield gives
        except BaseException as error:
            for one in began:
                _fail(one, error)
            raise
        finally:
            if token is not None:
                detach(token)
            for one in began:
                self._open.pop(_written(one.get_span_context()), None)
                one.end()

    @contextmanager
    def together(self, name: str, traceparents: Sequence[str]) -> Iterator[None]:
        """What is done in here at once for several, each of which has its span."""
        first = _context(traceparents[0]) if traceparents else None
        if first is None or not first.trace_flags.sampled:
            yield
            return
        others = [found for found in map(_context, traceparents[1:]) if found is not None and found.trace_flags.sampled]
        with self._current(self._begin(name, "internal", first, {}, [Link(other) for other in others])):
            yield

    @contextmanager
    def transaction(self, connection: psycopg.AsyncConnection[Any]) -> Iterator[None]:
        """A transaction, and its statements, if they are part of something that is recorded."""
        around = get_current_span()
        if not around.is_recording():
            yield
            return
        plain, connection.cursor_factory = connection.cursor_factory, self._recording_cursors(connection)
        try:
            with self._current(self._begin("transaction", "internal", around.get_span_context(), {})):
                yield
        finally:
            connection.cursor_factory = plain

    def mark(self, traceparent: str, attributes: Attributes) -> None:
        """Say something of a span that is open."""
        if (one := self._open.get(traceparent)) is not None:
            one.set_attributes(attributes)

    def current(self) -> str:
        """The traceparent of what is being done."""
        context = get_current_span().get_span_context()
        return _written(context) if context.is_valid else ""

    def _is_unwanted(self, traceparent: str) -> bool:
        """Whether its trace is known to be recorded by nobody."""
        return self._obeys and traceparent[-1:] in _UNSAMPLED

    def _begin(
        self, name: str, kind: Kind, parent: SpanContext | None, attributes: Attributes, links: Sequence[Link] = ()
    ) -> Span:
        if parent is not None and self._obeys and not parent.trace_flags.sampled:
            return NonRecordingSpan(parent)
        within = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        return self._tracer.start_span(name, within, _KINDS[kind], dict(attributes), links)

    @contextmanager
    def _current(self, one: Span) -> Iterator[str]:
        """Do it within this span, up to its end."""
        gives = _written(one.get_span_context())
        recording = one.is_recording()
        if recording:
            self._open[gives] = one
        token = attach(set_span_in_context(one))
        try:
            yield gives
        except BaseException as error:
            _fail(one, error)
            raise
        finally:
            detach(token)
            if recording:
                self._open.pop(gives, None)
                one.end()

    def _recording_cursors(self, connection: psycopg.AsyncConnection[Any]) -> type[psycopg.AsyncCursor[Any]]:
        """The instrumentation's cursors, made once: a connection has them for a transaction that is recorded, not longer."""
        if self._cursors is None:
            made = PsycopgInstrumentor.instrument_connection(connection, tracer_provider=_Wordless(self._tracer))
            self._cursors = made.cursor_factory
            PsycopgInstrumentor.uninstrument_connection(connection)
        return self._cursors


class _Wordless(trace.TracerProvider, Tracer):
    """Gives the instrumentation a tracer that keeps no failure's words: the database's quote what was to be stored."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """This one, whoever asks."""
        return self

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        """A span."""
        return self._tracer.start_span(*args, **kwargs)

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, **__: Any) -> Iterator[Span]:  # type: ignore[override] # as it is asked
        """A statement, up to its end."""
        one = self._tracer.start_span(name, kind=SpanKind.CLIENT)
        token = attach(set_span_in_context(one))
        try:
            yield one
        except BaseException as error:
            _fail(one, error)
            raise
        finally:
            detach(token)
            one.end()


_UNSAMPLED = frozenset("02468ace")


def _context(traceparent: str) -> SpanContext | None:
    parts = trace_parts(traceparent)
    if parts is None:
        return None
    trace_id, parent, flags = parts
    return SpanContext(int(trace_id, 16), int(parent, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16) & 1))


def _written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def _fail(one: Span, error: BaseException) -> None:
    """Say of which kind a failure is, never its words. A refusal is an answer, not an error."""
    if isinstance(error, Refusal):
        one.set_attribute("error.type", error.code)
        return
    one.set_attribute("error.type", type(error).__qualname__)
    one.set_status(Status(StatusCode.ERROR))
