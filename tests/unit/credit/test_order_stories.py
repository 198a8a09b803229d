"""Seeded stories of orders through the one routine that decides: fraud is stopped in nearly all, the honest hardly ever (FEATURES.md)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from services.credit.domain import decisions, underwriting
from services.credit.domain.book import Book
from services.credit.domain.decisions import Decision, Outcome, Request
from services.credit.domain.suspicions import Buyer
from services.kernel.orders import Scope
from tests.unit.credit.books import KEY, an_account, eur

FIRST = date(2025, 1, 6)
LIMIT = 10**12  # minor units: the limit is no matter here
EACH = 40  # stories of a kind
LENDING = replace(underwriting.default(), resaleable=frozenset({"phones"}))


@dataclass
class Shop:
    """A buyer who orders day after day, as a book keeps them."""

    random: Random
    median: float = 100_000
    log_sd: float = 1.0
    lead: int = 5
    limit: int = LIMIT
    registered: date = FIRST
    book: Book = field(init=False)
    nth: int = 0

    def __post_init__(self) -> None:
        """Open an account."""
        self.book = Book({KEY: an_account(limit=self.limit)}, lending={"acme": LENDING})
        self.book.buyers[KEY] = Buyer(registered_at=datetime.combine(self.registered, datetime.min.time(), UTC))

    def order(
        self, on: date, *, times: float = 1, place: int = 7, lead: int | None = None, goods: str = "bolts",
        by: str = "c1", order: str = "", version: int = 1, minor: int = 0,
    ) -> Decision:  # fmt: skip
        """Place one; `times` what the buyer usually orders."""
        self.nth += 1
        amount = minor or max(1, round(self.median * times * self.random.lognormvariate(0, self.log_sd)))
        days = lead if lead is not None else max(0, self.lead + self.random.choice((-1, 0, 0, 1)))
        request = Request(
            *("acme", "b1", order or f"o{self.nth}", version, eur(amount), on + timedelta(days=days), Scope()),
            placed_on=on,
            place=place,
            categories=frozenset({goods}),
            requested_by=by,
        )
        return decisions.decide(self.book, request, datetime.combine(on, datetime.min.time(), UTC))[0]

    def year(self, pace: float = 1 / 6, days: int = 300) -> date:
        """Order by chance through many days; return the day after."""
        at = 0.0
        while (at := at + self.random.expovariate(pace)) < days:
            self.order(FIRST + timedelta(days=int(at)))
        return FIRST + timedelta(days=days)


def lumpy(random: Random) -> list[Decision]:
    """Lumps as the business has them."""
    shop = Shop(random, log_sd=1.0)
    return [shop.order(FIRST + timedelta(days=6 * nth), place=7 + (random.random() < 0.03)) for nth in range(60)]


def forwarder(random: Random) -> list[Decision]:
    """Nearly each order goes somewhere else."""
    shop = Shop(random, log_sd=0.7)
    return [shop.order(FIRST + timedelta(days=5 * nth), place=random.randrange(1, 10_000)) for nth in range(60)]


def seasonal(random: Random) -> list[Decision]:
    """Twice as much, and somewhat more often, before a season."""
    shop, made, at = Shop(random, log_sd=0.6), [], 0
    while at < 400:
        is_season = 270 <= at % 365 <= 330
        made.append(shop.order(FIRST + timedelta(days=at), times=2 if is_season else 1))
        at += random.randrange(3, 9) if is_season else random.randrange(4, 11)
    return made


def colleagues(random: Random) -> list[Decision]:
    """Several people order, from a few sites, in a hurry now and then."""
    shop = Shop(random, log_sd=0.8)
    return [
        shop.order(
            FIRST + timedelta(days=5 * nth), place=random.choice((7, 7, 8, 9)), by=f"c{random.randrange(4)}",
            lead=1 if random.random() < 0.05 else None,
        )
        for nth in range(60)
    ]  # fmt: skip


@pytest.mark.parametrize("story", [lumpy, forwarder, seasonal, colleagues])
def test_honest_buyers_are_troubled_within_the_budget(story: Callable[[Random], list[Decision]]):
    random, stopped, tried = Random(51), Counter[str](), 0
    for _ in range(EACH):
        made = story(random)
        tried += len(made)
        stopped.update(decision.reasons[0] for decision in made if decision.outcome is not Outcome.APPROVED)

    assert stopped["fraud_hold"] + stopped["fraud_review"] <= 0.01 * tried, stopped
    assert stopped["step_up"] <= 0.005 * tried, stopped


def led_elsewhere(random: Random) -> Decision:
    """F07: what was approved is to go somewhere else."""
    shop = Shop(random)
    on = shop.year()
    shop.order(on, order="x", place=7)
    return shop.order(on + timedelta(days=random.randrange(3)), order="x", version=2, place=random.randrange(100, 200))


def bust_out(random: Random) -> Decision:
    """F10: many times what is usual, of what is sold again anywhere, elsewhere, at once; some of these meet."""
    shop = Shop(random, log_sd=random.uniform(0.2, 0.7))
    on = shop.year()
    odd = random.sample(("place", "lead", "goods"), k=random.choice((1, 2, 2, 3)))
    return shop.order(
        on,
        times=random.uniform(12, 30),
        place=999 if "place" in odd else 7,
        lead=0 if "lead" in odd else None,
        goods="phones" if "goods" in odd else "bolts",
    )


def all_at_once(random: Random) -> Decision:
    """F11: the first order takes a limit that was just granted, for what is sold again anywhere."""
    shop = Shop(random, limit=1_000_000)
    return shop.order(
        FIRST + timedelta(days=random.randrange(2)), minor=random.randrange(810_000, 1_000_000), goods="phones"
    )


def woken(random: Random) -> Decision:
    """F15: an account that slept for more than a year orders much, or in unknown hands."""
    shop = Shop(random, log_sd=0.3)
    on = shop.year() + timedelta(days=random.randrange(380, 900))
    return shop.order(on, times=6) if random.random() < 0.5 else shop.order(on, by="c99")


@pytest.mark.parametrize(
    ("story", "rule", "reason", "clears"),
    [
        (led_elsewhere, "F07", "fraud_hold", "call_back_done"),
        (bust_out, "F10", "fraud_hold", ""),
        (all_at_once, "F11", "fraud_review", ""),
        (woken, "F15", "step_up", "call_back_done"),
    ],
)
def test_fraud_is_stopped_by_its_rule(story: Callable[[Random], Decision], rule: str, reason: str, clears: str):
    random, caught = Random(52), 0
    for _ in range(EACH):
        decision = story(random)
        hits = {hit.rule: hit for hit in decision.hits}
        if rule in hits:
            caught += decision.outcome is Outcome.REFERRED
            assert hits[rule].clears == clears
            assert hits[rule].feature
        if set(hits) == {rule}:
            assert decision.reasons == (reason,)

    assert caught >= 0.9 * EACH


def test_a_buyers_first_orders_are_compared_with_nothing():
    shop = Shop(Random(53))

    first = [
        shop.order(FIRST + timedelta(days=nth), times=50**nth, place=nth, lead=0, by=f"c{nth}") for nth in range(3)
    ]

    assert {decision.outcome for decision in first} == {Outcome.APPROVED}


def test_what_a_person_declined_is_no_habit_and_what_they_approved_is_one():
    for outcome, again in ((Outcome.APPROVED, Outcome.APPROVED), (Outcome.DECLINED, Outcome.REFERRED)):
        shop = Shop(Random(54), log_sd=0)
        shop.order(FIRST, order="x", place=7)
        held = shop.order(FIRST, order="x", version=2, place=8)
        assert held.reasons == ("fraud_hold",)

        decisions.review(shop.book, shop.book.holds[("acme", "x")], outcome, "user:bob")

        assert shop.order(FIRST, order="x", version=3, place=8).outcome is again


def test_a_rule_in_the_shadow_is_noted_and_stops_nothing():
    shop = Shop(Random(55))
    shop.book.lending["acme"] = LENDING.in_shadow(["F07"])
    shop.order(FIRST, order="x", place=7)

    decision = shop.order(FIRST, order="x", version=2, place=8)

    assert (decision.outcome, [hit.action for hit in decision.hits]) == (Outcome.APPROVED, ["shadow"])
