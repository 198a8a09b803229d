"""What is agreed with a buyer of how long steps take, at the seller's desk: seen, and set anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.notifications.v1 import events_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Invalid, Refusal
from services.portal.asks import Refused
from services.portal.domain.people import Guard
from services.portal.web import Ask, get, post

SETS = Guard(frozenset({"SALES", "SELLER_ADMIN"}), assurance=2)
# The steps of which something can be agreed, as the contract calls them.
STEPS = (
    ("order", "DECIDED"),
    ("order", "SHIPPED"),
    ("order", "INVOICED"),
    ("dispute", "ANSWERED"),
    ("dispute", "CREDITED"),
)
REMEDIES = ("CREDIT", "WAIVE_INTEREST")


@dataclass(frozen=True, slots=True)
class Row:
    """A step in the form, as it is agreed or was typed."""

    kind: str
    step: str
    days: str
    remedy: str
    amount: str


@get("/desk/accounts/{account}/levels", SETS)
async def levels(ask: Ask) -> Response:
    """What is agreed, in the form that sets it anew."""
    return await _page(ask)


@post("/desk/accounts/{account}/levels", SETS)
async def set_levels(ask: Ask) -> Response:
    """Agree this from now on; a step without days has no level."""
    account_id = ask.path("account")
    try:
        currency = await _currency(ask)
        said = [level for kind, step in STEPS if (level := _typed(ask, kind, step, currency)) is not None]
        request = notifications_pb2.SetServiceLevelsRequest(account_id=account_id, levels=said)
        await ask.of.notifications("SetServiceLevels", request, ask.write())
    except (Refused, Refusal) as refused:
        return await _page(ask, 422, ask.refused(refused))
    return ask.go(f"/desk/accounts/{quote(account_id, safe='')}/levels", done="set")


def _typed(ask: Ask, kind: str, step: str, currency: str) -> events_pb2.ServiceLevel | None:
    days = ask.typed(f"days-{step}")
    if not days:
        return None
    if not (days.isascii() and days.isdigit() and len(days) < 5):
        raise Invalid("service_level.days", "that is no number of days")
    remedy = ask.typed(f"remedy-{step}")
    level = events_pb2.ServiceLevel(kind=kind, step=step, days=int(days), remedy=remedy)
    if remedy == "CREDIT":
        amount = ask.amount(f"amount-{step}", currency)
        level.amount.CopyFrom(money_pb2.Money(minor=amount.minor, currency=amount.currency))
    return level


async def _currency(ask: Ask) -> str:
    request = credit_pb2.GetAccountRequest(account_id=ask.path("account"))
    return str((await ask.of.credit("GetAccount", request)).account.limit.currency)


async def _page(ask: Ask, status: int = 200, refused: str = "") -> Response:
    account_id = ask.path("account")
    currency = await _currency(ask)
    request = notifications_pb2.GetServiceLevelsRequest(account_id=account_id)
    agreed = await ask.of.notifications("GetServiceLevels", request)
    known = {(level.kind, level.step): level for level in agreed.levels}
    return ask.show(
        "desk_levels.html",
        status,
        account_id=account_id,
        currency=currency,
        rows=[_row(ask, kind, step, known, sent=bool(refused)) for kind, step in STEPS],
        remedies=REMEDIES,
        refused=refused,
    )


def _row(ask: Ask, kind: str, step: str, known: Mapping[tuple[str, str], Any], *, sent: bool) -> Row:
    if sent:
        return Row(kind, step, *(ask.typed(f"{name}-{step}") for name in ("days", "remedy", "amount")))
    level = known.get((kind, step))
    if level is None:
        return Row(kind, step, "", "WAIVE_INTEREST", "")
    amount = ask.words.plain(level.amount) if level.HasField("amount") else ""
    return Row(kind, step, str(level.days), level.remedy, amount)
