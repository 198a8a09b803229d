"""A receiver of spans (OTLP over gRPC), as a collector is one: keeps what it is sent, quickly, slowly or never."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

from deploy.local.processes import free_port, wait_until


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it came."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    # Empty where the trace begins.
    parent: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]
    failed: bool
    began: int
    ended: int
    whole: trace_pb2.Span

    @property
    def traceparent(self) -> str:
        """What goes on from here says this."""
        return f"00-{self.trace}-{self.id}-01"


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Answers for the length of a `with` block; `hold` makes everybody wait who sends something."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.asked = 0
        self._free = threading.Event()
        self._free.set()
        self._port = free_port()
        self._server = grpc.server(ThreadPoolExecutor(8))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call, unused-ignore]
        self._server.add_insecure_port(f"127.0.0.1:{self._port}")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._free.set()
        self._server.stop(None).wait()

    def environment(self) -> dict[str, str]:
        """What tells a process to send its spans here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._port}"}

    def hold(self) -> None:
        """Take nothing more, and answer nobody."""
        self._free.clear()

    def Export(self, request: Any, context: Any) -> Any:
        """Keep the spans."""
        self.asked += 1
        self._free.wait(60)
        for of in request.resource_spans:
            [service] = [each.value.string_value for each in of.resource.attributes if each.key == "service.name"]
            self.spans += [_seen(service, span) for scope in of.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def of(self, trace: str) -> list[Seen]:
        """The spans of a trace so far, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace == trace), key=lambda span: span.began)

    def await_span(self, trace: str, service: str, name: str) -> None:
        """Wait until this was sent."""
        wait_until(
            lambda: any((s.service, s.name) == (service, name) for s in self.of(trace)), f"{service}: {name} was sent"
        )


def _seen(service: str, span: trace_pb2.Span) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        attributes={each.key: each.value.string_value or each.value.int_value for each in span.attributes},
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        whole=span,
    )
