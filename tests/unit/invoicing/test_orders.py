"""What may happen to an order, and in which order."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoicing.domain import orders
from services.invoicing.domain.orders import MOVES, Action, KeptOrder, Shipment, State
from services.kernel.refusals import Conflict, Refusal
from tests.unit.invoicing.supplies import a_line, an_order

KEPT = KeptOrder("acme", an_order())


def a_shipment(*quantities: tuple[str, str], shipment_id: str = "p1", final: bool = False) -> Shipment:
    told = tuple((line_id, Decimal(quantity)) for line_id, quantity in quantities)
    return Shipment("o1", shipment_id, "b1", date(2026, 3, 2), told, final)


def refusal_of(work: object) -> str:
    with pytest.raises(Refusal) as refused:
        work()  # type: ignore[operator]
    return refused.value.code


def test_a_shipment_moves_the_order_and_its_quantities() -> None:
    once = orders.ship(KEPT, a_shipment(("1", "4")))
    twice = orders.ship(once, a_shipment(("1", "6"), ("2", "3"), shipment_id="p2", final=True))

    assert (once.state, once.shipped["1"], once.is_complete) == (State.SHIPPING, Decimal(4), False)
    assert (twice.state, twice.shipped["1"], twice.is_complete) == (State.CLOSED, Decimal(10), True)


def test_an_order_that_shipped_whole_is_complete_without_being_told_so() -> None:
    assert orders.ship(KEPT, a_shipment(("1", "10"), ("2", "3"))).is_complete


@pytest.mark.parametrize(
    ("state", "shipment", "code"),
    [
        (State.OPEN, a_shipment(("1", "10.001")), "shipment.exceeds_order"),
        (State.OPEN, a_shipment(("9", "1")), "shipment.unknown_line"),
        (State.CLOSED, a_shipment(("1", "1")), "shipment.after_final"),
        (State.CLOSED, a_shipment(("1", "1"), final=True), "shipment.after_final"),
        (State.CANCELLED, a_shipment(("1", "1")), "shipment.order_cancelled"),
    ],
)
def test_a_shipment_that_does_not_fit_is_refused_by_its_code(state: State, shipment: Shipment, code: str) -> None:
    assert refusal_of(lambda: orders.ship(replace(KEPT, state=state), shipment)) == code


def test_another_accounts_shipment_is_refused() -> None:
    assert refusal_of(lambda: orders.ship(KEPT, replace(a_shipment(("1", "1")), account_id="b2"))) == (
        "shipment.account_mismatch"
    )


@pytest.mark.parametrize(
    ("shipment", "code"),
    [
        (a_shipment(), "shipment.no_lines"),
        (a_shipment(("1", "0")), "shipment.quantity_not_positive"),
        (a_shipment(("1", "-1")), "shipment.quantity_not_positive"),
        (a_shipment(("1", "1"), ("1", "2")), "shipment.line_repeated"),
        (a_shipment(("1", "1"), shipment_id=""), "shipment.incomplete"),
    ],
)
def test_a_shipment_that_makes_no_sense_is_refused(shipment: Shipment, code: str) -> None:
    assert refusal_of(shipment.check) == code


def test_a_new_version_replaces_until_something_shipped_and_the_same_again_is_nothing() -> None:
    newer = an_order([a_line(quantity="2")], version=2)
    shipped = orders.ship(KEPT, a_shipment(("1", "1")))

    assert orders.keep(None, "acme", KEPT.order) == KEPT
    assert orders.keep(KEPT, "acme", an_order()) is None
    assert orders.keep(replace(KEPT, order=newer), "acme", an_order()) is None
    assert orders.keep(KEPT, "acme", newer) == replace(KEPT, order=newer)
    assert refusal_of(lambda: orders.keep(shipped, "acme", newer)) == "order.already_shipped"
    assert refusal_of(lambda: orders.keep(replace(KEPT, billed_whole=True), "acme", newer)) == "order.already_invoiced"
    assert orders.keep(orders.cancel(KEPT), "acme", newer) == replace(KEPT, order=newer)
    assert refusal_of(lambda: orders.keep(orders.cancel(shipped), "acme", newer)) == "order.already_shipped"
    assert refusal_of(lambda: orders.keep(KEPT, "acme", replace(newer, version=1))) == "order.id_reused"
    assert refusal_of(lambda: orders.keep(KEPT, "acme", replace(newer, account_id="b2"))) == "order.account_changed"


def test_only_an_order_of_which_nothing_is_invoiced_is_billed_whole() -> None:
    awaiting = replace(KEPT, awaits_decision=True)
    billed = orders.bill_whole(awaiting)

    assert billed is not None and billed.billed_whole and billed.is_complete
    assert orders.bill_whole(billed) is None
    assert orders.bill_whole(orders.cancel(awaiting)) is None
    assert orders.bill_whole(KEPT) is None
    overtaken = orders.bill_whole(orders.ship(awaiting, a_shipment(("1", "1"))))
    assert overtaken is not None and overtaken.billed_whole and not overtaken.awaits_decision
    assert orders.bill_parts(overtaken) is None
    assert orders.bill_parts(awaiting) == KEPT


def test_an_order_is_its_named_sellers_or_the_only_ones() -> None:
    named = replace(KEPT.order, seller_id="s2")

    assert orders.issuer_of(named, "s1") == orders.issuer_of(named, "") == orders.issuer_of(named, None) == "s2"
    assert (orders.issuer_of(KEPT.order, "s1"), orders.issuer_of(KEPT.order, None)) == ("s1", "")
    assert refusal_of(lambda: orders.issuer_of(KEPT.order, "")) == "order.seller_missing"


def test_a_shipment_knows_what_left_before_it() -> None:
    shipped = orders.ship(KEPT, a_shipment(("1", "4")))
    second = orders.after(shipped, a_shipment(("1", "1"), ("2", "1"), shipment_id="p2"))

    assert second.before == (("1", Decimal(4)),)
    assert second == a_shipment(("1", "1"), ("2", "1"), shipment_id="p2")  # told again it is the same


def test_every_pair_that_is_missing_in_the_table_of_moves_is_refused_with_a_code() -> None:
    act = {
        Action.REPLACE: lambda kept: orders.keep(kept, "acme", an_order(version=2)),
        Action.SHIP: lambda kept: orders.ship(kept, a_shipment(("1", "1"))),
        Action.SHIP_LAST: lambda kept: orders.ship(kept, a_shipment(("1", "1"), final=True)),
        Action.CANCEL: orders.cancel,
    }
    for state in State:
        for action in Action:
            kept = replace(KEPT, state=state)
            if (state, action) in MOVES:
                moved = act[action](kept)
                assert moved is not None and moved.state is MOVES[state, action]
            else:
                with pytest.raises(Conflict):
                    act[action](kept)


@given(st.lists(st.tuples(st.sampled_from(["1", "2"]), st.decimals("0.001", "6", places=3)), max_size=20))
def test_however_an_order_is_split_never_more_ships_than_was_ordered(parts: list[tuple[str, Decimal]]) -> None:
    kept, taken = KEPT, {"1": Decimal(0), "2": Decimal(0)}
    for nth, (line_id, quantity) in enumerate(parts):
        shipment = a_shipment((line_id, str(quantity)), shipment_id=f"p{nth}")
        if taken[line_id] + quantity > {"1": 10, "2": 3}[line_id]:
            assert refusal_of(lambda: orders.ship(kept, shipment)) == "shipment.exceeds_order"  # noqa: B023 - called at once
        else:
            kept = orders.ship(kept, shipment)
            taken[line_id] += quantity

    assert taken["1"] <= 10 and taken["2"] <= 3
    assert {line_id: quantity for line_id, quantity in taken.items() if quantity} == dict(kept.shipped)
