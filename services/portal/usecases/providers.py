"""In by a provider of identities (OpenID Connect: code flow with PKCE).

What we must know when somebody comes back is sealed into the state, which is good once, for some minutes, in the browser
that was sent. A provider lets in the people of its own account alone, and what its groups say takes roles away, never gives
any.
"""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.database import is_tenant
from services.chassis.logs import log
from services.kernel.refusals import Invalid, NotFound
from services.portal import outgoing, store
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES, STEP_UP_S, Person
from services.portal.domain.providers import ALGORITHMS, NotForUs, Vouched, logged_out, roles_left, vouched
from services.portal.outgoing import NotReached
from services.portal.store import Host, Provider, Session
from services.portal.usecases.door import Door, hash_of, new_secret, noted, origin_of
from services.portal.usecases.notices import tell
from services.portal.usecases.signing_in import BY_ALL, BY_NETWORK, TOO_OFTEN, begin, find_person, person_of

STATE_S = 600
METADATA_S = 600.0  # for which a provider's metadata and keys are used again
KEYS_S = 60.0  # the same where a token is signed with a key that is not among them
_SECOND = 2  # assurance
_NOT_LET_IN = Invalid("provider.not_let_in", "that did not work: try again, or come in by a link")

_AWAY = Invalid("provider.away", "that one does not answer just now: try again, or come in by a link")
_NO_WORD = Invalid("provider.no_logout", "that is no word about a session that has ended")

_metadata: dict[str, tuple[dict[str, Any], KeySet, float]] = {}


def back_to(provider_id: str) -> str:
    """Where a provider sends people back: of each another, so that none gets the answer of another (RFC 9700, 4.4.2)."""
    return f"/sign-in/with/{provider_id}/back"


@dataclass(frozen=True, slots=True)
class _State:
    """What we said when we sent somebody to a provider."""

    provider_id: str
    nonce: str
    verifier: str
    goes_to: str
    # Of whoever is in already, and is asked again; empty: somebody comes in.
    session_id: str = ""


async def send_to(door: Door, host: Host, provider_id: str, browser: str, *, goes_to: str, session_id: str = "") -> str:
    """Where the provider asks who somebody is; anew, where they have a session already."""
    provider = await _provider(door, host, provider_id)
    said = _State(provider_id, secrets.token_urlsafe(24), secrets.token_urlsafe(48), goes_to[:500], session_id)
    anew: dict[str, Any] = {"prompt": "login", "max_age": STEP_UP_S} if session_id else {}
    try:
        metadata, _ = await _metadata_of(door, provider)
        outgoing.check(metadata["authorization_endpoint"], door.settings.provider_addresses)
    except Exception as error:  # noqa: BLE001 - a stranger answers: what reading that may raise has no list
        log.warning("a provider does not answer", provider=provider.provider_id, error=type(error).__name__)
        raise _AWAY from None
    async with _client(door, host, provider) as client:
        url, _state = client.create_authorization_url(
            metadata["authorization_endpoint"],
            state=_sealed(door, host, browser, said),
            nonce=said.nonce,
            code_verifier=said.verifier,
            **anew,
        )
    return str(url)


async def come_back(
    door: Door,
    host: Host,
    provider_id: str,
    *,
    state: str,
    code: str,
    issuer: str,
    browser: str,
    network: str,
    agent: str,
    session: Session | None,
) -> tuple[str, str]:
    """Somebody comes back from a provider; return the session's cookie, and where to go.

    `session`: of whoever is in already, in this browser.
    """
    async with door.database.transaction([host.tenant]) as tx:
        for bucket, (size, leaks) in ((door.keyed("network", network), BY_NETWORK), (door.keyed("providers"), BY_ALL)):
            if not await store.pour(tx, host.tenant, bucket, size=size, leaks_per_s=leaks):
                raise TOO_OFTEN
    said = await _opened(door, host, browser, state)
    if said.provider_id != provider_id or (
        said.session_id and (session is None or session.session_id != said.session_id)
    ):
        raise _NOT_LET_IN
    provider = await _provider(door, host, provider_id)
    try:
        who = await _vouched(door, host, provider, said, code=code, issuer=issuer)
    except Exception as error:  # noqa: BLE001 - a stranger answers: what reading that may raise has no list
        log.warning("a provider's word was not taken", provider=provider.provider_id, error=type(error).__name__)
        raise _NOT_LET_IN from None
    person = await _person(door, provider, who)
    if said.session_id and session is not None:
        return await _again(door, provider, person, session, who), said.goes_to
    cookie = await begin(
        door,
        person,
        agent=agent,
        assurance=provider.assurance,
        roles=roles_left(who.groups, provider.groups),
        provider_id=provider_id,
        provider_sid=who.sid,
        proven_at=datetime.fromtimestamp(who.showed_at, UTC),
    )
    return cookie, said.goes_to


