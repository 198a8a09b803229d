"""Invoice responses: read as they are written, refused where they are none, and what they contest."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.rules import response_rules
from services.disputes.domain import responses
from services.disputes.domain.invoices import Part
from services.disputes.domain.responses import FOLLOWS, Condition, Response, Status
from services.documents.rules.finding import Severity
from services.documents.rules.official import Stylesheet
from services.documents.safe import parse
from services.kernel.refusals import Conflict, Invalid, Refusal
from tests.unit.disputes.builders import LINES, a_line, an_invoice, eur
from tests.unit.disputes.spoken import said

FULL = said(
    "CA",
    "QTY",
    "PRI",
    actions=("CNP",),
    conditions=(Condition("BT-112", "176.10"),),
    effective_on=date(2026, 3, 4),
    words="two of line 1 are missing",
)


def refusal(content: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        responses.read(content)
    return refused.value.code


def changed(of: Response, before: str, after: str) -> bytes:
    written = responses.write(of).decode()
    assert before in written
    return written.replace(before, after).encode()


@pytest.mark.parametrize("status", Status)
def test_what_a_buyers_system_writes_is_read_as_it_was_meant(status: Status):
    written = responses.write(replace(FULL, status=status, reasons=("PPD",) if status is Status.PAID else FULL.reasons))

    read = responses.read(written)

    assert read.status is status
    assert (read.message_id, read.invoice_number) == ("m1", "A-2026-000001")
    assert (read.issued_on, read.effective_on) == (date(2026, 3, 2), date(2026, 3, 4))
    assert (read.actions, read.conditions) == (("CNP",), FULL.conditions)
    assert read.words == "two of line 1 are missing\nBT-112: 176.10"
    assert read.is_partly_paid == (status is Status.PAID)


def test_the_official_rules_find_nothing_in_what_we_write():
    sheet = Stylesheet(response_rules())

    for status in Status:
        response = said(status.value, words="as we said", actions=("NOA",)) if status is not Status.REJECTED else FULL
        found = [one for one in sheet.check(parse(responses.write(response))) if one.severity is Severity.FATAL]
        assert found == [], status


def test_the_same_rules_do_find_what_is_wrong():
    sheet = Stylesheet(response_rules())
    bare = changed(FULL, '<cbc:ResponseCode listID="UNCL4343OpSubset">CA', "<cbc:ResponseCode>XX")

    assert [one.rule for one in sheet.check(parse(bare))] != []


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("ApplicationResponse", "Invoice", "response.not_a_response"),
        ("trns:invoice_response:3", "trns:mlr:3", "response.not_a_response"),
        (">CA<", ">ZZ<", "response.unknown_status"),
        (">QTY<", ">XYZ<", "response.unknown_reason"),
        ("OPStatusAction", "OurOwnList", "response.unknown_reason"),
        ("2026-03-02", "02.03.2026", "response.malformed"),
        ("2026-03-04", "2026-02-30", "response.malformed"),
        ("<cbc:ID>m1</cbc:ID>", "", "response.malformed"),
        ("<cbc:ID>m1</cbc:ID>", f"<cbc:ID>{'m' * 129}</cbc:ID>", "response.malformed"),
        ("<cbc:ID>m1</cbc:ID>", "<cbc:ID>\u202em1</cbc:ID>", "response.malformed"),
        ("cac:DocumentReference", "cac:OtherReference", "response.malformed"),
        ("cac:DocumentResponse", "cac:Document", "response.malformed"),
    ],
)
def test_what_is_no_response_of_peppol_is_refused_with_its_code(before: str, after: str, code: str):
    assert refusal(changed(FULL, before, after)) == code


def test_a_response_that_contests_says_why():
    assert refusal(responses.write(said("RE", reasons=()))) == "response.reason_missing"
    accepted = responses.read(responses.write(said("AP", words="booked")))
    assert (accepted.reasons, accepted.words) == ((), "booked")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"<a>",
        b"{}",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
    ],
)
def test_what_is_no_xml_or_brings_declarations_is_refused(content: bytes):
    assert refusal(content) == "response.malformed"


def test_a_response_of_more_than_a_megabyte_is_not_even_parsed():
    assert refusal(b" " * (responses.SIZE_MAX + 1)) == "response.too_large"


def test_a_reference_to_a_payment_is_not_taken_for_the_invoice():
    payment = "<cac:DocumentReference><cbc:ID>P1</cbc:ID><cbc:DocumentTypeCode>481</cbc:DocumentTypeCode></cac:DocumentReference>"

    read = responses.read(changed(said("AP"), "<cac:DocumentReference>", f"{payment}<cac:DocumentReference>"))

    assert read.invoice_number == "A-2026-000001"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_response_it_is_read_or_refused(data: st.DataObject):
    content = bytearray(responses.write(FULL))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))

    try:
        read = responses.read(bytes(content))
    except Invalid:
        return
    assert len(read.words) <= 4000
    assert read.message_id.isprintable()


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_a_status_follows_only_what_the_table_says(before: Status, after: Status):
    response = said(after.value)

    if after in FOLLOWS[before]:
        responses.check_follows(before, response)
    else:
        with pytest.raises(Conflict) as refused:
            responses.check_follows(before, response)
        assert refused.value.code == "response.out_of_order"


def test_nothing_but_its_own_words_follows_a_rejection_and_what_was_accepted_is_paid():
    assert FOLLOWS[Status.REJECTED] == {Status.REJECTED}
    assert FOLLOWS[Status.ACCEPTED] == {Status.ACCEPTED, Status.PAID}
    assert Status.RECEIVED not in FOLLOWS[Status.IN_PROCESS]
    for status in Status:
        responses.check_follows(None, said(status.value))


@pytest.mark.parametrize("status", ["UQ", "RE", "CA"])
def test_a_response_that_names_no_part_contests_all_that_is_left(status: str):
    wish = responses.wish(said(status, words="why"), an_invoice(credited=eur("50")), LINES)

    assert wish is not None
    assert (wish.reason_code, wish.amount, wish.lines, wish.description) == ("QTY_SHORT", eur("149.90"), (), "why")


def test_a_condition_that_names_another_total_contests_the_difference():
    assert (wish := responses.wish(FULL, an_invoice(), LINES)) is not None
    assert wish.amount == eur("23.80")
    # No more than is left, and in words it is for a person to read.
    assert (wish := responses.wish(FULL, an_invoice(disputed=eur("190")), LINES)) is not None
    assert wish.amount == eur("9.90")
    worded = replace(FULL, conditions=(Condition("BT-112", "about 170"),))
    assert (wish := responses.wish(worded, an_invoice(), LINES)) is not None
    assert wish.amount == eur("199.90")


def test_lines_that_are_named_are_contested_as_far_as_they_are_left():
    lines = LINES | {"1": a_line("1", "10", "10.00", claimed="4")}

    assert (wish := responses.wish(said("RE", lines=("1", "9")), an_invoice(), lines)) is not None
    assert wish.lines == (Part("1", lines["1"].left),)
    # Of an invoice of which less than that is left, an amount is.
    assert (wish := responses.wish(said("RE", lines=("1",)), an_invoice(disputed=eur("199")), lines)) is not None
    assert (wish.lines, wish.amount) == ((), eur("0.90"))


def test_of_an_invoice_of_which_nothing_is_left_nothing_is_contested():
    assert responses.wish(said("RE"), an_invoice(credited=eur("199.90")), LINES) is None


@pytest.mark.parametrize(
    ("reasons", "actions", "terms", "code"),
    [
        (("NON", "PRI"), (), (), "PRC_UNIT"),
        (("OTH", "DEL"), ("PIN",), (), "DLV_POD"),
        (("OTH",), ("OTH",), (), "OTH"),
        (("LEG",), ("NIN",), ("BT-119",), "TAX_RATE"),
        # An action alone.
        ((), ("PIN",), (), "INV_NOTRECEIVED"),
    ],
)
def test_the_reason_is_the_first_that_says_something(
    reasons: tuple[str, ...], actions: tuple[str, ...], terms: tuple[str, ...], code: str
):
    response = said("UQ", actions=actions, conditions=tuple(Condition(term, "x") for term in terms))

    assert responses.reason_of(replace(response, reasons=reasons)).code == code
