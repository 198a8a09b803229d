"""What Prometheus is told of the pages: how many were asked for, how they were answered, how long it took, by route."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter, Histogram

ANSWERED = Counter("ar_http_requests_total", "Pages and forms answered, by route and status", ["route", "status"])
TOOK = Histogram(
    "ar_http_request_seconds",
    "How long pages and forms took, by route",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5),
)


def expect(routes: Iterable[Any]) -> None:
    """Let counts begin at 0: a series that is not there yet cannot be told from a service that is not there."""
    for route in routes:
        ANSWERED.labels(_name(route), "200")
        TOOK.labels(_name(route))


def answered(route: Any, status: int, seconds: float) -> None:
    """One page."""
    ANSWERED.labels(_name(route), str(status)).inc()
    TOOK.labels(_name(route)).observe(seconds)


def _name(route: Any) -> str:
    return f"{route.method} {route.path}"
