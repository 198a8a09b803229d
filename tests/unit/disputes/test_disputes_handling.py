"""Who has a case, its right reason, two that are one, one that is two: and not a cent more or less than before."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.disputes.domain import authority, handling, invoices
from services.disputes.domain.authority import Authority
from services.disputes.domain.cases import AWAITS_ANSWER, OPEN, Dispute, State
from services.disputes.domain.deadlines import Owners
from services.disputes.domain.invoices import NOTHING_CREDITED, Part
from services.disputes.domain.tracks import Track, Why
from services.kernel.money import Money
from services.kernel.refusals import Forbidden, Invalid, Refusal
from tests.unit.disputes.builders import FRIDAY, LINES, MONDAY, POLICY, a_case, a_line, an_invoice, eur


def parts(*named: tuple[str, str]) -> tuple[Part, ...]:
    return tuple(Part(line_id, Decimal(quantity)) for line_id, quantity in named)


def code_of(do: Any) -> str:
    with pytest.raises(Refusal) as refused:
        do()
    return str(refused.value.code)


def test_a_case_is_given_on_and_each_hand_off_counts_once():
    first = handling.assign(a_case(), "user:bo", "user:cy", at=MONDAY)
    same = handling.assign(first, "user:bo", "user:cy", at=FRIDAY)
    other = handling.assign(first, "user:di", "", at=FRIDAY)

    assert (first.owner, first.stand_in, first.handoffs, first.changes) == ("user:bo", "user:cy", 0, 1)
    assert same == first
    assert (other.owner, other.stand_in, other.handoffs, other.changes) == ("user:di", "", 1, 2)
    for owner, stand_in in (("contact:ann", ""), ("", "user:bo"), ("user:bo", "user:bo"), ("user:bo", "key:erp")):
        assert code_of(lambda o=owner, s=stand_in: handling.assign(first, o, s, at=FRIDAY)) == "dispute.owner_malformed"


@pytest.mark.parametrize("state", [state for state in State if state not in OPEN])
def test_what_has_ended_is_neither_given_nor_recoded(state: State):
    assert code_of(lambda: handling.assign(a_case(state), "user:bo", "", at=FRIDAY)) == "dispute.ended"
    assert code_of(lambda: handling.recode(a_case(state), "PRC_UNIT", POLICY, at=FRIDAY)) == "dispute.ended"


def test_the_right_reason_moves_a_case_to_no_quicker_track_and_keeps_its_promise():
    policy = replace(POLICY, desks={"Pricing": Owners("user:pri")})
    other = a_case(reason_code="OTH", recode_by=FRIDAY, track_reason=Why.PERSON)

    priced = handling.recode(other, "PRC_UNIT", policy, at=MONDAY)
    legal = handling.recode(other, "INV_LEGAL", policy, at=MONDAY)

    assert (priced.reason_code, priced.track, priced.owner, priced.recode_by) == (
        "PRC_UNIT",
        Track.STANDARD,
        "user:pri",
        None,
    )
    assert (legal.track, legal.track_reason, legal.answer_by) == (Track.ENHANCED, "legal_reason", other.answer_by)
    assert handling.recode(priced, "PRC_UNIT", policy, at=FRIDAY) == priced
    assert handling.recode(replace(other, owner="user:bo"), "PRC_UNIT", policy, at=MONDAY).owner == "user:bo"
    for code in ("OTH", "NO_SUCH"):
        assert code_of(lambda c=code: handling.recode(other, c, policy, at=MONDAY)) == "dispute.unknown_reason"


def of(dispute_id: str, *named: tuple[str, str], amount: str, **changes: Any) -> Dispute:
    return a_case(dispute_id=dispute_id, lines=parts(*named), amount=eur(amount), **changes)


@pytest.mark.parametrize(
    ("ends", "goes_on", "lines", "amount"),
    [
        # Units of lines are never contested twice: they go on together.
        (
            of("a", ("1", "2"), amount="23.80"),
            of("b", ("1", "3"), ("2", "1"), amount="95.20"),
            [("1", "5"), ("2", "1")],
            "119",
        ),
        # An amount may be of the same: the larger goes on, with its lines.
        (of("a", amount="30"), of("b", amount="20"), [], "30"),
        (of("a", amount="20"), of("b", amount="20"), [], "20"),
        (of("a", ("1", "2"), amount="23.80"), of("b", amount="20"), [("1", "2")], "23.80"),
        (of("a", amount="20"), of("b", ("1", "2"), amount="23.80"), [("1", "2")], "23.80"),
    ],
)
def test_two_that_are_one_contest_each_thing_once(
    ends: Dispute, goes_on: Dispute, lines: list[tuple[str, str]], amount: str
):
    ended, merged = handling.merge(ends, goes_on, POLICY, at=FRIDAY)

    assert (ended.state, ended.merged_into, ended.moves) == (State.DUPLICATE, "b", ends.moves + 1)
    assert (merged.lines, merged.amount, merged.state) == (parts(*lines), eur(amount), goes_on.state)
    assert merged.claim <= ends.claim + goes_on.claim
    assert not ended.claim.minor


def test_of_two_promises_the_earlier_holds_and_of_two_tracks_the_more_careful():
    soon = of("a", amount="20", answer_at=MONDAY + timedelta(days=2), answer_by=date(2026, 3, 4))
    large = of("b", amount="26000", answer_at=MONDAY + timedelta(days=4), answer_by=date(2026, 3, 6))

    _, merged = handling.merge(soon, large, POLICY, at=MONDAY)

    assert (merged.answer_by, merged.answer_at) == (soon.answer_by, soon.answer_at)
    assert merged.track is Track.ENHANCED


def test_only_cases_of_one_invoice_that_wait_for_an_answer_are_one():
    one = of("a", amount="20")
    other = replace(of("b", amount="20"), invoice_id="i2")

    assert code_of(lambda: handling.merge(one, one, POLICY, at=FRIDAY)) == "dispute.same_case"
    assert code_of(lambda: handling.merge(one, other, POLICY, at=FRIDAY)) == "dispute.other_invoice"
    for state in set(State) - set(AWAITS_ANSWER):
        stands = replace(of("b", amount="20"), state=state)
        assert code_of(lambda s=stands: handling.merge(one, s, POLICY, at=FRIDAY)) == "dispute.not_changeable"
        assert code_of(lambda s=stands: handling.merge(s, one, POLICY, at=FRIDAY)) == "dispute.not_changeable"


THIRDS = {
    "1": a_line("1", "3", "0.13", "20"),
    "2": a_line("2", "7", "0.0333", "7"),
    "3": a_line("3", "1.5", "9.99", "20"),
}


@given(st.data())
def test_a_case_that_is_split_contests_to_the_cent_what_it_did(data: st.DataObject):
    asked = {line_id: data.draw(st.integers(0, 100), label=line_id) for line_id in THIRDS}
    disputed = tuple(
        Part(line_id, THIRDS[line_id].quantity * Decimal(share) / 100) for line_id, share in asked.items() if share
    )
    if not disputed:
        return
    gross = invoices.gross_of([Part(n, line.quantity) for n, line in THIRDS.items()], THIRDS, "EUR")
    empty = an_invoice(gross=gross, net=gross, tax=eur("0"))
    amount = invoices.amount_of(disputed, THIRDS, empty, NOTHING_CREDITED)
    if amount.minor <= 0:
        return
    case = a_case(lines=disputed, amount=amount)
    claimed = {part.line_id: part.quantity for part in disputed}
    lines = {n: replace(line, claimed=claimed.get(n, Decimal(0))) for n, line in THIRDS.items()}
    parted = tuple(
        Part(part.line_id, part.quantity * Decimal(share) / 100)
        for part in disputed
        if (share := data.draw(st.integers(0, 100), label=f"of {part.line_id}"))
    )

    try:
        left, new = handling.split(
            case, parted, replace(empty, disputed=amount), lines, NOTHING_CREDITED, dispute_id="d2", at=FRIDAY
        )
    except Refusal:  # one of both would contest nothing: the tests below
        return

    assert left.amount + new.amount == case.amount
    assert left.amount.minor > 0
    assert new.amount.minor > 0
    whole = {part.line_id: part.quantity for part in (*left.lines, *new.lines)}
    assert set(whole) == set(claimed)
    for line_id, quantity in claimed.items():
        assert sum(part.quantity for part in (*left.lines, *new.lines) if part.line_id == line_id) == quantity


def test_who_opened_a_case_opened_what_is_split_off_and_its_promise_is_the_same():
    case = of("a", ("1", "2"), ("2", "1"), amount="83.30", owner="user:bo", late_from=date(2026, 3, 2))
    lines = {
        n: replace(line, claimed={"1": Decimal(2), "2": Decimal(1)}.get(n, Decimal(0))) for n, line in LINES.items()
    }

    left, new = handling.split(
        case, parts(("2", "1")), an_invoice(disputed=eur("83.30")), lines, {}, dispute_id="b", at=FRIDAY
    )

    assert (left.amount, new.amount) == (eur("23.80"), eur("59.50"))
    assert (new.opened_by, new.answer_by, new.owner, new.late_from) == (
        case.opened_by,
        case.answer_by,
        "user:bo",
        case.late_from,
    )
    assert (new.description, new.moves, new.state, new.number) == ("", 0, State.DRAFT, "")


def test_what_cannot_be_split_is_refused():
    case = of("a", ("1", "2"), amount="23.80")
    lines = {**LINES, "1": replace(LINES["1"], claimed=Decimal(2))}

    def split(of_case: Dispute, *named: tuple[str, str]) -> str:
        invoice = an_invoice(disputed=of_case.amount)
        return code_of(lambda: handling.split(of_case, parts(*named), invoice, lines, {}, dispute_id="b", at=FRIDAY))

    assert split(of("a", amount="20"), ("1", "1")) == "dispute.not_by_line"
    assert split(case) == "dispute.lines_or_amount"
    assert split(case, ("1", "2")) == "dispute.nothing_left"
    assert split(case, ("1", "3")) == "dispute.exceeds_line"
    assert split(case, ("2", "1")) == "dispute.exceeds_line"
    for state in set(State) - set(AWAITS_ANSWER):
        assert split(replace(case, state=state), ("1", "1")) == "dispute.not_changeable"


MATRIX = (
    Authority("DISPUTE_OWNER", "", eur("500")),
    Authority("SELLER_ADMIN", "", eur("5000")),
    Authority("", "user:cy", eur("1000")),
)
OWNER = frozenset({"DISPUTE_OWNER"})


@pytest.mark.parametrize(
    ("credit", "person", "roles", "may"),
    [
        ("500", "user:bo", OWNER, True),
        ("500.01", "user:bo", OWNER, False),
        ("1000", "user:cy", OWNER, True),
        ("1000.01", "user:cy", OWNER, False),
        ("5000", "user:ad", frozenset({"SELLER_ADMIN"}), True),
        ("5000.01", "user:ad", OWNER | {"SELLER_ADMIN"}, False),
        ("0", "user:no", frozenset[str](), True),  # what is no credit needs none
        ("9999", "system:checks", frozenset[str](), True),  # has bounds of its own
        ("1", "user:no", frozenset[str](), False),
    ],
)
def test_a_credit_is_resolved_by_whom_the_matrix_lets(credit: str, person: str, roles: frozenset[str], *, may: bool):
    if may:
        authority.check(MATRIX, eur(credit), person, roles)
        return
    with pytest.raises(Forbidden) as refused:
        authority.check(MATRIX, eur(credit), person, roles)
    assert refused.value.code == "dispute.authority"


def test_a_refusal_for_want_of_authority_names_who_has_it():
    with pytest.raises(Forbidden, match=r"SELLER_ADMIN \(up to 5000.00 EUR\), user:cy \(up to 1000.00 EUR\)"):
        authority.check(MATRIX, eur("700"), "user:bo", OWNER)
    with pytest.raises(Forbidden, match="who may: nobody"):
        authority.check(MATRIX, Money(1, "USD"), "user:cy", OWNER)
    authority.check((), eur("999999"), "user:bo", OWNER)


@pytest.mark.parametrize(
    ("role", "person", "minor"),
    [("", "", 1), ("SALES", "", 1), ("DISPUTE_OWNER", "user:bo", 1), ("", "contact:ann", 1), ("DISPUTE_OWNER", "", 0)],
)
def test_an_authority_that_is_nobodys_is_refused(role: str, person: str, minor: int):
    with pytest.raises(Invalid) as refused:
        Authority(role, person, Money(minor, "EUR")).check()
    assert refused.value.code.startswith("policy.")
