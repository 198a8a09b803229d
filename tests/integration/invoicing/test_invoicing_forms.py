"""Documents in the form that was agreed with the buyer, and in any other: judged before the number, the same bytes for ever."""

import gzip
import hashlib
import multiprocessing
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch

import grpc
import psycopg
import pypdfium2
import pytest
from receivables.common.v1 import party_pb2
from receivables.documents.v1 import events_pb2 as documents_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2

from services import documents
from services.chassis.envelope import Record
from services.chassis.processes import Died
from services.chassis.workers import TRIES
from services.invoicing.press import presses_of
from tests.integration.invoicing.office import (
    Office,
    OpenOffice,
    buyer,
    buyer_changed,
    company,
    metadata,
    placed,
    resolved,
    shipped,
)
from tests.integration.invoicing.test_invoicing_calls import code_of, refused

Issued = documents_pb2.DocumentIssued
FORMS = [
    ("en16931", "ubl", "en16931-ubl-1.3.16"),
    ("en16931", "cii", "en16931-cii-1.3.16"),
    ("peppol", "ubl", "peppol-ubl-2026.5"),
    ("xrechnung", "ubl", "xrechnung-ubl-3.0.2"),
    ("xrechnung", "cii", "xrechnung-cii-3.0.2"),
    ("facturx-basic", "facturx", "facturx-basic-1.09.2"),
    ("facturx-en16931", "facturx", "facturx-en16931-1.09.2"),
    ("facturx-extended", "facturx", "facturx-extended-1.09.2"),
]


def on_the_network(name: str, vat_id: str) -> party_pb2.Company:
    """A company with an address in Peppol."""
    of = company(name, vat_id=vat_id)
    of.electronic_address, of.electronic_address_scheme = vat_id, "9930"
    return of


@pytest.fixture
async def judged(open_office: OpenOffice) -> AsyncIterator[Office]:
    """Give an office whose every document the official rules judge, both parties reachable in every network."""
    async with open_office(official_rules_share=1.0) as opened:
        await opened.register_seller(company=on_the_network("Acme GmbH", "DE136695976"), contact_phone="+49 30 5550100")
        await opened.handle(buyer(of=on_the_network("Käufer AG", "DE115235681")))
        yield opened


async def agree(office: Office, profile: str, format_: str = "", reference: str = "04011000-12345-34") -> None:
    request = service_pb2.SetContractRequest(
        account_id="b1",
        net_days=30,
        invoice_on=service_pb2.INVOICE_ON_SHIPMENT,
        buyer_reference=reference,
        profile=profile,
        format=format_,
    )
    await office.stub.SetContract(request, metadata=metadata())
    await office.issue()


async def render(office: Office, document: str, format_: str = "", profile: str = "") -> Any:
    request = service_pb2.RenderDocumentRequest(document=document, format=format_, profile=profile)
    return await office.stub.RenderDocument(request, metadata=metadata())


@pytest.mark.parametrize(("profile", "format_", "rule_set"), FORMS)
async def test_each_form_is_judged_by_its_rules_issued_told_as_a_file_and_given_again(
    judged: Office, profile: str, format_: str, rule_set: str
) -> None:
    await agree(judged, profile, format_)
    await judged.handle(placed(), shipped())
    await judged.write_files()
    [invoice] = await judged.invoices()
    [told] = await judged.announced(Issued)
    given = await render(judged, invoice.number)

    assert (invoice.check.profile, invoice.check.rule_set) == (profile, rule_set)
    assert (told.format, told.profile, told.rule_set, told.number) == (format_, profile, rule_set, "RE-2026-000001")
    assert told.sha256 == hashlib.sha256(told.content).hexdigest() == given.sha256
    assert given.content == told.content
    assert (given.file_name, given.media_type) == (told.file_name, told.media_type)
    assert documents.read(told.content, format_).number == "RE-2026-000001"


@pytest.mark.parametrize(
    ("profile", "format_"),
    [("peppol", "ubl"), ("xrechnung", "cii"), ("facturx-basic", "facturx"), ("facturx-extended", "facturx")],
)
async def test_what_a_line_is_for_stands_on_the_invoice_and_its_credit_note_where_the_form_has_a_place_for_it(
    judged: Office, profile: str, format_: str
) -> None:
    await agree(judged, profile, format_)
    await judged.handle(placed(asset="A-1"), shipped())
    [invoice] = await judged.invoices()
    await judged.handle(resolved(invoice, lines=(("1", "2"),), gross=2975))
    await judged.write_files()
    [note] = await judged.credit_notes()

    assert [line.asset_id for line in (*invoice.lines, *note.lines)] == ["A-1", "", "A-1"]
    assert invoice.check.rule_set
    assert note.check.rule_set
    expected = None if profile == "facturx-basic" else "A-1"
    for told in await judged.announced(Issued):
        line = documents.read(told.content, format_).lines[0]
        assert (line.object_id and line.object_id.value) == expected
    assert await judged.parked() == []


