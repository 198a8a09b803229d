"""`python -m services.credit serve|migrate|rebuild|parked|audit|referred|review|hold|policy|application|policy-text|lab|rates|ask`.

What acts for a tenant calls the service, signed with the operator's key, which says who does it; `ask` asks the sources as
the service does, from where it runs.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import (
    applications_pb2,
    applications_pb2_grpc,
    events_pb2,
    exposure_pb2,
    exposure_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
)
from rich.console import Console

from services import contracts
from services.chassis import cli, operators
from services.chassis.envelope import Origin
from services.chassis.pages import ROWS_MAX
from services.chassis.service import certificate_of, speaker_of
from services.chassis.settings import load
from services.credit import rate_files, wire
from services.credit.domain import underwriting
from services.credit.domain.decisions import Outcome
from services.credit.lab_commands import commands
from services.credit.service import SERVICE
from services.credit.settings import Settings
from services.credit.sources import Gathered, Question, Sources
from services.kernel.money import Money, decimal
from services.kernel.refusals import Refusal

app = cli.command_line(SERVICE)
holds = typer.Typer(no_args_is_help=True, help="Holds on accounts: place, lift, list.")
app.add_typer(holds, name="hold")
policies = typer.Typer(no_args_is_help=True, help="What the seller decides by: show, set.")
app.add_typer(policies, name="policy")
applications = typer.Typer(no_args_is_help=True, help="Applications for credit: list, show, decide.")
app.add_typer(applications, name="application")
rates = typer.Typer(no_args_is_help=True, help="What currencies are worth: load, list.")
app.add_typer(rates, name="rates")
policy_texts = typer.Typer(
    no_args_is_help=True, help="What applications are decided by: check, propose, activate, show."
)
app.add_typer(policy_texts, name="policy-text")
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


@applications.command("list", help="List the applications that wait for the seller, the least time left first.")
def list_applications(
    tenant: Tenant, account: Annotated[str, typer.Option(help="all of this account, newest first")] = ""
) -> None:
    request = applications_pb2.ListApplicationsRequest(account_id=account)
    for page in _pages("ListApplications", request, tenant, _APPLICATIONS):
        for each in page.applications:
            state = applications_pb2.ApplicationState.Name(each.state).removeprefix("APPLICATION_STATE_")
            track = applications_pb2.Track.Name(each.track).removeprefix("TRACK_")
            by = f"by {each.latest_by.ToDatetime():%Y-%m-%d %H:%M} UTC" if each.HasField("latest_by") else ""
            _say(f"{each.application_id}  {each.account_id}  {state}  {track}  {each.owner or '-'}  {by}".rstrip())


@applications.command("show", help="Show an application with all that is known and was decided.")
def show_application(application: str, tenant: Tenant) -> None:
    case = _ask("GetCase", applications_pb2.GetCaseRequest(application_id=application), tenant, stub=_APPLICATIONS)
    _say(json_format.MessageToJson(case, preserving_proto_field_name=True, ensure_ascii=False))


@applications.command("decide", help="Decide on an application that you have taken up; it is taken up by this.")
def decide_application(
    application: str,
    outcome: Annotated[
        underwriting.Outcome, typer.Argument(help="APPROVED, APPROVED_LOWER, APPROVED_WITH_CONDITIONS or DECLINED")
    ],
    *,
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="kept in the audit trail")],
    limit: Annotated[str, typer.Option(help="what is granted: 12000.00 EUR")] = "",
    deposit: Annotated[str, typer.Option(help="what is paid first: 2000.00 EUR")] = "",
    terms_days: Annotated[int, typer.Option(help="days to pay")] = 0,
    reason: Annotated[list[str] | None, typer.Option(help="R01 to R14, the most important first")] = None,
    on_behalf_of: For = "",
) -> None:
    _ask(
        "TakeUpApplication",
        applications_pb2.TakeUpApplicationRequest(application_id=application),
        tenant,
        why,
        on_behalf_of,
        stub=_APPLICATIONS,
    )
    request = applications_pb2.DecideApplicationRequest(
        application_id=application,
        outcome=applications_pb2.ApplicationOutcome.Value(f"APPLICATION_OUTCOME_{outcome}"),
        terms_days=terms_days,
        reasons=reason or [],
    )
    if limit:
        request.limit.CopyFrom(_amount(limit))
    if deposit:
        request.deposit.CopyFrom(_amount(deposit))
    decided = _ask("DecideApplication", request, tenant, why, on_behalf_of, stub=_APPLICATIONS).application
    state = applications_pb2.ApplicationState.Name(decided.state).removeprefix("APPLICATION_STATE_")
    _say(f"{decided.application_id} {state}")


@rates.command(
    "load", help="Set the rates of a file: CSV (day,base,quote,rate), or the XML of the ECB's reference rates."
)
def load_rates(
    file: Annotated[Path, typer.Argument(help="the rates", exists=True, dir_okay=False)],
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="kept in the audit trail")],
    *,
    corrects: Annotated[bool, typer.Option(help="days that have other rates had wrong ones")] = False,
    on_behalf_of: For = "",
) -> None:
    try:
        found = rate_files.read(file.read_bytes())
    except Refusal as refused:
        raise SystemExit(f"{file}: {refused.code}: {refused.message}") from None
    for some in (found[at : at + ROWS_MAX] for at in range(0, len(found), ROWS_MAX)):
        request = exposure_pb2.SetRatesRequest(rates=[wire.rate_message(rate) for rate in some], corrects=corrects)
        fresh = _ask("SetRates", request, tenant, why, on_behalf_of, stub=_EXPOSURE).set
        _say(f"{len(some)} read, {fresh} of them new")


@rates.command("list", help="List what currencies are worth, the newest day first.")
def list_rates(tenant: Tenant) -> None:
    for page in _pages("ListRates", exposure_pb2.ListRatesRequest(), tenant, _EXPOSURE):
        for rate in page.rates:
            _say(f"{rate.day}  1 {rate.base} = {rate.rate} {rate.quote}")


@policy_texts.command("check", help="Say what is wrong with a policy's text; its lines are the file's.")
def check_policy_text(file: Annotated[Path, typer.Argument(help="the text", exists=True, dir_okay=False)]) -> None:
    try:
        _say(underwriting.read(file.read_text(encoding="utf-8")).policy_id)
    except underwriting.MistakesFound as found:
        raise SystemExit("\n".join(f"{file}:{one.line}: {one.code}: {one.message}" for one in found.mistakes)) from None


@policy_texts.command("propose", help="Keep a text that has no mistake; another person has it take effect.")
def propose_policy_text(
    file: Annotated[Path, typer.Argument(help="the text", exists=True, dir_okay=False)],
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="kept in the audit trail")],
    on_behalf_of: For = "",
) -> None:
    request = applications_pb2.ProposePolicyTextRequest(text=file.read_text(encoding="utf-8"))
    _say(_ask("ProposePolicyText", request, tenant, why, on_behalf_of, stub=_POLICIES).policy.policy_id)


@policy_texts.command("activate", help="Decide by it from now on: not by whoever proposed it.")
def activate_policy_text(
    policy: Annotated[str, typer.Argument(help="its id")],
    tenant: Tenant,
    why: Annotated[str, typer.Option(help="kept in the audit trail")],
    on_behalf_of: For = "",
) -> None:
    request = applications_pb2.ActivatePolicyTextRequest(policy_id=policy)
    _ask("ActivatePolicyText", request, tenant, why, on_behalf_of, stub=_POLICIES)
    _say(f"{policy} decides")


@policy_texts.command("show", help="Show a policy's text, or the one that decides now.")
def show_policy_text(tenant: Tenant, policy: Annotated[str, typer.Option(help="its id")] = "") -> None:
    found = _ask("GetPolicyText", applications_pb2.GetPolicyTextRequest(policy_id=policy), tenant, stub=_POLICIES)
    _say(found.policy.text)


_APPLICATIONS, _POLICIES = applications_pb2_grpc.ApplicationServiceStub, applications_pb2_grpc.PolicyServiceStub
_EXPOSURE = exposure_pb2_grpc.ExposureServiceStub


def _ask(
    method: str,
    request: Message,
    tenant: str,
    why: str = "",
    on_behalf_of: str = "",
    *,
    stub: Any = service_pb2_grpc.CreditServiceStub,
) -> Any:
    """Call the service as the operator; a refusal ends the command with its code."""
    try:
        return operators.call(
            SERVICE.name,
            stub,
            method,
            request,
            tenant=tenant,
            why=why,
            on_behalf_of=on_behalf_of,
        )
    except operators.Unanswered as said:
        raise SystemExit(str(said)) from None


app.add_typer(commands(_ask), name="lab")


def _pages(method: str, request: Any, tenant: str, stub: Any = service_pb2_grpc.CreditServiceStub) -> Iterator[Any]:
    """A list's pages, one after the other."""
    request.page_size = ROWS_MAX
    while True:
        page = _ask(method, request, tenant, stub=stub)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _money(amount: money_pb2.Money) -> Money:
    return Money(amount.minor, amount.currency)


def _amount(text: str) -> money_pb2.Money:
    """An amount as it is typed."""
    number, _, currency = text.partition(" ")
    try:
        return contracts.money_message(Money.of(decimal(number, what="the amount"), currency))
    except Refusal as refused:
        raise SystemExit(f"{refused.code}: {refused.message}") from None


def _say(text: str) -> None:
    Console(soft_wrap=True).print(text, markup=False, highlight=False)


if __name__ == "__main__":
    app()
