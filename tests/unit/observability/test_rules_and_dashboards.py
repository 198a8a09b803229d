"""Rules, runbooks, dashboards and tables say what the code says, and every query is one that Prometheus understands."""

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from promql_parser import VectorSelector
from receivables.credit.v1 import service_pb2

from deploy.dashboards import grafana
from deploy.dashboards.panels import dashboards
from deploy.local.artifacts import ROOT
from deploy.observe import metrics as table
from deploy.prometheus import rules
from deploy.prometheus.alerts import NONE, OBJECTIVES, PAGE, RUNBOOKS, TICKET, alerts, recordings, span, text
from services.chassis.consumer import Consumer
from services.credit.service import SERVICE as CREDIT
from services.invoicing.service import SERVICE as INVOICING

RUNBOOK_FOLDER = ROOT / "deploy" / "runbooks"
RULES = [(name, expr) for name, expr in recordings()] + [(alert.name, text(alert)) for alert in alerts()]
QUERIES = [
    (f"{page.name}: {panel.title}", query.expr)
    for page in dashboards()
    for panel in page.panels
    for query in panel.queries
]
RUNBOOK_QUERIES = [
    (page.stem, query.replace("<job>", "credit"))
    for page in sorted(RUNBOOK_FOLDER.glob("*.md"))
    for block in re.findall(r"```promql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for query in block.splitlines()
]
# What must never be so: whoever is on call hears of it at once.
NEVER = {"LedgerImbalance", "LedgerControlDifference", "ExposureDrift", "NumberGap", "AuditTrailBroken"}
SOON = {"IssuedNotPosted", "PostedNotIssued", "ExposureNotLedger"}  # first it must be sure that nothing is under way


def selectors(expr: str) -> list[Any]:
    """Every series that an expression reads."""
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def known() -> dict[str, set[str]]:
    """The labels of every series that exists, by its name."""
    series: dict[str, set[str]] = {}
    for metric in table.described():
        for name in metric.series:
            series[name] = {*metric.labels, "job", "instance", *(["le"] if name.endswith("_bucket") else [])}
    series["process_start_time_seconds"] = {"job", "instance"}  # prometheus_client's own
    return series | {name: set() for name, _ in recordings()}


@pytest.mark.parametrize(("where", "expr"), RULES + QUERIES + RUNBOOK_QUERIES)
def test_a_query_parses_and_reads_series_and_labels_that_the_code_gives(where, expr):
    series = known()
    read = selectors(expr)

    assert read or "vector(" in expr
    for selector in read:
        assert selector.name in series, f"{where}: nothing is called {selector.name}"
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= series[selector.name], (
            f"{where}: {selector.name} has no label {labels - series[selector.name]}"
        )


@pytest.mark.parametrize(("file", "content"), [*rules.files().items(), *grafana.files().items()])
def test_a_committed_file_is_what_its_source_says(file: Path, content: str):
    assert file.read_text(encoding="utf-8") == content


def test_the_table_of_metrics_is_what_the_code_says():
    assert table.FILE.read_text(encoding="utf-8") == table.table()


def test_no_metric_is_told_apart_by_an_id_or_a_tenant():
    allowed = set(
        "result reason topic partition event_type dependency grpc_service grpc_method grpc_code code currency state"
        " outcome kind format bucket channel answer table route status source track promise over by action step".split()
    )

    assert {label for metric in table.described() for label in metric.labels} <= allowed


def test_every_metric_says_what_it_means_and_has_its_unit_last():
    for metric in table.described():
        assert len(metric.meaning) > 14, metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        if metric.kind == "histogram":
            assert metric.name.endswith(("_seconds", "_records")), metric.name


def test_both_rule_files_hold_the_same_rules():
    plain = yaml.safe_load(rules.PLAIN.read_text(encoding="utf-8"))
    operator = yaml.safe_load(rules.OPERATOR.read_text(encoding="utf-8"))

    assert operator["kind"] == "PrometheusRule"
    assert operator["spec"] == plain


@pytest.mark.parametrize("alert", alerts(), ids=lambda a: f"{a.name}-{'-'.join(v for _, v in a.labels)}")
def test_an_alert_has_a_severity_a_summary_with_figures_and_a_runbook(alert):
    rule = rules.rule(alert)
    page = RUNBOOK_FOLDER / f"{alert.name}.md"

    assert alert.severity in {PAGE, TICKET, NONE}
    assert "{{" in alert.summary or alert.name == "Watchdog"
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS}/{alert.name}.md"
    content = page.read_text(encoding="utf-8")
    headings = re.findall("^## (.*)$", content, re.MULTILINE)
    assert headings == ["What it means", "What to look at", "What to do", "When it is over"]


def test_a_broken_invariant_wakes_somebody_at_once():
    known_alerts = {alert.name: alert for alert in alerts()}

    assert {known_alerts[name].severity for name in NEVER | SOON} == {PAGE}
    assert {known_alerts[name].for_s for name in NEVER} == {0}
    assert max(known_alerts[name].for_s for name in SOON) <= 300
    invariants = {m.name for m in table.described() if m.meaning.startswith("Invariant")}
    assert invariants == {s.name for name in NEVER for s in selectors(text(known_alerts[name]))}


def test_no_runbook_is_left_of_an_alert_that_is_gone():
    assert {page.stem for page in RUNBOOK_FOLDER.glob("*.md")} == {alert.name for alert in alerts()} | {
        "README",
        "DatabaseRestored",
    }


def test_links_between_runbooks_lead_somewhere():
    for page in RUNBOOK_FOLDER.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (RUNBOOK_FOLDER / target).exists(), f"{page.name}: {target}"


def test_the_promises_are_about_calls_events_and_answers_that_exist():
    said = " ".join(objective.all for objective in OBJECTIVES)
    handlers: Consumer = INVOICING.consumer(INVOICING.settings.model_construct(), database=None)  # type: ignore[arg-type]

    [event_type] = set(re.findall(r'event_type="([^"]+)"', said))
    assert event_type in handlers.event_types
    [service] = set(re.findall(r'grpc_service="([^"]+)"', said))
    [method] = set(re.findall(r'grpc_method="([^"]+)"', said))
    assert service.rsplit(".", 1)[1] == "CreditService"
    assert CREDIT.name in service
    assert method in service_pb2.DESCRIPTOR.services_by_name["CreditService"].methods_by_name


@pytest.mark.parametrize(
    ("seconds", "said"), [(86400, "1d"), (5400, "90m"), (300, "5m"), (10, "10s"), (1.5, "1500ms"), (0.2, "200ms")]
)
def test_a_duration_is_written_as_prometheus_reads_it(seconds, said):
    assert span(seconds) == said


def test_time_can_pass_faster_for_a_test_and_nothing_else_changes():
    slow, fast = alerts(), alerts(scale=1 / 60)

    assert [(a.name, a.labels) for a in slow] == [(a.name, a.labels) for a in fast]
    assert [a.for_s / 60 for a in slow] == [a.for_s for a in fast]
    stuck = next(a for a in fast if a.name == "ConsumerStuck")
    assert "[5s]" in text(stuck)
