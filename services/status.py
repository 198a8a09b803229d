"""`receivables status`: where the services stand, asked of each with the operator's key."""

from collections.abc import Mapping
from typing import Annotated

import typer
from receivables.operations.v1 import service_pb2, service_pb2_grpc
from rich import box
from rich.console import Console
from rich.table import Table

from services.chassis import operators
from services.kernel.refusals import quoted

SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications", "portal")
WIDTH = 80
PATIENCE_S = 3.0
EARLY = "early"  # is shown by itself: it needs nobody

app = typer.Typer(add_completion=False, help="Where the services stand.")


@app.command(help="Show where the services stand; ends with 1 if one does not answer.")
def status(
    services: Annotated[list[str] | None, typer.Argument(help=f"of these alone: {', '.join(SERVICES)}")] = None,
) -> None:
    if strangers := sorted(set(services or ()) - set(SERVICES)):
        raise SystemExit(f"{quoted(strangers[0])} is no service: {', '.join(SERVICES)}")
    answers: dict[str, service_pb2.StatusResponse | str] = {name: _ask(name) for name in services or SERVICES}
    Console(width=WIDTH).print(shown(answers))
    silent = {name: why for name, why in answers.items() if isinstance(why, str)}
    for name, why in silent.items():
        Console(stderr=True, soft_wrap=True).print(f"{name}: {why}", markup=False, highlight=False)
    if silent:
        raise typer.Exit(1)


def shown(answers: Mapping[str, service_pb2.StatusResponse | str]) -> Table:
    """A row for each service; of one that said nothing, that it did not."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("service", no_wrap=True)
    for name in ("lag", "outbox", "early", "due"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("parked", no_wrap=True)
    table.add_column("clock, UTC")
    for name, found in answers.items():
        if isinstance(found, str):
            table.add_row(name, *["-"] * 4, "no answer", "-")
            continue
        waits = "\n".join(f"{n:,} {why}" for why, n in sorted(found.parked.items()) if n and why != EARLY)
        counts = (found.lag, found.outbox, found.early, found.due)
        at = found.clock.ToDatetime()
        table.add_row(name, *(f"{n:,}" for n in counts), waits or "none", f"{at:%Y-%m-%d %H:%M}")
    return table


def _ask(name: str) -> service_pb2.StatusResponse | str:
    """Where it stands; or why it does not say so."""
    try:
        answer: service_pb2.StatusResponse = operators.call(
            name, service_pb2_grpc.OperationsServiceStub, "Status", service_pb2.StatusRequest(), within_s=PATIENCE_S
        )
    except operators.Unanswered as why:
        return str(why)
    return answer


if __name__ == "__main__":
    app(prog_name="receivables status")
