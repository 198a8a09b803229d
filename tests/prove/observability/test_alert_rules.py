"""promtool judges every alert on both sides of its limit, and finds every limit, pause and window that is changed."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from deploy.observe import tools
from deploy.observe.metrics import MODULES
from deploy.prometheus import rules
from deploy.prometheus.alerts import CENT, Alert, alerts, recordings
from tests.prove.observability.cases import STEP_S, Case, cases

pytestmark = pytest.mark.prove
AMOUNTS = ("LedgerImbalance", "LedgerControlDifference", "ExposureDrift")


def promtool(folder: Path, changed: list[Alert], wanted: list[Case]) -> tuple[bool, str]:
    """Whether these alerts do what these cases want."""
    read = " ".join(alert.expr for alert in changed)
    recorded = [{"record": name, "expr": expr} for name, expr in recordings() if name in read]
    written = [{key: value for key, value in rules.rule(a).items() if key != "annotations"} for a in changed]
    groups = {"groups": [{"name": "all", "rules": [*recorded, *written]}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(groups))
    severities = {(a.name, a.labels): a.severity for a in alerts()}
    tests = [_test(case, severities) for case in wanted]
    interval = f"{STEP_S}s"
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": interval, "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(content))
    argv = [str(tools.find("promtool")), "test", "rules", "tests.yaml"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def _test(case: Case, severities: dict[Any, str]) -> dict[str, Any]:
    told = []
    for labels in case.fires:
        own = tuple(pair for pair in labels if pair[0] == "window")
        told.append({"exp_labels": {"severity": severities[(case.alert, own)], **dict(labels)}})
    expected = {"eval_time": f"{case.at_s:g}s", "alertname": case.alert, "exp_alerts": told}
    return {
        "interval": f"{STEP_S}s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [expected],
    }


def mutants() -> Iterator[tuple[str, int, Alert]]:
    """Each alert with one thing changed: its limit up and down, its pause longer and gone."""
    for nth, alert in enumerate(alerts()):
        name = f"{alert.name}{''.join(value for _, value in alert.labels)}"
        if alert.limit is not None:
            step = _step(alert)
            yield f"{name} limit up", nth, replace(alert, limit=alert.limit + step)
            yield f"{name} limit down", nth, replace(alert, limit=alert.limit - step)
        if alert.for_s:
            yield f"{name} pause longer", nth, replace(alert, for_s=alert.for_s * 2)
            yield f"{name} pause gone", nth, replace(alert, for_s=0)


def _step(alert: Alert) -> float:
    """The least change that means something: a cent, half a tenth of one, a piece, a tenth of a duration or share."""
    if alert.name in AMOUNTS:
        return 0.01
    if alert.limit == CENT:
        return 0.0005
    return 1 if alert.limit in (0, 1) else (alert.limit or 0) * 0.1


def test_every_alert_has_cases_on_both_sides():
    wanted = cases()

    for name in {alert.name for alert in alerts()} - {"Watchdog"}:
        assert any(case.fires for case in wanted if case.alert == name), name
        assert any(not case.fires for case in wanted if case.alert == name), name


def test_every_alert_fires_beyond_its_limit_and_not_at_it(tmp_path):
    agreed, said = promtool(tmp_path, alerts(), cases())

    assert agreed, said


@pytest.mark.parametrize(
    ("what", "nth", "mutant"), list(mutants()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_changed_limit_or_pause_is_found(tmp_path, what, nth, mutant):
    changed = [mutant if n == nth else alert for n, alert in enumerate(alerts()) if alert.name == mutant.name]

    agreed, _ = promtool(tmp_path, changed, [case for case in cases() if case.alert == mutant.name])

    assert not agreed, f"nobody noticed: {what}"


def test_the_rules_are_well_formed_in_prometheus_own_eyes():
    argv = [str(tools.find("promtool")), "check", "rules", str(rules.PLAIN)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert re.search(r"SUCCESS: (\d+) rules found", done.stdout)


def test_metrics_are_named_as_prometheus_wants_them():
    for module in MODULES.values():
        for found in vars(import_module(module)).values():
            if isinstance(found, MetricWrapperBase) and found._labelnames:
                found.labels(*(["any"] * len(found._labelnames)))  # a family without a series is not shown
    argv = [str(tools.find("promtool")), "check", "metrics"]
    done = subprocess.run(argv, input=generate_latest(REGISTRY), capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
