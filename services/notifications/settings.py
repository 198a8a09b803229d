"""What notifications can be told from outside, beside the machinery's settings."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from services.chassis.settings import ChassisSettings, Port

_DOMAIN = r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"


class Settings(ChassisSettings):
    """Settings of notifications."""

    reply_domain: str = Field(
        default="reply.receivables.example",
        pattern=_DOMAIN,
        description="takes the replies to cases, and names our mails",
    )

    portal_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#]+)?$",
        description="where the portal answers, {tenant} in it for the seller's; empty: mails have no link there",
    )
    invoicing_address: str = Field("127.0.0.1:50052", description="host:port of invoicing, for documents")
    disputes_address: str = Field("127.0.0.1:50054", description="host:port of disputes, for what people wrote there")
    ledger_address: str = Field("127.0.0.1:50053", description="host:port of the ledger, for the same")
    smtp_host: str = Field("127.0.0.1", description="mail server that takes our mail")
    smtp_port: Port = Field(25, description="its port")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="how the mail server is spoken to; tls: from the first byte, none: in plain text"
    )
    smtp_ca: Path | None = Field(None, description="authorities of its certificate; empty: the machine's")
    smtp_user: str = Field("", description="empty: the server takes our mail without a login")
    smtp_password: SecretStr = Field(SecretStr(""), description="of smtp_user")
    smtp_connections: int = Field(4, description="to the mail server, at once", ge=1)
    mail_from: str = Field(
        "notifications@receivables.example", description="the address that sends; the name is the seller's company"
    )
    mail_port: int = Field(
        0, description="port where mail to us comes in (SMTP): replies, reports; 0: none does", ge=0, le=65535
    )
    mail_trusted_authserv: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.-]*$",
        description="how the mail server before AR_MAIL_PORT calls itself in Authentication-Results: who writes has its "
        "dmarc=pass; empty: a buyer's address is believed",
    )
