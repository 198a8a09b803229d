"""For whom a call is made: short-lived signed tokens, who may sign them for whom, and how they are verified.

A token is a JWT (RFC 7519) of type `ar+jwt`, signed with ES256. Its claims: `iss` who vouches, `aud` the one service that
it is for, `sub` who calls ("contact:c1", "user:ada", "key:erp-1", "service:notifications"), `ten` the tenant, `acc` the
accounts that the caller is bound to (absent: all of the tenant's), `rol` roles, `scp` parts of the company that it is
bound to, `aal` how sure the issuer is (1, 2), `for` on whose behalf, `iat` and `exp`, at most 60 s apart. Times are the
system's, never a test clock's; clocks may differ by 30 s.

Whom we trust is a folder of files, one an issuer, `<issuer>.json`:

    {"keys": [<JWK>, <JWK>], "subjects": ["contact:", "user:ada"], "stands_in_for": ["contact:"], "roles": ["*"],
     "tenants": ["acme"], "workloads": ["portal"]}

at most two keys, so that a new one is known before the old one ends; a subject that ends with ":" stands for all of its
kind; "*" for all. `stands_in_for` are those on whose behalf its subjects may act, beside the subjects. `workloads` are
those whose certificate may bring the issuer's tokens. Files are read again as they change.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.chassis import texts
from services.chassis.database import is_tenant
from services.chassis.logs import log
from services.kernel.refusals import Forbidden, Refusal, Unauthenticated, quoted

# What gives the metadata of a call in a service's own name: for a tenant, to another service.
Speaker = Callable[[str, str], list[tuple[str, str]]]

ALGORITHM = "ES256"
TYPE = "ar+jwt"
TOKEN_MAX = 4096  # characters: it travels in a header
LIFETIME_MAX_S = 60
LEEWAY_S = 30  # by which clocks may differ
KEYS_MAX = 2  # of an issuer: the one that ends, and its successor
SUBJECT_MAX = 90  # characters
WORD_MAX = 200  # of an account, of a part of a company
CACHED_MAX = 10_000  # verified tokens
LOOK_S = 1.0  # between two looks at the trusted issuers

CONTACT, USER, KEY, SERVICE = "contact", "user", "key", "service"
BUYER_ROLES = frozenset(
    "REQUESTER PROCUREMENT RECEIVING AP_CLERK AP_MANAGER FINANCE_LEAD LEGAL EDI_IT EXEC_SPONSOR ACCOUNT_ADMIN".split()
)
OPERATOR = "OPERATOR"
SELLER_ROLES = frozenset(
    "CREDIT BILLING CASH_APP COLLECTOR DISPUTE_OWNER SALES LOGISTICS QUALITY SELLER_ADMIN AUDITOR".split()
)
# What each kind of caller may be, whoever vouches for it.
ROLES: Mapping[str, frozenset[str]] = {
    CONTACT: BUYER_ROLES,
    USER: SELLER_ROLES | {OPERATOR},
    KEY: BUYER_ROLES | SELLER_ROLES,
    SERVICE: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a buyer's company that somebody is bound to; what is empty is not narrowed."""

    site: str = ""
    cost_centre: str = ""
    purchase_order: str = ""

    def covers(self, site: str, cost_centre: str, purchase_order: str) -> bool:
        """Whether what is named so is of this part; what names no site is not of a site."""
        own = (self.site, self.cost_centre, self.purchase_order)
        return all(mine in ("", said) for mine, said in zip(own, (site, cost_centre, purchase_order), strict=True))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, verified."""

    # "contact:c1", "user:ada", "key:erp-1", "service:notifications".
    subject: str
    # Empty where somebody speaks for none, as an operator does.
    tenant: str
    issuer: str
    roles: frozenset[str] = frozenset()
    # None: all of the tenant's.
    accounts: frozenset[str] | None = None
    # Empty: all of those accounts.
    parts: tuple[Part, ...] = ()
    assurance: int = 1
    # The subject for whom this one stands in.
    on_behalf_of: str = ""

    @property
    def kind(self) -> str:
        """CONTACT, USER, KEY or SERVICE."""
        return self.subject.partition(":")[0]

    @property
    def actor(self) -> str:
        """As it is told and kept: "contact:b", or "contact:b for contact:a"."""
        return f"{self.subject} for {self.on_behalf_of}" if self.on_behalf_of else self.subject


def subjects_of(actor: str) -> frozenset[str]:
    """Whoever stands behind an actor, both of "contact:b for contact:a": who may not approve what either prepared."""
    return frozenset(actor.split(" for "))


class Signer:
    """Vouches for callers, as one issuer."""

    def __init__(self, issuer: str, read_key: Callable[[], str]) -> None:
        """Take the issuer's name, and what gives its private key (PEM) as it is now."""
        self.issuer = issuer
        self._read_key = read_key
        self._pem = ""
        self._key: ECKey | None = None

    def sign(self, principal: Principal, audience: str, *, lifetime_s: float = LIFETIME_MAX_S) -> str:
        """A token for one service, some 50 µs of work."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience,
            "sub": principal.subject,
            "ten": principal.tenant,
            "rol": sorted(principal.roles),
            "aal": principal.assurance,
            "iat": now,
            "exp": now + int(lifetime_s),
        }
        if principal.accounts is not None:
            claims["acc"] = sorted(principal.accounts)
        if principal.parts:
            claims["scp"] = [[part.site, part.cost_centre, part.purchase_order] for part in principal.parts]
        if principal.on_behalf_of:
            claims["for"] = principal.on_behalf_of
        key = self._current()
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}, claims, key)

    def _current(self) -> ECKey:
        pem = self._read_key()
        if self._key is None or pem != self._pem:
            self._pem, self._key = pem, ECKey.import_key(pem)
        return self._key


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who vouches, and for what they may."""

    name: str
    keys: Mapping[str, ECKey]
    subjects: frozenset[str]
    roles: frozenset[str]
    tenants: frozenset[str]
    workloads: frozenset[str]
    # On whose behalf its subjects may act, beside the subjects themselves.
    stands_in_for: frozenset[str] = frozenset()

    def check(self, principal: Principal) -> None:
        """Refuse what this issuer may not vouch for."""
        represented = {principal.subject: self.subjects}
        if principal.on_behalf_of:
            represented[principal.on_behalf_of] = self.subjects | self.stands_in_for
        for subject, known in represented.items():
            if not known & {subject, f"{subject.partition(':')[0]}:", "*"}:
                raise Forbidden("identity.beyond_issuer", f"{self.name} does not vouch for {quoted(subject)}")
        if "*" not in self.roles and (beyond := sorted(principal.roles - self.roles)):
            raise Forbidden("identity.beyond_issuer", f"{self.name} does not give the role {quoted(beyond[0])}")
        if principal.tenant and "*" not in self.tenants and principal.tenant not in self.tenants:
            raise Forbidden("identity.beyond_issuer", f"{self.name} does not speak for {quoted(principal.tenant)}")


