"""Roles are rights: who registers whom behind the real door, and the last administrator who cannot leave."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from receivables.common.v1.party_pb2 import Scope
from receivables.notifications.v1 import service_pb2

from deploy.local.trust import person
from services.chassis.identity import Part, Principal
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, Refused
from tests.unit.notifications.samples import ACCOUNT, TENANT

SALES = person("user:sam", TENANT, roles=["SALES"])
CREDIT = person("user:cy", TENANT, roles=["CREDIT"])
SELLER_ADMIN = person("user:ada", TENANT, roles=["SELLER_ADMIN"])
ANN = person("contact:ann", TENANT, ACCOUNT, roles=["ACCOUNT_ADMIN"])
CLEO = person("contact:cleo", TENANT, ACCOUNT, roles=["AP_CLERK"])


async def register(office: Office, who: Principal, name: str, *roles: str, account: str = ACCOUNT, **more: Any) -> str:
    """The code of the refusal, or nothing."""
    request = service_pb2.RegisterContactRequest(
        contact_id=name, account_id=account, name=name, email=f"{name}@x.example", language="en", roles=roles, **more
    )
    return code(await Gated("notifications", office.stub).ask(who, "RegisterContact", request))


async def erase(office: Office, name: str) -> str:
    request = service_pb2.EraseContactRequest(contact_id=name)
    return code(await Gated("notifications", office.stub).ask(SELLER_ADMIN, "EraseContact", request))


def code(answer: Any) -> str:
    return answer.code if isinstance(answer, Asked) else ""


async def roles(office: Office, account: str = ACCOUNT) -> dict[str, list[str]]:
    answer = await office.call("ListContacts", service_pb2.ListContactsRequest(account_id=account))
    return {contact.contact_id: list(contact.roles) for contact in answer.contacts}


async def test_the_sellers_people_are_registered_and_changed_by_its_admin_alone(office: Office):
    assert await register(office, SELLER_ADMIN, "ada", "SELLER_ADMIN", account="") == ""
    assert await register(office, SELLER_ADMIN, "max", "AUDITOR", account="") == ""

    assert await register(office, SALES, "sam", "SALES", account="") == "contact.seller_admin_only"
    assert await register(office, SALES, "ada", "SALES", account="") == "contact.seller_admin_only"
    assert await register(office, SALES, "ada", "AP_CLERK") == "contact.seller_admin_only"
    assert await register(office, CREDIT, "cy", "CREDIT", account="") == "access.role"
    assert await register(office, ANN, "ann", "ACCOUNT_ADMIN", account="") == "access.account"
    assert await roles(office, "") == {"ada": ["SELLER_ADMIN"], "max": ["AUDITOR"]}


async def test_buyers_people_are_registered_by_sales_and_their_own_admin(office: Office):
    assert await register(office, SALES, "ann", "ACCOUNT_ADMIN") == ""
    assert await register(office, ANN, "cleo", "AP_CLERK") == ""

    assert await register(office, ANN, "dora", "SALES") == "contact.role_of_other_side"
    assert await register(office, ANN, "dora", "AP_CLERK", account="globex") == "access.account"
    assert await register(office, CLEO, "cleo", "ACCOUNT_ADMIN") == "access.role"
    assert await register(office, replace(ANN, assurance=1), "dora", "AP_CLERK") == "access.assurance"
    of_north = replace(ANN, parts=(Part("north"),))
    assert await register(office, of_north, "dora", "AP_CLERK") == "access.part"
    assert await register(office, of_north, "dora", "AP_CLERK", scope=Scope(site="north")) == ""
    assert await roles(office) == {"ann": ["ACCOUNT_ADMIN"], "cleo": ["AP_CLERK"], "dora": ["AP_CLERK"]}


async def test_who_stands_in_for_an_admin_does_not_become_one(office: Office):
    for name, role in (("ann", "ACCOUNT_ADMIN"), ("bob", "LEGAL")):
        await register(office, SALES, name, role)
    bob_for_ann = replace(ANN, subject="contact:bob", on_behalf_of="contact:ann")

    assert await register(office, bob_for_ann, "bob", "LEGAL", "ACCOUNT_ADMIN") == "contact.own_roles"
    assert await register(office, bob_for_ann, "cleo", "AP_CLERK") == ""
    assert await register(office, ANN, "ann", "ACCOUNT_ADMIN", "FINANCE_LEAD") == ""
    assert (await roles(office))["bob"] == ["LEGAL"]


async def test_the_last_admin_of_an_account_stays_until_there_is_another(office: Office):
    await register(office, SALES, "ann", "ACCOUNT_ADMIN", "LEGAL")

    assert await register(office, ANN, "ann", "LEGAL") == "contact.last_admin"
    assert await register(office, SELLER_ADMIN, "ann", "ACCOUNT_ADMIN", account="globex") == "contact.last_admin"
    assert await register(office, ANN, "ann", "ACCOUNT_ADMIN", scope=Scope(site="north")) == "contact.last_admin"
    assert await erase(office, "ann") == "contact.last_admin"
    assert await register(office, ANN, "bob", "ACCOUNT_ADMIN") == ""
    assert await register(office, ANN, "ann", "LEGAL") == ""
    assert await erase(office, "bob") == "contact.last_admin"
    assert await roles(office) == {"ann": ["LEGAL"], "bob": ["ACCOUNT_ADMIN"]}


@pytest.mark.parametrize("round_", range(5))
async def test_of_two_admins_who_leave_at_once_one_stays(office: Office, round_: int):
    for name in ("ann", "bob"):
        await register(office, SALES, name, "ACCOUNT_ADMIN")

    codes = await asyncio.gather(
        register(office, ANN, "ann", "LEGAL"),
        register(office, replace(ANN, subject="contact:bob"), "bob", "LEGAL") if round_ % 2 else erase(office, "bob"),
    )

    assert sorted(codes) == ["", "contact.last_admin"]


async def test_an_erased_admin_is_forgotten_again_without_another_word(office: Office):
    for name in ("ann", "bob"):
        await register(office, SALES, name, "ACCOUNT_ADMIN")

    assert [await erase(office, "ann"), await erase(office, "ann")] == ["", ""]
    with pytest.raises(Refused, match=r"contact\.erased"):
        await office.register("ann", "LEGAL")
