"""Whom an account misses, before it matters."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notifications.domain.gaps import SILENT_DAYS, WANTED, Gap, Heard, What, gaps
from services.notifications.domain.roles import Role
from tests.unit.notifications.samples import MONDAY_10, a_person

ADA = a_person("ada", Role.ACCOUNT_ADMIN, Role.AP_CLERK)
ROB = a_person("rob", Role.REQUESTER, Role.RECEIVING)


def test_an_account_with_two_people_for_all_that_it_needs_misses_nothing():
    assert gaps([ADA, ROB], {}, MONDAY_10) == set()


def test_roles_that_nobody_holds_are_missing_and_one_person_is_too_few():
    assert gaps([ADA], {}, MONDAY_10) == {
        Gap(What.ROLE, "REQUESTER"),
        Gap(What.ROLE, "RECEIVING"),
        Gap(What.SINGLE_CONTACT),
    }
    assert gaps([], {}, MONDAY_10) == {Gap(What.ROLE, role.value) for role in WANTED}


@pytest.mark.parametrize("changes", [{"suspended": True}, {"roles": ()}])
def test_who_is_not_reached_or_has_left_is_not_there(changes: dict[str, object]):
    gone = a_person("rob", Role.REQUESTER, Role.RECEIVING, **changes)

    assert Gap(What.SINGLE_CONTACT) in gaps([ADA, gone], {}, MONDAY_10)


@pytest.mark.parametrize(
    ("asked_days_ago", "is_silent"), [(None, False), (SILENT_DAYS, False), (SILENT_DAYS + 1, True)]
)
def test_who_is_asked_and_not_heard_of_is_silent(asked_days_ago: int | None, *, is_silent: bool):
    now = datetime(2026, 9, 1, tzinfo=UTC)
    since = now - timedelta(days=asked_days_ago) if asked_days_ago is not None else None

    found = gaps([ADA, ROB], {"rob": Heard(asked_at=now, asked_since=since)}, now)
    assert found == ({Gap(What.SILENT, "rob")} if is_silent else set())
