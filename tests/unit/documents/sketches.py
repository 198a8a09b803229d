"""Invoices of every shape, drawn by hypothesis as plain text, so that product and oracle start from the same words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from services.documents import Exemption
from services.documents.model import (
    Address,
    Delivery,
    DocumentAllowance,
    DocumentCharge,
    Invoice,
    LineAllowance,
    LineCharge,
    TypeCode,
    VatCategory,
)
from tests.unit.documents.examples import BUYER, SELLER, a_line, an_invoice

Sketch = dict[str, Any]

_RATES: dict[str, list[str | None]] = {
    "S": ["19", "7", "25", "20", "5.5", "17.5", "8.1", "2.1", "0.5"],
    "L": ["0", "3", "9.5", "15"],
    "M": ["0", "0.5", "4", "10"],
    "B": ["22", "10", "4"],
    "O": [None],
}
_MIXED = ["S", "S", "S", "Z", "E", "AE", "K", "G", "L", "M"]
_REGIMES = [_MIXED, ["S"], ["S", "Z", "E"], _MIXED, ["O"], ["B", "Z"]]


def _decimals(low: int, high: int, places: int) -> st.SearchStrategy[str]:
    """A number of up to so many decimals, often a round one, often one that ends in 5 and so makes ties."""
    whole = st.integers(low, high)
    exact = st.integers(low * 10**places, high * 10**places).map(lambda n: format(Decimal(n).scaleb(-places), "f"))
    halves = whole.map(lambda n: format(Decimal(2 * n + 1) / 2, "f"))
    thousandths = st.integers(low * 10, high * 10).map(lambda n: format(Decimal(n) / 10 + Decimal("0.005"), "f"))
    return st.one_of(exact, whole.map(str), halves, thousandths) if places else whole.map(str)


def _amounts(places: int) -> st.SearchStrategy[str]:
    return st.integers(0, 50_000).map(lambda n: format(Decimal(n).scaleb(-places), "f"))


# Built once: hypothesis examines each new strategy, which costs more than a draw.
_CURRENCY = st.sampled_from(["EUR", "EUR", "SEK", "GBP", "JPY", "KWD"])
_REGIME = st.sampled_from(_REGIMES)
_CATEGORY = {id(regime): st.sampled_from(regime) for regime in _REGIMES}
_RATE = {category: st.sampled_from(_RATES.get(category, ["0"])) for category in VatCategory}
_QUANTITY = st.one_of(_decimals(1, 5000, 3), _decimals(-300, -1, 2))
_PRICE = _decimals(0, 900, 6)
_BASE = st.sampled_from([None, None, None, "1", "3", "7", "100", "1000", "0.5"])
_AMOUNT = {places: _amounts(places) for places in (0, 2)}
_PARTS = {places: st.lists(amount, max_size=2) for places, amount in _AMOUNT.items()}
_PAID = {places: st.one_of(st.none(), amount) for places, amount in _AMOUNT.items()}
_ROUNDING = {0: st.sampled_from([None, None, "0", "1", "-1"]), 2: st.sampled_from([None, "0.02", "-0.01"])}
_FEW, _SOME, _CREDIT = st.integers(0, 2), st.integers(1, 6), st.booleans()


@st.composite
def sketches(draw: st.DrawFn) -> Sketch:
    """A document in words: currency, lines, allowances, charges, what was paid, what is rounded."""
    currency, regime = draw(_CURRENCY), draw(_REGIME)
    places = 0 if currency == "JPY" else 2

    def taxed() -> Sketch:
        category = draw(_CATEGORY[id(regime)])
        return {"category": category, "rate": draw(_RATE[VatCategory(category)])}

    def line() -> Sketch:
        return {
            **taxed(),
            "quantity": draw(_QUANTITY),
            "price": draw(_PRICE),
            "base": draw(_BASE),
            "allowances": draw(_PARTS[places]),
            "charges": draw(_PARTS[places]),
        }

    return {
        "currency": currency,
        "credit": draw(_CREDIT),
        "lines": [line() for _ in range(draw(_SOME))],
        "allowances": [{**taxed(), "amount": draw(_AMOUNT[places])} for _ in range(draw(_FEW))],
        "charges": [{**taxed(), "amount": draw(_AMOUNT[places])} for _ in range(draw(_FEW))],
        "paid": draw(_PAID[places]),
        "rounding": draw(_ROUNDING[places]),
    }


def invoice(sketch: Sketch) -> Invoice:
    """The sketch as the product's model, between parties that may trade so."""
    lines = [
        a_line(
            str(index),
            quantity=line["quantity"],
            price=line["price"],
            base=line["base"],
            category=VatCategory(line["category"]),
            rate=line["rate"],
            allowances=[LineAllowance(amount=Decimal(part), reason="Discount") for part in line["allowances"]],
            charges=[LineCharge(amount=Decimal(part), reason="Packing") for part in line["charges"]],
            currency=sketch["currency"],
        )
        for index, line in enumerate(sketch["lines"], start=1)
    ]
    return an_invoice(
        *lines,
        allowances=[DocumentAllowance(reason="Bonus", **_adjustment(part)) for part in sketch["allowances"]],
        charges=[DocumentCharge(reason="Freight", **_adjustment(part)) for part in sketch["charges"]],
        currency=sketch["currency"],
        paid=None if sketch["paid"] is None else Decimal(sketch["paid"]),
        rounding=None if sketch["rounding"] is None else Decimal(sketch["rounding"]),
        type_code=TypeCode.CREDIT_NOTE if sketch["credit"] else TypeCode.INVOICE,
        sums={"exemptions": {VatCategory.EXEMPT: Exemption("Exempt by law", "VATEX-EU-132")}},
        **_parties({part["category"] for kind in ("lines", "allowances", "charges") for part in sketch[kind]}),
    )


def _adjustment(part: Sketch) -> dict[str, Any]:
    return {
        "amount": Decimal(part["amount"]),
        "vat_category": VatCategory(part["category"]),
        "vat_rate": None if part["rate"] is None else Decimal(part["rate"]),
    }


def _parties(categories: set[str]) -> dict[str, Any]:
    country = "IT" if "B" in categories else "DE"
    seller = replace(SELLER, address=Address(country=country))
    buyer = replace(BUYER, address=Address(country=country))
    if "O" in categories:
        seller, buyer = replace(seller, vat_id=None), replace(buyer, vat_id=None)
    delivered_on = an_invoice().issue_date
    return {
        "seller": seller,
        "buyer": buyer,
        "delivery": Delivery(delivered_on=delivered_on, address=Address(country=country)),
    }
