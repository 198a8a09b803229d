"""Who is shown which news and tips, in which language, and when nobody is; and what may be written at all."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2

from services.portal import usecases
from services.portal.domain import news
from services.portal.domain.news import Item, Reader, State, Text, choose
from services.portal.labels import LABELS
from services.portal.pages.overview import state_of, was_refused

TODAY = date(2026, 3, 20)
CALM = State()


def an_item(news_id: str = "n", **said: Any) -> Item:
    usual: dict[str, Any] = {
        "kind": "TIP",
        "texts": {"en": Text(f"Title {news_id}", "Words"), "de": Text(f"Titel {news_id}", "Worte")},
        "fallback": "en",
        "roles": frozenset(),
        "act": "",
        "from_day": date(2026, 3, 1),
        "to_day": date(2026, 3, 31),
    }
    return Item(news_id, **usual | said)


def a_reader(*roles: str, language: str = "en", **done: int) -> Reader:
    """Somebody with these roles, who did these acts so many days ago."""
    days = {act: TODAY - timedelta(days=ago) for act, ago in done.items()}
    return Reader(frozenset(roles or ("AP_CLERK",)), language, days)


def title(items: list[Item], reader: Reader, state: State = CALM, today: date = TODAY) -> str:
    found = choose(items, reader, state, today)
    return found.text.title if found else ""


@pytest.mark.parametrize(
    ("roles", "act", "reader", "sees"),
    [
        # Whom it is for.
        ((), "", a_reader("AP_CLERK"), "Title n"),
        (("AP_CLERK",), "", a_reader("AP_CLERK"), "Title n"),
        (("AP_CLERK", "LEGAL"), "", a_reader("LEGAL", "RECEIVING"), "Title n"),
        (("AP_CLERK",), "", a_reader("REQUESTER"), ""),
        # In which language.
        ((), "", a_reader(language="de"), "Titel n"),
        ((), "", a_reader(language="fr"), "Title n"),
        # After what they just did.
        ((), "FIRST_ORDER", a_reader(), ""),
        ((), "FIRST_ORDER", a_reader(FIRST_ORDER=0), "Title n"),
        ((), "FIRST_ORDER", a_reader(FIRST_ORDER=7), "Title n"),
        ((), "FIRST_ORDER", a_reader(FIRST_ORDER=8), ""),
        ((), "PAYMENT_ANNOUNCED", a_reader(FIRST_ORDER=0), ""),
        (("REQUESTER",), "FIRST_ORDER", a_reader("AP_CLERK", FIRST_ORDER=0), ""),
        (("REQUESTER",), "FIRST_ORDER", a_reader("REQUESTER", language="de", FIRST_ORDER=1), "Titel n"),
    ],
)
def test_it_is_chosen_by_role_language_and_what_the_reader_just_did(
    roles: tuple[str, ...], act: str, reader: Reader, sees: str
):
    item = an_item(roles=frozenset(roles), act=act)

    assert title([item], reader) == sees


@pytest.mark.parametrize("trouble", ["open_case", "held", "overdue", "unknown"])
@pytest.mark.parametrize("act", ["", "FIRST_ORDER"])
def test_nothing_is_shown_beside_trouble_whatever_it_is_about(act: str, trouble: str):
    item, reader = an_item(act=act), a_reader(FIRST_ORDER=0)

    assert title([item], reader) == "Title n"
    assert title([item], reader, State(**{trouble: True})) == ""


@pytest.mark.parametrize(
    ("today", "sees"),
    [(date(2026, 2, 28), ""), (date(2026, 3, 1), "Title n"), (date(2026, 3, 31), "Title n"), (date(2026, 4, 1), "")],
)
def test_it_is_shown_from_its_first_day_to_its_last(today: date, sees: str):
    assert title([an_item()], a_reader(), today=today) == sees


def test_who_wanted_nothing_before_a_day_is_shown_nothing_before_it():
    quiet = replace(a_reader(), quiet_until=TODAY)

    assert title([an_item()], quiet, today=TODAY - timedelta(days=1)) == ""
    assert title([an_item()], quiet) == "Title n"


def test_one_thing_is_shown_what_was_just_done_before_the_rest_and_then_the_newest():
    items = [
        an_item("old"),
        an_item("new", from_day=date(2026, 3, 19)),
        an_item("order", act="FIRST_ORDER"),
        an_item("payment", act="PAYMENT_ANNOUNCED"),
    ]

    assert title(items, a_reader()) == "Title new"
    assert title(items, a_reader(FIRST_ORDER=2)) == "Title order"
    assert title(items, a_reader(FIRST_ORDER=2, PAYMENT_ANNOUNCED=1)) == "Title payment"
    assert title([], a_reader()) == ""


@pytest.mark.parametrize(
    ("said", "flaws"),
    [
        ({}, {}),
        ({"kind": "ADVERTISEMENT"}, {"kind": "news.kind"}),
        ({"roles": frozenset({"AP_CLERK", "CREDIT"})}, {"roles": "news.roles"}),
        ({"act": "SNEEZED"}, {"act": "news.act"}),
        ({"from_day": date(2026, 4, 1)}, {"last": "news.days"}),
        ({"from_day": date.max, "to_day": date.min}, {"last": "news.days"}),
        ({"from_day": date(2026, 1, 1), "to_day": date(2027, 1, 1)}, {}),
        ({"from_day": date(2026, 1, 1), "to_day": date(2027, 1, 2)}, {"last": "news.days"}),
        ({"fallback": "fr"}, {"fallback": "news.fallback"}),
        ({"texts": {}}, {"fallback": "news.fallback"}),
        ({"texts": {"en": Text("", "Words")}}, {"title-en": "news.half"}),
        ({"texts": {"en": Text("Title", "")}}, {"body-en": "news.half"}),
        ({"texts": {"en": Text("t" * 80, "b" * 600)}}, {}),
        (
            {"texts": {"en": Text("t" * 81, "b" * 601)}},
            {"title-en": "news.title_too_long", "body-en": "news.body_too_long"},
        ),
        ({"texts": {"en": Text("Titre : un", "deux\n\ntrois")}}, {}),
        ({"texts": {"en": Text("a\x00", "b")}}, {"title-en": "news.characters"}),
        ({"texts": {"en": Text("a\u202eb", "b\x1b")}}, {"title-en": "news.characters", "body-en": "news.characters"}),
    ],
)
def test_what_is_typed_wrong_is_said_beside_its_field(said: dict[str, Any], flaws: dict[str, str]):
    assert usecases.flaws_of(an_item(**said)) == flaws


def test_every_act_and_flaw_has_words():
    words = usecases.flaws_of(an_item(kind="", roles=frozenset({"x"}), act="x", texts={"en": Text("", "x")}))

    assert {*news.KINDS, *news.ACTS, *words.values()} <= LABELS.keys()


NOBODYS = {"asked_of_us": False, "at_the_seller": False, "line": False, "balance": False, "items": False}
GBP = money_pb2.Money(minor=1, currency="GBP")


def answers(**said: Any) -> dict[str, Any]:
    return {
        "asked_of_us": disputes_pb2.ListDisputesResponse(),
        "at_the_seller": disputes_pb2.ListDisputesResponse(),
        "line": credit_pb2.GetAccountResponse(),
        "balance": ledger_pb2.GetAccountResponse(balances=[ledger_pb2.Balance(open=GBP)]),
        "items": ledger_pb2.ListOpenItemsResponse(items=[ledger_pb2.OpenItem(due_date="2026-03-20", open=GBP)]),
    } | said


def a_case(state: str) -> disputes_pb2.Dispute:
    return disputes_pb2.Dispute(state=disputes_events.State.Value(state))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({}, CALM),
        (NOBODYS, CALM),
        (
            {"asked_of_us": disputes_pb2.ListDisputesResponse(disputes=[a_case("STATE_PROPOSED")])},
            State(open_case=True),
        ),
        (
            {"at_the_seller": disputes_pb2.ListDisputesResponse(disputes=[a_case("STATE_SUBMITTED")])},
            State(open_case=True),
        ),
        ({"line": credit_pb2.GetAccountResponse(account=credit_pb2.Account(on_hold=True))}, State(held=True)),
        (
            {"line": credit_pb2.GetAccountResponse(account=credit_pb2.Account(exposure_uncertain=True))},
            State(held=True),
        ),
        (
            {"balance": ledger_pb2.GetAccountResponse(balances=[ledger_pb2.Balance(overdue=GBP)])},
            State(overdue=True),
        ),
        (
            {"items": ledger_pb2.ListOpenItemsResponse(items=[ledger_pb2.OpenItem(due_date="2026-03-19", open=GBP)])},
            State(overdue=True),
        ),
        ({"items": None}, State(unknown=True)),
        ({"messages": None}, State(unknown=True)),
    ],
)
def test_what_the_overview_was_answered_says_whether_there_is_trouble(said: dict[str, Any], state: State):
    assert state_of(answers(**said), TODAY) == state


@pytest.mark.parametrize(
    ("outcomes", "refused"),
    [
        ((), False),
        ((("APPROVED", 0),), False),
        ((("DECLINED", 0),), True),
        ((("APPROVED", 0), ("REFERRED", 7)), True),
        ((("APPROVED", 0), ("DECLINED", 8), ("REFERRED", 9)), False),
    ],
)
def test_news_rest_while_an_order_was_referred_or_declined_within_seven_days(
    outcomes: tuple[tuple[str, int], ...], refused: bool
):
    assert was_refused(decisions(*outcomes), TODAY) == refused


def test_where_more_was_decided_lately_than_is_read_some_of_it_may_have_been_refused():
    answer = decisions(("APPROVED", 0), ("APPROVED", 7))
    assert not was_refused(answer, TODAY)
    answer.next_page_token = "more"

    assert was_refused(answer, TODAY)
    assert not was_refused(decisions(("APPROVED", 0), ("APPROVED", 8)), TODAY)
    assert not was_refused(False, TODAY)  # not for the reader to know


def decisions(*outcomes: tuple[str, int]) -> credit_pb2.ListDecisionsResponse:
    """What was decided, and so many days ago."""
    answer = credit_pb2.ListDecisionsResponse()
    for outcome, ago in outcomes:
        one = answer.decisions.add()
        one.decision.outcome = credit_events.Outcome.Value(f"OUTCOME_{outcome}")
        one.decided_at.FromDatetime(datetime.combine(TODAY - timedelta(days=ago), time(12)))
    return answer
