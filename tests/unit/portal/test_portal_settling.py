"""What the form of each end of a case says, as the desk typed it."""

from typing import Any, cast

import pytest
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.portal.labels import LABELS
from services.portal.looks import Words
from services.portal.pages import desk_settle
from services.portal.web import Ask


class Typed:
    """As much of an Ask as a form is read by."""

    def __init__(self, **fields: str) -> None:
        self.words = Words("de")
        self._fields = {name.replace("_nth_", "-"): value for name, value in fields.items()}

    def typed(self, name: str) -> str:
        return self._fields.get(name, "")

    def amount(self, name: str, currency: str) -> Money:
        return self.words.typed_money(self.typed(name), currency)


def an_invoice() -> Any:
    found = invoicing_pb2.GetInvoiceResponse()
    found.document.invoice.lines.add(line_id="1", name="Ware", quantity="10", unit_price="12.50")
    found.document.invoice.lines.add(line_id="2", name="Ware", quantity="3", unit_price="9.99")
    found.document.invoice.lines.add(line_id="3", name="Sales tax", quantity="1", unit_price="8", is_sales_tax=True)
    return found


def asked(resolution: str, *lines: tuple[str, str], **fields: str) -> disputes_pb2.ResolveRequest:
    case = disputes_pb2.Dispute(
        dispute_id="d1",
        amount=money_pb2.Money(minor=5000, currency="EUR"),
        lines=[disputes_events.DisputedLine(line_id=line_id, quantity=n) for line_id, n in lines],
    )
    return desk_settle.request(
        cast("Ask", Typed(**{"cause": "PICKING"} | fields)), case, an_invoice(), f"RESOLUTION_{resolution}"
    )


def test_each_end_has_words_and_says_what_it_means_to_both_sides():
    assert set(desk_settle.RESOLUTIONS) == set(disputes_events.Resolution.keys()) - {"RESOLUTION_UNSPECIFIED"}
    for one in desk_settle.RESOLUTIONS:
        assert {one, f"means {one}", f"agreed {one}"} <= LABELS.keys()


def test_an_amount_is_said_as_an_amount():
    assert asked("GOODWILL", ("1", "2"), amount="12,34").amount.minor == 1234
    assert asked("SPLIT_SETTLEMENT", amount="12,34").amount.minor == 1234
    assert not asked("WRITE_OFF", amount="12,34").HasField("amount")


def test_what_is_sent_again_is_of_the_case_or_of_the_invoice():
    [part] = asked("REPLACEMENT", ("1", "4"), quantity_nth_0="3").lines
    assert (part.line_id, part.quantity) == ("1", "3")
    [part] = asked("REPLACEMENT", again_nth_1="2").lines
    assert (part.line_id, part.quantity) == ("2", "2")


def test_of_prices_only_those_that_differ_are_said():
    right = asked("PRICE_CORRECTION", price_nth_0="12,50", price_nth_1="9,00").correction

    assert [(line.line_id, line.unit_price, line.quantity) for line in right.lines] == [("2", "9.00", "")]


def test_an_invoice_is_put_right_with_what_was_typed_and_nothing_else():
    right = asked(
        "REBILL",
        right_nth_0="8",
        price_nth_0="12,50",
        right_nth_1="3",
        purchase_order="PO-7",
        country="de",
        net_days="14",
    ).correction

    assert [(line.line_id, line.quantity, line.unit_price) for line in right.lines] == [("1", "8", "")]
    assert (right.purchase_order, right.net_days, right.ship_to.country) == ("PO-7", 14, "DE")
    assert not asked("REBILL", purchase_order="PO-7").correction.HasField("ship_to")


@pytest.mark.parametrize("days", ["²", "x", "9999", "-1"])
def test_days_are_a_number(days: str):
    with pytest.raises(Invalid):
        asked("REBILL", net_days=days)
