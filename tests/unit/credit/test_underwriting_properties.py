"""What holds of any company, whatever is known of it."""

import string
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.credit.domain.underwriting import (
    APPROVALS,
    Assessment,
    FactKind,
    Facts,
    Kind,
    Outcome,
    Track,
    Value,
    assess,
    default,
    replay,
)
from services.kernel import credit_reasons
from tests.unit.credit.underwritten import TODAY, WEAK, a_company, decided

POLICY = default()
GRADES = [grade.grade for grade in POLICY.grades]
CODE = frozenset(string.ascii_letters + string.digits + "_")


def values(kind: FactKind) -> st.SearchStrategy[Value]:
    """Anything that a fact of this kind may be, mostly near where it matters."""
    match kind.kind:
        case Kind.MONEY:
            return st.decimals(-5_000, 400_000, places=2) if kind.least is None else st.decimals(1, 400_000, places=2)
        case Kind.RATIO:
            least, most = kind.least or Decimal(-1), min(kind.most or Decimal(30), Decimal(30))
            return st.decimals(least, most, places=4)
        case Kind.COUNT:
            return st.integers(0, int(kind.most or 60)).map(Decimal)
        case Kind.DAYS:
            return st.integers(0, int(kind.most or 400)).map(Decimal)
        case Kind.FLAG:
            return st.just(True) if kind.choices else st.booleans()
        case Kind.DATE:
            return st.dates(date(2000, 1, 1), TODAY)
        case Kind.DOCUMENT:
            return st.just("d1")
    if kind.key == "country":
        return st.sampled_from(["DE", "GB", "FR", "SE", "US", "AT", "RU"])
    return st.sampled_from(kind.choices or ("a", "perishable_food", "marketplace"))


# Each fact is there or not; those of a suspicion seldom, so that not all companies are suspicious.
COMPANIES = st.fixed_dictionaries(
    {},
    optional={
        key: (st.none() | st.none() | st.none() | values(kind)) if kind.secret else values(kind)
        for key, kind in POLICY.facts.items()
    },
)
SOUND = a_company()


def apply(facts: Facts, currency: str = "EUR") -> Assessment:
    return assess(POLICY, facts, on=TODAY, currency=currency)


@settings(max_examples=150, deadline=None)
@given(COMPANIES, st.sampled_from(["EUR", "SEK", "JPY", "KWD"]))
def test_anything_that_is_known_comes_out_decided(facts: Facts, currency: str):
    found = apply(facts, currency)

    assert replay(POLICY, found.snapshot) == found
    assert len(found.reasons) <= 4 and (found.outcome is Outcome.APPROVED) == (not found.reasons)
    assert len(found.offers) <= 3
    known = [amount for _, amount in found.terms if amount is not None]
    assert all(found.limit <= max(amount, Decimal(0)) for amount in known)
    assert found.proposed is None or all(found.proposed <= max(amount, Decimal(0)) for amount in known)
    assert (found.limit > 0) == (found.outcome in APPROVALS)
    assert (found.outcome in APPROVALS) <= (found.track is Track.FAST and not found.missing)
    assert found.deposit >= 0 and 0 <= found.terms_days <= 180
    assert Decimal("0.003") <= found.pd < 1
    told = [*found.track_because, *found.rules_fired, *found.conditions, *(one.offer_id for one in found.offers)]
    assert all(set(code) <= CODE for code in told)


@settings(max_examples=150, deadline=None)
@given(COMPANIES, st.data())
def test_nobody_is_declined_for_what_is_not_known(facts: Facts, data: st.DataObject):
    less = data.draw(st.sets(st.sampled_from(sorted(facts)))) if facts else set()

    if apply(facts).outcome is not Outcome.DECLINED:
        assert apply({key: value for key, value in facts.items() if key not in less}).outcome is not Outcome.DECLINED


@settings(max_examples=100, deadline=None)
@given(COMPANIES, st.data())
def test_nor_where_much_is_weak(facts: Facts, data: st.DataObject):
    weak = {**facts, **a_company(**WEAK)}
    known = {key: facts[key] if data.draw(st.booleans()) and key in facts else weak[key] for key in weak}
    less = data.draw(st.sets(st.sampled_from(sorted(known)), max_size=4))

    if apply(known).outcome is not Outcome.DECLINED:
        assert apply({key: value for key, value in known.items() if key not in less}).outcome is not Outcome.DECLINED


