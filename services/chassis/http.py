"""A door for browsers and programs over HTTP, in the service's own loop; it ends as calls do, once what is under way is done."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from services.chassis.logs import log
from services.chassis.tls import CERTIFICATE, KEY

GRACE_S = 8  # for requests that are under way at a stop
KEEP_ALIVE_S = 75  # longer than a proxy before us keeps an idle connection
AT_ONCE = 500  # requests of a process; more are told to come again (503)
START_S = 10.0
LOOK_S = 5.0  # between two looks at the certificate
_FORWARDED = b"x-forwarded-for"


class _Server(uvicorn.Server):
    """One whose process knows what its signals mean."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the process."""
        yield


@asynccontextmanager
async def door(
    app: Any, *, host: str, port: int, certificate: Path | None = None, proxies: int = 0
) -> AsyncIterator[None]:
    """Answer requests there; with a certificate's folder (tls.crt, tls.key) over TLS, else in plain text behind a proxy.

    So many proxies are before us, and each has said from where a request came to it.
    """
    config = uvicorn.Config(
        _Forwarded(app, proxies) if proxies else app,
        host=host,
        port=port,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=AT_ONCE,
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
