"""Prometheus and Alertmanager for the length of a `with` block, with our rules, on loopback ports of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import requests
import yaml

from deploy.local.processes import Process, free_port
from deploy.observe import tools
from deploy.prometheus import rules

HOST = "127.0.0.1"
READY_S = 30


class Prometheus:
    """A Prometheus that scrapes each service under its name as `job`."""

    def __init__(
        self, folder: Path, ports: Mapping[str, int], *, every: str = "2s", scale: float = 1, alertmanager: int = 0
    ) -> None:
        """Describe it: scrape `every` so often; `scale` as in deploy/prometheus/alerts.py."""
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._folder = folder
        self._config: dict[str, Any] = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"{HOST}:{port}"]}]} for job, port in ports.items()
            ],
        }
        if alertmanager:
            target = {"static_configs": [{"targets": [f"{HOST}:{alertmanager}"]}]}
            self._config["alerting"] = {"alertmanagers": [target]}
        self._rules = rules.plain(scale)
        argv = [
            str(tools.find("prometheus")),
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]
        self.process = Process("prometheus", argv, log=folder / "prometheus.log", ready=lambda: _ready(self.url))

    def __enter__(self) -> Self:
        """Write its files, start it, return when it is ready."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "prometheus.yaml").write_text(yaml.safe_dump(self._config), encoding="utf-8")
        (self._folder / "rules.yaml").write_text(self._rules, encoding="utf-8")
        self.process.start(READY_S)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.process.stop()

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """The answer to a query now: series with their labels and value; raises when it is no query."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expr}, timeout=10)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


class Alertmanager:
    """An Alertmanager that tells every alert to one webhook, at once."""

    def __init__(self, folder: Path, webhook: str) -> None:
        """Describe it."""
        self.port = free_port()
        self._folder = folder
        told = {"url": webhook, "send_resolved": False}
        self._config = {
            "route": {
                "receiver": "webhook",
                "group_by": ["..."],
                "group_wait": "0s",
                "group_interval": "1s",
                "repeat_interval": "1h",
            },
            "receivers": [{"name": "webhook", "webhook_configs": [told]}],
        }
        argv = [
            str(tools.find("alertmanager")),
            f"--config.file={folder / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",
        ]
        url = f"http://{HOST}:{self.port}"
        self.process = Process("alertmanager", argv, log=folder / "alertmanager.log", ready=lambda: _ready(url))

    def __enter__(self) -> Self:
        """Write its file, start it, return when it is ready."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "alertmanager.yaml").write_text(yaml.safe_dump(self._config), encoding="utf-8")
        self.process.start(READY_S)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.process.stop()


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.RequestException:
        return False
