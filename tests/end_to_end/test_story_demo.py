"""The demo as people start it: whole, with services killed at random, its figures proven, and nothing left behind."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from deploy.demo.__main__ import app
from deploy.demo.results import read_addresses
from deploy.demo.stack import ALL
from deploy.local.processes import Process, wait_until

# The figures of an undisturbed play, and of its first days. When the sample or a rule changes: look at what differs, then
# copy var/demo/summary.json here (`make demo`, and `make demo ARGS="--days 3"`).
EXPECTED = Path(__file__).with_name("sample_summary.json")
FEW = 3
EXPECTED_OF_FEW = Path(__file__).with_name("sample_summary_of_few_days.json")
# It starts its own, whatever the run of the tests has.
NO_SERVERS = dict.fromkeys(
    ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "AR_SMTP_HOST", "AR_SMTP_PORT", "AR_MAIL_FOLDER"), ""
)


def demo(folder: Path, *arguments: str) -> Process:
    """The command, not yet started; its pages go to `demo.log`."""
    argv = [sys.executable, "-m", "deploy.demo", *arguments, "--folder", str(folder)]
    return Process("demo", argv, env=NO_SERVERS | {"COLUMNS": "160"}, log=folder / "demo.log")


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command to its end; give its exit code and what it printed."""
    process = demo(folder, *arguments)
    process.start()
    try:
        return process.wait(timeout=540), process.log.read_text()
    finally:
        process.stop()


def figures(file: Path) -> Any:
    """What must be the same whoever was killed: everything but how the play was disturbed."""
    found = json.loads(file.read_text())
    del found["disturbances"]
    return found


@pytest.mark.prove
def test_services_killed_at_random_change_no_figure(tmp_path: Path) -> None:
    code, printed = run(tmp_path, "play", "--chaos", "--kills", "3")

    assert code == 0, printed
    assert json.loads((tmp_path / "summary.json").read_text())["disturbances"]["kills"] == 3
    assert_sample_was_played(tmp_path, printed, EXPECTED)
    assert not list(tmp_path.glob("data-*"))


def assert_sample_was_played(folder: Path, printed: str, expected: Path) -> None:
    assert "Reconciled from outside" in printed
    assert figures(folder / "summary.json") == figures(expected)
    issued = sum(series["count"] for series in figures(expected)["series"].values())
    assert len(list((folder / "invoices").iterdir())) == issued
    assert list((folder / "mail").glob("*.eml"))
    logs = {file.stem for file in (folder / "logs").glob("*.log")}
    assert logs == {*figures(expected)["parked"], "sources"}


def test_a_demo_that_is_interrupted_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    process = demo(tmp_path, "play", "--days", "1").start()
    try:
        wait_until(lambda: len(services_of(process)) == len(ALL), "the services are being started", 90)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    finally:
        process.stop()
    assert [child for child in children if is_alive(child)] == []
    assert not list(tmp_path.glob("data-*"))


@pytest.mark.timeout(900)  # the whole sample: two minutes on a machine that does nothing else
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(("--days", str(FEW)), EXPECTED_OF_FEW, id="a few days"),
        pytest.param((), EXPECTED, id="whole", marks=pytest.mark.prove),
    ],
)
def test_up_plays_the_sample_stays_with_its_addresses_until_ctrl_c_and_leaves_nothing(
    tmp_path: Path, options: Sequence[str], expected: Path
) -> None:
    process = demo(tmp_path, "up", *options).start()
    try:
        said = "These answer until Ctrl-C"
        wait_until(lambda: not process.running or said in process.log.read_text(), "it is up", 540)
        assert_sample_was_played(tmp_path, process.log.read_text(), expected)
        children = psutil.Process(process.pid).children(recursive=True)
        addresses, _, tenants, _ = read_addresses(tmp_path / "addresses.json")
        assert (set(addresses), tenants) == (set(ALL), ["nordwerk", "albion"])
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.stop()
    assert [child for child in children if is_alive(child)] == []
    assert not (tmp_path / "addresses.json").exists()
    assert not list(tmp_path.glob("data-*"))


def services_of(process: Process) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if is_alive(child) and serves(child)]


def serves(process: psutil.Process) -> bool:
    try:
        return "serve" in process.cmdline()
    except psutil.NoSuchProcess:  # also one that just ended
        return False


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("content", "said"),
    [("InvoiceNo,StockCode\n1,2\n", "lacks the columns"), ("", "lacks the columns"), (None, "cannot be read")],
)
def test_a_file_that_is_no_list_of_orders_is_refused_before_anything_starts(
    tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "orders.csv"
    if content is not None:
        file.write_text(content)

    done = CliRunner().invoke(app, ["play", "--orders", str(file), "--folder", str(tmp_path / "demo")])

    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert not (tmp_path / "demo" / "logs").exists()
