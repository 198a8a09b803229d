"""The delay of events is counted a batch at a time, with the same result as one at a time."""

from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry, Histogram

from services.chassis import metrics


@dataclass
class _Record:
    timestamp: float
    event_type: str = "orders.Placed"
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.headers = {"ce_type": self.event_type}


@pytest.fixture
def delay(monkeypatch):
    """A histogram of the test's own in place of the process's."""
    own = Histogram("delay", "of events", ["event_type"], buckets=metrics._DELAYS, registry=CollectorRegistry())
    monkeypatch.setattr(metrics, "DELAY", own)
    monkeypatch.setattr("services.chassis.metrics.time.time", lambda: 1000.0)
    return own


def test_a_batch_counts_as_its_events_would(delay):
    waited = [-0.2, 0, 0.05, 0.051, 1, 4.9, 5, 5.1, 300, 301, 1000]
    one_by_one = Histogram("delay", "of events", buckets=metrics._DELAYS, registry=CollectorRegistry())
    for seconds in waited:
        one_by_one.observe(seconds)

    metrics.handled([_Record(1000 - seconds) for seconds in waited], frozenset(["orders.Placed"]))

    said = {
        s.labels.get("le", s.name): s.value
        for s in next(iter(delay.collect())).samples
        if not s.name.endswith("_created")
    }
    wanted = {
        s.labels.get("le", s.name): s.value
        for s in next(iter(one_by_one.collect())).samples
        if not s.name.endswith("_created")
    }
    assert said == pytest.approx(wanted)


def test_types_that_nobody_handles_make_no_series(delay):
    metrics.handled([_Record(999, "whatever somebody sends")], frozenset(["orders.Placed"]))

    assert next(iter(delay.collect())).samples == []
