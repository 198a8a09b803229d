"""What people read: every kind of fact in every language."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from receivables.common.v1.party_pb2 import Scope as ScopeMessage

from services.kernel.money import MINOR_MAX, Money
from services.kernel.orders import Scope
from services.notifications.domain.contacts import LANGUAGES
from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.messages import Message
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES, Role
from services.notifications.domain.routing import House, Recipient, route
from services.notifications.domain.stories import Story
from services.notifications.texts.catalogue import catalogue
from services.notifications.texts.compose import Case, Names, compose
from tests.unit.notifications.samples import (
    a_colleague,
    a_person,
    credit_note,
    every_story,
    hold_placed,
    invoice,
    invoice_differs,
    shipment_refused,
    story_of,
)

UNTIL = Timestamp(seconds=int(datetime(2026, 3, 5, 12, tzinfo=UTC).timestamp()))
NAMES = Names("Acme Ltd", "Nordwind GmbH")
CASE = Case(3, "case+0af3@reply.example")
STORIES = [pytest.param(story, id=story.kind.value) for story in every_story()]


def messages(story: Story, language: str) -> list[Message]:
    """What everybody concerned reads, each role held by a person of its own."""
    buyers = [a_person(f"b-{role}", role, language=language) for role in sorted(BUYER_ROLES)]
    sellers = [a_colleague(f"s-{role}", role, language=language) for role in sorted(SELLER_ROLES)]
    return compose(story, route(story, House(buyers), House(sellers)).recipients, NAMES, CASE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("story", STORIES)
def test_every_kind_of_fact_can_be_told_in_every_language(story: Story, language: str):
    for message in messages(story, language):
        assert message.language == language
        assert message.case_version == 3
        assert "{" not in message.subject + message.what_happened + message.what_we_do


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_neither_less_nor_more_than_english(language: str):
    ours, english = catalogue(language)._entries, catalogue("en")._entries

    assert {entry: set(parts) for entry, parts in ours.items()} == {e: set(parts) for e, parts in english.items()}
    assert not [(e, p) for e, parts in ours.items() for p, text in parts.items() if not text.strip()]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_sentence_asks_for_an_action_exactly_where_the_matrix_does(kind: Kind):
    asked = {
        "act_buyer" if role in BUYER_ROLES else "act_seller"
        for role, weight in MATRIX[kind].weights.items()
        if weight is Weight.ACT
    }
    if kind is Kind.THREAD_MESSAGE:  # whoever is mentioned is asked, whatever their role
        asked = {"act_buyer", "act_seller"}

    assert catalogue("en").parts(kind) - {"subject", "what_happened", "what_we_do"} == asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_role_has_a_name_that_people_use(language: str):
    assert all(catalogue(language).role(role) for role in Role)


def test_amounts_and_dates_are_written_as_people_of_the_language_write_them():
    told = {language: messages(story(), language)[0] for language in LANGUAGES}

    assert told["en"].subject == "Invoice RE-2026-000001 for €1,190.00, due on 1 April 2026"
    assert told["de"].subject == "Rechnung RE-2026-000001 über 1.190,00\u00a0€, fällig am 1. April 2026"
    assert told["fr"].subject == "Facture RE-2026-000001 de 1\u202f190,00\u00a0€, à payer le 1er avril 2026"
    assert told["sv"].subject == "Faktura RE-2026-000001 på 1\u00a0190,00\u00a0€, förfaller den 1 april 2026"


def story() -> Story:
    found = story_of(invoice())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("minor", "currency", "digits"), [(1234, "JPY", "1,234"), (1234, "EUR", "12.34"), (1234567, "IQD", "1,234.567")]
)
def test_an_amount_is_shown_with_every_decimal_that_it_has(minor: int, currency: str, digits: str):
    assert digits in catalogue("en").money(Money(minor, currency))


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.sampled_from(["EUR", "JPY", "KWD", "HUF", "ISK", "LAK", "IQD"]))
def test_no_amount_is_rounded_when_it_is_shown(minor: int, currency: str):
    shown = catalogue("en").money(Money(minor, currency))
    digits = "".join(c for c in shown if c.isdigit() or c == ".")
    assert abs(Money(minor, currency).decimal) == abs(type(Money(minor, currency).decimal)(digits))


def test_a_sentence_that_lacks_a_value_is_a_defect():
    with pytest.raises(UndefinedError):
        catalogue("en").tell("invoice_issued", {"invoice": "1"})


def test_a_value_is_never_read_as_a_template():
    hostile = replace(story(), details={**story().details, "invoice": "{{ 7 * 7 }}"})

    assert "{{ 7 * 7 }}" in messages(hostile, "en")[0].subject


def test_everybody_hears_the_same_story():
    told = messages(story(), "en")

    assert len(told) > 1
    assert len({(m.what_happened, m.what_we_do, m.by_when, m.case_version, m.track_url) for m in told}) == 1


def test_the_message_says_why_this_person_hears_it():
    clerk = a_person("cleo", Role.AP_CLERK, scope=Scope(site="Hamburg", purchase_order="PO 7"))

    [message] = compose(story(), [Recipient(clerk, Weight.ACT, Role.AP_CLERK)], NAMES, CASE)

    assert message.why_you == (
        "You hear this because you are named for accounts payable at Acme Ltd (only site Hamburg, purchase order PO 7)."
    )


def test_an_admin_who_steps_in_is_asked_to_do_it_and_told_why():
    admin = a_person("ada", Role.ACCOUNT_ADMIN)

    [message] = compose(story(), [Recipient(admin, Weight.ACT, Role.ACCOUNT_ADMIN, Role.AP_CLERK)], NAMES, CASE)

    assert message.what_you_need_to_do is not None
    assert message.what_you_need_to_do.text.startswith("Pay €1,190.00 by 1 April 2026")
    assert "nobody is named for accounts payable at Acme Ltd" in message.why_you


def test_a_colleague_who_steps_in_for_a_buyers_role_is_asked_to_pass_it_on():
    sales = a_colleague("sam", Role.SALES)

    [message] = compose(story(), [Recipient(sales, Weight.ACT, Role.SALES, Role.AP_CLERK)], NAMES, CASE)

    assert message.what_you_need_to_do is not None
    assert message.what_you_need_to_do.text == (
        "Pass this on to Acme Ltd, where nobody is named for accounts payable, and have somebody named."
    )


def test_the_link_is_a_reply_to_the_case():
    [message] = [m for m in messages(story(), "en") if m.weight is Weight.ACT]

    assert message.track_url == "mailto:case+0af3@reply.example"
    assert message.what_you_need_to_do is not None
    assert message.what_you_need_to_do.link.startswith("mailto:case+0af3@reply.example?subject=Invoice%20RE-2026")


def test_what_it_affects_is_said_in_words():
    found = story_of(credit_note())
    assert found is not None

    assert messages(found, "de")[0].affects_text == "Betrag 119,00\u00a0€; Rechnung RE-2026-000001; Bestellung o1"


def test_the_day_is_written_out():
    assert catalogue("sv").day(date(2026, 3, 12)) == "12 mars 2026"
    assert [catalogue("fr").day(date(2026, 5, n)) for n in (1, 21)] == ["1er mai 2026", "21 mai 2026"]


def test_a_hold_says_what_it_is_about_and_never_what_was_written_beside_it():
    found = story_of(hold_placed("overdue", scope=ScopeMessage(site="NORTH"), until=UNTIL))
    assert found is not None
    told = compose(found, [Recipient(a_person("cleo", Role.AP_CLERK), Weight.ACT, Role.AP_CLERK)], NAMES, CASE)[0]

    assert told.subject == "Orders of Acme Ltd are on hold (only site NORTH)"
    assert told.what_happened.endswith("(only site NORTH): invoices are overdue.")
    assert "until 5 March 2026, unless the hold is lifted before" in told.what_we_do
    assert told.affects_text == "new orders on account"
    assert (told.by_when, told.what_you_need_to_do is not None) == (date(2026, 3, 4), True)
    assert "they never pay" not in str(told)


def test_a_hold_for_a_reason_that_is_new_to_us_shows_buyers_no_word_of_ours():
    found = story_of(hold_placed("fraud_ring_7"))
    assert found is not None

    assert all("fraud" not in m.what_happened for m in messages(found, "en"))


def test_an_invoice_that_differs_from_its_order_is_told_with_both_figures_and_as_many_reasons_as_can_be_read():
    found = story_of(invoice_differs(findings=9_000))
    assert found is not None
    [told] = messages(found, "en")

    assert told.subject == "Invoice RE-2026-000001 differs from order o1: €105.50 instead of €110.00"
    assert told.what_happened.endswith("5.5 % by the tables, 10 % ordered; + 8995.")
    assert len(told.what_happened) < 4000


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shipment_of_a_refused_order_is_told_in_the_readers_words(language: str):
    found = story_of(shipment_refused("order.refused", "order o1 was refused"))
    assert found is not None
    [told] = messages(found, language)

    assert told.what_happened.endswith(f"{catalogue(language).refusal('order.refused', '')} (order.refused).")
    assert "order o1 was refused" not in told.what_happened


def test_a_refusal_that_is_new_to_us_is_told_as_it_was_put():
    found = story_of(shipment_refused())
    assert found is not None

    assert "more than ordered (shipment.too_much)" in messages(found, "de")[0].what_happened
