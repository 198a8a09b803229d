"""A log line is JSON with constant text; a trace of a defect shows the way to it, and nobody's data."""

import ast
import json
import logging
import subprocess
import sys
import textwrap

import pytest

from deploy.local.artifacts import ROOT
from services.chassis.logs import harmless, trace_id

SECRET = "ada.lovelace@people.example"


def lines(program: str) -> list[dict[str, str]]:
    """What a process that logs as a service does leaves on standard error."""
    prologue = "from services.chassis.logs import configure, follow_trace, log\nconfigure('credit', 'INFO')\n"
    argv = [sys.executable, "-c", prologue + textwrap.dedent(program)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_of_ours_has_a_constant_text():
    calls = [
        (f"{file.relative_to(ROOT)}:{node.lineno}", node.args[:1])
        for file in (ROOT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "log"
    ]

    assert len(calls) > 20
    assert [where for where, text in calls if not (text and isinstance(text[0], ast.Constant))] == []


def test_a_line_is_json_with_its_service_its_level_and_its_trace():
    [line] = lines(
        """
        follow_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        log.info("credit decided", order_id="o1")
        """
    )

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "message": "credit decided",
        "order_id": "o1",
        "service": "credit",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


@pytest.mark.parametrize("outside", ["", SECRET, f"00-{SECRET}-b7ad6b7169203331-01", "00-0AF7-1-01"])
def test_a_trace_that_is_none_is_not_repeated(outside):
    assert trace_id(outside) == ""


def test_of_an_events_headers_only_what_has_its_form_is_repeated():
    ours = {
        "ce_type": "receivables.orders.v1.OrderPlaced",
        "ce_id": "0197a3c2-7d1e-7b3a-9c55-0a1b2c3d4e5f",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }

    assert list(harmless(ours).values()) == [ours["ce_type"], ours["ce_id"], "0af7651916cd43dd8448eb211c80319c"]
    assert set(harmless(dict.fromkeys(ours, SECRET)).values()) == {""}
    assert set(harmless({}).values()) == {""}


@pytest.mark.parametrize(
    "raised",
    [
        f"raise ValueError('{SECRET}')",
        f"raise KeyError('{SECRET}')",
        f"raise ExceptionGroup('many', [ValueError('{SECRET}')])",
        f"raise RuntimeError('constant') from ValueError('{SECRET}')",
    ],
)
def test_a_failure_is_told_with_its_way_and_without_its_words(raised):
    [line] = lines(
        f"""
        def work():
            {raised}
        try:
            work()
        except Exception:
            log.exception("service failed")
        """
    )

    assert SECRET not in json.dumps(line)
    assert "in work" in line["exception"]
    assert "Error" in line["exception"]


def test_what_ends_the_process_or_a_thread_is_one_line_too():
    found = lines(
        f"""
        import threading
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        raise ValueError("{SECRET}")
        """
    )

    assert [line["message"] for line in found] == ["ended by an exception"] * 2
    assert "ZeroDivisionError" in found[0]["exception"]
    assert SECRET not in json.dumps(found)


def test_our_own_constant_words_are_told():
    [line] = lines(
        """
        try:
            raise RuntimeError("the relay ended")
        except RuntimeError:
            log.exception("service failed")
        """
    )

    assert line["exception"].endswith("builtins.RuntimeError: the relay ended")


def test_libraries_write_the_same_form():
    [line] = lines(
        f"""
        import logging
        import threading
        def work():
            try:
                raise ValueError("{SECRET}")
            except ValueError:
                logging.getLogger("asyncio").error("Task exception was never retrieved", exc_info=True)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )

    assert line["message"] == "Task exception was never retrieved"
    assert line["service"] == "credit"
    assert SECRET not in json.dumps(line)
    assert logging.getLevelName(logging.ERROR).lower() == line["level"]