async def test_a_pdf_is_written_after_the_number_is_taken_once_and_carries_the_xml_that_was_judged(
    judged: Office,
) -> None:
    await agree(judged, "facturx-en16931")
    await judged.handle(placed(), shipped())
    before = await judged.announced(Issued)

    assert [await judged.write_files(), await judged.write_files()] == [1, 0]

    [told] = await judged.announced(Issued)
    assert before == []
    assert told.content.startswith(b"%PDF-")
    assert told.file_name == "RE-2026-000001.pdf"
    async with judged.parts.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT format, content FROM document")
    assert row.format == "cii"
    assert documents.read(bytes(row.content), "cii") == documents.read(told.content, "facturx")


async def test_a_pdf_that_somebody_asked_for_before_it_was_told_is_the_one_that_is_told(judged: Office) -> None:
    await agree(judged, "facturx-en16931")
    await judged.handle(placed(), shipped())
    given = await render(judged, "RE-2026-000001")

    await judged.write_files()

    [told] = await judged.announced(Issued)
    assert told.content == given.content


async def test_a_pdf_that_cannot_be_written_is_parked_alone_and_holds_up_no_other(judged: Office) -> None:
    await agree(judged, "facturx-en16931")
    await judged.handle(placed("o1"), placed("o2"), shipped("o1"), shipped("o2"))
    owner = judged.parts.settings.owner_database_url.get_secret_value()
    with psycopg.connect(owner) as connection:
        connection.execute("SELECT set_config('ar.tenants', 'acme', true)")
        connection.execute(
            "UPDATE paper SET content = 'none' FROM issued i WHERE i.document_id = paper.document_id AND i.order_id = 'o1'"
        )

    for _ in range(TRIES):
        await judged.write_files()
        await judged.pauses_are_over()

    [told] = await judged.announced(Issued)
    assert told.number == "RE-2026-000002"
    assert [reason for reason, _ in await judged.parked()] == ["failed"]


async def test_an_issued_invoice_is_given_in_every_format_and_each_time_with_the_same_bytes(judged: Office) -> None:
    await agree(judged, "en16931")
    await judged.handle(placed(), shipped())
    wanted = [(format_, profile) for profile, format_, _ in FORMS if profile != "xrechnung"] + [
        ("json", ""),
        ("csv", ""),
        ("facturx", "facturx-minimum"),
        ("facturx", "facturx-basicwl"),
        ("facturx", ""),
    ]
    await agree(judged, "peppol")  # of later documents

    first = [await render(judged, "RE-2026-000001", *form) for form in wanted]
    again = [await render(judged, "RE-2026-000001", *form) for form in wanted]

    assert [(one.format, one.profile) for one in first[:-1]] == wanted[:-1]
    assert (first[-1].format, first[-1].profile) == ("facturx", "en16931")
    assert [one.content for one in again] == [one.content for one in first]
    assert [one.sha256 for one in first] == [hashlib.sha256(one.content).hexdigest() for one in first]
    assert len({one.sha256 for one in first}) == len(wanted) - 1  # the core's PDF is Factur-X's EN16931


async def test_a_profile_that_asks_for_more_than_the_document_says_is_refused_with_its_rules(judged: Office) -> None:
    await agree(judged, "en16931", reference="")
    await judged.handle(placed(), shipped())

    with pytest.raises(grpc.RpcError) as error:
        await render(judged, "RE-2026-000001", "ubl", "xrechnung")

    assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "BR-DE-15" in str(error.value)


async def kill_the_judge_over(office: Office, *records: Record) -> None:
    """Let the process end while it is asked, as often as it is."""
    press = presses_of(office.parts.settings).usual
    with patch.object(press, "prepare", side_effect=Died("killed")):
        await office.handle(*records)


async def pauses(office: Office) -> list[int]:
    """How many seconds each draft waits until it is judged again."""
    async with office.parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT ceil(extract(epoch FROM next_try_at - now()) / 15)::int * 15 AS s FROM job")
    return [row.s for row in rows]


async def test_a_draft_whose_judge_died_is_held_told_once_and_judged_again_ever_later(judged: Office) -> None:
    await kill_the_judge_over(judged, placed(), shipped())
    first = await pauses(judged)
    at_once = await judged.issue()
    await judged.pauses_are_over()
    await kill_the_judge_over(judged)
    second = await pauses(judged)
    [held] = await judged.announced(events_pb2.DocumentHeld)
    await judged.pauses_are_over()
    await judged.issue()

    [invoice] = await judged.invoices()
    assert [finding.rule for finding in held.findings] == ["RULES"]
    assert (first, at_once, second) == ([15], 0, [30])
    assert (invoice.invoice_id, invoice.number) == (held.draft_id, "RE-2026-000001")


