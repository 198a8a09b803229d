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
