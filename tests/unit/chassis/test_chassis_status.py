"""Where services stand, as an operator reads it."""

from receivables.operations.v1 import service_pb2
from rich.console import Console

from services.status import WIDTH, shown


def test_large_figures_fit_80_columns_whole() -> None:
    waiting = {"refused": 2_000, "early": 7, "unreadable": 1, "behind": 30_000, "failed": 0}
    busy = service_pb2.StatusResponse(lag=1_234_567, outbox=100_000, early=123_456, due=100_000, parked=waiting)
    busy.clock.FromJsonString("2026-03-02T09:00:00Z")
    console = Console(width=WIDTH, record=True)

    console.print(shown({"notifications": busy, "credit": "it is away"}))

    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= WIDTH
    for word in (
        "notifications",
        "1,234,567",
        "123,456",
        "2,000 refused",
        "1 unreadable",
        "30,000 behind",
        "2026-03-02",
    ):
        assert any(word in line for line in lines), word
    assert any("no answer" in line for line in lines)
    assert not any("failed" in line for line in lines)
