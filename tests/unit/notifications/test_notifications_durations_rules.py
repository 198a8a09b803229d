"""What is learned from how long steps took, and what is promised by it."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.opening_hours import OpeningHours
from services.notifications.domain import durations
from services.notifications.domain.durations import (
    EVERYBODY,
    KEPT_MAX,
    NOTHING,
    Ended,
    Figures,
    History,
    Kept,
    Segment,
    Took,
    is_slow,
    narrowest,
    paces,
    quantile,
    segments,
)
from services.notifications.domain.journeys import Journey, Learned, State
from services.notifications.domain.stories import Moment
from services.notifications.news import news_of
from services.notifications.wire import timeline
from tests.unit.notifications.samples import (
    FIVE,
    MONDAY_10,
    NOW,
    TENANT,
    ZONE,
    decided,
    dispute_moved,
    dispute_opened,
    placed,
    shipped,
)

HOURS = OpeningHours(ZONE)
DAY = 480  # minutes from nine to five
TODAY = date(2026, 3, 2)


@given(st.lists(st.integers(0, 10_000), max_size=60), st.sampled_from([50, 80, 95]))
def test_a_quantile_is_the_smallest_that_a_new_one_exceeds_no_more_often(minutes: list[int], percent: int):
    ranks = [n for n in range(1, len(minutes) + 1) if Fraction(n, len(minutes) + 1) >= Fraction(percent, 100)]
    wanted = sorted(minutes)[ranks[0] - 1] if ranks else None

    assert quantile(sorted(minutes), percent) == wanted


@pytest.mark.parametrize(("n", "usual", "latest"), [(8, None, None), (9, 5, None), (18, 10, None), (19, 10, 19)])
def test_too_few_say_nothing(n: int, usual: int | None, latest: int | None):
    figures = History().add([(minutes, TODAY.toordinal()) for minutes in range(1, n + 1)], TODAY).figures

    assert (figures.usual, figures.latest) == (usual, latest)


def test_the_narrowest_segment_that_has_enough_says_it_each_figure_by_itself():
    account, seller, all_ = Figures(9, 10, None), Figures(19, 20, 200), Figures(99, 30, 300)

    assert narrowest([account, seller, all_]) == (10, 200)
    assert narrowest([Figures(8, 10, None), NOTHING, all_]) == (30, 300)
    assert narrowest([NOTHING]) == (None, None)
    # The middle of an account that takes long is no later than the latest of all.
    assert narrowest([Figures(9, 500, None), all_]) == (300, 300)


def test_the_newest_of_a_year_are_kept_and_no_more():
    day = TODAY.toordinal()
    long_ago: list[Took] = [(1, day - 366)] * 50
    history = History().add(long_ago, TODAY - timedelta(days=366)).add([(2, day)] * 150, TODAY)
    assert history.figures.n == 150

    history = history.add([(3, day)] * 100, TODAY)
    assert len(history.took) == KEPT_MAX
    assert [minutes for minutes, _ in history.took].count(3) == 100


def test_a_step_is_one_of_its_accounts_of_its_kind_and_of_all():
    assert [
        one.name for one in segments("t", "dispute", "ANSWERED", account_id="acme", seller_id="s", track="QTY_SHORT")
    ] == [
        "account/acme",
        "of/s/QTY_SHORT",
        EVERYBODY,
    ]
    assert [one.name for one in segments("t", "order", "SHIPPED", account_id="acme")] == ["account/acme", EVERYBODY]
    [account, kind, _] = segments("t", "dispute", "ANSWERED", account_id="acme", track="QTY_SHORT")
    assert (account.account_id, kind.account_id) == ("acme", "")
    assert (kind.seller_id, kind.track) == ("", "QTY_SHORT")


def test_what_takes_longer_than_its_level_of_service_is_slow_and_a_buyers_step_never():
    long, short = Figures(19, DAY, 5 * DAY + 1), Figures(19, DAY, 5 * DAY)
    shipping = Segment(TENANT, "order", "SHIPPED", EVERYBODY)

    assert is_slow(shipping, long, HOURS)
    assert not is_slow(shipping, short, HOURS)
    assert not is_slow(shipping, replace(long, n=18), HOURS)
    assert not is_slow(Segment(TENANT, "dispute", "ASKED", EVERYBODY), Figures(19, DAY, 50 * DAY), HOURS)
    assert not is_slow(Segment(TENANT, "onboarding", "FIRST_ORDER", EVERYBODY), Figures(19, DAY, 50 * DAY), HOURS)


def test_where_most_time_is_lost_is_where_an_account_takes_most_more_than_all():
    def of(account: str, kind: str, step: str, p50: int, n: int = 9) -> tuple[Segment, Figures]:
        return Segment(TENANT, kind, step, f"account/{account}" if account else EVERYBODY), Figures(n, p50, None)

    found = dict(
        [
            of("acme", "order", "SHIPPED", 900, n=2),
            of("", "order", "SHIPPED", 700),
            of("acme", "invoice", "PAID", 9000),
            of("", "invoice", "PAID", 6000),
            of("acme", "order", "DECIDED", 5000),
            of("", "order", "DECIDED", 10, n=8),  # too few to compare with
        ]
    )

    steps = paces(found, "acme")

    assert [(one.kind, one.step, one.lost, one.costs_most) for one in steps] == [
        ("order", "DECIDED", 0, False),
        ("order", "SHIPPED", 200, False),
        ("invoice", "PAID", 3000, True),
    ]
    assert not any(one.costs_most for one in paces(dict([of("acme", "order", "SHIPPED", 9)]), "acme"))


def at(days: int = 0, hour: int = 10, minute: int = 0) -> Moment:
    """So many days after Monday, 2 March 2026, in Berlin."""
    return Moment(MONDAY_10 + timedelta(days=days, hours=hour - 10, minutes=minute), ZONE, FIVE)


def hear(journey: Journey, event: object, now: Moment) -> Journey:
    for news in news_of(event):  # type: ignore[arg-type] # events of any kind
        if news.about == journey.about:
            journey = journey.hear(news, now)
    return journey


ORDER = Journey(TENANT, "order/o1", "acme", MONDAY_10)
CASE = Journey(TENANT, "dispute/d1", "acme", MONDAY_10)


def learned(usual_days: float, latest_days: float | None, now: Moment, spent: int = 0) -> Learned:
    figures = Figures(99, int(usual_days * DAY), None if latest_days is None else int(latest_days * DAY))
    found = durations.learned([figures], now.hours, at=now.at, spent=spent)
    assert found is not None
    return found


def shipping(usual_days: float, latest_days: float | None, promised: str = "") -> Journey:
    """An order that was decided on Monday, whose shipment is to be done now."""
    journey = hear(hear(ORDER, placed(promised=promised), NOW), decided(), NOW)
    assert journey.asks(NOW) is not None
    return journey.learns("SHIPPED", learned(usual_days, latest_days, NOW), NOW)


def shown(journey: Journey, code: str, now: Moment = NOW) -> tuple[str, str, str, str]:
    [step] = [step for step in timeline(journey, now).steps if step.code == code]
    return step.usually, step.at_the_latest, step.promised_before, step.likely


def test_what_was_learned_is_promised_where_nobody_named_a_day():
    assert shown(shipping(1, 3), "SHIPPED") == ("2026-03-03", "2026-03-05", "", "")
    # Longer than the table's five days: the true date.
    assert shown(shipping(4, 8), "SHIPPED") == ("2026-03-06", "2026-03-12", "", "")
    # Enough for what is usual, too few for the latest: that is the table's.
    assert shown(shipping(2, None), "SHIPPED") == ("2026-03-04", "2026-03-09", "", "")


def test_a_day_that_somebody_named_stays_the_promise():
    assert shown(shipping(1, 3, promised="2026-03-04"), "SHIPPED") == ("2026-03-03", "2026-03-04", "", "")
    # It is wanted later than it ever takes: it is done by then, and not sooner.
    assert shown(shipping(1, 3, promised="2026-04-01"), "SHIPPED") == ("", "2026-04-01", "", "")


def test_a_promise_that_was_learned_stays_and_what_is_promised_instead_has_it_beside():
    journey = shipping(1, 3)
    assert journey.asks(NOW) is None
    again = hear(journey, decided(), at(1))
    assert shown(again, "SHIPPED") == ("2026-03-03", "2026-03-05", "", "")

    moved = hear(again, placed(promised="2026-03-09"), at(1))

    assert shown(moved, "SHIPPED", at(1)) == ("2026-03-03", "2026-03-09", "2026-03-05", "")


def test_an_answer_that_is_likely_to_take_longer_than_its_level_of_service_says_so():
    case = hear(CASE, dispute_opened(), NOW)
    case = case.learns("ANSWERED", learned(4, 8, NOW), NOW)

    assert shown(case, "ANSWERED") == ("2026-03-06", "2026-03-09", "", "2026-03-12")


def test_while_the_buyer_is_waited_for_no_time_is_counted():
    from receivables.disputes.v1 import events_pb2 as disputes  # noqa: PLC0415

    case = hear(CASE, dispute_opened(), at())
    case = hear(case, dispute_moved(disputes.STATE_AWAITING_CUSTOMER), at(0, 14))
    assert case.legs["ANSWERED"].spent == 240
    case = hear(case, dispute_moved(disputes.STATE_UNDER_REVIEW), at(3))
    case = hear(case, dispute_moved(disputes.STATE_PROPOSED), at(4, 11))

    ended = {stage.code: leg for stage, leg in case.ended_now()}

    def minutes(code: str) -> int:
        leg = ended[code]
        assert leg.began_at is not None
        assert leg.done_at is not None
        one = Ended(TENANT, "dispute/d1", "", code, "acme", "", "", leg.began_at, leg.spent, leg.done_at, None)
        return one.minutes(HOURS)

    assert minutes("ASKED") == 180 + 2 * DAY + 60
    assert minutes("ANSWERED") == 240 + 7 * 60 + 2 * 60


def test_of_a_step_that_was_not_the_one_to_be_done_nobody_knows_how_long_it_took():
    journey = hear(hear(ORDER, shipped(final=True), NOW), placed(), at(1))

    assert [stage.code for stage, _ in journey.ended_now()] == ["PLACED"]
    assert [stage.code for stage, _ in hear(journey, decided(), at(2)).ended_now()] == ["PLACED", "DECIDED"]


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (at(7), State.ON_TRACK),
        (at(8, 8, 59), State.ON_TRACK),
        (at(8, 9), State.AT_RISK),  # four of the eight days between usually and at the latest are left
        (at(12, 0), State.LATE),
    ],
)
def test_a_promise_is_at_risk_once_it_takes_longer_than_usual_and_little_of_the_rest_is_left(now: Moment, state: State):
    order = shipping(1, 9)  # promised for Friday in a week; the day before would be Thursday

    assert shown(order, "SHIPPED")[1] == "2026-03-13"
    assert order.state(now) is state


def test_who_has_it_is_warned_by_what_was_learned_where_that_is_sooner_and_once():
    order = shipping(1, 9)

    assert order.warn_at(ZONE) == at(8, 9).at
    assert [step.stage.code for step in order.at_risk(at(8, 9))] == ["SHIPPED"]
    assert order.warned("SHIPPED").warn_at(ZONE) is None
    # A day before, as ever, where that is sooner.
    assert shipping(1, 3).warn_at(ZONE) == at(2, 8).at


def test_a_promise_that_is_moved_is_at_risk_by_its_own_day():
    order = hear(shipping(1, 9), placed(promised="2026-03-16"), at(1))

    assert order.legs["SHIPPED"].learned is not None
    assert order.legs["SHIPPED"].learned.risky == at(9, 9).at


def test_what_is_late_is_so_since_the_promise_was_over():
    order = shipping(1, 3)

    missed = order.missed(NOW)

    assert missed is not None
    assert (missed[0].code, missed[1]) == ("SHIPPED", datetime(2026, 3, 5, 23, tzinfo=UTC))
    assert hear(order, shipped(final=True), at(1)).missed(at(1)) != missed


def test_what_became_of_promises_is_counted_by_month_and_the_buyers_are_not():
    ended = [
        Ended(TENANT, "order/o1", "", "SHIPPED", "acme", "", "", MONDAY_10, 0, MONDAY_10 + timedelta(days=days), kept)
        for days, kept in ((0, True), (1, False), (40, True), (2, None))
    ]

    assert durations.kept_by_step(ended) == {
        (TENANT, "order", "SHIPPED", date(2026, 3, 1)): Kept(1, 1),
        (TENANT, "order", "SHIPPED", date(2026, 4, 1)): Kept(1, 0),
    }


def test_months_are_counted_over_the_turn_of_a_year():
    assert durations.counted_since(date(2026, 1, 31)) == date(2025, 11, 1)
    assert durations.counted_since(date(2026, 3, 1)) == date(2026, 1, 1)


def year(seed: int, accounts: int, orders: int) -> tuple[int, int, int]:
    """A year of orders: how many promises of a latest day there were, how many were kept, how many usual ones."""
    dice = random.Random(seed)
    speed = {n: dice.lognormvariate(0, 0.6) for n in range(accounts)}
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    histories: defaultdict[Segment, History] = defaultdict(History)
    figures: dict[Segment, Figures] = {}
    waiting: list[tuple[datetime, tuple[Segment, ...], int]] = []
    n = kept = usual = 0
    for minute in sorted(dice.randrange(365 * 24 * 60) for _ in range(accounts * orders)):
        now = begins + timedelta(minutes=minute)
        ended = [one for one in waiting if one[0] <= now]
        waiting = [one for one in waiting if one[0] > now]
        new: defaultdict[Segment, list[Took]] = defaultdict(list)
        for done_at, mine, took in ended:
            for segment in mine:
                new[segment].append((took, done_at.date().toordinal()))
        for segment, some in new.items():
            histories[segment] = histories[segment].add(some, now.date())
            figures[segment] = histories[segment].figures
        account = dice.randrange(accounts)
        mine = segments(TENANT, "order", "SHIPPED", account_id=f"a{account}")
        took = int(speed[account] * dice.lognormvariate(6.5, 0.8))
        done_at = HOURS.after(now, timedelta(minutes=took))
        waiting.append((done_at, mine, took))
        said = durations.learned([figures.get(one, NOTHING) for one in mine], HOURS, at=now, spent=0)
        if said is not None and said.latest is not None and said.usually is not None:
            n += 1
            kept += ZONE.day(done_at) <= ZONE.day(said.latest)
            usual += done_at <= said.usually
    return n, kept, usual


def test_over_a_year_what_is_said_of_the_latest_is_kept_in_95_of_a_hundred_and_of_the_usual_in_half():
    n, kept, usual = year(seed=1, accounts=40, orders=40)

    assert n > 1400
    assert kept / n >= 0.95
    assert 0.4 < usual / n < 0.6


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1, 6))
def test_over_a_year_of_200_accounts_promises_are_kept(seed: int):
    n, kept, usual = year(seed, accounts=200, orders=40)

    assert n > 7500
    assert kept / n >= 0.95
    assert 0.45 < usual / n < 0.55
