"""Where a page of a list begins, and which tokens a list takes."""

import base64
from datetime import date
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis import pages
from services.chassis.pages import page
from services.kernel.refusals import Invalid

CONTRACTS = (credit_pb2, disputes_pb2, invoicing_pb2, ledger_pb2, notifications_pb2)
LISTS = [
    method
    for contract in CONTRACTS
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if method.name.startswith("List")
]


def token_of(request: Message, *place: Any) -> str:
    """The token that a full page of one row gives."""
    request.page_size = 1  # type: ignore[attr-defined]
    return page(request, *[type(part) for part in place]).next_token(["row"], lambda _: place)


def code_of(request: Message, *kinds: Any) -> str:
    with pytest.raises(Invalid) as refused:
        page(request, *kinds)
    return refused.value.code


@pytest.mark.parametrize("method", LISTS, ids=lambda method: method.name)
def test_every_list_of_every_contract_is_paged_in_the_same_manner(method: Any):
    asked = {field.name: field.type for field in method.input_type.fields}
    answered = {field.name: field.type for field in method.output_type.fields}

    assert {"page_size": asked.get("page_size"), "page_token": asked.get("page_token")} == {
        "page_size": 5,  # int32
        "page_token": 9,  # string
    }
    assert answered.get("next_page_token") == 9


def test_there_are_lists_in_every_contract():
    assert {method.containing_service.file.package.split(".")[1] for method in LISTS} == {
        "credit",
        "disputes",
        "invoicing",
        "ledger",
        "notifications",
    }


def test_the_next_page_begins_after_the_last_row_of_a_full_one_and_after_no_other():
    place = (date(2026, 2, 3), "RE-1", "i1")
    first = page(ledger_pb2.ListOpenItemsRequest(page_size=2), date.fromisoformat, str, str)

    assert (first.most, first.after) == (2, None)
    assert first.next_token([place], lambda row: row) == ""
    token = first.next_token([(date.min, "", ""), place], lambda row: row)
    later = page(ledger_pb2.ListOpenItemsRequest(page_size=7, page_token=token), date.fromisoformat, str, str)
    assert (later.most, later.after) == (7, place)


@pytest.mark.parametrize(("asked", "rows"), [(0, 100), (1, 1), (1000, 1000), (1001, 1000)])
def test_a_page_has_as_many_rows_as_asked_and_at_most_a_thousand(asked: int, rows: int):
    assert page(credit_pb2.ListAccountsRequest(page_size=asked), str).most == rows


def test_a_page_of_less_than_nothing_is_refused():
    assert code_of(credit_pb2.ListAccountsRequest(page_size=-1), str) == "call.page_size"


@given(st.text(min_size=1, max_size=40))
def test_a_token_that_nobody_gave_is_refused(text: str):
    assert code_of(credit_pb2.ListAccountsRequest(page_token=text), str) == "call.page_token"


@given(st.text(min_size=1, max_size=40), st.integers(min_value=0))
def test_a_token_with_one_letter_changed_is_refused(account: str, at: int):
    token = token_of(credit_pb2.ListAccountsRequest(), account)
    at %= len(token)
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]

    assert code_of(credit_pb2.ListAccountsRequest(page_token=changed), str) == "call.page_token"


def test_a_token_belongs_to_its_list_and_to_what_was_asked_of_it():
    token = token_of(disputes_pb2.ListDisputesRequest(account_id="b1"), "d1")

    assert page(disputes_pb2.ListDisputesRequest(account_id="b1", page_token=token), str).after == ("d1",)
    assert code_of(disputes_pb2.ListDisputesRequest(account_id="b2", page_token=token), str) == "call.page_token"
    assert code_of(disputes_pb2.ListDisputesRequest(page_token=token), str) == "call.page_token"
    assert code_of(credit_pb2.ListReferredRequest(page_token=token), str) == "call.page_token"


@given(st.text(min_size=1))
def test_a_token_says_nothing_that_a_caller_could_build_on(account: str):
    token = token_of(credit_pb2.ListAccountsRequest(), account)

    assert page(credit_pb2.ListAccountsRequest(page_token=token), str).after == (account,)
    assert token != base64.urlsafe_b64encode(account.encode("utf-8", "surrogatepass")).decode()


@pytest.mark.parametrize(
    "key", [b"[" * 1490, b"[1e400]", b'"5"', b'{"5": 1}', b'["\\ud800"]', b"[5]", b'["5", "6"]', b"[null]"]
)
@pytest.mark.parametrize("kind", [int, str])
def test_who_makes_a_token_of_their_own_is_refused_whatever_they_write(key: bytes, kind: Any):
    request = ledger_pb2.ListOpenItemsRequest(account_id="b1")
    seal = pages._seal(page(request).seal, key)  # anybody can: it keeps mistakes out, and nothing secret in

    request.page_token = base64.urlsafe_b64encode(seal + key).decode()
    assert code_of(request, kind) == "call.page_token"
