"""Where the brokers are and who we are to them, as each of the three libraries that speak to them wants it told.

What is read from files is read at each new connection: certificates, authorities and the password change while we run.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from faust.auth import SASLCredentials, SSLCredentials

from services.chassis.logs import log
from services.chassis.settings import ChassisSettings, secret_now
from services.chassis.tls import CERTIFICATE, KEY

Security = Literal["plaintext", "ssl", "sasl_ssl"]
MECHANISM = "SCRAM-SHA-512"


class Password(str):
    """A password that is read anew whenever somebody logs in: the libraries encode it for each connection."""

    __slots__ = ("_read",)
    _read: Callable[[], str]

    def __new__(cls, read: Callable[[], str]) -> "Password":
        """Take what reads it."""
        made = super().__new__(cls, read())
        made._read = read
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The password of this moment."""
        return self._read().encode(encoding, errors)


class Context(ssl.SSLContext):
    """What a broker's certificate must be, and our own, by files that are looked at for each new connection."""

    authorities: Path | None
    folder: Path | None
    _ages: object
    _inner: ssl.SSLContext

    @classmethod
    def of(cls, authorities: Path | None, folder: Path | None) -> "Context":
        """Believe these authorities (or the machine's), and show the certificate in this folder, if there is one.

        Raises OSError where the files are not there, or make no sense.
        """
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.authorities, context.folder = authorities, folder
        context._ages, context._inner = context._look(), context._load()
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a connection, as asyncio does."""
        return self._now().wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Begin a connection, as kafka-python does."""
        return self._now().wrap_socket(*args, **kwargs)

    def _now(self) -> ssl.SSLContext:
        """The context of the files as they are; what makes no sense leaves it as it was."""
        try:
            if (ages := self._look()) != self._ages:
                # Both or none: a certificate and its key are not written in one step.
                self._ages, self._inner = ages, self._load()
        except OSError as error:
            log.error("a certificate cannot be read", folder=str(self.folder), error=type(error).__name__)
        return self._inner

    def _look(self) -> object:
        ours = (self.folder / CERTIFICATE, self.folder / KEY) if self.folder else ()
        found = [path.stat() for path in (self.authorities, *ours) if path is not None]
        return [(each.st_mtime_ns, each.st_ino) for each in found]

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.folder is not None:
            context.load_cert_chain(self.folder / CERTIFICATE, self.folder / KEY)
        return context


@dataclass(frozen=True)
class Brokers:
    """Brokers, and how one comes to them; two are the same if who comes is the same there."""

    addresses: tuple[str, ...]
    security: Security = "plaintext"
    user: str = ""
    password: str = field(default="", compare=False, repr=False)
    context: Context | None = field(default=None, compare=False)

    def options(self) -> dict[str, Any]:
        """What kafka-python and aiokafka are told, in the words that both have."""
        told: dict[str, Any] = {"bootstrap_servers": list(self.addresses)}
        if self.security == "plaintext":
            return told
        told |= {"security_protocol": self.security.upper(), "ssl_context": self.context}
        if self.security == "sasl_ssl":
            told |= {
                "sasl_mechanism": MECHANISM,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return told

    def faust(self) -> dict[str, Any]:
        """What Faust is told."""
        told: dict[str, Any] = {"broker": [f"kafka://{address}" for address in self.addresses]}
        if self.security == "ssl":
            told["broker_credentials"] = SSLCredentials(self.context)
        elif self.security == "sasl_ssl":
            told["broker_credentials"] = SASLCredentials(
                username=self.user, password=self.password, ssl_context=self.context, mechanism=MECHANISM
            )
        return told


def brokers_of(settings: ChassisSettings) -> Brokers:
    """The brokers as the settings name them; what they lack ends the process with a line that says so."""
    addresses = tuple(settings.kafka_bootstrap_servers.split(","))
    security = settings.kafka_security
    if security == "plaintext":
        return Brokers(addresses)
    try:
        context = Context.of(settings.kafka_ca, settings.kafka_tls_dir if security == "ssl" else None)
    except OSError as error:
        raise SystemExit(f"AR_KAFKA_CA, AR_KAFKA_TLS_DIR: {error}") from None
    if security == "ssl":
        return Brokers(addresses, security, context=context)
    if not settings.kafka_user or not settings.kafka_password.get_secret_value():
        raise SystemExit("AR_KAFKA_USER, AR_KAFKA_PASSWORD: a broker with AR_KAFKA_SECURITY=sasl_ssl asks for both")
    password = Password(partial(secret_now, settings, "kafka_password"))
    return Brokers(addresses, security, settings.kafka_user, password, context)
