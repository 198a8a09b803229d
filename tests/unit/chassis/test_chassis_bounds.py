"""What a contract says of its fields holds for every value that comes, and the refusal says where and why."""

import unicodedata
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import service_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2

from services.chassis import bounds, texts
from services.kernel.refusals import Invalid

ZERO_WIDTH, RIGHT_TO_LEFT, JOINER = "\u200b", "\u202e", "\u200d"


def refusal(message) -> Invalid:
    """Why a message is refused."""
    with pytest.raises(Invalid) as refused:
        bounds.check(message)
    return refused.value


def an_order(**changes) -> events_pb2.OrderPlaced:
    line = events_pb2.OrderLine(
        line_id="1", sku="M8 × 40", name="Schraube", quantity="12", unit="C62", unit_price="0.5"
    )
    whole = {"order_id": "o1", "version": 1, "account_id": "b1", "currency": "EUR", "placed_on": "2026-01-05"}
    return events_pb2.OrderPlaced(**{**whole, "lines": [line, line, line], **changes})


def test_what_is_within_its_bounds_passes_and_so_does_what_is_left_out():
    bounds.check(an_order())
    bounds.check(events_pb2.OrderPlaced())


@pytest.mark.parametrize("name", ["o1", "Müller & Söhne 4711", "注文-7", "a/b#c", "x" * 128, "نمره", "ZWNJ-free"])
def test_an_id_is_whatever_people_can_see(name: str):
    bounds.check(an_order(order_id=name))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a\0b", "text.control_character"),
        ("a\nb", "text.control_character"),
        ("a\tb", "text.control_character"),
        ("a\x85b", "text.control_character"),
        (f"a{ZERO_WIDTH}b", "text.characters"),
        (f"a{RIGHT_TO_LEFT}b", "text.characters"),
        (f"a{JOINER}b", "text.characters"),
        ("a\u2028b", "text.characters"),
        ("a\u00a0b", "text.characters"),
        ("a\u00adb", "text.characters"),
        ("a\ue000b", "text.characters"),
        ("a\u0378b", "text.characters"),
        ("a\u3164b", "text.characters"),
        ("a\ufe0fb", "text.characters"),
        (" a", "text.characters"),
        ("a ", "text.characters"),
        (" ", "text.characters"),
        ("a  b", "text.characters"),
        ("x" * 129, "text.too_long"),
    ],
)
def test_an_id_with_what_nobody_sees_is_refused(name: str, code: str):
    assert refusal(an_order(order_id=name)).code == code


@given(st.text(min_size=1, max_size=9))
def test_no_id_has_white_space_but_single_inner_blanks_nor_anything_that_unicode_calls_other(name: str):
    categories = {unicodedata.category(character) for character in name.replace(" ", "")}
    seen = name == " ".join(name.split(" ")).strip() and "  " not in name
    if any(category[0] in "CZ" for category in categories) or not seen:
        assert not texts.fits(name, texts.ID, 128)


@pytest.mark.parametrize("line", ["A. Ö. Ünal", "می\u200cخواهم", "क्\u200dष", "  indented", "soft\u00adhyphen", "😀"])
def test_a_line_is_what_people_write_in_any_script(line: str):
    bounds.check(party_pb2.Company(name=line))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("a\r\nb", "text.control_character"),
        ("a\tb", "text.control_character"),
        ("a\u2029b", "text.characters"),
        ("abc\u202edcba", "text.characters"),
        ("\u2066a", "text.characters"),
        ("\u200fa", "text.characters"),
        ("a\u200bb", "text.characters"),
        ("\ufeffa", "text.characters"),
        ("a\U000e0041b", "text.characters"),
        ("é" * 201, "text.too_long"),
    ],
)
def test_a_line_that_hides_or_turns_something_is_refused(line: str, code: str):
    assert refusal(party_pb2.Company(name=line)).code == code


def test_lines_have_all_that_xml_can_hold():
    bounds.check(ledger_pb2.RecordPaymentRequest(remittance="first\r\n\tsecond \u202eturned\ufeff"))
    refused = refusal(ledger_pb2.RecordPaymentRequest(remittance="first\nsecond\x0b"))
    assert (refused.code, refused.message) == (
        "text.control_character",
        "remittance has a control character at position 13",
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "E U"}, "text.characters"),
        ({"currency": "EUR\n"}, "text.control_character"),
        ({"placed_on": "5.1.2026"}, "date.malformed"),
        ({"placed_on": "2026-01-05\n"}, "text.too_long"),
        ({"placed_on": "2026\n01-05"}, "text.control_character"),
        ({"placed_on": "２０２６-01-05"}, "date.malformed"),
        ({"net_minor": 10**15}, "number.too_large"),
        ({"net_minor": -(2**63)}, "number.too_large"),
    ],
)
def test_a_word_a_date_and_a_number_have_their_bounds(changes: dict[str, Any], code: str):
    assert refusal(an_order(**changes)).code == code


