"""Legal entities and contracts: told whole in versions, several a tenant, each order its own seller's."""

from datetime import datetime
from typing import Any

import grpc
import pytest
from receivables.invoicing.v1 import events_pb2, service_pb2

from services.invoicing import store, usecases
from services.invoicing.domain import parties
from tests.integration.invoicing.office import (
    MONDAY,
    Office,
    OpenOffice,
    a_seller,
    buyer,
    company,
    metadata,
    placed,
    shipped,
)
from tests.integration.invoicing.test_invoicing_calls import refused

US: dict[str, Any] = {
    "company": company("Widgets Inc", "US", ""),
    "iban": "",
    "bic": "",
    "account_number": "000123456789",
    "routing_number": "021000021",
    "time_zone": "America/Los_Angeles",
}


async def versions(office: Office, table: str) -> list[tuple[int, datetime]]:
    async with office.parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows(f"SELECT version, valid_since FROM {table} ORDER BY version")
    return [(row.version, row.valid_since) for row in rows]


async def test_each_word_on_a_seller_is_a_version_told_whole(office: Office) -> None:
    moved = company("Acme GmbH", "DE", "DE136695976")
    moved.address.city = "Köln"
    said: dict[str, Any] = {
        "company": moved,
        "language": "de",
        "holidays": "DE-BE",
        "opens_at": "08:00",
        "closes_at": "16:30",
        "other_rates": events_pb2.OTHER_RATES_FROM_ORDER,
        "logo_svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
    }
    later = MONDAY.replace(hour=10)
    await office.set_clock(later)
    await office.register_seller(**said)

    [registered] = await office.announced(events_pb2.SellerRegistered)
    first, second = await office.announced(events_pb2.SellerChanged)
    assert registered.company == first.seller.company == a_seller().company
    assert (first.version, second.version) == (1, 2)
    request = a_seller(**said)
    assert {field.name: value for field, value in second.seller.ListFields()} == {
        field.name: value for field, value in request.ListFields()
    }
    assert await versions(office, "seller_version") == [(1, MONDAY), (2, later)]
    await office.handle(placed(), shipped())
    assert [invoice.seller.address.city for invoice in await office.invoices()] == ["Köln"]


async def test_each_word_on_a_contract_is_a_version_told_whole(office: Office) -> None:
    await office.set_contract(net_days=10)
    await office.set_contract(
        net_days=20, on_approval=True, buyer_reference="X", profile="xrechnung", format="cii", language="fr"
    )

    first, second = await office.announced(events_pb2.ContractSet)
    assert (first.version, first.contract.net_days, first.contract.profile) == (1, 10, "en16931")
    assert second == events_pb2.ContractSet(
        version=2,
        contract=events_pb2.Contract(
            account_id="b1",
            net_days=20,
            on_approval=True,
            buyer_reference="X",
            profile="xrechnung",
            format="cii",
            language="fr",
        ),
    )
    assert await versions(office, "contract_version") == [(1, MONDAY), (2, MONDAY)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({**US, "routing_number": "021000022"}, "seller.routing_invalid"),
        ({**US, "routing_number": ""}, "seller.routing_invalid"),
        ({**US, "account_number": "12"}, "seller.account_invalid"),
        ({"iban": ""}, "seller.iban_invalid"),
        ({"routing_number": "021000021"}, "seller.account_invalid"),
        ({"holidays": "Germany"}, "seller.holidays"),
        ({"holidays": "DE-XX"}, "seller.holidays"),
        ({"language": "tlh"}, "seller.language_unknown"),
        ({"opens_at": "18:00"}, "seller.hours_malformed"),
        ({"closes_at": "24:00"}, "seller.hours_malformed"),
        ({"other_rates": 7}, "seller.other_rates_unknown"),
    ],
)
async def test_what_is_no_account_calendar_or_language_is_refused(
    office: Office, changes: dict[str, Any], code: str
) -> None:
    assert (await refused(office.stub.RegisterSeller(a_seller(**changes), metadata=metadata())))[1] == code


async def test_a_contract_in_an_unknown_language_is_refused(office: Office) -> None:
    assert (await refused(office.set_contract(language="tlh")))[1] == "contract.language_unknown"


async def test_a_seller_in_the_united_states_is_paid_by_account_and_routing_number(open_office: OpenOffice) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await office.register_seller(**US)
        await office.handle(buyer(of=company("Shop Inc", "US", ""), currency="USD"))
        await office.handle(placed(currency="USD"), shipped())

        [invoice] = await office.invoices()
        xml = (await office.xml(invoice.number)).decode()
        assert (invoice.gross_minor, invoice.check.rule_set) == (15497, "en16931-ubl-1.3.16")
        assert ">000123456789<" in xml and ">021000021<" in xml


