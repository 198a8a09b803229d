"""Mail that comes, however it is made: its words and its writer, within bounds."""

import time
from email.message import EmailMessage

import pytest

from services.notifications.domain.post import Refusal, Reply, Report
from services.notifications.letters.opened import WORDS_MAX, Reader

READER = Reader("reply.example", "notices@nordwind.example", "mx.example")
BROKEN = Reply("", "…")


def opened(*heads: str, body: bytes = b"Hello") -> Reply:
    head = "".join(f"{line}\r\n" for line in ("From: Cleo <cleo@acme.example>", *heads))
    found = READER.open(head.encode("latin-1", "surrogateescape") + b"\r\n" + body)
    assert isinstance(found, Reply)
    return found


def test_the_plain_words_are_read_and_what_is_beside_them_is_counted():
    mail = EmailMessage()
    mail["From"] = "Cleo <Cleo@ACME.example>"
    mail.set_content("Grüße\n\nOn Monday, Nordwind wrote:\n> old\n")
    mail.add_alternative("<p>page</p>", subtype="html")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="note.pdf")
    mail.add_attachment("text", filename="list.csv")

    assert READER.open(mail.as_bytes()) == Reply(
        "cleo@acme.example", "Grüße", "On Monday, Nordwind wrote:\n> old", files=2
    )


def test_a_page_is_read_where_there_is_nothing_plain():
    page = "<title>no</title><style>p{}</style><p>Two <b>boxes</b><br>missing<script>x()</script></p>"
    quote = "<div>Am 2. März schrieb Nordwind:</div><blockquote><p>alt</p></blockquote>"

    reply = opened("Content-Type: text/html; charset=utf-8", body=f"{page}{quote}<p>Danke</p>".encode())

    assert reply.text == "Two boxes\nmissing\n\nDanke"
    assert "> alt" in reply.folded


@pytest.mark.parametrize(
    ("head", "raw", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("text/plain; charset=nonsense", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=punycode", b"abc-", "abc-"),
        ("text/plain; charset=hex", b"00", "00"),
        ("text/plain; charset=utf-8", b"\xff!", "\ufffd!"),
        ("text/plain; charset=utf-8", b"a\x00b\x07c\x1b[31m", "abc[31m"),
        ("text/plain; charset=utf-8", "pay \u202e1000\u2066 now\ufeff".encode(), "pay 1000 now"),
        ("text/plain; charset=utf-8", "a\u00a0b\tc\r\nd\u2028e".encode(), "a b c\nd\ne"),
        ("no such thing", b"plain", "plain"),
    ],
)
def test_whatever_the_words_are_written_in_they_can_be_shown(head: str, raw: bytes, text: str):
    assert opened(f"Content-Type: {head}", body=raw).text == text


def test_a_long_text_is_cut_where_the_contract_ends():
    assert len(opened(body=b"word " * 20_000).text) == WORDS_MAX


@pytest.mark.parametrize(
    "heads",
    [
        ["Auto-Submitted: auto-replied"],
        ["Auto-Submitted: auto-generated; x=y"],
        ["Precedence: bulk"],
        ["X-Autoreply: yes"],
        ["Return-Path: <>"],
        ["Content-Type: multipart/report; report-type=disposition-notification; boundary=b"],
    ],
)
def test_what_a_machine_sends_is_nobodys_word(heads: list[str]):
    assert opened(*heads).automatic


def test_a_persons_word_is_no_machines():
    assert not opened("Auto-Submitted: no", "Return-Path: <cleo@acme.example>", "Return-Path: <>").automatic


@pytest.mark.parametrize("address", ["notices@nordwind.example", "case+0@reply.example"])
def test_our_own_mail_is_no_reply(address: str):
    found = READER.open(f"From: {address}\r\n\r\nHello".encode())

    assert isinstance(found, Reply)
    assert found.automatic


@pytest.mark.parametrize(
    "sender",
    [
        "From: a@x.example, b@x.example",
        "From: a@x.example\r\nFrom: b@x.example",
        "From: nobody",
        "From: " + "(" * 1900,
        "From: " + "a" * 100_000 + "@x.example",
        "To: a@x.example",
        "From: =?utf-8?q?a=40x=2Eexample=0D=0ABcc=3A?= b",
    ],
)
def test_a_mail_from_several_or_from_nobody_names_nobody(sender: str):
    found = READER.open(f"{sender}\r\n\r\nHello".encode())

    assert isinstance(found, Reply)
    assert (found.sender, found.text) == ("", "Hello")


@pytest.mark.parametrize(
    ("said", "vouched"),
    [
        (["mx.example; dmarc=pass header.from=acme.example"], True),
        (["MX.example 1; spf=fail; dmarc = pass (p=reject) header.from=acme.example"], True),
        (["mx.example; dmarc=pass"], True),
        (["other.example; dmarc=pass header.from=acme.example"], False),
        (["mx.example; dmarc=pass header.from=evil.example"], False),
        (["mx.example; dmarc=fail", "mx.example; dmarc=pass"], False),
        (["mx.example; x=(dmarc=pass)"], False),
        (["mx.example; none"], False),
        ([""], False),
        ([], False),
    ],
)
def test_who_vouches_is_the_server_before_us_by_its_first_word(said: list[str], vouched: bool):
    assert opened(*[f"Authentication-Results: {each}" for each in said]).vouched is vouched


def _report(kind: str, fields: str) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; boundary=B\r\n\r\n"
        f"--B\r\n\r\nIt failed.\r\n--B\r\nContent-Type: message/{kind}\r\n\r\n{fields}\r\n--B--\r\n"
    ).encode()