@pytest.mark.parametrize("number", ["1e5", "NaN", "1,5", "--1", "1.2.3", ".", "١٢", "1 "])
def test_what_is_no_plain_decimal_is_refused(number: str):
    assert refusal(an_order(lines=[events_pb2.OrderLine(quantity=number)])).code == "number.malformed"


def test_the_largest_and_the_longest_pass():
    bounds.check(money_pb2.Money(minor=10**15 - 1))
    bounds.check(money_pb2.Money(minor=-(10**15) + 1))
    bounds.check(invoicing_pb2.RegisterSellerRequest(logo_svg=b"x" * 65536))
    assert refusal(invoicing_pb2.RegisterSellerRequest(logo_svg=b"x" * 65537)).code == "bytes.too_long"


def test_a_list_has_so_many_elements_and_an_orders_lines_keep_their_code():
    roles = refusal(notifications_pb2.RegisterContactRequest(roles=["CREDIT"] * 21))
    lines = refusal(an_order(lines=[events_pb2.OrderLine()] * 10_001))

    assert (roles.code, roles.message) == ("list.too_long", "roles has 21 elements, 20 are taken")
    assert lines.code == refusal(service_pb2.DecideRequest(lines=[events_pb2.OrderLine()] * 10_001)).code
    assert lines.code == "order.too_large"


@pytest.mark.parametrize(
    "time",
    [
        Timestamp(seconds=-62_135_596_801),
        Timestamp(seconds=253_402_300_800),
        Timestamp(seconds=2**62),
        Timestamp(nanos=-1),
        Timestamp(nanos=10**9),
        Timestamp(seconds=7_258_118_400),
        Timestamp(seconds=-1),
    ],
)
def test_a_time_that_no_business_has_is_refused(time: Timestamp):
    refused = refusal(service_pb2.PlaceHoldRequest(until=time))

    assert (refused.code, refused.message) == ("time.out_of_range", "until is no time from 1970 to 2199")


def test_a_refusal_names_the_place_and_quotes_sixty_characters_at_most_and_nothing_of_what_people_write():
    line = events_pb2.OrderLine(line_id="1", name="\n" * 16_000)
    long_id = events_pb2.OrderLine(line_id="\n" * 16_000)
    roles = ["CREDIT", "SALES!"]

    named = refusal(an_order(lines=[events_pb2.OrderLine(line_id="1")] * 3 + [line])).message
    assert named == "lines[3].name has 16,000 characters, 200 are taken"
    quoted = refusal(an_order(lines=[long_id])).message
    assert quoted == f"lines[0].line_id has 16,000 characters, 128 are taken: {chr(10) * 60!r} …"
    said = refusal(notifications_pb2.RegisterContactRequest(roles=roles)).message
    assert said == "roles[1] cannot have the character at position 6: 'SALES!'"


def test_what_is_refused_can_be_told():
    order = an_order(
        order_id="a\0b" + "x" * 200,
        currency="no word",
        net_minor=2**62,
        scope=party_pb2.Scope(site=f"Ham{RIGHT_TO_LEFT}burg"),
        lines=[events_pb2.OrderLine(name="a\nb", quantity="many")] * 10_001,
    )

    told = bounds.cleaned(order)

    bounds.check(told)
    assert (told.order_id[:4], len(told.order_id), told.currency) == ("a\ufffdbx", 128, "")
    assert (told.scope.site, told.net_minor, len(told.lines)) == ("Ham\ufffdburg", 10**15 - 1, 10_000)
    assert (told.lines[-1].name, told.lines[-1].quantity) == ("a\ufffdb", "")
    assert order.order_id[:3] == "a\0b", "what came stays as it came"


@given(
    st.text(max_size=300), st.sampled_from([texts.ID, texts.CODE, texts.LINE, texts.LINES, texts.DATE, texts.DECIMAL])
)
def test_a_text_has_a_flaw_or_fits_and_cleaned_it_fits(text: str, kind: int):
    assert (texts.flaw(text, kind, 200) is None) == texts.fits(text, kind, 200)
    assert texts.fits(texts.cleaned(text, kind, 200), kind, 200)
