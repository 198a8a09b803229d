"""The sample business on real services, watched from its first second by a real Prometheus and Alertmanager."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import requests
from psycopg.conninfo import conninfo_to_dict

from deploy.demo import sample
from deploy.demo.calls import Services
from deploy.demo.feed import Feed
from deploy.demo.player import Player, Stage
from deploy.demo.shop import Shop
from deploy.demo.stack import SOURCES, Stack
from deploy.local.artifacts import ROOT
from deploy.local.cluster import ERP, SHOP
from deploy.local.processes import wait_until
from deploy.local.servers import Servers, own_folder
from deploy.observe.servers import Alertmanager, Prometheus
from tests.end_to_end.world import Trader, World

SMTP_PASSWORD = "marked-smtp-password"
SCALE = 1 / 30  # a minute of the rules is two seconds here
OWN = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "AR_SMTP_HOST", "AR_SMTP_PORT", "AR_MAIL_FOLDER")


@dataclass
class Pager:
    """A webhook that keeps what it is told."""

    told: list[dict[str, Any]] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        """What it was told of one alert."""
        return [alert for alert in self.told if alert["labels"]["alertname"] == name]

    def await_(self, name: str, timeout: float = 60, **labels: str) -> dict[str, Any]:
        """Wait for an alert with these labels, and give it."""

        def found() -> list[dict[str, Any]]:
            return [alert for alert in self.of(name) if labels.items() <= alert["labels"].items()]

        wait_until(lambda: bool(found()), f"{name} {labels} is told", timeout)
        return found()[0]


@dataclass
class Watched:
    """Everything that runs."""

    stage: Stage
    prometheus: Prometheus
    pager: Pager
    at: datetime

    def admin(self, service: str) -> psycopg.Connection[Any]:
        """A superuser's connection to a service's database."""
        servers = self.stage.stack.servers
        name = str(conninfo_to_dict(self.stage.stack.running[service].database.owner)["dbname"])
        return psycopg.connect(servers.admin_database_url, dbname=name, autocommit=True)

    def look(self, page: str, job: str = "") -> list[tuple[Any, ...]]:
        """Type what a runbook says to type into psql, as whom it says, and give what all its queries find."""
        found: list[tuple[Any, ...]] = []
        content = (ROOT / "deploy" / "runbooks" / f"{page}.md").read_text(encoding="utf-8")
        for named, who, statements in re.findall(r"```sql\n-- (\w+): psql (\w+)[^\n]*\n(.*?)```", content, re.DOTALL):
            service = job if named == "any" else named
            owner = self.stage.stack.running[service].database.owner
            with self.admin(service) if who == "as" else psycopg.connect(owner, autocommit=True) as connection:
                for statement in filter(str.strip, statements.split(";\n")):
                    rows = connection.execute(statement.encode()).fetchall()
                    found += [] if "set_config" in statement else rows
        return found

    def parked(self, service: str, *arguments: str) -> str:
        """What `parked` prints, as a runbook says to type it."""
        argv = [sys.executable, "-m", f"services.{service}", "parked", *arguments]
        settings = {"AR_DATABASE_URL": self.stage.stack.running[service].database.server}
        done = subprocess.run(argv, env=os.environ | settings, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def alter(self, service: str, statement: str) -> None:
        """Change what no service can change: triggers off."""
        with self.admin(service) as connection:
            connection.execute("SET session_replication_role = replica")
            assert connection.execute(statement.encode()).rowcount == 1, statement


@pytest.fixture(scope="session")
def pager() -> Iterator[tuple[Pager, str]]:
    """A webhook, and its address."""
    pager = Pager()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            pager.told += json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield pager, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def watched(pager: tuple[Pager, str]) -> Iterator[Watched]:
    """Play the sample under watch; it is at rest, and nothing is wrong yet."""
    with pytest.MonkeyPatch.context() as environment:
        for name in OWN:
            environment.delenv(name, raising=False)
        described = Servers(own_folder(ROOT / "var" / "test"))
    with (
        patch.dict(os.environ, {"AR_SMTP_PASSWORD": SMTP_PASSWORD}),
        described as servers,
        Stack(servers, servers.folder / "logs", prefix="watched", sources={**SOURCES, "*": ["*"]}) as stack,
        Services(stack.addresses, stack.issuers) as services,
        Shop(servers.cluster.brokers(SHOP)) as shop,
        Feed(servers.cluster.brokers(ERP)) as feed,
        Alertmanager(servers.folder / "observe", pager[1]) as alertmanager,
        _prometheus(servers.folder / "observe", stack, alertmanager.port) as prometheus,
    ):
        stage = Stage(stack, services, shop, feed)
        business = sample.load()
        player = Player(stage, business)
        player.open(business.steps[0])
        for step in business.steps:
            player.play(step)
        open_pages(stage)
        time.sleep(5)  # until it was scraped at rest
        yield Watched(stage, prometheus, pager[0], business.steps[-1].at)


def open_pages(stage: Stage) -> None:
    """Somebody looks at a page, and an operator at where the portal stands."""
    base = stage.stack.open_portal("watched", "Watched Ltd")
    wait_until(lambda: requests.get(f"{base}/sign-in", timeout=10).ok, "the portal knows the host", 20)
    stage.services.status("portal")


def _prometheus(folder: Path, stack: Stack, alertmanager: int) -> Prometheus:
    ports = {name: service.metrics_port for name, service in stack.running.items()}
    return Prometheus(folder, ports, every="1s", scale=SCALE, alertmanager=alertmanager)


@pytest.fixture(scope="session")
def trader(watched: Watched) -> Trader:
    """A seller of the test's own with a buyer, days after the sample."""
    morning = watched.at.replace(hour=9).astimezone(UTC) + timedelta(days=3)
    world = World(watched.stage, watched.stage.stack.servers.mail_folder, morning)
    world.settle()
    known = Trader(world)
    known.buyer(limit=1_000_000)
    return known
