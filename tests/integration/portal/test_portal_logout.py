"""A provider of identities tells that sessions with it have ended; one that is none any more; keys and tokens of others."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.kernel.refusals import Invalid
from services.portal import store, usecases
from services.portal.domain.providers import LOGOUT
from services.portal.usecases import providers
from tests.integration.portal.conftest import HOST, TENANT, Pages

CLIENT = "portal"


@dataclass
class Provider:
    """Somebody who knows people, at an address of this machine."""

    issuer: str
    keys: list[RSAKey] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "k1"})])
    is_away: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Metadata and keys."""
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        said: Any = {"keys": [key.as_dict(private=False) for key in self.keys]}
        if "openid-configuration" in asked:
            said = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.more,
            }
        body = json.dumps(said).encode()
        status = b"503 Away" if self.is_away else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    def word(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A logout token."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": f"w{time.monotonic_ns()}",
            "events": {LOGOUT: {}},
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(
            {"alg": "RS256", "kid": self.keys[-1].kid, "typ": "logout+jwt"} | (header or {}), claims, self.keys[-1]
        )


@pytest.fixture
async def provider(house_of_pages: Pages) -> AsyncIterator[Provider]:
    """Give one that lets the people of an account in."""
    known = Provider("")
    server = await asyncio.start_server(known.answer, "127.0.0.1", 0)
    known.issuer = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    for provider_id in ("corp", "other"):
        await usecases.save_provider(
            house_of_pages.door,
            TENANT,
            provider_id,
            name="B1 Corp",
            issuer=known.issuer,
            client_id=CLIENT,
            secret="s",
            account_id="b1",
            groups={},
            assurance=1,
        )
    async with house_of_pages.parts.database.transaction([TENANT]) as tx:
        for contact in ("ann", "bo"):
            await store.know(tx, TENANT, known.issuer, f"{contact}-1", contact)
            house_of_pages.people.add(contact, "AP_CLERK")
    async with server:
        yield known


async def sessions(pages: Pages) -> dict[str, str]:
    """Two of Ann's by the provider, one by another, one by mail, and one of Bo's."""
    return {
        "ann s1": await pages.session("ann", provider_id="corp", provider_sid="s1"),
        "ann s2": await pages.session("ann", provider_id="corp", provider_sid="s2"),
        "ann other": await pages.session("ann", provider_id="other", provider_sid="s1"),
        "ann mail": await pages.session("ann"),
        "bo s3": await pages.session("bo", provider_id="corp", provider_sid="s3"),
    }


async def tell(pages: Pages, token: str, provider_id: str = "corp") -> int:
    """What the provider is answered; it is no browser."""
    async with pages.client() as program:
        answer = await program.post(f"/sign-in/with/{provider_id}/out", data={"logout_token": token})
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code


async def left(pages: Pages, cookies: dict[str, str]) -> set[str]:
    """Which sessions stand."""
    stand = set()
    for name, cookie in cookies.items():
        async with pages.client(cookie) as browser:
            if (await browser.get("/cover")).status_code == 200:
                stand.add(name)
    return stand


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"sid": "s1"}, {"ann s1"}),
        ({"sub": "ann-1"}, {"ann s1", "ann s2"}),
        ({"sub": "ann-1", "sid": "s2"}, {"ann s2"}),
        ({"sub": "ann-1", "sid": "s3"}, set()),
        ({"sub": "nobody"}, set()),
        ({"sid": "unknown"}, set()),
    ],
)
async def test_what_a_provider_ends_is_ended_and_nothing_else(
    house_of_pages: Pages, provider: Provider, said: dict[str, Any], ended: set[str]
):
    """ASVS 7.4.1, 10.5.5: one session, somebody's sessions with it, never those that it did not begin."""
    cookies = await sessions(house_of_pages)

    assert await tell(house_of_pages, provider.word(**said)) == 200

    assert set(cookies) - await left(house_of_pages, cookies) == ended


async def test_a_word_is_taken_once_and_said_again_it_is_no_mistake(house_of_pages: Pages, provider: Provider):
    """ASVS 10.5.5: whoever heard it ends no later session with it."""
    word = provider.word(sub="ann-1")
    assert await tell(house_of_pages, word) == 200
    cookies = await sessions(house_of_pages)
    assert await tell(house_of_pages, word) == 200

    assert await left(house_of_pages, cookies) == set(cookies)


