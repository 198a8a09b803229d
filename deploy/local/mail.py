"""Receive mail instead of sending it: every message becomes a file, and some addresses bounce."""

import itertools
import re
import ssl
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.authority import Authority
from deploy.local.processes import free_port
from services.chassis.tls import CERTIFICATE, KEY

HOST = "127.0.0.1"


class Mail:
    """An SMTP server in a thread of ours that keeps its port when it is stopped and started.

    With an authority it has a certificate, and takes nothing before STARTTLS.
    """

    def __init__(self, folder: Path, port: int = 0, authority: Authority | None = None) -> None:
        """Describe it: messages go to `folder` as `<n>-<recipient>.eml`, one file for each recipient; `port` if it is free."""
        self.folder = folder.resolve()
        self._authority = authority
        self.host, self.port = HOST, free_port(port)
        self._controller: Controller | None = None

    def start(self) -> None:
        """Start to receive, numbering on from what the folder holds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        context = None
        if self._authority is not None:
            certificate = self._authority.issue("mail")
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate / CERTIFICATE, certificate / KEY)
        self._controller = Controller(
            _Mailbox(self.folder),
            hostname=self.host,
            port=self.port,
            tls_context=context,
            require_starttls=context is not None,
        )
        self._controller.start()

    def stop(self) -> None:
        """Stop to receive; the files stay."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None


class _Mailbox:
    """What to answer at each step of the protocol; the names are aiosmtpd's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        received = (int(file.name.split("-")[0]) for file in folder.glob("[0-9]*-*.eml"))
        self._numbers = itertools.count(max(received, default=0) + 1)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse for good whoever is called `bounce…`: how a bounce is played."""
        if address.lower().startswith("bounce"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Accept only when every file is complete under its name: a reader never sees half a message."""
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            safe = re.sub(r"[^A-Za-z0-9@._+-]", "_", recipient)[:120]
            file = self._folder / f"{next(self._numbers)}-{safe}.eml"
            partial = file.with_suffix(".partial")
            partial.write_bytes(content)
            partial.rename(file)
        return "250 2.0.0 OK"
