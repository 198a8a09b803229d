"""`receivables status`: where the services stand, asked of each with the operator's key."""

from typing import Annotated

import typer
from receivables.operations.v1 import service_pb2, service_pb2_grpc
from rich.console import Console
from rich.table import Table

from services.chassis import operators

SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications")
WIDTH = 80
PATIENCE_S = 3.0
EARLY = "early"  # is shown by itself: it needs nobody

app = typer.Typer(add_completion=False, help="Where the services stand.")


@app.command(help="Show where the services stand; ends with 1 if one does not answer.")
def status(
    services: Annotated[list[str] | None, typer.Argument(help=f"of these alone: {', '.join(SERVICES)}")] = None,
) -> None:
    if strangers := sorted(set(services or ()) - set(SERVICES)):
        raise SystemExit(f"{strangers[0][:63]} is no service: {', '.join(SERVICES)}")
    table = Table("service", width=WIDTH)
    for name in ("lag", "outbox", "early", "due"):
        table.add_column(name, justify="right")
    table.add_column("parked")
    table.add_column("clock, UTC")
    silent = []
    for name in services or SERVICES:
        try:
            found: service_pb2.StatusResponse = operators.call(
                name,
                service_pb2_grpc.OperationsServiceStub,
                "Status",
                service_pb2.StatusRequest(),
                within_s=PATIENCE_S,
            )
        except operators.Unanswered as why:
            silent.append(f"{name}: {why}")
            table.add_row(name, *["-"] * 4, "no answer", "-")
            continue
        waits = " ".join(f"{n} {why}" for why, n in sorted(found.parked.items()) if n and why != EARLY)
        counts = (found.lag, found.outbox, found.early, found.due)
        at = found.clock.ToDatetime()
        table.add_row(name, *(f"{n:,}" for n in counts), waits or "none", f"{at:%Y-%m-%d %H:%M}")
    Console(width=WIDTH).print(table)
    for line in silent:
        Console(stderr=True, soft_wrap=True).print(line, markup=False, highlight=False)
    if silent:
        raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="receivables status")
