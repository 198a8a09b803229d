"""Second factors: keys of authenticators (Web Authentication) and codes of an app (RFC 6238).

Challenges are sealed and handed to the page, so that asking for many fills no table; each is answered once.
"""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyotp
import webauthn
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.chassis.database import Tx
from services.kernel.refusals import Conflict, Invalid
from services.portal import store
from services.portal.asks import NeedsFactor
from services.portal.domain import factors
from services.portal.domain.people import Person
from services.portal.store import Host, Passkey, Session, Totp
from services.portal.usecases.door import Door, hash_of, is_proved, new_secret, noted, origin_of
from services.portal.usecases.notices import tell
from services.portal.usecases.signing_in import BY_ALL, BY_NETWORK, begin, find_person

CHALLENGE_S = 300
FIRST_WITHIN = timedelta(minutes=10)  # of a session, in which it enrols its reader's first factor
BY_LOGIN = (6, 1 / 30)  # tries at factors: so many at once, and one more each half a minute
# Codes that were not taken, of one app: from one network, and from all. Of a million codes three are good at a time, so that
# who guesses all day long finds one in three years; who guesses from one network leaves its owner tries from another.
BY_CODE, BY_CODE_ANYWHERE = (6, 1 / 600), (12, 1 / 300)
NAME_MAX = 60
_SECOND = 2  # assurance
_NOT_TAKEN = Invalid("factor.not_taken", "that was not taken: try again")
_TOO_OFTEN = Invalid("factor.too_often", "that was tried often just now: wait a minute")
_CODES_TOO_OFTEN = Invalid("factor.codes_too_often", "many codes were tried: wait ten minutes, or show another factor")


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody has as a second factor."""

    passkeys: Sequence[Passkey]
    totp: Totp | None

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return bool(self.passkeys or self.totp)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page asks an authenticator: as the browser takes it (JSON), and what comes back with its answer."""

    options: str
    challenge: str


@dataclass(frozen=True, slots=True)
class NewApp:
    """The secret of an app that is about to be enrolled: as it is typed, as it is scanned, and sealed for its form."""

    secret: str
    uri: str
    sealed: str


async def factors_of(door: Door, tenant: str, login_id: str) -> Factors:
    """What somebody has."""
    async with door.database.transaction([tenant]) as tx:
        return Factors(await store.passkeys_of(tx, tenant, login_id), await store.totp_of(tx, tenant, login_id))


def check_may_enrol(session: Session, kept: Factors) -> None:
    """Refuse who may add no factor: the first is added soon after coming in, another by who has shown one just now."""
    if kept.any:
        if not is_proved(session):
            raise NeedsFactor
    elif datetime.now(UTC) - session.created_at > FIRST_WITHIN:
        raise Invalid("factor.session_too_old", "to add your first factor, come in by a new link")


def ask_for_new_passkey(door: Door, host: Host, person: Person, session: Session, kept: Factors) -> Asked:
    """What makes an authenticator hold a new key for us."""
    challenge, sealed = _challenge(door, host.tenant, "new", session.session_id)
    options = webauthn.generate_registration_options(
        rp_id=_name_of(host),
        rp_name=host.name,
        user_name=person.name,
        user_id=session.login_id.encode(),
        user_display_name=person.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in kept.passkeys],
    )
    return Asked(options_to_json(options), sealed)


def ask_for_passkey(door: Door, host: Host, bound: str, keys: Sequence[Passkey] = ()) -> Asked:
    """What makes an authenticator show a key: one of these, or whichever it has for us."""
    challenge, sealed = _challenge(door, host.tenant, "show", bound)
    options = webauthn.generate_authentication_options(
        rp_id=_name_of(host),
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in keys] or None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Asked(options_to_json(options), sealed)


def new_app(door: Door, host: Host, person: Person, session: Session) -> NewApp:
    """A secret for an app."""
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=host.name)
    return _app(door, host, session, secret, uri)


def same_app(door: Door, host: Host, person: Person, session: Session, sealed: str) -> NewApp:
    """The secret that a form brings back."""
    secret = _secret_of(door, host, session, sealed)
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=host.name)
    return _app(door, host, session, secret, uri)


def _app(door: Door, host: Host, session: Session, secret: str, uri: str) -> NewApp:
    return NewApp(secret, uri, _text(door.seal(secret.encode(), host.tenant, "app", session.session_id)))


def _secret_of(door: Door, host: Host, session: Session, sealed: str) -> str:
    secret = door.unseal(_bytes(sealed), host.tenant, "app", session.session_id)
    if secret is None:
        raise Invalid("factor.form_over", "this form is over: open the page again")
    return secret.decode()