async def asked_again(door: Door, host: Host, session: Session) -> Provider | None:
    """The provider that let somebody in and asks for a second factor, if one did: it can ask for that anew."""
    if not session.provider_id:
        return None
    async with door.database.transaction([host.tenant], within=2.0) as tx:
        provider = await store.find_provider(tx, host.tenant, session.provider_id)
    return provider if provider and provider.assurance == _SECOND else None


async def _again(door: Door, provider: Provider, person: Person, session: Session, who: Vouched) -> str:
    """The session of somebody whom its provider asked anew goes on; return its new cookie."""
    if person.contact_id != session.contact_id or provider.provider_id != session.provider_id:
        raise Invalid("provider.another", "that was somebody else: sign in there as who you are here")
    if provider.assurance != _SECOND or who.showed_at < time.time() - STEP_UP_S:
        raise Invalid(
            "provider.not_anew", "it does not say that you showed who you are just now: show a factor of yours here"
        )
    cookie = new_secret()
    async with door.database.transaction([person.tenant]) as tx:
        goes_on = await store.vouched_again(
            tx,
            person.tenant,
            session.session_id,
            hash_of(cookie),
            roles=roles_left(who.groups, provider.groups),
            provider_sid=who.sid,
            proven_at=datetime.fromtimestamp(who.showed_at, UTC),
        )
        if not goes_on:
            raise _NOT_LET_IN
        await noted(tx, person, "portal/ShowFactor", about="provider")
    return cookie


async def log_out(door: Door, host: Host, provider_id: str, token: str) -> None:
    """A provider says that a session, or somebody's sessions, with it have ended: those that it began here end too.

    Its word is taken once; said again it changes nothing, and is no mistake.
    """
    provider = await _provider(door, host, provider_id)
    try:
        read = await _read(door, provider, token)
        said = logged_out(
            read.header, read.claims, issuer=provider.issuer, client_id=provider.client_id, now=time.time()
        )
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("a provider's word was not taken", provider=provider_id, error=type(error).__name__)
        raise _NO_WORD from None
    word = hashlib.sha256(f"{provider.issuer}\x1f{said.word_id}".encode()).digest()
    async with door.database.transaction([host.tenant]) as tx:
        if not await store.answer_once(tx, host.tenant, word):
            return
        contact_id = await store.known_by(tx, host.tenant, provider.issuer, said.subject) if said.subject else ""
        if said.subject and not contact_id:
            return
        ended = await store.end_sessions_of_provider(
            tx, host.tenant, provider_id, contact_id=contact_id, provider_sid=said.sid
        )
    log.info("sessions ended by their provider", provider=provider_id, sessions=ended)


async def save_provider(
    door: Door,
    tenant: str,
    provider_id: str,
    *,
    name: str,
    issuer: str,
    client_id: str,
    secret: str,
    account_id: str,
    groups: Mapping[str, Sequence[str]],
    assurance: int,
) -> None:
    """Let a provider let people in: the seller's, or those of an account."""
    known = BUYER_ROLES if account_id else SELLER_ROLES
    address = urlsplit(issuer)
    if not is_tenant(tenant):
        raise Invalid("provider.tenant", "that is no tenant: 1 to 63 of a-z, 0-9 and '-'")
    if address.scheme != "https" and address.hostname not in ("localhost", "127.0.0.1"):
        raise Invalid("provider.issuer", "an issuer is known by an address with https://")
    if not is_tenant(provider_id):
        raise Invalid("provider.id", "a short name has 1 to 63 of a-z, 0-9 and '-': it is part of an address")
    if any(not known.issuperset(roles) for roles in groups.values()):
        raise Invalid("provider.roles", f"the roles are {', '.join(sorted(known))}")
    sealed = door.seal(secret.encode(), tenant, "provider", provider_id)
    provider = Provider(tenant, provider_id, name, issuer, client_id, sealed, account_id, groups, assurance)
    async with door.database.transaction([tenant]) as tx:
        await store.save_provider(tx, provider)


async def remove_provider(door: Door, tenant: str, provider_id: str) -> bool:
    """A provider lets nobody in any more, and whom it let in is out; False if there is none by that name."""
    async with door.database.transaction([tenant]) as tx:
        await store.end_sessions_of_provider(tx, tenant, provider_id)
        return await store.remove_provider(tx, tenant, provider_id)


async def providers_of(door: Door, host: Host) -> list[Provider]:
    """Who lets people in at a host."""
    async with door.database.transaction([host.tenant], within=2.0) as tx:
        return await store.providers_of(tx, host.tenant)


async def _provider(door: Door, host: Host, provider_id: str) -> Provider:
    async with door.database.transaction([host.tenant], within=2.0) as tx:
        provider = await store.find_provider(tx, host.tenant, provider_id)
    if provider is None:
        raise NotFound("provider.unknown", "nobody by that name lets people in here")
    return provider


