"""What a company misses, and what somebody new is called."""

import pytest

from services.portal.domain.gaps import gaps, name_of


def test_a_role_that_somebody_has_is_no_gap():
    missing = [role for role, _ in gaps([{"AP_CLERK", "LEGAL"}, {"PROCUREMENT"}])]

    assert missing == ["RECEIVING", "AP_MANAGER", "FINANCE_LEAD", "EDI_IT"]


def test_a_company_of_nobody_misses_all():
    assert next(role for role, _ in gaps([])) == "AP_CLERK"


@pytest.mark.parametrize(
    ("address", "name"),
    [("ann.smith@firm.example", "Ann Smith"), ("bo_li+ar@x.example", "Bo Li"), ("42@x.example", "42@x.example")],
)
def test_somebody_new_is_called_as_their_address_says(address: str, name: str):
    assert name_of(address) == name
