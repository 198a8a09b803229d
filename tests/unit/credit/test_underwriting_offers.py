"""Better ways: each leads where it says, by the same policy, and the easiest comes first."""

from dataclasses import replace
from decimal import Decimal

import pytest

from services.credit.domain.underwriting import APPROVALS, Offer, Outcome, Track, assess, default, parse_value, read
from tests.unit.credit.underwritten import KNOWN, TODAY, WEAK, a_company, decided, eur

# Who is not given all that is asked for, in many ways.
REFUSED = [
    {"requested_amount": "60000 EUR", "typical_order": "12000 EUR"},
    {"bureau_score": "10", "equity_ratio": "0.05"},
    {"bureau_score": "25", "registered_on": "2024-01-01"},
    {"bureau_score": "25", "registered_on": "2024-01-01", "requested_terms": "60"},
    {"bureau_score": "30", "requested_amount": "48000 EUR", "typical_order": "12000 EUR", "requested_terms": "60"},
    {**KNOWN, "mean_days_late": "7", "late_invoices": "30"},
    {**KNOWN, "mean_days_late": "12", "late_invoices": "10", "requested_amount": "50000 EUR", "open_p95": "60000 EUR"},
]


def offers(**changes: str | None) -> tuple[Offer, ...]:
    return decided(**changes).offers


@pytest.mark.parametrize("changes", REFUSED)
def test_an_offer_leads_where_it_says(changes: dict[str, str]):
    found = decided(**changes)

    assert 1 <= len(found.offers) <= 3
    for offer in found.offers:
        levers = {key: parse_value(default().facts[key], text, "EUR") for key, text in offer.changes}
        then = assess(default(), {**a_company(**changes), **levers}, on=TODAY, currency="EUR")
        assert (then.limit, then.terms_days, then.deposit, then.track, then.outcome) == (
            offer.limit, offer.terms_days, offer.deposit, offer.track, offer.outcome,
        )  # fmt: skip
        assert then.outcome in APPROVALS and then.limit > found.limit


@pytest.mark.parametrize("changes", REFUSED)
def test_an_offer_keeps_the_budget_of_losses(changes: dict[str, str]):
    for offer in offers(**changes):
        levers = {key: parse_value(default().facts[key], text, "EUR") for key, text in offer.changes}
        then = assess(default(), {**a_company(**changes), **levers}, on=TODAY, currency="EUR")
        secured = levers.get("deposit_offered", Decimal(0))
        assert isinstance(secured, Decimal)
        assert then.pd * Decimal("0.60") * (then.limit - secured) <= max(eur(400), then.limit * Decimal("0.009"))


def test_who_asks_for_more_than_a_machine_may_give_is_offered_that_at_once():
    [offer] = offers(requested_amount="60000 EUR", typical_order="12000 EUR")

    assert (offer.levers, offer.limit, offer.outcome) == (("amount",), eur(25000), Outcome.APPROVED)
    assert offer.track is Track.FAST


def test_the_least_burden_comes_first():
    ways = [offer.levers for offer in offers(bureau_score="10", equity_ratio="0.05")]

    assert ways[0] == ("deposit",)
    assert all(len(levers) == 2 for levers in ways[1:])


def test_a_deposit_that_is_offered_is_named():
    offer = offers(bureau_score="10", equity_ratio="0.05")[0]

    assert offer.changes == (("deposit_offered", "6800.00 EUR"),)
    assert (offer.deposit, offer.outcome) == (eur(6800), Outcome.APPROVED_WITH_CONDITIONS)


def test_direct_debit_changes_it_at_once_for_who_pays_late():
    assert [offer.levers for offer in offers(**{**KNOWN, "mean_days_late": "7", "late_invoices": "30", "bureau_score": "95"})] == [("direct_debit",)]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        WEAK,
        {"country": "RU", "register_court": None},
        {"sanctions_score": "85"},
        {"email_free": "true"},
        {"agreement": None},
    ],
)
def test_nothing_is_offered_that_no_lever_moves(changes: dict[str, str | None]):
    assert offers(**changes) == ()


def test_what_would_cost_more_than_the_budget_is_not_offered():
    text = default().text.replace("greatest(400, limit * 0.009)", "200")
    lines = [line for line in text.splitlines() if "id: expected_loss" not in line]
    frugal = assess(read("\n".join(lines)), a_company(bureau_score="10", equity_ratio="0.05"), on=TODAY, currency="EUR")

    assert ("deposit",) not in [offer.levers for offer in frugal.offers]
    assert frugal.offers


def test_who_gets_all_is_offered_nothing():
    assert offers() == ()


def test_a_policy_may_offer_nothing():
    silent = replace(default(), offers_most=0)

    assert assess(silent, a_company(bureau_score="10"), on=TODAY, currency="EUR").offers == ()