def issuer_of(name: str, text: str) -> Issuer:
    """An issuer as its file says it; raises ValueError where that makes no sense."""
    said = json.loads(text)
    keys = [ECKey.import_key(key) for key in said["keys"]]
    if not 1 <= len(keys) <= KEYS_MAX:
        raise ValueError(f"an issuer has one or two keys, not {len(keys)}")
    if any(key.curve_name != "P-256" for key in keys):
        raise ValueError("a key is of the curve P-256")
    return Issuer(
        name=name,
        keys={key.thumbprint(): key for key in keys},
        subjects=_words(said, "subjects"),
        roles=_words(said, "roles"),
        tenants=_words(said, "tenants"),
        workloads=_words(said, "workloads"),
        stands_in_for=_words(said, "stands_in_for"),
    )


def _words(said: Mapping[str, Any], name: str) -> frozenset[str]:
    words = said.get(name, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} is a list of words")
    return frozenset(words)


def issuer_file(
    keys: Iterable[str],
    *,
    subjects: Sequence[str],
    roles: Sequence[str],
    tenants: Sequence[str],
    workloads: Sequence[str],
    stands_in_for: Sequence[str] = (),
) -> str:
    """What stands in an issuer's file; keys are PEM, private or public, of which the public part is written."""
    public = [ECKey.import_key(pem).as_dict(private=False) for pem in keys]
    wanted = {
        "subjects": subjects,
        "stands_in_for": stands_in_for,
        "roles": roles,
        "tenants": tenants,
        "workloads": workloads,
    }
    return json.dumps({"keys": public, **{name: list(words) for name, words in wanted.items()}}, indent=1) + "\n"