def test_a_report_says_which_address_was_refused_for_good():
    fields = (
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        "Original-Recipient: rfc822;Cleo@acme.example\r\nFinal-Recipient: rfc822; c2@acme.example\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 551 5.1.1 gone\r\n\r\n"
        "Final-Recipient: rfc822; d@acme.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n"
        "Final-Recipient: rfc822; e@acme.example\r\nAction: relayed\r\nStatus: 5.0.0\r\n\r\n"
    )

    report = READER.open(_report("delivery-status", fields))

    assert report == Report(refusals=(Refusal(frozenset({"cleo@acme.example", "c2@acme.example"}), 551),))
    assert [report.refused(at) for at in ("CLEO@acme.example", "c2@acme.example", "d@acme.example")] == [551, 551, 0]


@pytest.mark.parametrize(("kind", "complaint"), [("abuse", True), ("not-spam", False)])
def test_a_complaint_says_that_mail_is_unwanted(kind: str, complaint: bool):
    fields = f"Feedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n"

    assert READER.open(_report("feedback-report", fields)) == Report(complaint=complaint)


def _nested(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000,
        _nested(1_000) + b"\r\nx",
        _nested(90) + b"\r\n" + b"\n" * 4_000_000,
        b"\r\n" + b"\n" * 8_000_000,
        b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\nx",
        b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + b"x",
    ],
    ids=["parts", "depth", "depth and lines", "lines", "headers", "mails in mails"],
)
def test_a_mail_that_would_take_long_is_given_up_soon(content: bytes):
    began = time.thread_time()

    assert READER.open(b"From: cleo@acme.example\r\n" + content) == BROKEN
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: text/plain; " + b"a*0=b;" * 200_000 + b"\r\n\r\nx",
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 200_000 + b"x",
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 200_000,
        b"Content-Type: text/plain; charset=idna\r\n\r\n" + b"xn--a." * 200_000,
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFB" * 500_000,
        b"",
        b"\r\n\r\n",
        b"\x00" * 1000,
    ],
)
def test_whatever_comes_is_read_soon(content: bytes):
    began = time.thread_time()

    assert isinstance(READER.open(b"From: cleo@acme.example\r\n" + content), Reply)
    assert time.thread_time() - began < 3
