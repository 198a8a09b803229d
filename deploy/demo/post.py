"""Somebody of the sample answers a mail, as their mail server would hand it on."""

import smtplib
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

from deploy.local.processes import free_port

STEADY_PORT = 20025
SECONDS = 30


def door(*, steady: bool) -> int:
    """A port where mail comes in."""
    return free_port(STEADY_PORT) if steady else free_port()


def reply_to(mail_folder: Path, address: str) -> str:
    """Where an answer to the last mail goes that somebody got about one case; "": to none."""
    files = sorted(
        mail_folder.glob(f"*-{address}.eml"), key=lambda file: int(file.name.partition("-")[0]), reverse=True
    )
    named = (str(message_from_bytes(file.read_bytes(), policy=policy.default)["Reply-To"]) for file in files)
    return next((each for each in named if each.startswith("case+")), "")


def send(words: str, *, of: str, to: str, port: int, authority: Path, message_id: str = "") -> None:
    """Write it, by an id of its own or the same again; raises SMTPException or OSError where it is not taken."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = of, to, "Re:"
    mail["Message-ID"] = message_id or make_msgid(domain="demo.example")
    mail.set_content(words)
    with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(authority)))
        client.send_message(mail)
