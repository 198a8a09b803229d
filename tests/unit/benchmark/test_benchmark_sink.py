"""The mail sink speaks SMTP and counts what it took, wherever it is looked at."""

import smtplib
import socket

import pytest

from tests.benchmark.sink import HOST, Count, Sink


@pytest.fixture
def sink(tmp_path):
    """Give a sink and its count."""
    count = Count(tmp_path / "mails")
    with Sink(tmp_path / "mails") as running:
        yield running, count


def test_every_mail_that_is_taken_is_counted(sink):
    running, count = sink

    with smtplib.SMTP(HOST, running.port, timeout=10) as client:
        for text in ("Subject: one\r\n\r\nbody\r\n.\r\n.leading dot", "Subject: two\r\n\r\nbody"):
            client.sendmail("a@b.example", ["c@d.example"], text)

    assert count.value == 2


def test_commands_in_one_piece_and_mails_without_a_word_are_told_apart(sink):
    running, count = sink
    mail = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"

    with socket.create_connection((HOST, running.port), timeout=10) as raw, raw.makefile("rb") as answers:
        raw.sendall(b"EHLO us\r\n" + mail + b".\r\n" + mail + b"Subject: x\r\n\r\ny\r\n.\r\nQUIT\r\n")
        codes = [line[:3] for line in answers]

    assert codes == [b"220", *[b"250"] * 4, *[b"250", b"250", b"354", b"250"] * 2, b"221"]
    assert count.value == 2
