"""Mail goes over a wire that nobody reads, to the server whose name the certificate has, or does not go."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.authority import Authority
from deploy.local.mail import Mail
from services.notifications.smtp import Away, Server

LETTER = b"Subject: a\r\n\r\nwords\r\n"


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Mail]:
    """Give a mail server with a certificate."""
    server = Mail(tmp_path / "mail", authority=Authority(tmp_path / "authority"))
    server.start()
    yield server
    server.stop()


def server(mail: Mail, tls: str, ca: Path | None) -> Server:
    return Server(mail.host, mail.port, tls, ca, "", lambda: "", "us@x.example", connections=1)


async def test_it_is_encrypted_before_anybody_is_named(mail: Mail, tmp_path: Path):
    async with server(mail, "starttls", tmp_path / "authority" / "ca.crt").connected() as session:
        await session.send("ann@people.example", LETTER)

    assert [file.name for file in mail.folder.iterdir()] == ["1-ann@people.example.eml"]
    with smtplib.SMTP(mail.host, mail.port, timeout=10) as plain:
        plain.ehlo()
        assert plain.mail("us@x.example")[0] == 530


async def test_a_server_of_another_authority_or_without_tls_gets_no_mail(mail: Mail, tmp_path: Path):
    other = Authority(tmp_path / "other")
    plain = Mail(tmp_path / "plain")
    plain.start()
    try:
        for one in (
            server(mail, "starttls", other.file),
            server(mail, "starttls", None),
            server(plain, "starttls", None),
        ):
            with pytest.raises(Away):
                async with one.connected():
                    pass
    finally:
        plain.stop()
    assert list(mail.folder.iterdir()) == []
