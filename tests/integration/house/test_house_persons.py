"""A person's words and name are fed in wherever they can be, and searched for wherever they may not be.

Before anybody is forgotten no topic of ours and no line of a log has any of them; afterwards no table either, but for
what the law keeps, until its time is over.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import applications_pb2 as credit_applications
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2 as credit_calls
from receivables.credit.v1.applications_pb2_grpc import ApplicationServiceStub
from receivables.credit.v1.service_pb2_grpc import CreditServiceStub
from receivables.disputes.v1 import responses_pb2
from receivables.disputes.v1 import service_pb2 as disputes_calls
from receivables.disputes.v1.responses_pb2_grpc import ResponseServiceStub
from receivables.disputes.v1.service_pb2_grpc import DisputesServiceStub
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_calls
from receivables.invoicing.v1.service_pb2_grpc import InvoicingServiceStub
from receivables.ledger.v1 import service_pb2 as ledger_calls
from receivables.ledger.v1.service_pb2_grpc import LedgerServiceStub
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.notifications.v1 import feedback_pb2 as feedback_calls
from receivables.notifications.v1 import service_pb2 as notifications_calls
from receivables.notifications.v1.feedback_pb2_grpc import FeedbackServiceStub
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub
from structlog.testing import capture_logs

from deploy.local.mail import Mail
from services.chassis import cleaning
from services.chassis.envelope import FROM_OUTSIDE, contract_of
from services.disputes.domain import responses
from services.notifications import post
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import ANSWERS
from tests.integration.house.conftest import MONDAY
from tests.integration.house.house import House, opened
from tests.integration.invoicing.office import a_seller, company, placed, shipped
from tests.unit.disputes.spoken import said as spoken

MARK = "zweigenbaum"
WHY = f"because {MARK} said so"


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Mail]:
    server = Mail(tmp_path / "mail")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def open_house(open_service: OpenService, rules_dir: Path, mail: Mail) -> AsyncIterator[House]:
    settings: dict[str, dict[str, Any]] = {
        "invoicing": {"rules_dir": rules_dir, "official_rules_share": 0.0},
        "notifications": {
            "smtp_host": mail.host,
            "smtp_port": mail.port,
            "smtp_tls": "none",
            "portal_url": "https://portal.example",
        },
    }
    async with opened(open_service, settings, left_alone=frozenset()) as house:
        await house.set_clock(MONDAY)
        yield house


async def test_what_people_wrote_is_where_it_belongs_and_goes_with_them(open_house: House, mail: Mail):
    house = open_house
    with capture_logs() as lines:
        dispute_id = await business(house)
        assert [found for found in in_topics(house) if found] == []
        assert MARK in letters(mail)
        assert {place.partition(":")[0] for place in await in_tables(house)} >= {
            "notifications.contact",
            "notifications.thread_message",
            "notifications.note",
            "notifications.question",
            "notifications.expectation",
            "notifications.feedback_action",
            "disputes.dispute",
            "disputes.dispute_move",
            "disputes.evidence",
            "disputes.response",
            "credit.account_hold",
            "credit.application_appeal",
            "credit.application_document",
            "credit.call_back",
            "credit.fact",
            "ledger.payment",
        }

        for contact_id in ("cleo", "ada"):
            request = notifications_calls.EraseContactRequest(contact_id=contact_id)
            await house.call(NotificationsServiceStub, "EraseContact", request, reason=WHY)
        await house.settle()

    assert {place.partition(":")[0] for place in await in_tables(house)} == {"ledger.payment"}  # a voucher
    assert [found for found in in_topics(house) if found] == []
    assert MARK not in repr(lines).lower()
    assert await house.waiting() == await refused_alone(house)
    assert len(house.said(notifications_pb2.ContactErased)) == 2
    await the_rest_stands(house, dispute_id)

    await house.set_clock(datetime(2035, 1, 2, 9, tzinfo=UTC))
    for resident in house.residents.values():
        await cleaning.clean(resident.parts.database, resident.service.outdated)
    assert await in_tables(house) == []
    await the_rest_stands(house, dispute_id)


async def business(house: House) -> str:
    """Orders, an invoice, a case with a photo and a question, a hold, a payment, people; return the case."""
    await house.call(InvoicingServiceStub, "RegisterSeller", a_seller(), reason=WHY)
    buyer = credit_calls.RegisterBuyerRequest(account_id="b1", company=company(), limit=eur(100_000))
    await house.call(CreditServiceStub, "RegisterBuyer", buyer, reason=WHY)
    for contact_id, account_id, roles in (
        ("cleo", "b1", ["AP_CLERK", "REQUESTER", "RECEIVING"]),
        ("ada", "", ["CREDIT", "CASH_APP", "DISPUTE_OWNER", "SALES", "COLLECTOR", "BILLING"]),
    ):
        contact = notifications_calls.RegisterContactRequest(
            contact_id=contact_id,
            account_id=account_id,
            name=f"{contact_id} {MARK}",
            email=f"{contact_id}.{MARK}@example.com",
            roles=roles,
            language="en",
        )
        await house.call(NotificationsServiceStub, "RegisterContact", contact, reason=WHY)
    await house.settle()

    said = {"ce_actor": f"Jane {MARK}", "ce_reason": WHY, "x-clerk": MARK}
    for record in (placed("o1"), shipped("o1"), placed("o2", account="nobody"), placed("o3", version=0)):
        _publish(house, replace(record, headers={**record.headers, **said}))
    await house.settle()
    [invoice] = house.said(invoicing_pb2.InvoiceIssued)

    opening = disputes_calls.OpenRequest(
        invoice=invoice.invoice_id, reason_code="QTY_SHORT", description=f"{MARK} counted two less", amount=eur(1_000)
    )
    case = (await house.call(DisputesServiceStub, "Open", opening, actor="contact:cleo", reason=WHY)).dispute
    photo = disputes_calls.AddEvidenceRequest(
        dispute_id=case.dispute_id,
        file_name=f"{MARK}.pdf",
        media_type="application/pdf",
        content=f"%PDF-1.7 {MARK}".encode(),
    )
    await house.call(DisputesServiceStub, "AddEvidence", photo, actor="contact:cleo", reason=WHY)
    unclear = spoken("UQ", "OTH", invoice_number=invoice.number, words=f"{MARK} asks")
    reading = responses_pb2.ReadResponseRequest(content=responses.write(unclear))
    await house.call(ResponseServiceStub, "ReadResponse", reading, actor="contact:cleo", reason=WHY)
    await move(house, case.dispute_id, disputes_calls.ACTION_REVIEW)
    await move(house, case.dispute_id, disputes_calls.ACTION_ASK_CUSTOMER, missing=f"a photo by {MARK}")

    hold = credit_calls.PlaceHoldRequest(
        hold_id="h1", account_id="b1", reason_code="overdue", reason=f"{MARK} does not call back", owner=f"Jane {MARK}"
    )
    await house.call(CreditServiceStub, "PlaceHold", hold, actor="user:bo for user:ada", reason=WHY)
    await apply(house)
    payment = ledger_calls.RecordPaymentRequest(
        payment_id="p1", account_id="b1", amount=eur(100), value_date="2026-03-02", remittance=f"from {MARK}"
    )
    await house.call(LedgerServiceStub, "RecordPayment", payment, actor="key:bank", reason=WHY)
    await house.settle()
    about = f"dispute/{case.dispute_id}"
    message = notifications_calls.AddMessageRequest(about=about, text=f"{MARK} wonders", mentions=["ada"])
    await house.call(NotificationsServiceStub, "AddMessage", message, actor="contact:cleo", reason=WHY)
    note = notifications_calls.AddNoteRequest(about=about, text=f"{MARK} always does")
    await house.call(NotificationsServiceStub, "AddNote", note, actor="user:ada", reason=WHY)
    await come_by_mail(house, about)
    await answer(house)
    await house.settle()
    return str(case.dispute_id)


async def answer(house: House) -> None:
    """What the clerk was asked when goods were shipped is answered, and seen to."""
    async with house.residents["notifications"].parts.database.transaction(["acme"]) as tx:
        asked = await tx.row("SELECT question_id, token FROM question WHERE contact_id = 'cleo'")
    given = feedback_calls.AnswerQuestionRequest(
        token=asked.token, value=2, words=f"{MARK} waited in vain", expects=f"{MARK} wants to be called"
    )
    await house.call(FeedbackServiceStub, "AnswerQuestion", given, actor="service:portal", reason=WHY)
    done = feedback_calls.CloseActionRequest(question_id=asked.question_id, cause="DELIVERY", said=f"{MARK} was called")
    await house.call(FeedbackServiceStub, "CloseAction", done, reason=WHY)


async def apply(house: House) -> None:
    """An application for credit, with persons in it, that is declined and appealed."""

    async def ask(kind: type[Any], actor: str = "contact:cleo", **fields: Any) -> None:
        request = kind(application_id="a1", **fields)
        method = kind.DESCRIPTOR.name.removesuffix("Request")
        await house.call(ApplicationServiceStub, method, request, actor=actor, reason=WHY)

    await ask(credit_applications.StartApplicationRequest, account_id="b1")
    answers = ANSWERS | {
        "contact_email": f"jane@{MARK}.example",
        "owners": f"Jane {MARK}",
        "reference_1": f"Joe {MARK}",
        "reference_2": f"Jim {MARK}",
    }
    facts = [credit_applications.Fact(key=key, value=value) for key, value in answers.items()]
    await ask(credit_applications.GiveFactsRequest, facts=facts)
    await ask(
        credit_applications.AddApplicationDocumentRequest,
        document_id="doc1",
        key="annual_accounts",
        name=f"{MARK}.pdf",
        media_type="application/pdf",
        content=f"%PDF-1.7 {MARK}".encode(),
    )
    await ask(credit_applications.SubmitApplicationRequest)
    await ask(
        credit_applications.RecordCallBackRequest,
        "user:ada",
        number="+49 30 901820",
        source_of_number=credit_applications.NUMBER_SOURCE_REGISTER,
        spoke_with=f"Joan {MARK}",
        outcome=credit_applications.CALL_BACK_OUTCOME_NOT_REACHED,
    )
    await ask(credit_applications.TakeUpApplicationRequest, "user:bo")
    await ask(
        credit_applications.DecideApplicationRequest,
        "user:bo",
        outcome=credit_applications.APPLICATION_OUTCOME_DECLINED,
        reasons=["R01"],
    )
    await ask(credit_applications.AppealApplicationRequest, why=f"{MARK} knows better")


async def the_rest_stands(house: House, dispute_id: str) -> None:
    """What is no person's: the document, the case and who did what by id, the hold."""
    [invoice] = house.said(invoicing_pb2.InvoiceIssued)
    document = invoicing_calls.RenderDocumentRequest(document=invoice.invoice_id)
    assert (await house.call(InvoicingServiceStub, "RenderDocument", document)).content
    found = await house.call(DisputesServiceStub, "GetDispute", disputes_calls.GetDisputeRequest(dispute_id=dispute_id))
    assert (found.dispute.description, found.dispute.reason_code) == ("", "QTY_SHORT")
    assert [entry.actor for entry in found.history] == ["contact:cleo", "system:disputes", "user:ada", "user:ada"]
    assert [entry.missing for entry in found.history] == [""] * 4
    request = disputes_calls.ListEvidenceRequest(dispute_id=dispute_id)
    [photo] = (await house.call(DisputesServiceStub, "ListEvidence", request)).evidence
    assert (photo.file_name, photo.added_by, photo.bytes > 0) == ("", "contact:cleo", True)
    [hold] = (await house.call(CreditServiceStub, "ListHolds", credit_calls.ListHoldsRequest(account_id="b1"))).holds
    assert (hold.reason_code, hold.reason, hold.owner) == ("overdue", "", "")
    told = await house.call(
        NotificationsServiceStub, "ListContacts", notifications_calls.ListContactsRequest(account_id="b1")
    )
    assert list(told.contacts) == []


