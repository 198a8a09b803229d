"""Writes the rules as Prometheus, and as its Kubernetes operator, read them."""

from pathlib import Path
from typing import Any

import yaml

from deploy.local.artifacts import ROOT
from deploy.prometheus.alerts import RUNBOOKS, Alert, alerts, recordings, span, text

PLAIN = ROOT / "deploy" / "prometheus" / "rules.yaml"
OPERATOR = ROOT / "k8s" / "components" / "prometheus-operator" / "alerts.yaml"
_SAYS = "# Written by `python -m deploy.prometheus` from deploy/prometheus/alerts.py; a test compares the two.\n"


def groups(scale: float = 1) -> list[dict[str, Any]]:
    """The rule groups, with time passing 1 / `scale` times as fast."""
    recorded = [{"record": name, "expr": expr} for name, expr in recordings(scale)]
    interval = {} if scale == 1 else {"interval": "1s"}
    return [
        {"name": "receivables-objectives", **interval, "rules": recorded},
        {"name": "receivables-alerts", **interval, "rules": [rule(alert) for alert in alerts(scale)]},
    ]


def rule(alert: Alert) -> dict[str, Any]:
    """One alert as a rule."""
    waits = {"for": span(alert.for_s)} if alert.for_s else {}
    return {
        "alert": alert.name,
        "expr": text(alert),
        **waits,
        "labels": {"severity": alert.severity, **dict(alert.labels)},
        "annotations": {"summary": alert.summary, "runbook_url": f"{RUNBOOKS}/{alert.name}.md"},
    }


def plain(scale: float = 1) -> str:
    """The rule file."""
    return _SAYS + _yaml({"groups": groups(scale)})


def operator() -> str:
    """The PrometheusRule."""
    metadata = {
        "name": "receivables",
        "labels": {"app.kubernetes.io/name": "receivables", "app.kubernetes.io/component": "monitoring"},
    }
    spec = {"groups": groups()}
    return _SAYS + _yaml(
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": spec}
    )


def files() -> dict[Path, str]:
    """Every file that is written, and what it says."""
    return {PLAIN: plain(), OPERATOR: operator()}


def _yaml(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True))
