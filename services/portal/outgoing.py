"""Requests to addresses that others have told us: over TLS, to nobody of our own network, small and soon over.

Names are resolved once, and what they mean is asked: a name that means something else the next time leads nowhere.
"""

import asyncio
import ipaddress
import socket
from typing import Any, Literal

import httpx

WAIT_S = 5.0  # for an answer, all of it
ANSWER_MAX = 2**20  # bytes
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Reach = Literal["public", "any"]


class NotReached(Exception):  # noqa: N818 - what became of it
    """An address that is not asked, or an answer that is not taken."""


class Outgoing(httpx.AsyncBaseTransport):
    """What requests go through. Redirects are not followed; proxies of the environment are not asked."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, and read the whole answer; raises NotReached."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self._asked(request)
        except (TimeoutError, OSError, httpx.TransportError) as error:
            raise NotReached(type(error).__name__) from None

    async def aclose(self) -> None:
        """Close its connections."""
        await self._inner.aclose()

    async def _asked(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        check(str(url), self._reach)
        address = await _address_of(url.host, url.port or 443, self._reach)
        request.headers["accept-encoding"] = "identity"
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=address)
        answer = await self._inner.handle_async_request(request)
        try:
            if "content-encoding" in answer.headers:
                raise NotReached("a packed answer")
            content = b""
            async for part in answer.aiter_raw():
                content += part
                if len(content) > ANSWER_MAX:
                    raise NotReached("a large answer")
        finally:
            await answer.aclose()
            request.url = url
        return httpx.Response(answer.status_code, headers=answer.headers, content=content, request=request)


def client(reach: Reach) -> httpx.AsyncClient:
    """What asks."""
    return httpx.AsyncClient(**asking(reach))


def asking(reach: Reach) -> dict[str, Any]:
    """How any client of httpx asks so."""
    return {"transport": Outgoing(reach), "trust_env": False, "follow_redirects": False, "timeout": WAIT_S}


def check(url: str, reach: Reach) -> None:
    """Refuse an address that is not https, but for one of this machine, where any may be reached."""
    known = httpx.URL(url)
    is_local = known.host in ("localhost", "127.0.0.1") and reach == "any"
    if known.scheme != "https" and not (known.scheme == "http" and is_local):
        raise NotReached("not https")


def is_public(address: str) -> bool:
    """Whether an address is somebody's on the internet, and not of a network of our own in another dress."""
    known = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(known, ipaddress.IPv6Address):
        inner = known.ipv4_mapped or known.sixtofour or (known.teredo or (None, None))[1]
        if known in _NAT64:
            inner = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return known.is_global and not known.is_multicast


async def _address_of(host: str, port: int, reach: Reach) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not addresses or (reach == "public" and not all(map(is_public, addresses))):
        raise NotReached("not a public address")
    return addresses[0]