async def come_by_mail(house: House, about: str) -> None:
    """An answer of the clerk's, as the door for mail keeps it."""
    content = f"From: {MARK} <cleo.{MARK}@example.com>\r\n\r\n{MARK} answers\r\n> {MARK} wondered\r\n"
    async with house.residents["notifications"].parts.database.transaction(["acme"]) as tx:
        case = await tx.row("SELECT token FROM case_file WHERE about = %s", [about])
        to = await post.of_case(tx, case.token)
        assert to is not None
        await post.add(tx, [to], content.encode())


async def refused_alone(house: House) -> list[tuple[str, str, str, str]]:
    """The order that no version can be of waits, at whoever follows it; nothing else does."""
    waiting = await house.waiting()
    assert {reason for _, reason, _, _ in waiting} <= {"refused"}
    assert house.said(credit_pb2.OrderRefused) != []
    return waiting


async def move(house: House, dispute_id: str, action: Any, **more: str) -> None:
    request = disputes_calls.MoveRequest(dispute_id=dispute_id, action=action, **more)
    await house.call(DisputesServiceStub, "Move", request, reason=WHY)


def in_topics(house: House) -> list[str]:
    """Records of our own topics that have the mark, in any header, key or payload; the shop's own are its."""
    return [
        f"{topic}: {record.headers['ce_type']}"
        for topic, records in house.topics.items()
        if contract_of(topic) not in FROM_OUTSIDE
        for record in records
        if MARK in repr((record.headers, record.key)).lower() or MARK.encode() in (record.value or b"").lower()
    ]


