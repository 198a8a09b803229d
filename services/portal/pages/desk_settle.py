"""How a case is settled at the desk: the ends that there are, and what the form of each says."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from receivables.common.v1 import money_pb2, party_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2

from services.kernel.refusals import Invalid
from services.portal.labels_causes import NAMED
from services.portal.web import Ask

_FULL, _PARTIAL = "RESOLUTION_FULL_CREDIT", "RESOLUTION_PARTIAL_CREDIT"
_PRICE, _REBILL = "RESOLUTION_PRICE_CORRECTION", "RESOLUTION_REBILL"
_GOODWILL, _SPLIT = "RESOLUTION_GOODWILL", "RESOLUTION_SPLIT_SETTLEMENT"
_REPLACEMENT, _WRITE_OFF, _STANDS = "RESOLUTION_REPLACEMENT", "RESOLUTION_WRITE_OFF", "RESOLUTION_INVALID_PAYABLE"
RESOLUTIONS = (_FULL, _PARTIAL, _PRICE, _REBILL, _REPLACEMENT, _GOODWILL, _SPLIT, _WRITE_OFF, _STANDS)
GOODS_MAX = 100  # lines of an invoice that the form shows


def _(text: str) -> str:
    return text


# What else of an invoice may be right otherwise: the field, and its words.
RIGHTS = (
    ("buyer_reference", _("The buyer's reference")),
    ("purchase_order", _("Purchase order")),
    ("street", _("Delivered to: street")),
    ("post_code", _("Delivered to: post code")),
    ("city", _("Delivered to: town")),
    ("country", _("Delivered to: country, in two letters")),
    ("net_days", _("Days until it is due")),
)


def offered(ask: Ask, invoice: Any) -> Mapping[str, Any]:
    """What the form offers; nothing of an invoice that could not be had."""
    goods = _goods(invoice)
    return {
        "resolutions": RESOLUTIONS,
        "goods": goods[:GOODS_MAX],
        "more_goods": len(goods) > GOODS_MAX,
        "rights": RIGHTS,
        "causes": [(code, ask.words.label(f"cause {code}")) for code in NAMED],
    }


def needs_invoice(resolution: str, case: Any) -> bool:
    """Whether what is typed is about lines that the case does not name."""
    return resolution in (_PRICE, _REBILL) or (resolution == _REPLACEMENT and not case.lines)


def request(ask: Ask, case: Any, invoice: Any, resolution: str) -> disputes_pb2.ResolveRequest:
    """The end as it was typed; raises Invalid."""
    said = disputes_pb2.ResolveRequest(
        dispute_id=case.dispute_id, resolution=disputes_events.Resolution.Value(resolution), cause=ask.typed("cause")
    )
    if said.cause not in NAMED:
        raise Invalid("form.no_choice", ask.words.say("Choose why it came about."))
    if resolution in (_PARTIAL, _REPLACEMENT) and case.lines:
        said.lines.extend(_parts(ask, case.lines, "quantity"))
    elif resolution == _REPLACEMENT:
        said.lines.extend(_parts(ask, _goods(invoice)[:GOODS_MAX], "again"))
    elif resolution in (_PARTIAL, _GOODWILL, _SPLIT):
        amount = ask.amount("amount", case.amount.currency)
        said.amount.CopyFrom(money_pb2.Money(minor=amount.minor, currency=amount.currency))
    elif resolution == _PRICE:
        said.correction.CopyFrom(disputes_events.Correction(lines=_corrected(ask, invoice, whole=False)))
    elif resolution == _REBILL:
        said.correction.CopyFrom(_correction(ask, invoice))
    return said


def _goods(invoice: Any) -> list[Any]:
    return [line for line in invoice.document.invoice.lines if not line.is_sales_tax] if invoice else []


def _parts(ask: Ask, lines: Any, field: str) -> list[Any]:
    """How much of each line; one of which nothing is, is left out."""
    parts = []
    for nth, line in enumerate(lines):
        quantity = ask.words.typed(ask.typed(f"{field}-{nth}") or "0")
        if not 0 <= quantity <= Decimal(line.quantity):
            raise Invalid("form.too_much", ask.words.say("More than was disputed cannot be credited."))
        if quantity > 0:
            parts.append(disputes_events.DisputedLine(line_id=line.line_id, quantity=f"{quantity:f}"))
    return parts


def _correction(ask: Ask, invoice: Any) -> disputes_events.Correction:
    said = disputes_events.Correction(
        lines=_corrected(ask, invoice, whole=True),
        buyer_reference=ask.typed("buyer_reference"),
        purchase_order=ask.typed("purchase_order"),
    )
    where = {name: ask.typed(name) for name in ("street", "post_code", "city", "country")}
    if any(where.values()):
        said.ship_to.CopyFrom(party_pb2.Address(**where | {"country": where["country"].upper()}))
    if days := ask.typed("net_days"):
        if not days.isascii() or not days.isdecimal() or len(days) > 3:
            raise Invalid("typed.no_number", "that is no number")
        said.net_days = int(days)
    return said


def _corrected(ask: Ask, invoice: Any, *, whole: bool) -> list[Any]:
    """The lines that are right otherwise: their prices, and where the whole invoice is put right their quantities."""
    lines = []
    for nth, line in enumerate(_goods(invoice)[:GOODS_MAX]):
        right = disputes_events.CorrectedLine(line_id=line.line_id)
        if (price := _other(ask, f"price-{nth}", line.unit_price)) is not None:
            right.unit_price = f"{price:f}"
        if whole and (quantity := _other(ask, f"right-{nth}", line.quantity)) is not None:
            right.quantity = f"{quantity:f}"
        if right.unit_price or right.quantity:
            lines.append(right)
    return lines


def _other(ask: Ask, field: str, invoiced: str) -> Decimal | None:
    """A number that was typed, if it is another than was invoiced."""
    if not ask.typed(field):
        return None
    typed = ask.words.typed(ask.typed(field))
    return None if typed == Decimal(invoiced) else typed
