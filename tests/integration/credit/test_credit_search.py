"""Accounts are found by what somebody knows of them: a word of the name, the VAT id, the id."""

from typing import Any

from receivables.common.v1 import party_pb2
from receivables.credit.v1 import service_pb2

from tests.integration.credit.desk import Desk, eur


async def company(desk: Desk, account: str, name: str, vat_id: str = "", *, tenant: str = "acme") -> None:
    """A buyer that is called so."""
    said = party_pb2.Company(
        name=name,
        vat_id=vat_id,
        legal_id="HRB 1",
        address=party_pb2.Address(street="Weg 1", city="Ort", post_code="10115", country="DE"),
    )
    request = service_pb2.RegisterBuyerRequest(account_id=account, company=said, limit=eur(1))
    await desk.call("RegisterBuyer", request, tenant=tenant)


async def found(desk: Desk, search: str, **page: Any) -> list[str]:
    answer = await desk.call("ListAccounts", service_pb2.ListAccountsRequest(search=search, **page))
    return [one.account_id for one in answer.accounts]


async def test_an_account_is_found_by_any_word_of_its_name_its_vat_id_and_its_id_in_any_case(desk: Desk):
    await company(desk, "K-100", "Autohaus Müller-Lüdenscheid GmbH & Co. KG", "DE115235681")
    await company(desk, "K-200", "Bäckerei Mülder", "DE136695976")
    await company(desk, "T-1", "Müller of another seller", tenant="other")

    assert (
        await found(desk, "müller") == await found(desk, "MÜLLER-lüd") == await found(desk, "autohaus m") == ["K-100"]
    )
    assert await found(desk, "mül") == ["K-200", "K-100"]  # mülder, müller
    assert await found(desk, "de1152") == await found(desk, "k-1") == ["K-100"]
    assert await found(desk, "K") == ["K-100", "K-200"]  # each once, though KG begins so too
    assert await found(desk, "aus") == await found(desk, "m%ller") == await found(desk, "x' OR 'a") == []
    assert await found(desk, "--") == await found(desk, "") == ["K-100", "K-200"]


async def test_what_is_found_comes_a_page_at_a_time_each_account_once(desk: Desk):
    for nth in range(7):
        await company(desk, f"n{nth}", f"Nord {nth % 3} Nordwind")

    request = service_pb2.ListAccountsRequest(search="nord", page_size=3)
    seen: list[str] = []
    while True:
        answer = await desk.call("ListAccounts", request)
        seen += [one.account_id for one in answer.accounts]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token

    assert seen == ["n0", "n3", "n6", "n1", "n4", "n2", "n5"]


async def test_a_company_that_is_called_otherwise_is_found_by_its_new_name_alone(desk: Desk):
    await company(desk, "b9", "Nordwind AG")
    changed = party_pb2.Company(name="Südwind AG", legal_id="HRB 2", address=party_pb2.Address(country="DE"))
    await desk.call("ChangeBuyer", service_pb2.ChangeBuyerRequest(account_id="b9", company=changed))

    assert await found(desk, "südw") == ["b9"]
    assert await found(desk, "nord") == []


async def test_a_company_of_very_long_texts_and_of_fields_that_are_not_known_yet_is_found(desk: Desk):
    unknown = bytes([0x82, 0x01, 0x03]) + b"new"  # field 16, a text
    async with desk.parts.database.transaction(["acme"]) as tx:
        for account, company in (("b1", unknown + party_pb2.Company(name="Å" * 200).SerializeToString()), ("b2", b"")):
            await tx.run(
                """INSERT INTO account (tenant, account_id, company, currency, limit_minor, registered_at)
                   VALUES ('acme', %s, %s, 'EUR', 1, now())""",
                [account, company],
            )

    assert await found(desk, "ååå") == ["b1"]
    assert await found(desk, "b") == ["b1", "b2"]