async def test_words_of_others_and_about_other_things_end_nothing(house_of_pages: Pages, provider: Provider):
    """ASVS 9.1.1-3, 9.2.1-3: algorithm, key, kind, times, issuer and audience."""
    stranger = Provider(provider.issuer)
    unsigned = f"{part({'alg': 'none'})}.{part({'sid': 's1'})}."
    cookies = await sessions(house_of_pages)
    now = int(time.time())
    for word in (
        stranger.word(sid="s1"),
        stranger.word({"jwk": stranger.keys[0].as_dict(private=False)}, sid="s1"),
        stranger.word({"jku": f"{provider.issuer}/keys"}, sid="s1"),
        signed_as_if_it_were_a_secret(provider.keys[0].as_pem(private=False)),
        unsigned,
        provider.word({"typ": "at+jwt"}, sid="s1"),
        provider.word(sid="s1", iss="https://login.evil.example"),
        provider.word(sid="s1", aud="another"),
        provider.word(sid="s1", exp=now - 100),
        provider.word(sid="s1", nonce="n"),
        provider.word(sid="s1", events={}),
        provider.word(sid="s1", jti=None),
        provider.word(),
        "",
        "a.b.c",
        "x" * 50_000,
    ):
        assert await tell(house_of_pages, word) == 400
    assert await tell(house_of_pages, provider.word(sid="s1"), "nobody") == 400

    assert await left(house_of_pages, cookies) == set(cookies)


def part(said: dict[str, Any]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def signed_as_if_it_were_a_secret(public: bytes) -> str:
    """What somebody makes who knows a public key, of the kind that is signed with a shared secret."""
    said = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part({'sid': 's1'})}"
    signature = base64.urlsafe_b64encode(hmac.digest(public, said.encode(), "sha256")).rstrip(b"=").decode()
    return f"{said}.{signature}"


async def test_a_key_that_a_provider_has_since_lately_is_asked_for(
    house_of_pages: Pages, provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(providers, "KEYS_S", 0.0)
    assert await tell(house_of_pages, provider.word(sid="s1")) == 200
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "k2"}))

    assert await tell(house_of_pages, provider.word(sid="s1")) == 200


async def test_whom_a_provider_let_in_is_out_when_it_is_one_no_more(house_of_pages: Pages, provider: Provider):
    """ASVS 7.4.2: and nobody comes in by it."""
    cookies = await sessions(house_of_pages)
    assert await usecases.remove_provider(house_of_pages.door, TENANT, "corp")
    assert not await usecases.remove_provider(house_of_pages.door, TENANT, "corp")

    assert await left(house_of_pages, cookies) == {"ann other", "ann mail"}
    async with house_of_pages.client() as browser:
        assert (await browser.get("/sign-in/with/corp")).status_code == 404


async def test_an_answer_of_one_provider_is_none_of_another(house_of_pages: Pages, provider: Provider):
    """ASVS 10.2.1, 10.2.2: each has an address of its own to send people back to, and says who it is where it can."""
    async with house_of_pages.client() as browser:
        sent = await browser.get("/sign-in/with/corp")
        state = sent.headers["location"].split("state=")[1].split("&")[0]
        assert f"http%3A%2F%2F{HOST}%2Fsign-in%2Fwith%2Fcorp%2Fback" in sent.headers["location"]
        cookie = sent.cookies["__Host-browser"]
        browser.cookies.set("__Host-browser", cookie)
        answer = await browser.get(f"/sign-in/with/other/back?state={state}&code=x")
    assert answer.status_code == 422
    assert "__Host-session" not in answer.headers.get("set-cookie", "")


async def test_a_provider_that_does_not_answer_is_said_to_be_away(house_of_pages: Pages, provider: Provider):
    """ASVS 16.5.2: nobody sees a page of a defect, and the other ways in are there."""
    for more in ({"issuer": "https://login.evil.example"}, {"authorization_endpoint": "javascript:1"}):
        provider.more = more
        async with house_of_pages.client() as browser:
            answer = await browser.get("/sign-in/with/corp")
        assert (answer.status_code, "does not answer just now" in answer.text) == (422, True)
        providers._metadata.clear()
    provider.is_away = True
    async with house_of_pages.client() as browser:
        assert (await browser.get("/sign-in/with/corp")).status_code == 422


@pytest.mark.parametrize("provider_id", ["", "a/b", "../x", "Corp", "a" * 64])
async def test_a_providers_name_is_part_of_an_address(house_of_pages: Pages, provider_id: str):
    with pytest.raises(Invalid) as refused:
        await usecases.save_provider(
            house_of_pages.door,
            TENANT,
            provider_id,
            name="x",
            issuer="https://login.acme.example",
            client_id="x",
            secret="s",
            account_id="",
            groups={},
            assurance=1,
        )
    assert refused.value.code == "provider.id"


async def test_who_comes_back_again_and_again_is_slowed_down_and_a_provider_is_left_in_peace(
    house_of_pages: Pages, provider: Provider
):
    """ASVS 2.4.1: of each answer something is kept, and the provider is asked; nobody has that done without end."""
    async with house_of_pages.client(**{"x-forwarded-for": "192.0.2.1"}) as browser:
        said = [(await browser.get("/sign-in/with/corp/back?state=x&code=x")).text for _ in range(31)]
    assert "wait two minutes" not in said[29].lower()
    assert "wait two minutes" in said[30].lower()
