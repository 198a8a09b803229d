"""A door for browsers and programs over HTTP, in the service's own loop; it ends as calls do, once what is under way is done."""

import asyncio
import ipaddress
import resource
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.chassis.logs import log
from services.chassis.tls import CERTIFICATE, KEY

GRACE_S = 8  # for requests that are under way at a stop
KEEP_ALIVE_S = 75  # longer than a proxy before us keeps an idle connection
AT_ONCE = 500  # requests of a process; more are told to come again (503)
AT_ONCE_OF_ONE = 100  # the same of one network, so that none takes all
CONNECTIONS = 2_000  # open ones; for another, the one that is idle the longest goes
OTHER_FILES = 200  # that a process has open beside them
# Until a handshake is done, and again until the head of the first request is here; of a later one, KEEP_ALIVE_S.
FIRST_S = 10.0
HEAD_MAX = 64 * 1024  # bytes of a head
BODY_S, BYTES_PER_S = 10.0, 16_000  # a body comes at once, or at this pace
_NETWORK_BITS = 64  # of an IPv6 address: what a household or an office has of them
START_S = 10.0
LOOK_S = 5.0  # between two looks at the certificate
_FORWARDED = b"x-forwarded-for"


class _Server(uvicorn.Server):
    """One whose process knows what its signals mean."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn's own waits for a minute for the end of a handshake, which holds a file meanwhile."""
        assert sockets is None, "it opens its own"
        config, protocol = self.config, cast(Any, self.config.http_protocol_class)
        try:
            server = await asyncio.get_running_loop().create_server(
                partial(protocol, config=config, server_state=self.server_state, app_state={}),
                host=config.host,
                port=config.port,
                ssl=config.ssl,
                ssl_handshake_timeout=FIRST_S if config.ssl else None,
                backlog=config.backlog,
            )
        except OSError as error:
            raise SystemExit(f"nothing can answer on {config.host}:{config.port}: {error.strerror}") from None
        self.servers = [server]
        self.started = True


@asynccontextmanager
async def door(
    app: Any, *, host: str, port: int, certificate: Path | None = None, proxies: int = 0
) -> AsyncIterator[None]:
    """Answer requests there; with a certificate's folder (tls.crt, tls.key) over TLS, else in plain text behind a proxy.

    So many proxies are before us, and each has said from where a request came to it.
    """
    config = uvicorn.Config(
        _Forwarded(_Bounded(app), proxies) if proxies else _Bounded(app),
        host=host,
        port=port,
        loop="none",
        http=partial(_Connection, idle={}),  # type: ignore[arg-type] # it is only called
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        backlog=1024,
    )
    if certificate is not None:
        config.ssl_certfile, config.ssl_keyfile = str(certificate / CERTIFICATE), str(certificate / KEY)
        config.ssl_version = ssl.PROTOCOL_TLS_SERVER
    config.load()
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    renewing = asyncio.create_task(_renew(config.ssl, certificate)) if config.ssl and certificate else None
    try:
        async with asyncio.timeout(START_S):
            while not server.started:
                if serving.done():  # the port is taken: it says so, and ends the process as nothing else may
                    raise SystemExit(f"nothing can answer on {host}:{port}")
                await asyncio.sleep(0.01)
        log.info("http started", port=port)
        yield
    finally:
        if renewing is not None:
            renewing.cancel()
        server.should_exit = True
        await asyncio.wait([serving], timeout=GRACE_S + 1)


async def _renew(context: ssl.SSLContext, folder: Path) -> None:
    """Let each new connection meet the certificate of the day; one that makes no sense leaves what was there before."""
    certificate, key = folder / CERTIFICATE, folder / KEY
    known = certificate.stat().st_mtime_ns, key.stat().st_mtime_ns
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            if (found := (certificate.stat().st_mtime_ns, key.stat().st_mtime_ns)) != known:
                # By itself first: ours would keep half of one that is wrong.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(str(certificate), str(key))
                context.load_cert_chain(str(certificate), str(key))
                known = found
                log.info("certificate read again", folder=str(folder))
        except (OSError, ssl.SSLError) as error:
            log.error("a certificate cannot be read", folder=str(folder), error=type(error).__name__)