@pytest.mark.parametrize(
    ("unknown", "bureau_score"),
    [("equity_ratio", "5"), ("registered_on", "5"), ("settled_invoices", "5"), ("references_good", "20")],
)
def test_who_would_not_be_declined_if_the_unknown_were_good_is_looked_at_by_persons(unknown: str, bureau_score: str):
    found = decided(**{**WEAK, "bureau_score": bureau_score, unknown: None})

    assert (found.grade, found.outcome, found.track) == ("E", Outcome.REFERRED, Track.ENHANCED)


def test_what_is_estimated_because_more_is_not_known_declines_nobody():
    weak = {**WEAK, "bureau_score": "50", "typical_order": "1000 EUR", "orders_a_month": "1"}

    assert decided(**weak, open_p95="24000 EUR").grade == "D"
    assert (decided(**weak).grade, decided(**weak).outcome) == ("E", Outcome.REFERRED)


@pytest.mark.parametrize("key", sorted(POLICY.deciding))
def test_whatever_one_does_not_know_of_a_sound_company_lowers_its_track_at_most(key: str):
    assert decided(**{key: None}).outcome is not Outcome.DECLINED


# What is worse for a company, from one day to the next.
WORSE: dict[str, Callable[[Any], Any]] = {
    "mean_days_late": lambda value: value + 1,
    "late_invoices": lambda value: value + 1,
    "broken_promises": lambda value: value + 1,
    "bureau_score": lambda value: max(value - 1, Decimal(0)),
    "equity_ratio": lambda value: value - Decimal("0.05"),
    "references_good": lambda value: max(value - 1, Decimal(0)),
    "registered_on": lambda value: min(value + timedelta(days=100), TODAY),
    "bank_confirmed": lambda value: False,
    "direct_debit": lambda value: False,
}


@settings(max_examples=200, deadline=None)
@given(COMPANIES, st.sampled_from(sorted(WORSE)))
def test_what_is_worse_never_makes_a_better_grade(facts: Facts, key: str):
    if facts.get(key) is None:
        return
    worse = apply({**facts, key: WORSE[key](facts[key])})

    assert worse.pd >= apply(facts).pd
    assert GRADES.index(worse.grade) >= GRADES.index(apply(facts).grade)


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 80), st.integers(0, 40), st.integers(1, 40))
def test_who_pays_later_is_never_lent_more(settled: int, late: int, more: int):
    def buyer(days: int) -> Assessment:
        return decided(
            settled_invoices=str(settled), late_invoices="1", mean_days_late=str(days), requested_amount="20000 EUR"
        )

    assert buyer(late + more).limit <= buyer(late).limit


@settings(max_examples=60, deadline=None)
@given(COMPANIES)
def test_a_suspicion_never_makes_it_easier(facts: Facts):
    suspected = apply({**facts, "duplicate_identity": Decimal(1)})

    assert list(Track).index(suspected.track) >= list(Track).index(apply({**facts, "duplicate_identity": None}).track)
    assert suspected.outcome not in APPROVALS


@settings(max_examples=150, deadline=None)
@given(COMPANIES)
def test_every_reason_has_words_in_every_language(facts: Facts):
    filters = {name: lambda text: f"<{text}>" for name in ("money", "day", "listed")}

    for reason in apply(facts).reasons:
        for language in credit_reasons.LANGUAGES:
            said = credit_reasons.say(language, reason.code, dict(reason.figures), filters)
            assert "{{" not in said.because + said.change


@settings(max_examples=100, deadline=None)
@given(COMPANIES)
def test_the_applicant_is_told_nothing_of_what_is_secret(facts: Facts):
    secret = {key for key, kind in POLICY.facts.items() if kind.secret}
    watching = {rule.id for rule in POLICY.fraud} | {rule.id for rule in POLICY.rules if rule.secret}
    found = apply(facts)

    assert not watching & set(found.track_because)
    assert not secret & {key for reason in found.reasons for _, text in reason.figures for key in text.split()}
    assert not secret & {key for offer in found.offers for key, _ in offer.changes}
