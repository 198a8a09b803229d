"""An outside file of order lines is played: every line is booked, credited or refused, and the figures are proven."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from deploy.demo import reconcile, results
from deploy.demo.csv_lines import ORDER_COLUMNS, read_buyers, read_orders
from deploy.demo.csv_orders import CsvPlayer
from tests.end_to_end.world import Trader, World

GB, FR, AU = "United Kingdom", "France", "Australia"


@pytest.fixture
def first_day(world: World) -> date:
    """The day after today: the file's clock begins there."""
    return world.at.date() + timedelta(days=1)


def played(world: World, trader: Trader, lines: Sequence[str], folder: Path, buyers: str = "") -> CsvPlayer:
    """Play lines as a file, prove the figures and move the world to where the play has left the clock."""
    file, buyers_file = folder / "orders.csv", folder / "buyers.csv"
    file.write_bytes("\n".join([",".join(ORDER_COLUMNS), *lines]).encode("latin-1"))
    buyers_file.write_text(buyers)
    known = read_buyers(buyers_file, trader.tenant) if buyers else None
    player = CsvPlayer(world.stage, trader.seller, read_orders(file, named=known or ()).rows, known)
    player.play()
    world.at += timedelta(days=10)
    results.write_documents(folder / "invoices", world.stage, [trader.tenant])
    databases = {name: service.database for name, service in world.stage.stack.running.items()}
    proof = reconcile.reconcile(folder / "invoices", world.stage.services, databases, [trader.tenant])
    assert (proof.differences, proof.documents > 0) == ([], True)
    return player


def ends(player: CsvPlayer) -> list[tuple[str, str]]:
    """How each line ended, and why."""
    return [(outcome.outcome, outcome.reason) for _, outcome in sorted(player.outcomes.items())]


# {0} {1} {2} are the days; each line with how it ends.
HOSTILE = (
    (f"1,A,Lamp,10,{{0}},10,C1,{GB}", "booked", ""),
    (f"1,A,Lamp,2,{{0}},11,C1,{GB}", "booked", ""),
    (f"2,A,Lamp,1,{{0}},99999,C2,{FR}", "refused", "over_limit"),
    (f"3,B,Café £1 \x01,3,{{1}},0.333,C3,{AU}", "booked", ""),
    (f"C4,A,Lamp,-11,{{2}},10,C1,{GB}", "credited", ""),
    (f"C5,A,Lamp,-9,{{2}},10,C1,{GB}", "refused", "return_without_purchase"),
    (f"6,B,Gift,1,{{2}},0,C3,{AU}", "refused", "order.amount_not_positive"),
    (f"7,B,Gift,1,{{2}},NaN,C3,{AU}", "refused", "price_malformed"),
    (f"8,B,Gift,999999999999999,{{2}},999999999999999,C3,{AU}", "refused", "money.too_large"),
    (f'9,B,"Gift,1,{{2}},1,C3,{AU}', "refused", "line_malformed"),
    (f"10,B,Gift,1,{{2}},1,,{AU}", "refused", "buyer_missing"),
    (f"1,A,Lamp,1,{{0}},11,C9,{GB}", "refused", "buyer_differs"),
)


def test_every_line_of_a_hostile_file_has_its_outcome(
    world: World, trader: Trader, first_day: date, tmp_path: Path
) -> None:
    days = [f"{first_day + timedelta(days=n):%m/%d/%y} 9:00" for n in range(3)]

    player = played(world, trader, [line.format(*days) for line, _, _ in HOSTILE], tmp_path)

    assert ends(player) == [(outcome, reason) for _, outcome, reason in HOSTILE]
    assert {name: sum(reasons.values()) for name, reasons in player.tally().items()} == {
        "booked": 3,
        "credited": 1,
        "refused": 8,
    }
    player.write(tmp_path / "lines.csv")
    [columns, first, *rest] = (tmp_path / "lines.csv").read_text().splitlines()
    assert columns == "line,order,item,outcome,reason,document"
    assert first == f"2,1,A,booked,,{trader.invoices('1')[0].number}"
    assert len(rest) == len(HOSTILE) - 1


def test_a_file_of_buyers_names_their_countries_currencies_and_limits(
    world: World, trader: Trader, first_day: date, tmp_path: Path
) -> None:
    at = f"{first_day:%m/%d/%y} 9:00"
    player = played(
        world,
        trader,
        [
            f"1,A,Lamp,10,{at},10,C1,{GB}",
            f"2,A,Lamp,100,{at},10,C2,{GB}",
            f"3,A,Lamp,1,{at},10,C3,{GB}",
            f"4,A,Lamp,1,{at},10,C4,{GB}",
        ],
        tmp_path,
        "id,name,country,vat_id,currency,limit,email\n"
        f"C1,Atelier,France,,EUR,500,clerk@{trader.tenant}.example\n"
        "C2,Small,GB,,GBP,100,\n"
        "C4,Nowhere,Atlantis,,GBP,100,\n",
    )

    assert ends(player) == [
        ("booked", ""),
        ("refused", "over_limit"),
        ("refused", "unknown_buyer"),
        ("refused", "country_unknown"),
    ]
    [invoice] = trader.invoices("1")
    assert (invoice.currency, invoice.gross_minor) == ("EUR", 120_00)
    assert len(trader.mails(f"clerk@{trader.tenant}.example")) >= 1
