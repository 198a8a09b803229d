"""A door for browsers and programs over HTTP, in the service's own loop; it ends as calls do, once what is under way is done."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from services.chassis.logs import log

GRACE_S = 8  # for requests that are under way at a stop
KEEP_ALIVE_S = 75  # longer than a proxy before us keeps an idle connection
AT_ONCE = 500  # requests of a process; more are told to come again (503)
START_S = 10.0


class _Server(uvicorn.Server):
    """One whose process knows what its signals mean."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the process."""
        yield


@asynccontextmanager
async def door(app: Any, *, host: str, port: int, certificate: Path | None = None) -> AsyncIterator[None]:
    """Answer requests there; with a certificate's folder (tls.crt, tls.key) over TLS, else in plain text behind a proxy."""
    config = uvicorn.Config(
        app,
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
        config.ssl_certfile, config.ssl_keyfile = str(certificate / "tls.crt"), str(certificate / "tls.key")
        config.ssl_version = ssl.PROTOCOL_TLS_SERVER
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(START_S):
            while not server.started:
                if serving.done():  # the port is taken: it says so, and ends the process as nothing else may
                    raise SystemExit(f"nothing can answer on {host}:{port}")
                await asyncio.sleep(0.01)
        log.info("http started", port=port)
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([serving], timeout=GRACE_S + 1)
