"""The door for browsers: from whom a request is said to come, and certificates that are read again."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from deploy.local.authority import Authority
from deploy.local.processes import free_port
from services.chassis import http
from services.chassis.tls import CERTIFICATE, KEY

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def says_from_whom(scope: Any, receive: Any, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})


@pytest.mark.parametrize(
    ("proxies", "said", "from_"),
    [
        (0, "203.0.113.7", "127.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "1.2.3.4, 203.0.113.7", "203.0.113.7"),  # what a browser says itself counts for nothing
        (2, "1.2.3.4, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        (2, "203.0.113.7", "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, None, "127.0.0.1"),
    ],
)
async def test_a_request_comes_from_where_the_outermost_of_our_proxies_says(proxies, said, from_):
    port = free_port()
    headers = {} if said is None else {"x-forwarded-for": said}

    async with http.door(says_from_whom, host="127.0.0.1", port=port, proxies=proxies), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/", headers=headers)

    assert answer.text == from_


def shown(port: int, authority: Authority) -> int:
    """The number of the certificate that a new connection meets."""
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as wire:
        pem = wire.getpeercert(binary_form=True)
    assert pem is not None
    return x509.load_der_x509_certificate(pem).serial_number


def number(folder: Path) -> int:
    return x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes()).serial_number


async def test_each_new_connection_meets_the_certificate_of_the_day_and_one_that_makes_no_sense_changes_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(http, "LOOK_S", 0.05)
    authority, folder, port = Authority(tmp_path / "authority"), tmp_path / "own", free_port()
    authority.issue("portal", folder)
    first = number(folder)

    async with http.door(says_from_whom, host="127.0.0.1", port=port, certificate=folder):
        assert await asyncio.to_thread(shown, port, authority) == first

        authority.issue("portal", folder)
        second = number(folder)
        async with asyncio.timeout(5):
            while await asyncio.to_thread(shown, port, authority) != second:
                await asyncio.sleep(0.02)

        (folder / KEY).write_text("no key")
        await asyncio.sleep(0.3)
        assert await asyncio.to_thread(shown, port, authority) == second
    assert first != second


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "the beginning of a greeting"])
async def test_a_handshake_that_never_ends_holds_no_file_for_long(tmp_path, monkeypatch, said):
    """ASVS 2.4.1: whoever begins one and says no more is hung up on, in as long as one has for a first request."""
    monkeypatch.setattr(http, "FIRST_S", 0.3)
    authority, folder, port = Authority(tmp_path / "authority"), tmp_path / "own", free_port()
    authority.issue("portal", folder)

    async with http.door(says_from_whom, host="127.0.0.1", port=port, certificate=folder):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert await asyncio.to_thread(shown, port, authority) == number(folder)  # who is in time is served


async def says_what_came(scope: Any, receive: Any, send: Send) -> None:
    """Answer with how many bytes came; "cut" where that was not all."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def said(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """What is answered to a request that comes in parts; b"" where the connection is closed without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_connections_that_ask_for_nothing_shut_nobody_out(monkeypatch):
    """ASVS 2.4.1: the one that is idle the longest goes for one that asks; those at work stay."""
    monkeypatch.setattr(http, "CONNECTIONS", 50)
    port = free_port()
    async with http.door(says_from_whom, host="127.0.0.1", port=port):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(120)]
        answers = [await said(port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") for _ in range(3)]
        gone = [reader.at_eof() for reader, _ in idle if await _is_read(reader)]
        for _, writer in idle:
            writer.close()
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    assert 70 <= len(gone) < 120


async def _is_read(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), 0.01)
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


async def test_a_head_that_trickles_or_never_ends_is_not_waited_for(monkeypatch):
    """ASVS 2.4.1: neither for long nor with much memory."""
    monkeypatch.setattr(http, "FIRST_S", 0.3)
    port = free_port()
    async with http.door(says_from_whom, host="127.0.0.1", port=port):
        assert await said(port, b"GET / HT", b"T", b"P", b"/", pause_s=0.2) == b""
        endless = await said(port, b"GET / HTTP/1.1\r\nx: ", *[b"y" * 20_000] * 5, pause_s=0.01)
        assert endless == b"" or endless.startswith(b"HTTP/1.1 400")
        assert (await said(port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_body_comes_at_a_pace_or_its_request_is_over(monkeypatch):
    """ASVS 2.4.1: who sends a form byte by byte is told that it came too slowly."""
    monkeypatch.setattr(http, "BODY_S", 0.3)
    port = free_port()
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"
    async with http.door(says_what_came, host="127.0.0.1", port=port):
        assert b"\r\n10\r\n" in await said(port, head + b"0123456789")
        late = await said(port, head, b"0", b"1", b"2", pause_s=0.2)
        assert late == b"" or late.startswith(b"HTTP/1.1 408")
        monkeypatch.setattr(http, "BYTES_PER_S", 1)
        assert b"\r\n10\r\n" in await said(port, head, b"01234", b"5678", b"9", pause_s=0.2)


async def test_one_network_does_not_take_all_requests_and_who_comes_later_is_told_when(monkeypatch):
    """ASVS 2.4.1: so many at once of a process, and so many of a network."""
    monkeypatch.setattr(http, "AT_ONCE", 4)
    monkeypatch.setattr(http, "AT_ONCE_OF_ONE", 2)
    port, held = free_port(), asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Send) -> None:
        await held.wait()
        await says_from_whom(scope, receive, send)

    async def ask(from_: str) -> int:
        answer = await client.get(f"http://127.0.0.1:{port}/", headers={"x-forwarded-for": from_})
        assert answer.status_code == 200 or answer.headers["retry-after"] == "1"
        return answer.status_code

    async with http.door(waits, host="127.0.0.1", port=port, proxies=1), httpx.AsyncClient(timeout=20) as client:
        first = [asyncio.create_task(ask(one)) for one in ("2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2")]
        await asyncio.sleep(0.5)
        assert await ask("2001:db8::3") == 503
        assert await ask("192.0.2.3") == 503
        held.set()
        assert await asyncio.gather(*first) == [200] * 4
        assert await ask("2001:db8::3") == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:5::6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_whoever_has_many_addresses_is_one_network(address, network):
    assert http.network_of(address) == network