async def in_tables(house: House) -> list[str]:
    """Rows of all tables of all databases that have the mark, as text or as bytes; asked as who owns them."""
    found = []
    for name, resident in house.residents.items():
        owner = resident.parts.settings.owner_database_url.get_secret_value()
        async with await psycopg.AsyncConnection.connect(owner) as connection:
            await connection.execute("SELECT set_config('ar.tenants', 'acme', true)")
            cursor = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in await cursor.fetchall():
                question = sql.SQL("SELECT t::text FROM {} t WHERE t::text ILIKE %s OR t::text LIKE %s")
                rows = await connection.execute(
                    question.format(sql.Identifier(table)), [f"%{MARK}%", f"%{MARK.encode().hex()}%"]
                )
                found += [f"{name}.{table}: {row[:2000]}" for (row,) in await rows.fetchall()]
    return found


def letters(mail: Mail) -> str:
    """All that the mail server took: from there on it is its readers'."""
    return "".join(file.read_text(encoding="utf-8") for file in mail.folder.glob("*.eml"))


def _publish(house: House, record: Any) -> None:
    records = house.topics.setdefault(record.topic, [])
    records.append(replace(record, offset=len(records)))


def eur(minor: int) -> money_pb2.Money:
    return money_pb2.Money(minor=minor, currency="EUR")
