"""A wish for credit is of an amount that an invoice can say, whichever door it comes to."""

import pytest
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import service_pb2

from services.chassis.envelope import Origin
from services.credit import wire
from services.kernel.money import Money
from services.kernel.refusals import Invalid

CALL = Origin("acme", "user:test", "test", "key", "00-0-0-01")


def asked(minor: int, currency: str) -> service_pb2.DecideRequest:
    return service_pb2.DecideRequest(
        order_id="o1", version=1, account_id="b1", amount=money_pb2.Money(minor=minor, currency=currency)
    )


@pytest.mark.parametrize(("minor", "currency"), [(45_510, "KWD"), (45, "JPY"), (4_551, "EUR")])
def test_what_can_be_invoiced_can_be_held(minor: int, currency: str) -> None:
    assert wire.request_of_call(CALL, asked(minor, currency)).amount == Money(minor, currency)


def test_thousandths_of_a_dinar_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        wire.request_of_call(CALL, asked(45_505, "KWD"))

    assert refused.value.code == "order.currency_decimals"
