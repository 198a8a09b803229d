"""The mail as it travels, read again by the standard library's reader."""

from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.documents import Document
from services.notifications.domain.delivery import State
from services.notifications.letters import letter, mime, portal
from services.notifications.store import Mail

# What a person's or a company's name may hold: printable, on one line (domain/contacts.py, wire.clean).
NAMES = st.text(min_size=1, max_size=200).map(lambda t: " ".join("".join(c for c in t if c.isprintable()).split()))
WORDS = NAMES.filter(bool)


def a_message(**changes: Any) -> Any:
    values = {
        "tenant": "nordwind",
        "contact_id": "cleo",
        "message_id": "m1",
        "fact": "invoice/i1",
        "event_type": "receivables.invoicing.v1.InvoiceIssued",
        "about": "invoice/i1",
        "account_id": "acme",
        "role": "AP_CLERK",
        "weight": "ACT",
        "sender": "Nordwind GmbH",
        "subject": "Invoice RE-1",
        "what_happened": "Something happened.",
        "affects": "amount €1,190.00",
        "what_we_do": "We wait.",
        "action": "Pay it.",
        "action_link": "mailto:case+1@reply.example?subject=Invoice",
        "owner": "billing, Nordwind GmbH",
        "by_when": date(2026, 4, 1),
        "next_update_at": date(2026, 4, 1),
        "told_on": date(2026, 3, 2),
        "track_url": "mailto:case+1@reply.example",
        "why_you": "You are named.",
        "document": "",
    }
    return SimpleNamespace(**(values | changes))


def a_mail(*messages: Any, name: str = "Cleo", key: str = "invoice/i1") -> Mail:
    return Mail(
        tenant="nordwind",
        contact_id="cleo",
        key=key,
        due_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        state=State.QUEUED,
        attempts=1,
        name=name,
        email="cleo@acme.example",
        language="en",
        messages=messages or (a_message(),),
    )


def written(mail: Mail, *enclosed: Document) -> bytes:
    return letter.write(mail, enclosed, sender="notifications@receivables.example", domain="reply.example")


def read(content: bytes) -> EmailMessage:
    found = message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert not [defect for part in found.walk() for defect in part.defects]
    return found


def named(content: bytes, header: str) -> tuple[str, str]:
    """A mailbox. The standard library's newer reader puts a space between two encoded words of a name, its older none."""
    name, address = parseaddr(message_from_bytes(content)[header])
    return str(make_header(decode_header(name))), address


@settings(deadline=None)  # the first letter compiles the templates
@given(WORDS, WORDS, WORDS)
def test_whatever_people_and_companies_are_called_a_reader_finds_it_again(name: str, company: str, subject: str):
    content = written(a_mail(a_message(sender=company, subject=subject), name=name))

    mail = read(content)
    assert str(mail["Subject"]) == subject
    assert named(content, "To") == (name, "cleo@acme.example")
    assert named(content, "From") == (company, "notifications@receivables.example")
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 100
    assert b"\n" not in content.replace(b"\r\n", b"")


@settings(deadline=None)  # the first letter compiles the templates
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
def test_whatever_is_said_is_read_word_for_word(said: str):
    mail = read(written(a_mail(a_message(what_happened=f"<{said}>"))))

    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert f"\n<{said}>\n" in text.get_content().replace("\r\n", "\n")
    assert "<script" not in html.get_content()


@settings(deadline=None)  # the first letter compiles the templates
@given(st.binary(max_size=500))
def test_a_document_arrives_byte_for_byte(content: bytes):
    mail = read(written(a_mail(), Document(content, "application/pdf", "RE-1.pdf")))

    [part] = mail.iter_attachments()
    assert (part.get_content_type(), part.get_filename(), part.get_content()) == (
        "application/pdf",
        "RE-1.pdf",
        content,
    )


@pytest.mark.parametrize(
    ("file_name", "media_type", "found"),
    [
        ("Rechnung Süd.xml", "application/xml", ("Rechnung Süd.xml", "application/xml")),
        ('a/b"\r\nBcc: x@y.example\\.xml', "application/xml", ("abBcc: x@y.example.xml", "application/xml")),
        ("", "application/xml; charset=utf-8", ("document.xml", "application/xml")),
        ("R" * 300 + ".xml", "text/x\r\nBcc: x@y.example", ("R" * 96 + ".xml", "application/octet-stream")),
    ],
)
def test_a_documents_name_and_kind_break_no_header(file_name: str, media_type: str, found: tuple[str, str]):
    mail = read(written(a_mail(), Document(b"<x/>", media_type, file_name)))

    [part] = mail.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == found
    assert mail["Bcc"] is None


def test_a_word_that_looks_encoded_is_shown_as_it_was_written():
    mail = read(written(a_mail(a_message(subject="=?utf-8?q?Invoice?="))))

    assert b"=?utf-8?b?" in bytes(mime.unstructured("=?utf-8?q?Invoice?="), "ascii")
    assert str(mail["Subject"]) == "=?utf-8?q?Invoice?="


def test_the_same_mail_is_the_same_to_the_byte():
    digest = a_mail(a_message(), a_message(message_id="m2", weight="DIGEST"), key="digest/2026-03-02T16:00")

    assert written(digest) == written(digest)
    assert written(digest) != written(a_mail())


@pytest.mark.parametrize(
    ("about", "role", "page"),
    [
        ("invoice/i1", "AP_CLERK", "/invoices/i1"),
        ("order/o 1/2", "REQUESTER", "/orders/o%201%2F2"),
        ("dispute/d1", "", "/disputes/d1"),
        ("dispute/d1", "DISPUTE_OWNER", "/desk/disputes/d1"),
        ("payment/p1", "CASH_APP", "/desk/cash/payments/p1"),
        ("payment/p1", "AP_CLERK", "/"),
        ("buyer/acme", "SALES", "/desk"),
    ],
)
def test_a_mail_leads_into_the_portal_where_there_is_one(about: str, role: str, page: str):
    row = a_message(about=about, role=role)

    assert portal.link("https://{tenant}.pay.example/", row) == f"https://nordwind.pay.example{page}"
    assert portal.link("", row) == ""


@pytest.mark.parametrize("key", ["invoice/i1", "digest/2026-03-02"])
def test_the_way_into_the_portal_stands_beside_the_address_for_questions(key: str):
    def said(portal_url: str) -> tuple[str, str]:
        sent = letter.write(a_mail(a_message(), key=key), [], sender="n@x.example", domain="x", portal_url=portal_url)
        mail = message_from_bytes(sent, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
        plain, html = (str(body.get_content()) for body in bodies if body is not None)
        return plain, html

    for body in said("https://{tenant}.pay.example"):
        # What is asked is done on its page in one click; a digest asks nothing.
        assert ("Open it in the portal" in body) == (not key.startswith("digest/"))
        assert "https://nordwind.pay.example/invoices/i1" in body
        assert "mailto:case+1@reply.example" in body
    assert not any("How far it is" in body for body in said(""))
