"""The people of an account as a grid."""

from receivables.common.v1 import party_pb2
from receivables.notifications.v1 import service_pb2

from services.portal.domain.sites import ROLES, grid


def one(name: str, *roles: str, site: str = "") -> service_pb2.PersonThere:
    contact = service_pb2.Contact(contact_id=name, roles=roles, scope=party_pb2.Scope(site=site))
    return service_pb2.PersonThere(contact=contact)


def test_each_stands_where_they_are_and_a_role_of_nobody_is_vacant():
    people = [one("ada", "ACCOUNT_ADMIN", "AP_CLERK"), one("ben", "AP_CLERK", site="Bremen"), one("left", site="Ulm")]
    sites, rows = grid(people)
    cells = {row.role: [[who.contact.contact_id for who in cell] for cell in row.cells] for row in rows}

    assert sites == ["", "Bremen"]
    assert cells["AP_CLERK"] == [["ada"], ["ben"]]
    assert [row.role for row in rows] == ROLES
    assert {row.role for row in rows if not row.is_vacant} == {"ACCOUNT_ADMIN", "AP_CLERK"}