async def add_app(door: Door, host: Host, person: Person, session: Session, *, sealed: str, code: str) -> str:
    """Enrol an app, which has shown its first code; return the session's new cookie."""
    await _try(door, host.tenant, session.login_id)
    secret = _secret_of(door, host, session, sealed)
    step = factors.step_of(secret, code, datetime.now(UTC))
    if step is None:
        raise _NOT_TAKEN
    kept = door.seal(secret.encode(), host.tenant, "totp", session.login_id)
    async with door.database.transaction([host.tenant]) as tx:
        await _check_still(tx, host.tenant, session)
        if not await store.add_totp(tx, host.tenant, session.login_id, kept, step):
            raise Conflict("factor.app_known", "you have an app already: remove it first")
        await _tell(tx, person, notifications_pb2.NOTICE_KIND_FACTOR_ADDED, notifications_pb2.FACTOR_APP)
        return await _proved(tx, person, session, "portal/AddFactor", "app")


async def add_passkey(
    door: Door, host: Host, person: Person, session: Session, *, challenge: str, answer: str, name: str
) -> str:
    """Enrol a key that an authenticator has made; return the session's new cookie."""
    await _try(door, host.tenant, session.login_id)
    expected = await _answered(door, host.tenant, challenge, "new", session.session_id)
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=expected,
            expected_rp_id=_name_of(host),
            expected_origin=origin_of(host.host),
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - a stranger wrote it: what its reader may raise has no list
        raise _NOT_TAKEN from None
    async with door.database.transaction([host.tenant]) as tx:
        await _check_still(tx, host.tenant, session)
        added = await store.add_passkey(
            tx,
            host.tenant,
            session.login_id,
            made.credential_id,
            made.credential_public_key,
            sign_count=made.sign_count,
            name=" ".join(name.split())[:NAME_MAX] or "Passkey",
        )
        if not added:
            raise Conflict("factor.passkey_known", "that key is known already, or there are too many")
        await _tell(tx, person, notifications_pb2.NOTICE_KIND_FACTOR_ADDED, notifications_pb2.FACTOR_PASSKEY)
        return await _proved(tx, person, session, "portal/AddFactor", "passkey")


async def show_code(door: Door, host: Host, person: Person, session: Session, *, code: str, network: str) -> str:
    """Show a code of one's app; return the session's new cookie."""
    tried = (
        (door.keyed("code", session.login_id, network), BY_CODE),
        (door.keyed("code", session.login_id), BY_CODE_ANYWHERE),
    )
    async with door.database.transaction([host.tenant]) as tx:
        for bucket, (size, leaks) in tried:
            if not await store.pour(tx, host.tenant, bucket, size=size, leaks_per_s=leaks):
                raise _CODES_TOO_OFTEN
    kept = (await factors_of(door, host.tenant, session.login_id)).totp
    secret = door.unseal(kept.secret, host.tenant, "totp", session.login_id) if kept else None
    step = factors.step_of(secret.decode(), code, datetime.now(UTC)) if secret else None
    if step is None:
        raise _NOT_TAKEN
    async with door.database.transaction([host.tenant]) as tx:
        if not await store.used_totp(tx, host.tenant, session.login_id, step):
            raise Invalid("factor.code_used", "that code was used: wait for the next one")
        for bucket, _ in tried:
            await store.take_back(tx, host.tenant, bucket)
        return await _proved(tx, person, session, "portal/ShowFactor", "app")


async def show_passkey(door: Door, host: Host, person: Person, session: Session, *, challenge: str, answer: str) -> str:
    """Show one's key; return the session's new cookie."""
    await _try(door, host.tenant, session.login_id)
    expected = await _answered(door, host.tenant, challenge, "show", session.session_id)
    key, count = await _shown(door, host, expected, answer)
    if key.login_id != session.login_id:
        raise _NOT_TAKEN
    async with door.database.transaction([host.tenant]) as tx:
        await _count(tx, host.tenant, key, count)
        return await _proved(tx, person, session, "portal/ShowFactor", "passkey")


async def sign_in_by_passkey(
    door: Door, host: Host, *, challenge: str, answer: str, browser: str, network: str, agent: str
) -> str:
    """In by a key alone, which its authenticator gives out to its owner only; return the session's cookie."""
    async with door.database.transaction([host.tenant]) as tx:
        for bucket, (size, leaks) in ((door.keyed("network", network), BY_NETWORK), (door.keyed("passkeys"), BY_ALL)):
            if not await store.pour(tx, host.tenant, bucket, size=size, leaks_per_s=leaks):
                raise _TOO_OFTEN
    expected = await _answered(door, host.tenant, challenge, "show", hash_of(browser).hex())
    key, count = await _shown(door, host, expected, answer)
    async with door.database.transaction([host.tenant]) as tx:
        contact_id = await store.contact_of(tx, host.tenant, key.login_id)
    person = await find_person(door, host.tenant, contact_id)
    if person is None or not person.roles:
        raise _NOT_TAKEN
    async with door.database.transaction([host.tenant]) as tx:
        await _count(tx, host.tenant, key, count)
    return await begin(door, person, agent=agent, assurance=_SECOND)