async def test_a_process_that_is_killed_over_many_drafts_costs_none_of_them_more_than_time(judged: Office) -> None:
    orders = [f"o{n}" for n in range(8)]
    [process] = [child for child in multiprocessing.active_children() if child.name == "drafts"]
    process.kill()
    process.join()

    await judged.handle(*(placed(order) for order in orders), *(shipped(order) for order in orders))

    assert {invoice.order_id for invoice in await judged.invoices()} == set(orders)
    assert await judged.announced(events_pb2.DocumentHeld) == []


async def test_a_draft_that_breaks_a_rule_waits_for_a_person(judged: Office) -> None:
    await agree(judged, "xrechnung", reference="")
    await judged.handle(placed(), shipped())

    assert await pauses(judged) == []
    assert await judged.issue() == 0


async def test_what_the_version_before_left_to_be_judged_or_written_is_taken_up(judged: Office) -> None:
    await agree(judged, "facturx-en16931", reference="")
    await judged.handle(placed("o1"), placed("o2"), shipped("o1"))
    await kill_the_judge_over(judged, shipped("o2"))
    async with judged.parts.database.transaction(["acme"]) as tx:
        await tx.run("DELETE FROM job")
        await tx.run("UPDATE held SET judge_again_at = now()")
        await tx.run(
            """INSERT INTO unwritten (tenant, document_id, actor, reason, idempotency_key, traceparent, causation_id)
               SELECT tenant, document_id, 'user:ada', 'because', 'key', '', '' FROM issued"""
        )

    await judged.issue()
    await judged.write_files()

    assert {file.number for file in await judged.announced(Issued)} == {"RE-2026-000001", "RE-2026-000002"}


async def test_what_the_buyers_profile_asks_for_is_held_without_a_number_and_goes_on_when_it_is_told(
    judged: Office,
) -> None:
    await agree(judged, "xrechnung", reference="")
    await judged.handle(placed(), shipped())
    [held] = await judged.announced(events_pb2.DocumentHeld)
    before = await judged.invoices()

    await agree(judged, "xrechnung", reference="04011000-12345-34")

    [invoice] = await judged.invoices()
    assert [finding.rule for finding in held.findings] == ["BR-DE-15"]
    assert before == []
    assert (invoice.invoice_id, invoice.number) == (held.draft_id, "RE-2026-000001")


async def test_a_seller_put_right_lets_go_what_waited_for_it(judged: Office) -> None:
    await judged.register_seller(company=on_the_network("Acme GmbH", "DE136695976"))
    await agree(judged, "xrechnung")
    await judged.handle(placed(), shipped())
    [held] = await judged.announced(events_pb2.DocumentHeld)

    await judged.register_seller(company=on_the_network("Acme GmbH", "DE136695976"), contact_phone="+49 30 1")

    assert [finding.rule for finding in held.findings] == ["BR-DE-6"]
    assert [invoice.number for invoice in await judged.invoices()] == ["RE-2026-000001"]


async def test_a_credit_note_is_written_in_its_buyers_form_too(judged: Office) -> None:
    await agree(judged, "peppol")
    await judged.handle(placed(), shipped())
    [invoice] = await judged.invoices()
    await agree(judged, "facturx-en16931")

    await judged.handle(resolved(invoice, lines=[("1", "2")]))
    await judged.write_files()

    files = await judged.announced(Issued)
    assert [(file.type_code, file.profile) for file in files] == [("380", "peppol"), ("381", "facturx-en16931")]
    assert documents.read(files[1].content, "facturx").preceding[0].number == invoice.number


@pytest.mark.parametrize(("profile", "format_", "rule_set"), FORMS)
async def test_a_credit_note_is_valid_in_every_form(judged: Office, profile: str, format_: str, rule_set: str) -> None:
    await agree(judged, profile, format_)
    await judged.handle(placed(), shipped())
    [invoice] = await judged.invoices()

    await judged.handle(resolved(invoice, lines=[("1", "2")]))
    await judged.write_files()

    assert await judged.announced(events_pb2.DocumentHeld) == []
    note = (await judged.announced(Issued))[1]
    assert (note.type_code, note.profile, note.format, note.rule_set) == ("381", profile, format_, rule_set)


async def test_an_email_address_is_none_in_peppol_and_the_draft_waits_for_one_that_is(judged: Office) -> None:
    await judged.handle(buyer_changed(company()))
    await agree(judged, "peppol")
    await judged.handle(placed(), shipped())
    [held] = await judged.announced(events_pb2.DocumentHeld)

    await judged.handle(buyer_changed(on_the_network("Käufer AG", "DE115235681")))

    assert held.findings
    assert [invoice.check.profile for invoice in await judged.invoices()] == ["peppol"]


