"""What an applicant is asked, by country and track: as little as can be, and nothing twice."""

from typing import Any

import pytest

from services.credit.domain.underwriting import Asked, Kind, Track, assess, default, documents, questions
from tests.unit.credit.underwritten import PAPERS, SOUND, TODAY, a_company, decided, facts_of

COUNTRIES = ["DE", "GB", "FR", "SE", "US", "AT", "JP"]
# What an applicant would answer.
ANSWERS = {
    **{key: SOUND[key] for key in ("company_name", "contact_email", "typical_order", "orders_a_month", "agreement")},
    **{key: SOUND[key] for key in ("requested_amount", "requested_terms", "register_court")},
    **PAPERS,
    "register_number": "12345678",
    "register_state": "DE",
    "iban": "DE89370400440532013000",
    "reference_1": "Holz AG, 030 1234",
    "reference_2": "Stahl AG, 030 1235",
    "deposit_offered": "1000 EUR",
    "vat_id": "DE136695976",
    "guarantee": "d4",
    "exemption_certificate": "d5",
}


def asked(**facts: str | None) -> list[str]:
    return [one.key for one in questions(default(), facts_of(facts), on=TODAY, currency="EUR")]


def answered(**told: str | None) -> tuple[list[str], set[str]]:
    """All that is asked from an empty page on, each question answered as it comes, one of alternatives; and what ended it."""
    typed: list[str] = []
    while True:
        facts = facts_of(told | {key: ANSWERS[key] for key in typed})
        open_ = questions(default(), facts, on=TODAY, currency="EUR")
        first = next((one for one in open_ if one.required), None) or next(
            (one for one in open_ if one.alternative), None
        )
        if first is None:
            return typed, {one.key for one in open_}
        typed.append(first.key)


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_fast_track_asks_at_most_nine_things_and_no_document(country: str):
    told = {"company_status": "active", "registered_on": "2015-01-01", "bureau_score": "70", "settled_invoices": "0"}

    typed, left = answered(country=country, **told)

    assert len(typed) <= 9
    assert left == set()
    facts = facts_of({**told, "country": country, **{key: ANSWERS[key] for key in typed}})
    assert assess(default(), facts, on=TODAY, currency="EUR").track is Track.FAST
    assert documents(default(), facts, on=TODAY, currency="EUR") == ()


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_standard_track_asks_at_most_fourteen_things_and_one_document(country: str):
    typed, left = answered(country=country)

    assert len(typed) + len(left) <= 14
    assert len({key for key in typed if default().facts[key].kind is Kind.DOCUMENT}) <= 1


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_enhanced_track_asks_at_most_twenty_things_and_four_documents(country: str):
    typed, left = answered(country=country, sanctions_score="85")

    assert len(typed) + len(left) <= 20
    facts = facts_of({"country": country, "sanctions_score": "85", **{key: ANSWERS[key] for key in typed}})
    assert assess(default(), facts, on=TODAY, currency="EUR").track is Track.ENHANCED
    assert len(documents(default(), facts, on=TODAY, currency="EUR")) <= 4


@pytest.mark.parametrize(
    ("country", "own"),
    [
        ("DE", {"register_number", "register_court"}),
        ("GB", {"register_number"}),
        ("FR", {"register_number"}),
        ("SE", {"register_number"}),
        ("US", {"register_number", "register_state"}),
        ("AT", {"register_number"}),
    ],
)
def test_a_company_is_known_by_what_its_register_calls_it(country: str, own: set[str]):
    assert {key for key in asked(country=country) if key.startswith("register_")} == own


@pytest.mark.parametrize(
    ("country", "is_asked"), [("DE", True), ("AT", True), ("FR", False), ("SE", False), ("US", False)]
)
def test_what_follows_from_another_answer_is_not_asked(country: str, is_asked: bool):
    company = a_company(country=country, bureau_score="10")

    assert ("vat_id" in [one.key for one in questions(default(), company, on=TODAY, currency="EUR")]) is is_asked


def test_nobody_is_asked_for_a_document_before_it_is_known_that_it_is_needed():
    assert asked(country="DE") == [
        "register_number", "register_court", "company_name", "contact_email", "typical_order", "orders_a_month",
        "requested_amount", "requested_terms", "agreement",
    ]  # fmt: skip


def test_what_is_known_is_not_asked():
    assert "company_name" not in asked(country="DE", company_name="Nordlicht Werkzeuge GmbH")


def of_standard(**facts: Any) -> list[Asked]:
    return list(
        questions(default(), a_company(bureau_score="10", vat_id="DE136695976", **facts), on=TODAY, currency="EUR")
    )


def test_one_of_four_ways_suffices():
    assert {(one.key, one.alternative, one.required) for one in of_standard()} == {
        ("iban", "bank", False),
        ("reference_1", "references", False),
        ("reference_2", "references", False),
        ("annual_accounts", "accounts", False),
        ("deposit_offered", "deposit", False),
    }
    assert of_standard(annual_accounts="d1") == []


def test_half_of_a_way_does_not_suffice():
    assert {one.key for one in of_standard(reference_1="Holz AG")} == {
        "iban", "reference_2", "annual_accounts", "deposit_offered",
    }  # fmt: skip


def test_two_years_accounts_are_asked_for_where_two_persons_look():
    papers = documents(default(), a_company(sanctions_score="85"), on=TODAY, currency="EUR")

    assert papers == ("annual_accounts", "annual_accounts_before", "signer_authority", "guarantee")
    asked_now = questions(default(), a_company(sanctions_score="85"), on=TODAY, currency="EUR")
    assert Asked("annual_accounts", required=True) in asked_now


def test_what_is_missing_leaves_it_undecided_and_is_named():
    missing = decided(typical_order=None, agreement=None)

    assert missing.missing == ("typical_order", "agreement")
    assert missing.reasons[0].code == "R12"
    assert dict(missing.reasons[0].figures) == {"facts": "typical_order agreement"}


def test_a_step_up_is_missing_until_it_was_done():
    assert decided(email_free="true").missing == ("email_verified",)
    assert decided(email_free="true", email_verified="true").missing == ()
