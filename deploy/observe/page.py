"""One small page of all panels and alerts, for a browser or a phone; asks Prometheus and keeps nothing."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import aiohttp
from aiohttp import web

from deploy.dashboards.panels import dashboards
from deploy.local.artifacts import ROOT
from deploy.prometheus.alerts import alerts

PAGE = Path(__file__).with_name("page.html")
RUNBOOKS = ROOT / "deploy" / "runbooks"
PATIENCE = aiohttp.ClientTimeout(total=10)
_ASKED = ("query", "query_range", "alerts")  # no other question is passed on
UPSTREAM: web.AppKey[str] = web.AppKey("upstream", str)
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


def application(prometheus_url: str) -> web.Application:
    """The page, its panels, and the questions that it asks."""
    app = web.Application()
    app[UPSTREAM] = prometheus_url
    app.cleanup_ctx.append(_session)
    app.router.add_get("/", _page)
    app.router.add_get("/dashboards.json", _panels)
    app.router.add_get("/runbooks/{name}.md", _runbook)
    app.router.add_get("/api/v1/{what}", _ask)
    return app


async def _session(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        app[SESSION] = session
        yield


async def _page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE)


async def _panels(_: web.Request) -> web.Response:
    return web.json_response([asdict(page) for page in dashboards()])


async def _runbook(request: web.Request) -> web.Response:
    """What to do about an alert, as text: on one machine the rules' own address of it leads nowhere."""
    name = request.match_info["name"]
    if name not in {alert.name for alert in alerts()}:
        raise web.HTTPNotFound
    return web.Response(text=(RUNBOOKS / f"{name}.md").read_text(encoding="utf-8"))


async def _ask(request: web.Request) -> web.Response:
    what = request.match_info["what"]
    if what not in _ASKED:
        raise web.HTTPNotFound
    url = f"{request.app[UPSTREAM]}/api/v1/{what}"
    try:
        async with request.app[SESSION].get(url, params=request.query) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")
    except (aiohttp.ClientError, TimeoutError):
        raise web.HTTPBadGateway(text="Prometheus does not answer") from None