async def test_a_large_file_travels_packed(office: Office) -> None:
    lines = [(str(n), "1", "1.00", "STANDARD") for n in range(1, 1501)]
    await office.handle(placed(lines=lines), shipped(quantities=[(n, "1") for n, *_ in lines]))
    [told] = await office.announced(Issued)

    content = gzip.decompress(told.content)
    assert told.content_encoding == "gzip"
    assert len(content) > 1024 * 1024
    assert hashlib.sha256(content).hexdigest() == told.sha256


@pytest.mark.parametrize(
    ("profile", "format_", "code"),
    [
        ("peppol", "cii", "document.format_not_of_profile"),
        ("peppol", "pdf", "document.format_not_of_profile"),
        ("gobl", "", "document.profile_unknown"),
        ("facturx-minimum", "facturx", "contract.profile_not_whole"),
        ("facturx-basicwl", "", "contract.profile_not_whole"),
    ],
)
async def test_a_form_that_is_none_is_refused_when_it_is_agreed(
    office: Office, profile: str, format_: str, code: str
) -> None:
    assert (await refused(agree(office, profile, format_)))[1] == code


@pytest.mark.parametrize(
    ("format_", "profile", "code"),
    [
        ("cii", "peppol", "document.format_not_of_profile"),
        ("json", "peppol", "document.format_not_of_profile"),
        ("ubl", "gobl", "document.profile_unknown"),
        ("", "gobl", "document.profile_unknown"),
        ("docx", "", "document.format_unknown"),
    ],
)
async def test_a_form_that_is_none_is_refused_when_it_is_asked_for(
    office: Office, format_: str, profile: str, code: str
) -> None:
    await office.handle(placed(), shipped())

    assert (await refused(render(office, "RE-2026-000001", format_, profile)))[1] == code


async def test_what_the_version_before_issued_is_given_in_every_format_too(office: Office) -> None:
    await office.handle(placed(), shipped())
    usual = await render(office, "RE-2026-000001", "cii")
    owner = office.parts.settings.owner_database_url.get_secret_value()
    with psycopg.connect(owner) as connection:
        connection.execute("SELECT set_config('ar.tenants', 'acme', true)")
        connection.execute("ALTER TABLE paper DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE rendered DISABLE TRIGGER USER")
        connection.execute("DELETE FROM paper")
        connection.execute("DELETE FROM rendered")

    assert (await render(office, "RE-2026-000001", "cii")).content == usual.content


LOGO = (
    b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#c00"/></svg>"""
)


async def test_the_sellers_logo_stands_on_its_pages(judged: Office) -> None:
    of = on_the_network("Acme GmbH", "DE136695976")
    await agree(judged, "facturx-en16931")
    await judged.handle(placed("o1"), placed("o2"), shipped("o1"))
    plain = await render(judged, "RE-2026-000001")

    await judged.register_seller(company=of, logo_svg=LOGO)
    await judged.handle(shipped("o2"))

    def red(given: Any) -> bool:
        """Whether the page has the logo's colour anywhere."""
        page = pypdfium2.PdfDocument(given.content)[0].render(scale=0.5).to_pil().convert("RGB")
        return any(colour == (204, 0, 0) for _, colour in page.getcolors(1_000_000))

    assert not red(plain)
    assert red(await render(judged, "RE-2026-000002"))


@pytest.mark.parametrize(
    ("svg", "code"),
    [
        (b"<svg/>", "document.logo_unusable"),
        (b"\x89PNG", "document.logo_unusable"),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + LOGO, "document.logo_unusable"),
        (LOGO.replace(b"<rect", b"<script/><rect"), "document.logo_unusable"),
        (LOGO.replace(b"<rect", b"<image href='https://elsewhere.example/x.png'/><rect"), "document.logo_unusable"),
        (LOGO.replace(b"<rect", b"<rect/>" * 20_000 + b"<rect"), "bytes.too_long"),
    ],
)
async def test_what_is_no_logo_is_refused(judged: Office, svg: bytes, code: str) -> None:
    with pytest.raises(grpc.RpcError) as error:
        await judged.register_seller(logo_svg=svg)

    assert code_of(error.value) == code


async def test_the_page_shows_names_in_greek_cyrillic_and_chinese(judged: Office) -> None:
    name = "Ελληνική Бухгалтерия 東京精機 한국무역"
    await judged.handle(buyer_changed(on_the_network(name, "DE115235681")))
    await agree(judged, "facturx-en16931")
    await judged.handle(placed(), shipped())

    page = pypdfium2.PdfDocument((await render(judged, "RE-2026-000001")).content)[0]

    said = page.get_textpage().get_text_range()
    assert all(word in said for word in name.split())