class _Forwarded:
    """Takes a request as from whom the outermost of our proxies had it; what was said before that, anybody may say."""

    def __init__(self, app: Any, proxies: int) -> None:
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        said = b",".join(value for name, value in scope.get("headers", ()) if name == _FORWARDED).split(b",")
        if len(said) >= self._proxies and (found := said[-self._proxies].strip().decode("latin-1")):
            scope = scope | {"client": (found, 0)}
        await self._app(scope, receive, send)


class _Connection(HttpToolsProtocol):
    """One that does not stay open for nothing: uvicorn waits for a head for ever, and reads it whatever its size."""

    def __init__(self, *args: Any, idle: dict["_Connection", None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Those that have no request under way, the one that is so the longest first.
        self._idle = idle
        self._waits: asyncio.TimerHandle | None = None
        # Of a head that is being read, how many bytes came since it began; None where there is none.
        self._head: int | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for a request, but not for ever, nor beside too many others."""
        super().connection_made(transport)
        if len(self.connections) > _connections_max():
            longest = next(iter(self._idle), self)
            longest._rest()
            longest.transport.abort()
        if not transport.is_closing():
            self._wait(FIRST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head goes on for too long."""
        if self._head is not None:
            # What is left of the head may come with much of the body.
            left = HEAD_MAX - self._head
            self._head += len(data)
            super().data_received(data[:left])
            if self._head is not None and self._head > HEAD_MAX and not self.transport.is_closing():
                self.send_400_response("That is too much.")
            data = data[left:]
        if data and not self.transport.is_closing():
            super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request is under way."""
        self._head = None
        self._rest()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """And is answered."""
        waits = not self.pipeline
        super().on_response_complete()
        if waits and not self.transport.is_closing():
            self._wait(KEEP_ALIVE_S)

    def _wait(self, seconds: float) -> None:
        self._rest()
        self._idle[self] = None
        self._waits = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _rest(self) -> None:
        self._idle.pop(self, None)
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None


def _connections_max() -> int:
    """So many connections as a process may have files."""
    return min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES)


class _Bounded:
    """So many requests at once, and so many of one network; a body that trickles is not waited for."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._under_way = 0
        self._of: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        network = network_of(scope["client"][0] if scope.get("client") else "")
        if self._under_way >= AT_ONCE or self._of[network] >= AT_ONCE_OF_ONE:
            await _say(send, 503, b"too much at once: come again in a moment\n", (b"retry-after", b"1"))
            return
        self._under_way += 1
        self._of[network] += 1
        try:
            await self._in_time(scope, receive, send)
        finally:
            self._under_way -= 1
            self._of[network] -= 1
            if not self._of[network]:
                del self._of[network]

    async def _in_time(self, scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        until, is_whole, is_late, has_begun = loop.time() + BODY_S, False, False, False

        async def receive_in_time() -> Any:
            nonlocal until, is_whole, is_late
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                is_late = True
                return {"type": "http.disconnect"}
            until += len(message.get("body", b"")) / BYTES_PER_S
            is_whole = not message.get("more_body", False)
            return message

        async def send_in_time(message: Any) -> None:
            nonlocal has_begun
            if not is_late:
                has_begun = True
                await send(message)

        await self._app(scope, receive_in_time, send_in_time)
        if is_late and not has_begun:
            await _say(send, 408, b"that came too slowly\n")


async def _say(send: Any, status: int, words: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Answer in a line, and hang up: the rest of the request is not read."""
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(words)).encode())]
    closed = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *closed, *headers]})
    await send({"type": "http.response.body", "body": words})


def network_of(address: str) -> str:
    """Whose an address is, as far as it can be told: of IPv6, one has as many addresses as one likes."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, _NETWORK_BITS), strict=False))
