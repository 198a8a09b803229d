"""What the portal's use cases stand on, and the words they share."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.chassis import acts
from services.chassis.acts import Act
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.settings import secret_now
from services.portal.asks import Asks
from services.portal.domain.people import STEP_UP_S, Person
from services.portal.settings import Settings
from services.portal.store import Session

_TOKEN_BYTES = 32
_NONCE_BYTES = 12
_SECOND = 2  # assurance


@dataclass(frozen=True, slots=True)
class Door:
    """What signing in stands on."""

    database: Database
    asks: Asks
    settings: Settings

    def keyed(self, *words: str) -> bytes:
        """A hash that nobody can make without our key."""
        key = secret_now(self.settings, "portal_secret").encode()
        return hmac.new(key, "\x1f".join(words).encode(), hashlib.sha256).digest()

    def seal(self, plain: bytes, *bound: str) -> bytes:
        """Encrypt what nobody else may read or change; it is opened by the same words alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, plain, "\x1f".join(bound).encode())

    def unseal(self, sealed: bytes, *bound: str) -> bytes | None:
        """What was sealed with these words; None if it was not, or not by us."""
        try:
            return self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], "\x1f".join(bound).encode())
        except (InvalidTag, ValueError):
            return None

    def _cipher(self) -> AESGCM:
        key = secret_now(self.settings, "portal_secret").encode()
        return AESGCM(HKDF(SHA256(), 32, None, b"receivables portal seal").derive(key))


def new_secret() -> str:
    """256 bits for a cookie or a link; of it only the hash is kept."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hash_of(secret: str) -> bytes:
    """What is kept of one: it has all its bits, and needs no key."""
    return hashlib.sha256(secret.encode()).digest()


def origin_of(host: str) -> str:
    """Where a host's pages are: on this machine, for whoever tries it out, in plain text."""
    name = host.partition(":")[0]
    return f"http://{host}" if name == "localhost" or name.endswith(".localhost") else f"https://{host}"


def is_fresh(session: Session, seconds: int) -> bool:
    """Whether the second factor was shown so recently."""
    return session.proven_at is not None and (datetime.now(UTC) - session.proven_at).total_seconds() < seconds


def is_proved(session: Session) -> bool:
    """Whether what needs a second factor anew may be done now."""
    return session.assurance == _SECOND and is_fresh(session, STEP_UP_S)


async def noted(tx: Tx, person: Person, method: str, about: str = "") -> None:
    """Leave an act of the portal's own in the audit trail."""
    act = Act(
        person.tenant,
        person.subject,
        on_behalf_of=person.on_behalf_of,
        issuer="portal",
        method=method,
        account_id=person.account_id,
        idempotency_key=about,
    )
    await acts.add(tx, [(act, 1)])


def own_word(tenant: str) -> Origin:
    """Of a job that the portal gives itself."""
    return Origin(tenant, "system:portal", "", "", new_traceparent())
