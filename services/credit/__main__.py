"""`python -m services.credit serve|migrate|rebuild|parked|audit|referred|review|hold|policy|ask`.

What acts for a tenant calls the service, signed with the operator's key, which says who does it; `ask` asks the sources as
the service does, from where it runs.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import events_pb2, service_pb2, service_pb2_grpc
from rich.console import Console

from services.chassis import cli, operators
from services.chassis.envelope import Origin
from services.chassis.pages import ROWS_MAX
from services.chassis.service import certificate_of, speaker_of
from services.chassis.settings import load
from services.credit.domain.decisions import Outcome
from services.credit.service import SERVICE
from services.credit.settings import Settings
from services.credit.sources import Gathered, Question, Sources
from services.kernel.money import Money

app = cli.command_line(SERVICE)
holds = typer.Typer(no_args_is_help=True, help="Holds on accounts: place, lift, list.")
app.add_typer(holds, name="hold")
policies = typer.Typer(no_args_is_help=True, help="What the seller decides by: show, set.")
app.add_typer(policies, name="policy")
Tenant = Annotated[str, typer.Option(help="the seller's organisation")]
For = Annotated[str, typer.Option("--on-behalf-of", help="for whom you stand in, such as user:bob")]


@app.command(help="List the orders that wait for a person.")
def referred(tenant: Tenant) -> None:
    for page in _pages("ListReferred", service_pb2.ListReferredRequest(), tenant):
        for each in page.decisions:
            headroom = f"  headroom {_money(each.headroom)}" if each.HasField("headroom") else ""
            _say(f"{each.order_id}  {each.account_id}  {_money(each.amount)}{headroom}")


@app.command(help="Approve or decline a referred order; the order goes on.")
def review(
    order: str,
    outcome: Annotated[Outcome, typer.Argument(help="APPROVED or DECLINED")],
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="kept with the decision")],
    on_behalf_of: For = "",
) -> None:
    request = service_pb2.ReviewRequest(order_id=order, outcome=events_pb2.Outcome.Value(f"OUTCOME_{outcome}"))
    decision = _ask("Review", request, tenant, why, on_behalf_of).decision
    said = events_pb2.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")
    _say(f"{decision.order_id} {said}: {', '.join(decision.reasons)}")


@holds.command(help="Approve no more orders of an account, or of a part of it, until it is lifted or over.")
def place(
    hold: Annotated[str, typer.Argument(help="your own name of it")],
    account: Annotated[str, typer.Argument(help="the buyer's account")],
    *,
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="the reason, in words")],
    code: Annotated[str, typer.Option(help="the reason's code: overdue, fraud, by_request …")] = "by_request",
    owner: Annotated[str, typer.Option(help="who sees to it; whoever places it, if nobody is named")] = "",
    until: Annotated[datetime | None, typer.Option(help="when it ends by itself, UTC")] = None,
    site: Annotated[str, typer.Option(help="orders of this site only")] = "",
    cost_centre: Annotated[str, typer.Option(help="orders of this cost centre only")] = "",
    purchase_order: Annotated[str, typer.Option(help="orders of this purchase order only")] = "",
    on_behalf_of: For = "",
) -> None:
    request = service_pb2.PlaceHoldRequest(
        hold_id=hold,
        account_id=account,
        scope=party_pb2.Scope(site=site, cost_centre=cost_centre, purchase_order=purchase_order),
        reason_code=code,
        reason=why,
        owner=owner or operators.own_key().subject,
    )
    if until is not None:
        request.until.FromDatetime(until.replace(tzinfo=UTC))
    _ask("PlaceHold", request, tenant, why, on_behalf_of)
    _say(f"{hold} stands")


@holds.command(help="Take a hold off.")
def lift(
    hold: Annotated[str, typer.Argument(help="its name")],
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="told with it")],
    on_behalf_of: For = "",
) -> None:
    _ask("LiftHold", service_pb2.LiftHoldRequest(hold_id=hold), tenant, why, on_behalf_of)
    _say(f"{hold} is lifted")


@holds.command("list", help="List the holds that stand, by account.")
def list_holds(tenant: Tenant, account: Annotated[str, typer.Option(help="of this account only")] = "") -> None:
    for page in _pages("ListHolds", service_pb2.ListHoldsRequest(account_id=account), tenant):
        for hold in page.holds:
            part = " ".join(filter(None, (hold.scope.site, hold.scope.cost_centre, hold.scope.purchase_order)))
            ends = hold.HasField("until")
            until = f"until {hold.until.ToDatetime():%Y-%m-%d %H:%M} UTC" if ends else "until lifted"
            _say(f"{hold.account_id}  {hold.hold_id}  {part or 'all'}  {hold.reason_code}  {hold.owner}  {until}")


@policies.command(help="Show what the seller decides by; version 0 is what holds where nothing was set.")
def show(tenant: Tenant) -> None:
    found: service_pb2.GetPolicyResponse = _ask("GetPolicy", service_pb2.GetPolicyRequest(), tenant)
    share, days = found.policy.referral_share, found.policy.hold_days
    _say(f"version {found.version}: referral share {share}, hold days {days}")


@policies.command("set", help="Decide by this from now on; holds that stand keep their end.")
def set_(
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="told with it")],
    referral_share: Annotated[
        str, typer.Option(help="above the headroom, but by no more than this part of the limit, a person decides: 0.10")
    ],
    hold_days: Annotated[int, typer.Option(help="days after the promised day of shipment when a hold lapses")],
    on_behalf_of: For = "",
) -> None:
    policy = events_pb2.CreditPolicy(referral_share=referral_share, hold_days=hold_days)
    _say(f"version {_ask('SetPolicy', service_pb2.SetPolicyRequest(policy=policy), tenant, why, on_behalf_of).version}")


@app.command(help="Ask each source of facts about a company, and show what it tells and how long it took.")
def ask(
    known: Annotated[
        list[str], typer.Argument(help="what is known of the company: country=GB register_number=00445790")
    ],
    tenant: Tenant,
) -> None:
    subject = dict(word.partition("=")[::2] for word in known)
    asyncio.run(_ask_sources(load(Settings), tenant, subject))


async def _ask_sources(settings: Settings, tenant: str, subject: dict[str, str]) -> None:
    sources = Sources(settings.credit_sources, speaker_of(SERVICE.name, settings), certificate_of(settings))
    for name, source in settings.credit_sources.items():
        # Of any kind: which kinds the facts have is a policy's to say.
        question = Question(subject, dict.fromkeys(source.keys, str), datetime.now(UTC))
        began = time.perf_counter()
        gathered = await sources.look(Origin(tenant, "", "", "", ""), question, only=[name])
        _say(f"{name}  {_outcome(gathered)}  {time.perf_counter() - began:.2f} s")
        for fact in gathered.found:
            _say(f"  {fact.key}: {fact.value or 'none'}  {fact.evidence}")
        for key in sorted(gathered.unavailable.get(name, ())):
            _say(f"  {key}: not now")
    await sources.close()


def _outcome(gathered: Gathered) -> str:
    return "away" if gathered.away else "late" if gathered.late else "told"


def _ask(method: str, request: Message, tenant: str, why: str = "", on_behalf_of: str = "") -> Any:
    """Call the service as the operator; a refusal ends the command with its code."""
    try:
        return operators.call(
            SERVICE.name,
            service_pb2_grpc.CreditServiceStub,
            method,
            request,
            tenant=tenant,
            why=why,
            on_behalf_of=on_behalf_of,
        )
    except operators.Unanswered as said:
        raise SystemExit(str(said)) from None


def _pages(method: str, request: Any, tenant: str) -> Iterator[Any]:
    """A list's pages, one after the other."""
    request.page_size = ROWS_MAX
    while True:
        page = _ask(method, request, tenant)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _money(amount: money_pb2.Money) -> Money:
    return Money(amount.minor, amount.currency)


def _say(text: str) -> None:
    Console(soft_wrap=True).print(text, markup=False, highlight=False)


if __name__ == "__main__":
    app()
