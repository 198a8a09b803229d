"""`python -m services.credit serve|migrate|parked|referred|review`."""

from typing import Annotated

import typer
from rich.console import Console

from services.chassis import cli
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.pages import ROWS_MAX, Page
from services.credit import store, usecases
from services.credit.domain.decisions import Outcome, Recorded
from services.credit.service import SERVICE

app = cli.command_line(SERVICE)
Tenant = Annotated[str, typer.Option(help="the seller's organisation")]


@app.command(help="List the orders that wait for a person, 1,000 at a time.")
def referred(
    tenant: Tenant,
    after: Annotated[str, typer.Option(help="go on after this order, the last one listed")] = "",
) -> None:
    async def work(tx: Tx) -> list[Recorded]:
        return await store.referred(tx, tenant, Page(ROWS_MAX, (after,) if after else None))

    for record in cli.in_transaction(SERVICE, tenant, work):
        Console().print(f"{record.order_id}  {record.account_id}  {record.amount}  headroom {record.headroom}")


@app.command(help="Approve or decline a referred order; the order goes on.")
def review(
    order: str,
    outcome: Annotated[Outcome, typer.Argument(help="APPROVED or DECLINED")],
    tenant: Tenant,
    by: Annotated[str, typer.Option(help="who decides, such as user:ada")],
    why: Annotated[str, typer.Option(help="kept with the decision")],
) -> None:
    async def work(tx: Tx) -> Recorded:
        origin = Origin(tenant, by, why, f"review {order} {new_id()}", new_traceparent())
        return await usecases.review(tx, origin, order, outcome)

    record = cli.in_transaction(SERVICE, tenant, work)
    Console().print(f"{record.order_id} {record.outcome}: {', '.join(record.reasons)}")


if __name__ == "__main__":
    app()