async def test_an_order_is_invoiced_by_the_seller_it_names_in_its_series_and_zone(office: Office) -> None:
    await office.register_seller(seller_id="s2", prefix="ZZ", time_zone="Pacific/Auckland", language="sv")
    await office.set_clock(MONDAY.replace(hour=22))  # Tuesday in Auckland
    await office.handle(placed("o1", seller="s1"), placed("o2", seller="s2"), shipped("o1"), shipped("o2"))

    assert [(one.seller_id, one.number, one.issue_date) for one in await office.invoices()] == [
        ("s1", "RE-2026-000001", "2026-03-02"),
        ("s2", "ZZ-2026-000001", "2026-03-03"),
    ]
    assert "Betalas senast den" in (await office.xml("ZZ-2026-000001")).decode()


async def test_an_order_that_names_none_of_several_sellers_is_refused_until_it_does(office: Office) -> None:
    await office.register_seller(seller_id="s2", prefix="ZZ")
    await office.handle(placed(), shipped())

    assert await office.parked() == [("refused", "order.seller_missing"), ("refused", "order.refused")]
    assert await office.invoices() == []

    await office.handle(placed(version=2, seller="s2"))

    assert [invoice.seller_id for invoice in await office.invoices()] == ["s2"]
    assert await office.parked() == [("refused", "order.seller_missing")]


async def test_a_tenant_has_as_many_sellers_as_are_read_for_an_order(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parties, "SELLERS_MAX", 2)
    await office.register_seller(seller_id="s2", prefix="ZZ")
    await office.register_seller(seller_id="s2", prefix="ZZ", language="sv")  # a version of one that there is

    third = office.stub.RegisterSeller(a_seller("s3", "YY"), metadata=metadata())
    assert (await refused(third))[1] == "seller.too_many"


async def test_an_order_stays_with_the_only_seller_there_was(office: Office) -> None:
    await office.handle(placed())
    await office.register_seller(seller_id="s2", prefix="ZZ")
    await office.handle(shipped())

    assert [invoice.seller_id for invoice in await office.invoices()] == ["s1"]


async def test_an_order_waits_for_the_seller_it_names(office: Office) -> None:
    await office.handle(placed(seller="s2"), shipped())
    assert await office.parked() == [("early", "event.early")]

    await office.register_seller(seller_id="s2", prefix="ZZ")

    assert [invoice.seller_id for invoice in await office.invoices()] == ["s2"]
    assert await office.parked() == []


async def test_what_was_set_before_there_were_versions_is_told_whole_by_itself_once(office: Office) -> None:
    await office.set_contract(net_days=10)
    async with office.parts.database.transaction(["acme"]) as tx:  # as the version before wrote them
        await tx.run(
            """INSERT INTO seller (tenant, seller_id, series_prefix, company, iban, bic, time_zone, contact_name,
                                   contact_phone, contact_email)
               SELECT tenant, 's0', 'OLD', company, iban, bic, time_zone, contact_name, contact_phone, contact_email
                 FROM seller"""
        )
        await tx.run(
            """INSERT INTO contract (tenant, account_id, net_days, invoice_on, buyer_reference)
               SELECT tenant, 'b0', net_days, invoice_on, buyer_reference FROM contract"""
        )
    for _ in range(2):
        async with office.parts.database.transaction(["acme"]) as tx:
            await store.find_untold(tx)
        await office.work(usecases.TELL)

    seller = (await office.announced(events_pb2.SellerChanged))[1:]
    contract = (await office.announced(events_pb2.ContractSet))[1:]
    assert [(one.version, one.seller.seller_id, one.seller.iban) for one in seller] == [(1, "s0", a_seller().iban)]
    assert [(one.version, one.contract.account_id, one.contract.net_days) for one in contract] == [(1, "b0", 10)]
    assert len(await versions(office, "seller_version")) == 2


async def test_a_seller_is_shown_as_it_is_registered_today_with_all_that_a_registration_replaces(
    office: Office,
) -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
    said = a_seller(holidays="DE-BE", logo_svg=logo, other_rates=events_pb2.OTHER_RATES_FROM_ORDER)
    await office.stub.RegisterSeller(said, metadata=metadata())

    shown = (
        await office.stub.GetSeller(service_pb2.GetSellerRequest(seller_id=said.seller_id), metadata=metadata())
    ).seller

    for field in said.DESCRIPTOR.fields_by_name:
        assert getattr(shown, field) == getattr(said, field), field
    asked = office.stub.GetSeller(service_pb2.GetSellerRequest(seller_id="s9"), metadata=metadata())
    assert await refused(asked) == (grpc.StatusCode.NOT_FOUND, "seller.unknown")


async def test_sellers_are_listed_by_id_a_page_at_a_time_and_without_their_logos(office: Office) -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
    for nth in (3, 2):
        await office.stub.RegisterSeller(a_seller(f"s{nth}", f"R{nth}", logo_svg=logo), metadata=metadata())

    first = await office.stub.ListSellers(service_pb2.ListSellersRequest(page_size=2), metadata=metadata())
    rest = await office.stub.ListSellers(
        service_pb2.ListSellersRequest(page_size=2, page_token=first.next_page_token), metadata=metadata()
    )

    assert [(one.seller_id, one.logo_svg) for one in (*first.sellers, *rest.sellers)] == [
        ("s1", b""),
        ("s2", b""),
        ("s3", b""),
    ]
