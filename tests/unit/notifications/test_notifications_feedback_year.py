"""A year of two hundred accounts: who is asked, who answers, and whether a role that sours is found."""

import itertools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.notifications.domain import feedback
from services.notifications.domain.feedback import ACCOUNT_MOST, AGAIN_DAYS, FULLY, MOSTLY, NO, Asked, Candidate
from services.notifications.domain.roles import Role

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, ACCOUNTS, FOUND_DAYS = 365, 200, 180
# How many days lie between two milestones of a role, on average: shipments, payments, cases, limits and terms.
EVERY = {Role.RECEIVING: 6, Role.AP_CLERK: 8, Role.REQUESTER: 20, Role.FINANCE_LEAD: 30}
# How often a click is given at all (3 to 26 % of mailed surveys are answered; who has something to say says it), and what is
# clicked. Eight to twelve people of an account are asked: of one whose roles have one person each, two silences are half a
# year in which nobody can be asked, and a third of the soured roles are not found.
CONTENT = (0.25, {FULLY: 0.90, MOSTLY: 0.095, NO: 0.005})
SOUR = (0.70, {FULLY: 0.10, MOSTLY: 0.25, NO: 0.65})


@dataclass
class Account:
    """Who is there, what was asked and answered, and since when which role sours."""

    people: dict[Role, list[str]]
    soured: Role
    since: int
    asked: list[Asked] = field(default_factory=list)
    answers: dict[Role, list[int]] = field(default_factory=dict)
    alarms: list[tuple[int, Role]] = field(default_factory=list)


def an_account(nth: int, chance: random.Random) -> Account:
    people = {role: [f"{role}-{nth}-{n}" for n in range(chance.choice((2, 2, 3)))] for role in EVERY}
    return Account(people, chance.choice(list(EVERY)), chance.randrange(30, DAYS - FOUND_DAYS))


def live(account: Account, day: int, chance: random.Random) -> None:
    """One day: milestones, questions, answers."""
    now = BEGIN + timedelta(days=day)
    candidates = [
        Candidate(f"{role}/{who}", who, role)
        for role, every in EVERY.items()
        if chance.random() < 1 / every
        for who in account.people[role]
    ]
    if not candidates:
        return
    lately = [one for one in account.asked if one.at > now - timedelta(days=feedback.HISTORY_DAYS)]
    for one in feedback.choose(candidates, lately, held=list(EVERY), busy=(), now=now):
        is_sour = one.role is account.soured and day >= account.since
        share, values = SOUR if is_sour else CONTENT
        answered = chance.random() < share
        account.asked.append(Asked(one.contact_id, one.role, now, answered))
        if answered:
            [value] = chance.choices(list(values), list(values.values()))
            heard = account.answers.setdefault(one.role, [])
            _, before = feedback.souring(heard)
            heard.append(value)
            if feedback.souring(heard)[1] > before:
                account.alarms.append((day, one.role))


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_soured_role_is_found_within_half_a_year_few_alarms_are_false_and_nobody_is_asked_too_often(seed: int):
    chance = random.Random(seed)
    accounts = [an_account(nth, chance) for nth in range(ACCOUNTS)]
    for account in accounts:
        for day in range(DAYS):
            live(account, day, chance)

    found = [
        any(role is one.soured and one.since <= day <= one.since + FOUND_DAYS for day, role in one.alarms)
        for one in accounts
    ]
    false = sum(role is not one.soured or day < one.since for one in accounts for day, role in one.alarms)
    assert sum(found) / ACCOUNTS >= 0.8
    assert false / ACCOUNTS <= 0.1
    month = timedelta(days=AGAIN_DAYS)
    for account in accounts:
        times = [one.at for one in account.asked]
        assert all(sum(at - month < other <= at for other in times) <= ACCOUNT_MOST for at in times)
        for who in {one.contact_id for one in account.asked}:
            own = [one.at for one in account.asked if one.contact_id == who]
            assert all(later - earlier >= month for earlier, later in itertools.pairwise(own))
