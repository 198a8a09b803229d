"""`make observe` says what is missing in one line, and its page shows what the dashboards have."""

import re

import pytest
from typer.testing import CliRunner

from deploy.dashboards.panels import AMOUNT, COUNT, PER_SECOND, SECONDS, SHARE, dashboards
from deploy.demo.results import clear, read_metrics_ports, write_metrics_ports
from deploy.local.artifacts import ROOT
from deploy.observe import tools
from deploy.observe.__main__ import app
from deploy.observe.page import PAGE


def test_without_a_demo_it_says_what_to_start(tmp_path):
    result = CliRunner().invoke(app, ["--demo", str(tmp_path), "--folder", str(tmp_path / "own")])

    assert result.exit_code == 2
    assert "make up" in result.output


def test_without_prometheus_and_without_apt_it_says_how_to_get_it(tmp_path, monkeypatch):
    write_metrics_ports(tmp_path, {"credit": 1})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "FOLDER", tmp_path / "cache")

    result = CliRunner().invoke(app, ["--demo", str(tmp_path), "--folder", str(tmp_path / "own")])

    assert result.exit_code == 2
    assert "this machine has no apt-get" in result.output
    assert "Homebrew" in result.output


def test_alertmanager_is_built_in_the_version_that_compose_runs():
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")

    assert f"image: prom/alertmanager:{tools.ALERTMANAGER}\n" in compose


def test_a_program_that_cannot_be_had_leaves_nothing_half_done(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "FOLDER", tmp_path)
    monkeypatch.setattr(tools, "LOCK", tmp_path / "no.lock")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(tools.MissingToolError, match=r"no\.lock"):
        tools.find("alertmanager")

    assert [file.name for file in tmp_path.iterdir()] == [".lock"]


def test_ports_are_noted_while_a_demo_is_up_and_cleared_with_what_it_left(tmp_path):
    write_metrics_ports(tmp_path, {"credit": 1234})
    assert read_metrics_ports(tmp_path) == {"credit": 1234}

    clear(tmp_path)

    with pytest.raises(OSError, match="No such file"):
        read_metrics_ports(tmp_path)


def test_the_page_knows_how_to_say_every_unit_and_loads_nothing_from_elsewhere():
    page = PAGE.read_text(encoding="utf-8")
    units = {panel.unit for dashboard in dashboards() for panel in dashboard.panels}

    assert units <= {AMOUNT, COUNT, PER_SECOND, SECONDS, SHARE}
    assert all(f'"{unit}"' in page for unit in units - {COUNT})
    assert re.findall(r"(?:src|href)=\"?https?:", page) == []


def test_every_dashboard_has_a_name_of_its_own_and_panels_with_a_reason():
    pages = dashboards()

    assert len({page.name for page in pages}) == len(pages) == 8
    for panel in (panel for page in pages for panel in page.panels):
        assert panel.why.endswith("."), panel.title
        assert panel.queries