def new_key() -> str:
    """A new private key, PEM (PKCS 8)."""
    return ECKey.generate_key("P-256").as_pem(private=True).decode()


class Trust:
    """Whom we trust, as the folder says now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Counts its changes: what was verified before is verified anew.
        self.version = 0
        self._files: dict[Path, tuple[int, ...]] = {}
        self._issuers: dict[str, Issuer] = {}
        self._looked_at = float("-inf")

    def issuer(self, name: str) -> Issuer | None:
        """Who is trusted by that name."""
        self.refresh()
        return self._issuers.get(name)

    def names(self) -> list[str]:
        """Who is trusted."""
        self.refresh()
        return sorted(self._issuers)

    def refresh(self) -> None:
        """Look whether a file has changed, now and then: one that makes no sense leaves its issuer as it was."""
        if (now := time.monotonic()) - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        try:
            files = {path: _state(path) for path in self.folder.glob("*.json")}
        except OSError as error:
            log.error("the trusted issuers cannot be read", error=type(error).__name__)
            return
        if files == self._files:
            return
        issuers: dict[str, Issuer] = {}
        for path in files:
            try:
                issuers[path.stem] = issuer_of(path.stem, path.read_text(encoding="utf-8"))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
                log.error("a trusted issuer cannot be read", issuer=path.stem, error=type(error).__name__)
                if path.stem in self._issuers:
                    issuers[path.stem] = self._issuers[path.stem]
        self._files, self._issuers = files, issuers
        self.version += 1


def _state(path: Path) -> tuple[int, ...]:
    """What differs when a file was written, replaced or, as a mounted secret is, linked to another."""
    found = path.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


class Verifier:
    """Tells who calls, by their token; the same token again costs a look into a table."""

    def __init__(self, trust: Trust, audience: str) -> None:
        self._trust = trust
        self._audience = audience
        self._known: dict[str, tuple[Principal, Issuer, float]] = {}
        self._version = -1

    def verify(self, token: str) -> tuple[Principal, Issuer]:
        """Who calls, and who vouches for it; refuses a token that is none, is not for us, or is not valid now."""
        self._trust.refresh()
        if self._version != self._trust.version or len(self._known) >= CACHED_MAX:
            self._version = self._trust.version
            self._known.clear()
        now = time.time()
        if (known := self._known.get(token)) is not None and now <= known[2]:
            return known[0], known[1]
        if len(token) > TOKEN_MAX:
            raise Unauthenticated("identity.too_large", f"a token has at most {TOKEN_MAX} characters")
        issuer, claims = self._signed(token)
        expires = self._check_times(claims, now)
        if claims.get("aud") != self._audience:
            raise Unauthenticated("identity.audience", f"the token is not for {self._audience}")
        principal = _principal(claims, issuer.name)
        issuer.check(principal)
        self._known[token] = (principal, issuer, expires + LEEWAY_S)
        return principal, issuer

    def _signed(self, token: str) -> tuple[Issuer, dict[str, Any]]:
        """The claims, and whose key signed them."""
        try:
            unsafe = jws.extract_compact(token.encode())
            header = unsafe.headers()
            said = json.loads(unsafe.payload)
        except Exception:  # noqa: BLE001 - a stranger wrote it: what its reader may raise has no list
            raise _MALFORMED from None
        if not isinstance(said, dict) or not isinstance(name := said.get("iss"), str) or header.get("typ") != TYPE:
            raise _MALFORMED
        if header.get("alg") != ALGORITHM:
            raise Unauthenticated("identity.algorithm", f"a token is signed with {ALGORITHM}")
        issuer = self._trust.issuer(name)
        key = issuer.keys.get(str(header.get("kid"))) if issuer else None
        if issuer is None or key is None:
            raise Unauthenticated("identity.key_unknown", "nobody whom this service trusts has that key")
        try:
            return issuer, dict(jwt.decode(token, key, algorithms=[ALGORITHM]).claims)
        except Exception:  # noqa: BLE001 - as above
            raise Unauthenticated("identity.signature", "the signature is not of that key") from None

    def _check_times(self, claims: Mapping[str, Any], now: float) -> float:
        """Refuse what is not valid now; return when it ends."""
        issued, expires = claims.get("iat"), claims.get("exp")
        begins = claims.get("nbf", issued)
        if not _is_time(issued) or not _is_time(expires) or not _is_time(begins):
            raise _MALFORMED
        if not 0 < expires - issued <= LIFETIME_MAX_S:
            raise Unauthenticated("identity.lifetime", f"a token lives {LIFETIME_MAX_S} s at most")
        if now > expires + LEEWAY_S:
            raise Unauthenticated("identity.expired", "the token has expired")
        if now < max(issued, begins) - LEEWAY_S:
            raise Unauthenticated("identity.not_yet", "the token is not valid yet")
        return float(expires)


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e11


def _principal(claims: Mapping[str, Any], issuer: str) -> Principal:
    """Who the claims say it is; refuses what names nobody."""
    subject, tenant, assurance = claims.get("sub"), claims.get("ten", ""), claims.get("aal", 1)
    on_behalf_of = claims.get("for", "")
    roles, accounts, parts = claims.get("rol", []), claims.get("acc"), claims.get("scp", [])
    if (
        not _is_subject(subject)
        or not isinstance(tenant, str)
        or (tenant and not is_tenant(tenant))
        or not isinstance(assurance, int)
        or isinstance(assurance, bool)
        or assurance not in (1, 2)
        or not (on_behalf_of == "" or _is_subject(on_behalf_of))
        or not _are_words(roles)
        or not (accounts is None or _are_words(accounts))
        or not isinstance(parts, list)
        or not all(isinstance(part, list) and len(part) == 3 and _are_words(part) for part in parts)
    ):
        raise _MALFORMED
    kind = subject.partition(":")[0]
    if beyond := sorted(set(roles) - ROLES[kind]):
        raise Forbidden("identity.beyond_issuer", f"no {kind} has the role {quoted(beyond[0])}")
    # A key of a seller may have a buyer's roles too, as a shop's has; one with a buyer's alone is a buyer's.
    if not accounts and (kind == CONTACT or (kind == KEY and roles and BUYER_ROLES.issuperset(roles))):
        raise Forbidden("identity.accounts_missing", "whoever is of a buyer is of an account, or of several")
    return Principal(
        subject=subject,
        tenant=tenant,
        issuer=issuer,
        roles=frozenset(roles),
        accounts=None if accounts is None else frozenset(accounts),
        parts=tuple(Part(*part) for part in parts),
        assurance=assurance,
        on_behalf_of=on_behalf_of,
    )


def _is_subject(value: object) -> TypeGuard[str]:
    # An id, no name and no address: it is told for ever (services/chassis/envelope.py).
    if not isinstance(value, str) or not texts.fits(value, texts.ID, SUBJECT_MAX) or " " in value or "@" in value:
        return False
    kind, _, name = value.partition(":")
    return kind in ROLES and bool(name)


def _are_words(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(
        isinstance(word, str) and texts.fits(word, texts.LINE, WORD_MAX) for word in value
    )


_MALFORMED: Refusal = Unauthenticated("identity.malformed", "ar-identity is no token of ours")
