"""Mail arrives as files, whole; who is called bounce does not exist."""

import smtplib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.local.mail import Mail
from deploy.local.servers import Servers


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Mail]:
    """Give a mail server with an empty folder."""
    server = Mail(tmp_path / "mail")
    server.start()
    yield server
    server.stop()


def send(mail: Mail, *recipients: str) -> None:
    message = EmailMessage()
    message["Subject"] = "Rechnung für März"
    message["From"] = "seller@example.com"
    message["To"] = ", ".join(recipients)
    message.set_content("Bitte zahlen Sie bis zum 30. April.")
    with smtplib.SMTP(mail.host, mail.port, timeout=10) as client:
        client.send_message(message)


def names(mail: Mail) -> list[str]:
    return sorted(file.name for file in mail.folder.iterdir())


def test_a_message_becomes_a_file_for_each_recipient(mail: Mail) -> None:
    send(mail, "ap@acme.example", "etc/cfo@acme.example")

    assert names(mail) == ["1-ap@acme.example.eml", "2-etc_cfo@acme.example.eml"]
    received = message_from_bytes((mail.folder / "1-ap@acme.example.eml").read_bytes())
    assert "30. April" in str(received.get_payload())


def test_who_is_called_bounce_is_refused_for_good(mail: Mail) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(mail, "bounce.ap@acme.example")

    assert refusal.value.recipients == {"bounce.ap@acme.example": (550, b"5.1.1 no such user")}
    assert names(mail) == []


def test_the_same_message_twice_is_two_files_also_after_a_restart(mail: Mail) -> None:
    send(mail, "ap@acme.example")
    mail.stop()
    with pytest.raises(ConnectionRefusedError):
        send(mail, "ap@acme.example")
    mail.start()
    send(mail, "ap@acme.example")

    assert names(mail) == ["1-ap@acme.example.eml", "2-ap@acme.example.eml"]


def test_the_mail_server_of_the_run_answers(servers: Servers) -> None:
    with smtplib.SMTP(servers.smtp_host, servers.smtp_port, timeout=10) as client:
        assert client.noop()[0] == 250
