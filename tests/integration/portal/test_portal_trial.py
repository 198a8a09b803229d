"""Policies tried on the past at the seller's desk: a history brought in, a trial begun, watched and read."""

from services.chassis.workers import Worker, drain
from services.credit.bench import Bench
from services.credit.service import SERVICE as CREDIT
from tests.integration.credit.test_lab_service import activate, propose, work
from tests.integration.portal.conftest import Casework, said
from tests.unit.credit.histories import CHALLENGER, CHAMPION, as_table, swapping

DAYS = {"source": "TRIAL_SOURCE_HISTORY", "from_day": "2023-01-01", "split_day": "2024-01-01", "to_day": "2024-12-31"}


async def test_a_policy_is_tried_before_anybody_activates_it(casework: Casework):
    table = as_table(swapping(800)) + "x,2024-13-01,EUR,1,,,,,,,,\n"
    brought = await casework.send("ada", "/desk/policy-history", file=("cases.csv", table.encode()))
    assert (brought.status_code, "800 cases are new." in said(brought)) == (200, True)
    assert "802" in said(brought)
    again = await casework.send("ada", "/desk/policy-history", file=("cases.csv", as_table(swapping(20)).encode()))
    assert "0 cases are new." in said(again)
    await activate(casework.credit, await propose(casework.credit, CHAMPION))
    page = f"/desk/policy/{await propose(casework.credit, CHALLENGER)}/trial"
    assert "Begin a trial" in await casework.text("bob", page)

    begun = await casework.send("bob", page, **DAYS)
    assert begun.status_code == 303
    shown = begun.headers["location"]
    progress = shown.replace("/trial?", "/trial/progress?")
    bench = Bench()
    await Worker(casework.credit.parts.consumer, work(casework.credit, bench, 300)).some()
    await bench.rest()
    assert "300 of 800 cases are tried." in await casework.text("eve", shown)
    part = (await casework.get("eve", progress)).text
    assert (part.lstrip()[:16], 'value="300"' in part) == ('<div id="trial" ', True)
    await drain(casework.credit.parts.consumer, CREDIT.works(casework.credit.parts))

    report = await casework.text("eve", shown)
    for words in (
        "It lends to as many: 75.0 % of the cases, 75.0 % now.",
        "It loses as much money: €125,000.00, €125,000.00 now.",
        "Only the new one lends 100",
        "Promised and seen",
        "Country: DE",
    ):
        assert words in report, words
    assert "See what changes, and activate it" in await casework.text("bob", shown)
    assert "You proposed this: another person has to activate it." in await casework.text("ada", shown)
    assert (await casework.get("eve", progress)).text.lstrip().startswith("<!doctype")
    active = await casework.text("eve", "/desk/policy")
    assert "bureau_score < 50" not in active


async def test_what_cannot_be_tried_is_said_on_the_page_and_a_trial_is_called_off(casework: Casework):
    page = f"/desk/policy/{await propose(casework.credit, CHALLENGER)}/trial"
    for fields, words in (
        (DAYS, "No case was decided in these days."),
        (DAYS | {"split_day": "2022-01-01"}, "The days are in order"),
    ):
        refused = await casework.send("ada", page, **fields)
        assert (refused.status_code, words in said(refused)) == (422, True), words
    none = await casework.send("ada", "/desk/policy-history", file=("cases.csv", b"\xff\xfe"))
    assert (none.status_code, "in UTF-8" in said(none)) == (422, True)
    headless = await casework.send("ada", "/desk/policy-history", file=("cases.csv", b"case_id\nx\n"))
    assert "The first line names the columns" in said(headless)
    await casework.send("ada", "/desk/policy-history", file=("cases.csv", as_table(swapping(20)).encode()))
    begun = await casework.send("ada", page, **DAYS)
    trial = begun.headers["location"].rpartition("=")[2]
    assert "is under way" in said(await casework.send("ada", page, **DAYS))

    assert (await casework.send("ada", f"{page}/cancel", trial=trial)).status_code == 303
    assert "It was called off" in await casework.text("eve", f"{page}?trial={trial}")
    assert (await casework.get("sal", page)).status_code == 404
