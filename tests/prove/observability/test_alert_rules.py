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
from deploy.prometheus.alerts import (
    BURNS,
    CENT,
    DAY,
    HOUR,
    MINUTE,
    OBJECTIVES,
    PAGE,
    TICKET,
    Alert,
    Burn,
    Objective,
    alerts,
    recordings,
    span,
)
from tests.prove.observability.cases import Case, bursts, cases

pytestmark = pytest.mark.prove
AMOUNTS = ("LedgerImbalance", "LedgerControlDifference", "ExposureDrift")
# A number or a duration by itself: not a part of a name, nor within quotes.
NUMBER = re.compile(r'(?<![\w."])(?P<value>\d+(?:\.\d+)?)(?P<unit>[smhd])?(?![\w."])')
UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY}


def missed(
    folder: Path, variants: dict[str, list[Alert]], wanted: list[Case], records: dict[str, str] | None = None
) -> dict[str, str]:
    """Of these variants of one alert, each under a name of its own, which do not what the cases want, and how.

    All in one run: what takes promtool long are the series, and they are the same for all. Steps are of one length.
    """
    read = " ".join(alert.expr for variant in variants.values() for alert in variant)
    recorded = [
        {"record": name, "expr": expr} for name, expr in (records or dict(recordings())).items() if name in read
    ]
    written = [
        {key: value for key, value in rules.rule(alert).items() if key != "annotations"} | {"alert": name}
        for name, variant in variants.items()
        for alert in variant
    ]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": [*recorded, *written]}]}))
    [step] = {case.step_s for case in wanted}
    tests = [_test(case, list(variants)) for case in wanted]
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{step:g}s", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(content))
    argv = [str(tools.find("promtool")), "test", "rules", "tests.yaml"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == ("SUCCESS" in said), said
    found = re.findall(r"alertname: (\S+), (time: .*?got:\[.*?\])\s", said, re.DOTALL)
    assert bool(found) == bool(done.returncode), said  # an error is no verdict
    return dict(found)


def _test(case: Case, names: list[str]) -> dict[str, Any]:
    severities = {(alert.name, alert.labels): alert.severity for alert in alerts()}
    told = []
    for labels in case.fires:
        own = tuple(pair for pair in labels if pair[0] == "window")
        told.append({"exp_labels": {"severity": severities[(case.alert, own)], **dict(labels)}})
    return {
        "interval": f"{case.step_s:g}s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [{"eval_time": f"{case.at_s:g}s", "alertname": name, "exp_alerts": told} for name in names],
    }


def mutants() -> Iterator[tuple[str, int, Alert]]:
    """Each alert with one thing changed: its limit, its pause by a minute, any other number that it names; up and down."""
    for nth, alert in enumerate(alerts()):
        name = f"{alert.name}{''.join(value for _, value in alert.labels)}"
        if alert.limit is not None:
            step = _step(alert)
            yield f"{name} limit up", nth, replace(alert, limit=alert.limit + step)
            yield f"{name} limit down", nth, replace(alert, limit=alert.limit - step)
        if alert.for_s:
            yield f"{name} pause longer", nth, replace(alert, for_s=alert.for_s + MINUTE)
            yield f"{name} pause shorter", nth, replace(alert, for_s=alert.for_s - MINUTE)
        for number in () if alert.name == "Watchdog" else NUMBER.finditer(alert.expr):
            for said, factor in (("more", 1.4), ("less", 0.6)):
                expr = alert.expr[: number.start()] + _times(number, factor) + alert.expr[number.end() :]
                if expr != alert.expr:
                    yield f"{name} {said} at {number.start()}: {expr}", nth, replace(alert, expr=expr)


def _times(number: re.Match[str], factor: float) -> str:
    """So many times the number or duration; a nought becomes one, and not less."""
    value, unit = float(number["value"]), number["unit"] or ""
    if not value:
        return "1" if factor > 1 else number[0]
    return f"{value * factor:g}" if not unit else f"{round(value * factor * UNITS[unit])}s"


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


@pytest.mark.parametrize("name", sorted({alert.name for alert in alerts()}))
def test_an_alert_fires_beyond_its_limits_and_not_at_them_and_whatever_number_is_changed_is_found(tmp_path, name):
    wanted = [case for case in cases() if case.alert == name]
    those = [alert for alert in alerts() if alert.name == name]
    changed = {f"m{n}": mutant for n, mutant in enumerate(mutants()) if mutant[2].name == name}
    variants = {
        key: [m if n == nth else a for n, a in enumerate(alerts()) if a.name == name]
        for key, (_, nth, m) in changed.items()
    }

    found = missed(tmp_path, {name: those} | variants, wanted)

    assert name not in found, found[name]
    assert [what for key, (what, _, _) in changed.items() if key not in found] == []


def one_burn(objective: Objective, burn: Burn) -> tuple[list[Alert], dict[str, str]]:
    """The rule of one burn, and the two ratios that it compares."""
    window = (("window", span(burn.long_s)),)
    [rule] = [alert for alert in alerts() if alert.name == objective.alert and alert.labels == window]
    names = [f"{objective.record}_rate{span(length)}" for length in (burn.long_s, burn.short_s)]
    return [rule], {name: dict(recordings())[name] for name in names}


BURNING = [
    pytest.param(objective, burn, id=f"{objective.alert}-{span(burn.long_s)}")
    for objective in OBJECTIVES
    for burn in BURNS
]


def _other_windows(expr: str, factor: float) -> Iterator[str]:
    """The expression with every duration so many times as long."""
    end = 0
    for number in NUMBER.finditer(expr):
        yield expr[end : number.start()]
        yield _times(number, factor) if number["unit"] else number[0]
        end = number.end()
    yield expr[end:]


@pytest.mark.parametrize(("objective", "burn"), BURNING)
def test_a_burn_is_judged_over_both_its_windows_and_a_changed_one_is_found(tmp_path, objective, burn):
    [rule], ratios = one_burn(objective, burn)
    variants, records = {rule.name: [rule]}, dict(ratios)
    for name, expr in ratios.items():
        for factor in (1.4, 0.6):
            other = f"{name}:{len(variants)}"
            records[other] = "".join(_other_windows(expr, factor))
            assert records[other] != expr
            variants[f"{span(burn.long_s)} {factor} {name}".replace(" ", "_")] = [
                replace(rule, expr=rule.expr.replace(name + " ", other + " "))
            ]

    found = missed(tmp_path, variants, list(bursts(objective, burn)), records)

    assert rule.name not in found, found[rule.name]
    assert variants.keys() - found.keys() == {rule.name}


def test_the_windows_are_those_of_the_workbook():
    assert [(burn.factor, span(burn.long_s), span(burn.short_s), burn.severity) for burn in BURNS] == [
        (14.4, "1h", "5m", PAGE),
        (6, "6h", "30m", PAGE),
        (3, "1d", "2h", TICKET),
        (1, "3d", "6h", TICKET),
    ]
    assert [objective.goal for objective in OBJECTIVES] == [0.999, 0.99, 0.99, 0.95, 0.999, 0.95]


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
