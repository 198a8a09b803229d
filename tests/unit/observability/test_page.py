"""The page asks Prometheus what panels need, and passes nothing else on."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from deploy.dashboards.panels import dashboards
from deploy.observe.page import application


@pytest.fixture
async def asked() -> AsyncIterator[tuple[TestClient[Any, Any], list[str]]]:
    """The page before a Prometheus that notes what it is asked."""
    questions: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        questions.append(request.path_qs)
        return web.json_response({"data": {"result": []}})

    upstream = web.Application()
    upstream.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(upstream) as prometheus:
        client = TestClient(TestServer(application(str(prometheus.make_url("")).rstrip("/"))))
        async with client as page:
            yield page, questions


async def test_a_question_of_a_panel_is_passed_on(asked):
    page, questions = asked

    answer = await page.get("/api/v1/query_range", params={"query": "up", "start": "1", "end": "2", "step": "1"})

    assert answer.status == 200
    assert (await answer.json())["data"]["result"] == []
    assert questions == ["/api/v1/query_range?query=up&start=1&end=2&step=1"]


@pytest.mark.parametrize("path", ["/api/v1/admin/tsdb/snapshot", "/api/v1/status", "/-/reload", "/api/v1/targets"])
async def test_nothing_else_is(asked, path):
    page, questions = asked

    assert (await page.get(path)).status == 404
    assert (await page.post("/api/v1/query")).status == 405
    assert questions == []


async def test_a_prometheus_that_is_gone_is_said_to_be(asked):
    async with TestClient(TestServer(application("http://127.0.0.1:1"))) as page:
        answer = await page.get("/api/v1/alerts")

        assert answer.status == 502
        assert "Prometheus does not answer" in await answer.text()


async def test_an_alerts_runbook_is_there_to_read_and_no_other_file(asked):
    page, _ = asked

    told = await page.get("/runbooks/NumberGap.md")
    assert told.content_type == "text/plain"
    assert (await told.text()).startswith("# NumberGap")
    for other in ("README", "Nobody", "..%2Fobserve%2FREADME"):
        assert (await page.get(f"/runbooks/{other}.md")).status == 404


async def test_the_page_gets_all_panels(asked):
    page, _ = asked

    assert "<title>Receivables</title>" in await (await page.get("/")).text()
    told = json.loads(await (await page.get("/dashboards.json")).text())
    assert [one["name"] for one in told] == [one.name for one in dashboards()]
    assert told[0]["panels"][0]["queries"][0].keys() == {"expr", "legend"}
