"""Whom the portal asks of what others have told it (ASVS 1.3.6, 13.2.4)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.portal import outgoing
from services.portal.outgoing import NotReached, check, client, is_public

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.9.9", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::a00:1", False),  # 10.0.0.1 by NAT64
        ("2002:a00:1::", False),  # by 6to4
        ("ff02::1", False),
    ],
)
def test_an_address_of_a_network_of_our_own_is_not_public_in_any_dress(address: str, public: bool):
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "reach", "taken"),
    [
        ("https://login.acme.example/x", "public", True),
        ("http://login.acme.example/x", "any", False),
        ("http://localhost:1/x", "any", True),
        ("http://localhost:1/x", "public", False),
        ("ftp://localhost/x", "any", False),
        ("javascript:1", "any", False),
        ("file:///etc/passwd", "any", False),
    ],
)
def test_only_https_is_asked_but_for_this_machine_where_that_is_wished(url: str, reach: Any, taken: bool):
    if taken:
        check(url, reach)
    else:
        with pytest.raises(NotReached):
            check(url, reach)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "2130706433"])
async def test_nobody_in_our_own_network_is_asked(host: str):
    async with client("public") as asks:
        with pytest.raises(NotReached):
            await asks.get(f"https://{host}/")


async def test_a_name_with_one_private_address_among_its_public_ones_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    async def both(*_args: Any, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, 0, 0, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    async with client("public") as asks:
        with pytest.raises(NotReached):
            await asks.get("https://rebinding.example/")


@asynccontextmanager
async def a_stranger(answer: Answer) -> AsyncIterator[str]:
    """Somebody who answers on this machine."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}/"


def saying(*parts: bytes, pause_s: float = 0.0) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
            writer.close()
        except ConnectionError:
            pass

    return answer


async def test_a_redirect_is_an_answer_and_is_not_followed():
    head = b"HTTP/1.1 302 Found\r\nlocation: http://localhost:1/\r\ncontent-length: 0\r\n\r\n"
    async with a_stranger(saying(head)) as url, client("any") as asks:
        assert (await asks.get(url)).status_code == 302


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 12],
        [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx"],
        [b"no http at all\r\n\r\n"],
        [],
    ],
    ids=["too large", "packed", "cut off", "nonsense", "nothing"],
)
async def test_an_answer_that_is_too_large_packed_or_none_is_not_taken(parts: list[bytes]):
    async with a_stranger(saying(*parts)) as url, client("any") as asks:
        with pytest.raises(NotReached):
            await asks.get(url)


async def test_an_answer_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outgoing, "WAIT_S", 0.3)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
    async with a_stranger(saying(head, *[b"x"] * 20, pause_s=0.1)) as url, client("any") as asks:
        with pytest.raises(NotReached):
            await asks.get(url)


async def test_what_is_answered_in_time_comes_whole_and_to_the_name_that_was_asked():
    async with a_stranger(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")) as url, client("any") as asks:
        answer = await asks.get(url)
        assert (answer.json(), answer.request.url) == ({}, httpx.URL(url))
