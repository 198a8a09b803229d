"""Who hears that somebody wrote."""

from collections.abc import Sequence
from typing import Any

from services.kernel.orders import Scope
from services.notifications.domain.contacts import Contact
from services.notifications.domain.roles import Role
from services.notifications.domain.stories import WHOLE_COMPANY
from services.notifications.domain.threads import readers
from tests.unit.notifications.samples import a_colleague, a_person

BUYER = [a_person("ann", Role.ACCOUNT_ADMIN), a_person("cleo", Role.AP_CLERK), a_person("rex", Role.RECEIVING)]
SELLER = [
    a_colleague("bill", Role.BILLING, Role.SALES),
    a_colleague("dis", Role.DISPUTE_OWNER),
    a_colleague("dee", Role.DISPUTE_OWNER),
]


def hears(
    author: str,
    *,
    owner: Role = Role.DISPUTE_OWNER,
    scope: Scope = WHOLE_COMPANY,
    buyer: Sequence[Contact] = BUYER,
    seller: Sequence[Contact] = SELLER,
    **more: Any,
) -> dict[str, str]:
    given: dict[str, Any] = {"heard": {"cleo", "dis"}, "mentioned": ()} | more
    found = readers(author, owner, scope, buyer=buyer, seller=seller, **given)
    return {recipient.contact.contact_id: recipient.weight.value for recipient in found}


def test_a_buyers_word_goes_to_whose_it_is_at_the_seller():
    assert hears("contact:cleo") == {"dis": "INFORM", "dee": "INFORM"}
    assert hears("contact:cleo", owner=Role.BILLING) == {"bill": "INFORM"}


def test_where_nobody_has_it_somebody_stands_in():
    assert hears("contact:cleo", owner=Role.CASH_APP) == {"bill": "INFORM"}
    assert hears("contact:cleo", seller=[]) == {}


def test_a_sellers_word_goes_to_the_buyers_people_who_heard_of_it_else_to_who_administers():
    assert hears("user:dis") == {"cleo": "INFORM"}
    assert hears("user:dis", heard={"dis"}) == {"ann": "INFORM"}
    assert hears("user:dis", heard={"cleo", "rex"}, buyer=[a_person("cleo", Role.AP_CLERK, suspended=True)]) == {}


def test_who_is_mentioned_is_asked_on_either_side_if_they_may_see_it():
    mentioned = {"rex", "bill", "nobody", "cleo"}

    assert hears("contact:cleo", mentioned=mentioned) == {
        "rex": "ACT",
        "bill": "ACT",
        "dis": "INFORM",
        "dee": "INFORM",
    }
    of_north = [a_person("rex", Role.RECEIVING, scope=Scope(site="north"))]
    assert hears("user:dis", buyer=of_north, mentioned={"rex"}) == {}
    assert hears("user:dis", buyer=of_north, mentioned={"rex"}, scope=Scope(site="north")) == {"rex": "ACT"}


def test_nobody_hears_what_they_wrote_themselves_or_for_another():
    assert hears("user:dis for user:dee", heard={"cleo"}, mentioned={"dis", "dee"}) == {"cleo": "INFORM"}
    assert hears("contact:cleo for contact:ann", mentioned={"ann"}) == {"dis": "INFORM", "dee": "INFORM"}


def test_who_only_gets_documents_is_asked_for_nothing():
    scans = a_person("scan", wants_document=True)

    assert hears("user:dis", buyer=[scans], heard={"scan"}, mentioned={"scan"}) == {"scan": "INFORM"}
