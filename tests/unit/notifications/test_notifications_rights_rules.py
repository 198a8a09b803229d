"""Who registers whom, with which roles, and that an account is always administered."""

import pytest

from services.kernel.orders import Scope
from services.kernel.refusals import Refusal
from services.notifications.domain import rights
from services.notifications.domain.contacts import Contact
from services.notifications.domain.matrix import MATRIX
from services.notifications.domain.rights import Registrar
from services.notifications.domain.roles import SELLER_STAND_INS, Role
from tests.unit.notifications.samples import a_colleague, a_person

ADMIN = a_person("ann", Role.ACCOUNT_ADMIN)


def refusal(by: Registrar, before: Contact | None, after: Contact) -> str:
    """The code of the refusal, or nothing."""
    try:
        by.check(before, after)
    except Refusal as refused:
        return refused.code
    return ""


def registrar(subject: str, *roles: Role, stands_in: bool = False) -> Registrar:
    return Registrar(subject, frozenset(roles), stands_in)


def test_nobody_hears_of_anything_as_one_who_only_has_rights():
    only_rights = {Role.SELLER_ADMIN, Role.AUDITOR}

    assert not only_rights & {role for row in MATRIX.values() for role in (*row.weights, row.owner)}
    assert not only_rights & set(SELLER_STAND_INS)


def test_sales_registers_a_buyers_people_and_nobody_of_the_seller():
    sales = registrar("user:sam", Role.SALES)

    assert refusal(sales, None, ADMIN) == ""
    assert refusal(sales, None, a_colleague("cy", Role.CREDIT)) == "contact.seller_admin_only"
    assert refusal(sales, a_colleague("cy", Role.CREDIT), a_person("cy", Role.AP_CLERK)) == "contact.seller_admin_only"


@pytest.mark.parametrize("subject", ["user:ada", "key:erp"])
def test_a_seller_admin_registers_everybody(subject: str):
    admin = registrar(subject, Role.SELLER_ADMIN)

    assert refusal(admin, None, a_colleague("cy", Role.SELLER_ADMIN)) == ""
    assert refusal(admin, a_colleague("ada", Role.SELLER_ADMIN), a_colleague("ada", *Role)) == ""
    assert refusal(admin, None, ADMIN) == ""


def test_who_stands_in_for_an_administrator_gives_itself_nothing():
    bob, with_more = a_person("bob", Role.AP_CLERK), a_person("bob", Role.AP_CLERK, Role.ACCOUNT_ADMIN)
    for_ann = registrar("contact:bob", Role.ACCOUNT_ADMIN, stands_in=True)

    assert refusal(for_ann, bob, with_more) == "contact.own_roles"
    assert refusal(for_ann, None, with_more) == "contact.own_roles"
    assert refusal(for_ann, with_more, a_person("bob", Role.LEGAL)) == ""
    assert refusal(for_ann, bob, a_person("bob", Role.AP_CLERK, name="Bob B")) == ""
    assert refusal(for_ann, None, a_person("cleo", Role.AP_CLERK)) == ""
    assert refusal(registrar("contact:ann", Role.ACCOUNT_ADMIN), ADMIN, a_person("ann", *rights._ADMINS)) == ""


@pytest.mark.parametrize(
    ("after", "less"),
    [
        (a_person("ann", Role.ACCOUNT_ADMIN, Role.LEGAL), False),
        (a_person("ann", Role.LEGAL), True),
        (a_person("ann", Role.ACCOUNT_ADMIN, scope=Scope(site="north")), True),
        (a_person("ann", Role.ACCOUNT_ADMIN, account_id="other"), True),
        (None, True),
    ],
)
def test_an_account_is_left_by_who_administers_less_of_it(after: Contact | None, less: bool):
    assert rights.administers_less(ADMIN, after) is less


def test_who_is_no_administrator_leaves_nothing():
    assert not rights.administers_less(a_person("cleo", Role.AP_CLERK), None)


@pytest.mark.parametrize(
    ("other", "is_left"),
    [
        (a_person("bob", Role.ACCOUNT_ADMIN), True),
        (ADMIN, False),
        (a_person("bob", Role.FINANCE_LEAD), False),
        (a_person("bob", Role.ACCOUNT_ADMIN, suspended=True), False),
        (a_person("bob", Role.ACCOUNT_ADMIN, scope=Scope(site="north")), False),
    ],
)
def test_another_administers_what_one_did_who_can_be_reached_and_is_of_all_of_it(other: Contact, is_left: bool):
    if is_left:
        rights.check_still_administered(ADMIN, [other])
        return
    with pytest.raises(Refusal) as refused:
        rights.check_still_administered(ADMIN, [other])
    assert refused.value.code == "contact.last_admin"