async def _person(door: Door, provider: Provider, who: Vouched) -> Person:
    """Whom a provider knows so: as it was found before, or by the address that it has verified."""
    tenant = provider.tenant
    async with door.database.transaction([tenant]) as tx:
        contact_id = await store.known_by(tx, tenant, provider.issuer, who.subject)
    person = await find_person(door, tenant, contact_id) if contact_id else None
    if person is None and who.address:
        request = notifications_pb2.FindContactsRequest(email=who.address)
        found = await door.asks.own(tenant).notifications("FindContacts", request)
        theirs = [one for one in found.contacts if one.account_id == provider.account_id and one.roles]
        person = person_of(tenant, theirs[0]) if len(theirs) == 1 else None
        if person is not None:
            async with door.database.transaction([tenant]) as tx:
                if await store.know(tx, tenant, provider.issuer, who.subject, person.contact_id):
                    new = notifications_pb2.NOTICE_KIND_NEW_PROVIDER
                    await tell(tx, tenant, person.contact_id, new, "/profile", provider=provider.name)
    if person is None or person.account_id != provider.account_id or not person.roles:
        raise Invalid("provider.nobody", "nobody here has your address: ask an administrator to invite you")
    return person


async def _vouched(door: Door, host: Host, provider: Provider, said: _State, *, code: str, issuer: str) -> Vouched:
    metadata, _ = await _metadata_of(door, provider)
    says_issuer = metadata.get("authorization_response_iss_parameter_supported") is True
    if (issuer or says_issuer) and issuer != provider.issuer:  # RFC 9207: the answer is another's
        raise NotForUs("issuer")
    async with _client(door, host, provider) as client:
        token = await client.fetch_token(
            metadata["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=said.verifier
        )
    claims = (await _read(door, provider, token["id_token"])).claims
    return vouched(claims, issuer=provider.issuer, client_id=provider.client_id, nonce=said.nonce, now=time.time())


async def _read(door: Door, provider: Provider, token: str) -> jwt.Token:
    """A token whose signature is the provider's; by a key that it has since lately, too."""
    _, keys = await _metadata_of(door, provider)
    try:
        return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError):
        _, keys = await _metadata_of(door, provider, for_s=KEYS_S)
        return jwt.decode(token, keys, algorithms=list(ALGORITHMS))


def _client(door: Door, host: Host, provider: Provider) -> Any:
    secret = door.unseal(provider.secret, provider.tenant, "provider", provider.provider_id) or b""
    return AsyncOAuth2Client(
        provider.client_id,
        secret.decode(),
        scope="openid email profile",
        redirect_uri=origin_of(host.host) + back_to(provider.provider_id),
        code_challenge_method="S256",
        **outgoing.asking(door.settings.provider_addresses),
    )


async def _metadata_of(door: Door, provider: Provider, for_s: float = METADATA_S) -> tuple[dict[str, Any], KeySet]:
    """Where a provider answers, and its keys; asked for now and then."""
    metadata, keys, at = _metadata.get(provider.issuer, ({}, None, 0.0))
    if keys is None or at + for_s < time.monotonic():
        async with outgoing.client(door.settings.provider_addresses) as client:
            found = await client.get(provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
            metadata = found.raise_for_status().json()
            if metadata["issuer"] != provider.issuer:
                raise NotReached("another issuer")
            keys = KeySet.import_key_set((await client.get(metadata["jwks_uri"])).raise_for_status().json())
        _metadata[provider.issuer] = metadata, keys, time.monotonic()
    return metadata, keys


def _sealed(door: Door, host: Host, browser: str, said: _State) -> str:
    # What is empty is left out, as the version before reads it.
    parts = filter(None, (said.provider_id, said.nonce, said.verifier, said.goes_to, said.session_id))
    words = json.dumps([int(time.time()), *parts]).encode()
    return urlsafe_b64encode(door.seal(words, host.tenant, "state", hash_of(browser).hex())).decode()


async def _opened(door: Door, host: Host, browser: str, state: str) -> _State:
    """What we said, in its time, to this browser, for the first time."""
    try:
        sealed = urlsafe_b64decode(state)
    except ValueError:
        raise _NOT_LET_IN from None
    words = door.unseal(sealed, host.tenant, "state", hash_of(browser).hex())
    if words is None:
        raise _NOT_LET_IN
    made_at, *said = json.loads(words)
    async with door.database.transaction([host.tenant]) as tx:
        is_first = await store.answer_once(tx, host.tenant, hashlib.sha256(sealed).digest())
    if not is_first or made_at < time.time() - STATE_S:
        raise _NOT_LET_IN
    return _State(*said)
