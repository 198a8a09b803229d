"""Bad input of each kind has its outcome, its code and its counter; nothing else stops, nothing is lost."""

import urllib.request
from collections import Counter

import pytest

from deploy.demo.bad import KINDS, Culprit
from tests.end_to_end.world import Trader, World

# What credit says of each kind, as (reason, code) of the parked event.
EXPECTED = {
    "no_lines": ("refused", "order.no_lines"),
    "zero_quantity": ("refused", "order.quantity_not_positive"),
    "negative_quantity": ("refused", "order.quantity_not_positive"),
    "other_currency": None,  # a person decides it (rate_missing)
    "too_large": ("refused", "number.too_large"),
    "gross_mismatch": ("refused", "order.gross_mismatch"),
    "repeated": None,
    "changed_repeat": ("refused", "event.id_reused"),
    "changed_version": ("refused", "order.version_reused"),
    "no_protobuf": ("unreadable", "event.payload_malformed"),
    "unknown_type": ("unreadable", "event.type_unknown"),
    "newer_version": ("unreadable", "event.type_unknown"),
}


def counted(world: World, service: str, name: str) -> Counter[str]:
    """A service's counter by its label, from /metrics."""
    port = world.stage.stack.running[service].metrics_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    found: Counter[str] = Counter()
    for line in lines:
        if line.startswith(f"{name}{{"):
            label, _, value = line.rpartition(" ")
            found[label.split('"')[1]] += int(float(value))
    return found


@pytest.fixture
def culprit(world: World, trader: Trader) -> Culprit:
    trader.buyer(limit=5000)
    return Culprit(world.stage.shop, trader.tenant, "b1", "GBP", world.at)


def test_the_table_knows_every_kind() -> None:
    assert EXPECTED.keys() == KINDS.keys()


def test_each_kind_has_its_code_and_counter_and_a_good_order_among_them_goes_on(
    world: World, trader: Trader, culprit: Culprit
) -> None:
    billing = trader.person("bill", "BILLING")
    refused_before = counted(world, "credit", "ar_refusals_total")
    results_before = counted(world, "credit", "ar_messages_processed_total")

    for kind in KINDS:
        culprit.tell(kind)
    trader.place("good", "100")
    world.settle()

    wanted = [(*expected, f"order/{culprit.order_id(kind)}") for kind, expected in EXPECTED.items() if expected]
    assert sorted(world.parked("credit", trader.tenant)) == sorted(wanted)
    refusals = Counter(code for reason, code, _ in wanted if reason == "refused")
    new = counted(world, "credit", "ar_refusals_total") - refused_before
    assert {code: new[code] for code in refusals} == refusals
    assert (counted(world, "credit", "ar_messages_processed_total") - results_before)["parked"] == len(wanted)
    assert Counter(body.code for body in trader.told("OrderRefused")) == refusals
    assert len(trader.told("CreditDecided", order_id=culprit.order_id("repeated"))) == 1
    assert trader.decision("good").hold_state == "HELD"
    told = " ".join(str(mail) for mail in trader.mails(billing))
    of_orders = [mail for mail in trader.mails(billing) if "could not be taken" in str(mail["Subject"])]
    assert len(of_orders) == sum(refusals.values())
    assert all(code in told for code in refusals)


def test_what_was_refused_is_told_by_its_order_and_the_rest_of_it_waits_in_order(
    world: World, trader: Trader, culprit: Culprit
) -> None:
    culprit.tell("gross_mismatch")
    world.settle()
    number = culprit.order_id("gross_mismatch")

    listed = world.stage.stack.command("credit", "parked", "list", "--subject", f"order/{number}")

    assert "order.gross_mismatch" in listed
    assert list(trader.told("CreditDecided")) == []
