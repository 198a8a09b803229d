"""`python -m services.credit serve|migrate|parked|referred|review|hold|policy`."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console

from services.chassis import cli
from services.chassis.acts import Act
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.pages import ROWS_MAX, Page
from services.credit import store, usecases
from services.credit.domain.account_holds import AccountHold
from services.credit.domain.decisions import Outcome, Recorded
from services.credit.domain.policy import Policy
from services.credit.service import SERVICE
from services.kernel.money import decimal
from services.kernel.orders import Scope

app = cli.command_line(SERVICE)
holds = typer.Typer(no_args_is_help=True, help="Holds on accounts: place, lift, list.")
app.add_typer(holds, name="hold")
policies = typer.Typer(no_args_is_help=True, help="What the seller decides by: show, set.")
app.add_typer(policies, name="policy")
Tenant = Annotated[str, typer.Option(help="the seller's organisation")]
By = Annotated[str, typer.Option(help="who does it, such as user:ada")]


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
        return await usecases.review(tx, _origin(tenant, by, why), order, outcome)

    record = cli.in_transaction(SERVICE, tenant, work, act=Act(tenant, by, method="review", idempotency_key=order))
    Console().print(f"{record.order_id} {record.outcome}: {', '.join(record.reasons)}")


@holds.command(help="Approve no more orders of an account, or of a part of it, until it is lifted or over.")
def place(
    hold: Annotated[str, typer.Argument(help="your own name of it")],
    account: Annotated[str, typer.Argument(help="the buyer's account")],
    *,
    tenant: Tenant,
    by: By,
    why: Annotated[str, typer.Option(help="the reason, in words")],
    code: Annotated[str, typer.Option(help="the reason's code: overdue, fraud, by_request …")] = "by_request",
    owner: Annotated[str, typer.Option(help="who sees to it; whoever places it, if nobody is named")] = "",
    until: Annotated[datetime | None, typer.Option(help="when it ends by itself, UTC")] = None,
    site: Annotated[str, typer.Option(help="orders of this site only")] = "",
    cost_centre: Annotated[str, typer.Option(help="orders of this cost centre only")] = "",
    purchase_order: Annotated[str, typer.Option(help="orders of this purchase order only")] = "",
) -> None:
    wish = AccountHold(
        tenant=tenant,
        hold_id=hold,
        account_id=account,
        scope=Scope(site, cost_centre, purchase_order),
        reason_code=code,
        reason=why,
        owner=owner or by,
        until=until and until.replace(tzinfo=UTC),
    )

    async def work(tx: Tx) -> None:
        await usecases.place_hold(tx, _origin(tenant, by, why), wish)

    act = Act(tenant, by, method="hold place", account_id=account, idempotency_key=hold)
    cli.in_transaction(SERVICE, tenant, work, act=act)
    Console().print(f"{hold} stands")


@holds.command(help="Take a hold off.")
def lift(
    hold: Annotated[str, typer.Argument(help="its name")],
    tenant: Tenant,
    by: By,
    why: Annotated[str, typer.Option(help="told with it")],
) -> None:
    async def work(tx: Tx) -> None:
        await usecases.lift_hold(tx, _origin(tenant, by, why), hold)

    cli.in_transaction(SERVICE, tenant, work, act=Act(tenant, by, method="hold lift", idempotency_key=hold))
    Console().print(f"{hold} is lifted")


@holds.command("list", help="List the holds that stand, by account, 1,000 at a time.")
def list_holds(
    tenant: Tenant,
    account: Annotated[str, typer.Option(help="of this account only")] = "",
    after: Annotated[tuple[str, str] | None, typer.Option(help="go on after this account and hold")] = None,
) -> None:
    async def work(tx: Tx) -> list[AccountHold]:
        return await store.list_account_holds(tx, tenant, account, Page(ROWS_MAX, after))

    for hold in cli.in_transaction(SERVICE, tenant, work):
        part = " ".join(filter(None, (hold.scope.site, hold.scope.cost_centre, hold.scope.purchase_order)))
        until = f"until {hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else "until lifted"
        Console().print(
            f"{hold.account_id}  {hold.hold_id}  {part or 'all'}  {hold.reason_code}  {hold.owner}  {until}"
        )


@policies.command(help="Show what the seller decides by; version 0 is what holds where nothing was set.")
def show(tenant: Tenant) -> None:
    async def work(tx: Tx) -> tuple[int, Policy]:
        return await store.get_policy(tx, tenant)

    version, policy = cli.in_transaction(SERVICE, tenant, work)
    Console().print(f"version {version}: referral share {policy.referral_share:f}, hold days {policy.hold_days}")


@policies.command("set", help="Decide by this from now on; holds that stand keep their end.")
def set_(
    tenant: Tenant,
    by: By,
    why: Annotated[str, typer.Option(help="told with it")],
    referral_share: Annotated[
        str, typer.Option(help="above the headroom, but by no more than this part of the limit, a person decides: 0.10")
    ],
    hold_days: Annotated[int, typer.Option(help="days after the promised day of shipment when a hold lapses")],
) -> None:
    async def work(tx: Tx) -> int:
        share: Decimal = decimal(referral_share, what="referral_share")
        return await usecases.set_policy(tx, _origin(tenant, by, why), Policy(share, hold_days))

    version = cli.in_transaction(SERVICE, tenant, work, act=Act(tenant, by, method="policy set"))
    Console().print(f"version {version}")


def _origin(tenant: str, by: str, why: str) -> Origin:
    """On the word of whoever types; each time a wish of its own."""
    return Origin(tenant, by, why, new_id(), new_traceparent())


if __name__ == "__main__":
    app()
