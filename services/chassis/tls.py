"""Mutual TLS between workloads: whose certificate it is, and certificates that are read again while we run.

A workload's folder holds tls.crt, tls.key and ca.crt, as cert-manager writes them; ca.crt may hold two authorities, so
that certificates of the next are good before those of the last have ended. A certificate names its workload by the URI
spiffe://receivables/<workload>, and as a server by the DNS name <workload>.receivables.internal, wherever it answers.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.chassis.logs import log
from services.kernel.refusals import Unauthenticated

NAMES = "spiffe://receivables/"  # a workload's certificate has the URI spiffe://receivables/<workload>
DOMAIN = "receivables.internal"
CERTIFICATE, KEY, AUTHORITIES = "tls.crt", "tls.key", "ca.crt"
GRACE_S = 10.0  # for calls that are under way on a channel that another has taken the place of


def workload(auth: Mapping[str, Sequence[bytes]]) -> str | None:
    """The workload of a connection's certificate ("" if it names none of ours); None on a wire without certificates.

    gRPC looks at a certificate once, when the connection is made: that it has ended since is seen here.
    """
    if not (pem := auth.get("x509_pem_cert")):
        return None
    name, ends = _read(pem[0])
    if datetime.now(UTC) > ends:
        raise Unauthenticated(
            "identity.certificate_expired", "the certificate of this connection has ended: connect anew"
        )
    return name


@lru_cache(1000)
def _read(pem: bytes) -> tuple[str, datetime]:
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "", certificate.not_valid_after_utc
    ours = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(NAMES)]
    return (ours[0].removeprefix(NAMES) if len(ours) == 1 else ""), certificate.not_valid_after_utc


@dataclass(frozen=True, slots=True)
class Papers:
    """A certificate with its chain, its key, and the authorities whose certificates we believe; all PEM."""

    certificate: bytes
    key: bytes
    authorities: bytes


class Holder:
    """A workload's papers, as its folder says them now; what makes no sense leaves them as they were."""

    def __init__(self, folder: Path) -> None:
        """Read them; raises OSError or ValueError where there are none yet."""
        self.folder = folder
        self._alone = threading.Lock()  # gRPC asks from threads of its own
        self._ages = self._look()
        self._papers = self._load()

    def now(self) -> Papers:
        """The papers; the same object while nothing has changed."""
        with self._alone:
            try:
                ages = self._look()
                if ages != self._ages:
                    self._ages = ages
                    self._papers = self._load()
                    log.info("certificate read again", folder=str(self.folder))
            except (OSError, ValueError) as error:
                log.error("a certificate cannot be read", folder=str(self.folder), error=type(error).__name__)
            return self._papers

    def _look(self) -> list[tuple[int, int]]:
        found = [(self.folder / name).stat() for name in (CERTIFICATE, KEY, AUTHORITIES)]
        return [(each.st_mtime_ns, each.st_ino) for each in found]

    def _load(self) -> Papers:
        papers = Papers(*((self.folder / name).read_bytes() for name in (CERTIFICATE, KEY, AUTHORITIES)))
        # Three files are not written in one step: of two certificates, they would be taken for none.
        ours = x509.load_pem_x509_certificate(papers.certificate).public_key()
        if ours != load_pem_private_key(papers.key, None).public_key():
            raise ValueError("the key is of another certificate")
        x509.load_pem_x509_certificates(papers.authorities)
        return papers


def holder(folder: Path) -> Holder:
    """The papers in a folder; without any, the process ends with a line that says so."""
    try:
        return Holder(folder)
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"AR_TLS_DIR: {folder} has no certificate of ours, its key and {AUTHORITIES}: {error}"
        ) from None


def server_credentials(held: Holder) -> grpc.ServerCredentials:
    """For a server that asks every caller for a certificate; each new connection meets the papers of that moment."""
    given = held.now()

    def renewed() -> Any:
        nonlocal given
        if (now := held.now()) is given:
            return None
        given = now
        return _configuration(now)

    return grpc.dynamic_ssl_server_credentials(_configuration(given), renewed, require_client_authentication=True)


def _configuration(papers: Papers) -> Any:
    return grpc.ssl_server_certificate_configuration([(papers.key, papers.certificate)], papers.authorities)


def _credentials(papers: Papers) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(papers.authorities, papers.key, papers.certificate)


def _options(service: str, options: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [*options, ("grpc.ssl_target_name_override", f"{service}.{DOMAIN}")]


class Line:
    """A channel to a service for asyncio, made anew when our papers change; in plain text without papers."""

    def __init__(self, service: str, address: str, held: Holder | None, options: Sequence[tuple[str, Any]]) -> None:
        """Remember where the service answers; the connection opens with the first question."""
        self._service, self._address, self._held = service, address, held
        self._options = options
        self._papers: Papers | None = None
        self._channel: grpc.aio.Channel | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def channel(self) -> grpc.aio.Channel:
        """The channel for the next call."""
        papers = self._held.now() if self._held else None
        if self._channel is None or papers is not self._papers:
            if self._channel is not None:
                ending = asyncio.ensure_future(self._channel.close(GRACE_S))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
            self._papers, self._channel = papers, self._open(papers)
        return self._channel

    def _open(self, papers: Papers | None) -> grpc.aio.Channel:
        if papers is None:
            return grpc.aio.insecure_channel(self._address, options=self._options)
        options = _options(self._service, self._options)
        return grpc.aio.secure_channel(self._address, _credentials(papers), options=options)

    async def close(self) -> None:
        """Close it; the next question would open it again."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None


class Channel(grpc.Channel):  # type: ignore[misc, unused-ignore] # typed or not, as grpc's stubs are
    """The same for threads, beneath an interceptor: it is that which asks anew for a method with each call."""

    def __init__(self, service: str, address: str, held: Holder, options: Sequence[tuple[str, Any]] = ()) -> None:
        """Connect with the first call."""
        self._service, self._address, self._held = service, address, held
        self._options = _options(service, options)
        self._alone = threading.Lock()
        self._papers = held.now()
        # The present one is the last; the one before it ends its calls meanwhile.
        self._channels = [self._open()]

    def _open(self) -> grpc.Channel:
        return grpc.secure_channel(self._address, _credentials(self._papers), self._options)

    def _now(self) -> grpc.Channel:
        with self._alone:
            if (papers := self._held.now()) is not self._papers:
                self._papers = papers
                for ended in self._channels[:-1]:
                    ended.close()
                self._channels = [self._channels[-1], self._open()]
            return self._channels[-1]

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """A method of the present channel."""
        return self._now().unary_unary(*args, **kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """A method of the present channel."""
        return self._now().unary_stream(*args, **kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """A method of the present channel."""
        return self._now().stream_unary(*args, **kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """A method of the present channel."""
        return self._now().stream_stream(*args, **kwargs)

    def subscribe(self, callback: Any, try_to_connect: bool = False) -> None:
        """Hear of the present channel's connectivity."""
        self._now().subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Any) -> None:
        """Hear no more of it."""
        self._now().unsubscribe(callback)

    def close(self) -> None:
        """Close it, and cancel what is under way."""
        for channel in self._channels:
            channel.close()

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