async def remove_factor(door: Door, person: Person, session: Session, factor: str) -> None:
    """One of somebody's own factors is none any more: a passkey's id, or "app"."""
    async with door.database.transaction([person.tenant]) as tx:
        if factor == "app":
            removed, kind = await store.remove_totp(tx, person.tenant, session.login_id), notifications_pb2.FACTOR_APP
        else:
            removed = await store.remove_passkey(tx, person.tenant, session.login_id, factor)
            kind = notifications_pb2.FACTOR_PASSKEY
        await noted(tx, person, "portal/RemoveFactor", about=factor)
        if removed:
            await _tell(tx, person, notifications_pb2.NOTICE_KIND_FACTOR_REMOVED, kind)


async def _tell(
    tx: Tx,
    person: Person,
    kind: notifications_pb2.NoticeKind.ValueType,
    factor: notifications_pb2.Factor.ValueType,
) -> None:
    """Have somebody mailed how their access has changed: it may have been somebody else."""
    await tell(tx, person.tenant, person.contact_id, kind, "/profile", factor=factor)


async def _shown(door: Door, host: Host, expected: bytes, answer: str) -> tuple[Passkey, int]:
    """The key that an authenticator has shown, and what it counted."""
    try:
        said = json.loads(answer)
        credential_id = base64url_to_bytes(str(said["rawId"]))
        handle = base64url_to_bytes(str(said["response"].get("userHandle") or ""))
    except Exception:  # noqa: BLE001 - as above
        raise _NOT_TAKEN from None
    async with door.database.transaction([host.tenant]) as tx:
        key = await store.find_passkey(tx, host.tenant, credential_id)
    if key is None or handle not in (b"", key.login_id.encode()):
        raise _NOT_TAKEN
    try:
        shown = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=expected,
            expected_rp_id=_name_of(host),
            expected_origin=origin_of(host.host),
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - as above
        raise _NOT_TAKEN from None
    return key, shown.new_sign_count


async def _count(tx: Tx, tenant: str, key: Passkey, count: int) -> None:
    if not await store.used_passkey(tx, tenant, key.passkey_id, count):
        raise _NOT_TAKEN


async def _check_still(tx: Tx, tenant: str, session: Session) -> None:
    """Refuse who enrols by a form from before another factor was there."""
    passkeys = await store.passkeys_of(tx, tenant, session.login_id)
    check_may_enrol(session, Factors(passkeys, await store.totp_of(tx, tenant, session.login_id)))


async def _proved(tx: Tx, person: Person, session: Session, act: str, about: str) -> str:
    """The session goes on under another id: its reader has shown a second factor."""
    cookie = new_secret()
    await store.renew_session(tx, person.tenant, session.session_id, hash_of(cookie), assurance=_SECOND)
    await noted(tx, person, act, about=about)
    return cookie


async def _try(door: Door, tenant: str, login_id: str) -> None:
    """Count a try at a factor: nobody is locked out, all are slowed down."""
    async with door.database.transaction([tenant]) as tx:
        fits = await store.pour(tx, tenant, door.keyed("factor", login_id), size=BY_LOGIN[0], leaks_per_s=BY_LOGIN[1])
    if not fits:
        raise _TOO_OFTEN


def _challenge(door: Door, *bound: str) -> tuple[bytes, str]:
    challenge = secrets.token_bytes(32)
    return challenge, _text(door.seal(f"{int(time.time())} ".encode() + challenge, *bound))


async def _answered(door: Door, tenant: str, sealed: str, *bound: str) -> bytes:
    """The challenge that is answered, in its time and for the first time."""
    opened = door.unseal(_bytes(sealed), tenant, *bound)
    made_at, _, challenge = (opened or b"").partition(b" ")
    if not made_at or int(made_at) < time.time() - CHALLENGE_S:
        raise Invalid("factor.form_over", "this form is over: open the page again")
    async with door.database.transaction([tenant]) as tx:
        if not await store.answer_once(tx, tenant, hashlib.sha256(challenge).digest()):
            raise Invalid("factor.form_over", "this form is over: open the page again")
    return challenge


def _name_of(host: Host) -> str:
    """By what authenticators know the portal: the host's name."""
    return host.host.partition(":")[0]


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode()


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text)
    except ValueError:
        return b""
