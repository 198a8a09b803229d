"""What the ledger posts, and that it always adds up."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.money import Money
from services.kernel.refusals import Invalid, KeyReused
from services.ledger.domain import disputes, entries, items
from services.ledger.domain.chart import Chart
from services.ledger.domain.disputes import Dispute, Turn, Word
from services.ledger.domain.entries import Cause, Entry, HoldMove, Kind, Posting
from services.ledger.domain.payments import Evidence, Receipt, Shelf
from services.ledger.service import SERVICE
from tests.unit.ledger.books import a_credit_note, a_payment, an_invoice, eur, sums

CAUSE = Cause("e1", "system:test")


def sides(entry: Entry) -> dict[int, int]:
    return {posting.account.value: posting.amount.minor for posting in entry.postings}


def met(receipt: Receipt) -> list[tuple[str, int, str]]:
    return [(part.item.invoice_id, part.amount.minor, part.evidence.value) for part in receipt.applications]


def test_an_invoice_is_owed_gross_and_earned_net():
    assert sides(entries.invoice_issued(an_invoice(net=10_000, tax=1_900), CAUSE)) == {
        1100: 11_900,
        4000: -10_000,
        2200: -1_900,
    }


def test_sales_tax_is_owed_to_a_state_and_rounding_is_neither_earned_nor_taxed():
    invoice = an_invoice(sums=sums(10_825, 0, sales_tax=825, rounding=-2))

    assert sides(entries.invoice_issued(invoice, CAUSE)) == {1100: 10_823, 4000: -10_000, 2210: -825, 7900: 2}
    assert items.open_item(invoice).amount == eur(10_823)


def test_a_credit_note_gives_back_sales_tax_and_rounding():
    invoice = an_invoice(sums=sums(10_825, 0, sales_tax=825, rounding=-2))
    whole = items.credit(items.open_item(invoice), a_credit_note(sums=invoice.sums))

    assert sides(entries.credit_note_issued(whole, CAUSE)) == {4010: 10_000, 2210: 825, 7900: -2, 1100: -10_823}
    assert (whole.item.open, whole.kept) == (eur(0), eur(0))


def test_a_credit_note_whose_vat_took_the_residue_balances():
    invoice = an_invoice(sums=sums(26, 5))  # 2 x 0.13 at 20 %: 0.31
    first = items.credit(items.open_item(invoice), a_credit_note("c1", sums=sums(13, 3)))
    last = items.credit(first.item, a_credit_note("c2", sums=sums(13, 2)))

    assert last.item.open == eur(0)
    both = Counter(sides(entries.credit_note_issued(first, CAUSE)))
    both.update(sides(entries.credit_note_issued(last, CAUSE)))
    assert both == {4010: 26, 2200: 5, 1100: -31}


@pytest.mark.parametrize(("currency", "net", "tax"), [("KWD", 12_345, 617), ("JPY", 1_235, 123), ("EUR", 1, 0)])
def test_currencies_of_three_decimals_or_none_are_posted_as_they_are(currency: str, net: int, tax: int):
    entry = entries.invoice_issued(an_invoice(sums=sums(net, tax, currency=currency)), CAUSE)

    assert sides(entry) == {a: m for a, m in {1100: net + tax, 4000: -net, 2200: -tax}.items() if m}
    assert {posting.amount.currency for posting in entry.postings} == {currency}


def test_nothing_is_posted_by_nothing():
    assert sides(entries.invoice_issued(an_invoice(net=10_000, tax=0), CAUSE)) == {1100: 10_000, 4000: -10_000}
    assert sides(entries.invoice_issued(an_invoice(net=0, tax=0), CAUSE)) == {}


@pytest.mark.parametrize(("open_minor", "taken", "kept"), [(11_900, 1_190, 0), (1_000, 1_000, 190), (0, 0, 1_190)])
def test_a_credit_note_takes_what_is_open_and_the_rest_is_kept(open_minor: int, taken: int, kept: int):
    item = items.open_item(an_invoice()).less(eur(11_900 - open_minor))

    credit = items.credit(item, a_credit_note(net=1_000, tax=190))

    expected = {4010: 1_000, 2200: 190, 1100: -taken, 2110: -kept}
    assert sides(entries.credit_note_issued(credit, CAUSE)) == {n: minor for n, minor in expected.items() if minor}
    assert credit.item.open == eur(open_minor - taken)


def test_a_payment_is_received_whole_and_applied_apart():
    receipt = Shelf([items.open_item(an_invoice())]).apply(a_payment(minor=20_000), at_most=9)

    assert sides(entries.payment_received(receipt.payment, CAUSE)) == {1000: 20_000, 2100: -20_000}
    assert sides(entries.cash_applied(receipt.payment, receipt.applications[0], CAUSE)) == {2100: 11_900, 1100: -11_900}
    assert receipt.unapplied == eur(8_100)


@pytest.mark.parametrize(
    ("kind", "sign"),
    [(Kind.HOLD_PLACED, 1), (Kind.HOLD_CAPTURED, -1), (Kind.HOLD_RELEASED, -1), (Kind.HOLD_EXPIRED, -1)],
)
def test_a_hold_stands_in_memo_until_it_is_captured_released_or_lapses(kind: Kind, sign: int):
    move = HoldMove("acme", "b1", kind, "d1", eur(500), date(2026, 1, 1))

    assert sides(entries.hold_moved(move, CAUSE)) == {9000: sign * 500, 9001: sign * -500}


def test_an_entry_that_does_not_balance_cannot_be_built():
    def build(*postings: Posting) -> Entry:
        return Entry("acme", "b1", Kind.INVOICE_ISSUED, "i1", CAUSE, date(2026, 1, 1), postings)

    with pytest.raises(AssertionError):
        build(Posting(Chart.RECEIVABLES, eur(100)), Posting(Chart.REVENUE, eur(-99)))
    with pytest.raises(AssertionError):  # memo accounts balance among themselves
        build(Posting(Chart.RECEIVABLES, eur(100)), Posting(Chart.DISPUTED_CONTRA, eur(-100)))


def test_business_keys_of_several_parts_do_not_run_together():
    assert entries.reference("a/b", "c") != entries.reference("a", "b/c")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sums": sums(10_000, 1_900, gross=eur(11_901))}, "invoice.gross_mismatch"),
        ({"net": -1}, "invoice.amount_negative"),
        ({"sums": sums(2, 0, rounding=-3)}, "invoice.amount_negative"),
        ({"sums": sums(100, 0, sales_tax=101)}, "invoice.sales_tax_mismatch"),
        ({"sums": sums(100, 0, sales_tax=-1)}, "invoice.sales_tax_mismatch"),
        ({"number": ""}, "invoice.incomplete"),
        ({"sums": sums(1, 0, gross=Money(2**63, "EUR"))}, "money.too_large"),
        ({"sums": sums(2**63 - 1, 0, rounding=1)}, "money.too_large"),
        ({"sums": sums(1, 0, currency="XXX")}, "money.unknown_currency"),
    ],
)
def test_an_invoice_that_does_not_add_up_is_refused(changes: dict[str, Any], code: str):
    with pytest.raises(Invalid) as refused:
        an_invoice(**changes).check()

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account_id": "b2"}, "credit_note.account_mismatch"),
        ({"sums": sums(1, 0, currency="SEK")}, "credit_note.currency_mismatch"),
    ],
)
def test_a_credit_note_fits_its_invoice(changes: dict[str, Any], code: str):
    with pytest.raises(Invalid) as refused:
        items.credit(items.open_item(an_invoice()), a_credit_note(**changes))

    assert refused.value.code == code


def test_a_credit_note_credits_something():
    with pytest.raises(Invalid) as refused:
        a_credit_note(net=0, tax=0).check()

    assert refused.value.code == "credit_note.amount_not_positive"


def due(invoice_id: str, day: int, minor: int = 1_000, number: str = "") -> items.Item:
    return items.open_item(
        an_invoice(invoice_id, net=minor, tax=0, due_on=date(2026, 3, day), number=number or f"RE-{invoice_id}")
    )


def test_a_payment_pays_what_it_names_and_nothing_else():
    shelf = Shelf([due("i1", 1), due("i2", 2), due("i3", 3)])

    receipt = shelf.apply(a_payment(minor=2_500, remittance="re-i3"), at_most=9)

    assert met(receipt) == [("i3", 1_000, Evidence.EXACT_REFERENCE)]
    assert (receipt.unapplied, receipt.paid_before) == (eur(1_500), ())


def test_a_payment_that_names_nothing_pays_the_oldest_due():
    shelf = Shelf([due("i3", 3), due("i1", 1), due("i2", 2)])

    assert met(shelf.apply(a_payment(minor=1_500, remittance="with thanks"), at_most=9)) == [
        ("i1", 1_000, Evidence.OLDEST_DUE),
        ("i2", 500, Evidence.OLDEST_DUE),
    ]
    assert met(shelf.apply(a_payment("p2", minor=600), at_most=9)) == [
        ("i2", 500, Evidence.OLDEST_DUE),
        ("i3", 100, Evidence.OLDEST_DUE),
    ]


def test_several_references_are_paid_in_the_order_they_are_named():
    shelf = Shelf([due("i1", 1), due("i2", 2), due("i3", 3)])

    receipt = shelf.apply(a_payment(minor=1_500, remittance="RE-i3, RE-i2"), at_most=9)

    assert met(receipt) == [("i3", 1_000, Evidence.EXACT_REFERENCE), ("i2", 500, Evidence.EXACT_REFERENCE)]


def test_of_two_due_the_same_day_the_lower_number_goes_first():
    shelf = Shelf([due("i1", 1, number="RE-2"), due("i2", 1, number="RE-1")])

    assert [part.item.number for part in shelf.apply(a_payment(minor=1), at_most=9).applications] == ["RE-1"]


def test_a_number_that_two_legal_entities_gave_names_neither():
    shelf = Shelf([due("i1", 2, number="RE-1"), due("i2", 1, number="RE-1")])

    receipt = shelf.apply(a_payment(minor=1, remittance="RE-1"), at_most=9)

    assert (met(receipt), receipt.unapplied, receipt.continues) == ([], eur(1), False)


@pytest.mark.parametrize("remittance", ["RE-i9", "Rechnung 4711", "RE-2026-000999", "order 17"])
def test_a_number_that_nobody_knows_names_something_else_than_the_oldest(remittance: str):
    receipt = Shelf([due("i1", 1)]).apply(a_payment(minor=1_000, remittance=remittance), at_most=9)

    assert (met(receipt), receipt.unapplied) == ([], eur(1_000))


def test_of_a_known_and_an_unknown_number_the_known_one_is_paid_and_the_rest_waits():
    shelf = Shelf([due("i1", 1), due("i2", 2)])

    receipt = shelf.apply(a_payment(minor=2_000, remittance="RE-i2 RE-i9"), at_most=9)

    assert (met(receipt), receipt.unapplied) == ([("i2", 1_000, Evidence.EXACT_REFERENCE)], eur(1_000))


def test_an_invoice_that_is_paid_takes_nothing_more_and_neither_does_another_for_it():
    shelf = Shelf([due("i1", 1), due("i2", 2)])
    shelf.apply(a_payment(minor=1_000, remittance="RE-i1"), at_most=9)

    again = shelf.apply(a_payment("p2", minor=600, remittance="RE-i1"), at_most=9)

    assert (met(again), again.unapplied, again.paid_before) == ([], eur(600), ("RE-i1",))


def test_of_several_named_what_is_open_is_paid_and_what_was_paid_is_told():
    shelf = Shelf([due("i1", 1), due("i2", 2), due("i3", 3), due("i4", 4, minor=0)])
    shelf.apply(a_payment(minor=1_000, remittance="RE-i2"), at_most=9)

    again = shelf.apply(a_payment("p2", minor=3_000, remittance="RE-i1 RE-i2 RE-i3 RE-i4"), at_most=9)

    assert met(again) == [("i1", 1_000, Evidence.EXACT_REFERENCE), ("i3", 1_000, Evidence.EXACT_REFERENCE)]
    assert (again.unapplied, again.paid_before) == (eur(1_000), ("RE-i2",))


def test_what_the_money_does_not_reach_was_not_paid_before():
    receipt = Shelf([due("i1", 1), due("i2", 2)]).apply(a_payment(minor=1_000, remittance="RE-i1 RE-i2"), at_most=9)

    assert receipt.paid_before == ()


def test_a_payment_meets_so_many_by_age_and_then_goes_on():
    shelf = Shelf([due(f"i{n}", n) for n in range(1, 6)])

    first = shelf.apply(a_payment(minor=4_000), at_most=3)

    assert ([part.item.invoice_id for part in first.applications], first.continues) == (["i1", "i2", "i3"], True)
    assert first.unapplied == eur(1_000)


@pytest.mark.parametrize(("minor", "at_most"), [(3_000, 3), (9_000, 5)])
def test_a_payment_that_has_met_all_it_can_does_not_go_on(minor: int, at_most: int):
    shelf = Shelf([due(f"i{n}", n) for n in range(1, 6)])

    assert not shelf.apply(a_payment(minor=minor), at_most=at_most).continues


def test_a_payment_goes_on_if_there_may_be_more_than_was_read():
    assert Shelf([due("i1", 1)], more=True).apply(a_payment(minor=2_000), at_most=9).continues
    assert not Shelf([due("i1", 1)], more=True).apply(a_payment(minor=1_000), at_most=9).continues


def test_a_later_payment_does_not_overtake_one_that_goes_on_but_one_that_names_what_it_pays_waits_for_nobody():
    shelf = Shelf([due(f"i{n}", n) for n in range(1, 6)])
    shelf.apply(a_payment(minor=4_000), at_most=1)

    by_age = shelf.apply(a_payment("p2", minor=1_000), at_most=9)
    by_name = shelf.apply(a_payment("p3", minor=1_000, remittance="RE-i2"), at_most=9)

    assert (met(by_age), by_age.continues, by_age.unapplied) == ([], True, eur(1_000))
    assert (met(by_name), by_name.continues) == ([("i2", 1_000, Evidence.EXACT_REFERENCE)], False)


def a_word(turn: Turn, minor: int = 700, **changes: Any) -> Word:
    amount = eur(minor) if disputes.IN_MEMO[turn] else None
    fields: dict[str, Any] = {
        "tenant": "acme",
        "dispute_id": "d1",
        "invoice_id": "i1",
        "account_id": "b1",
        "turn": turn,
        "amount": amount,
        "nth": 0,
    }
    return Word(**fields | changes)


def follow(*turns: Turn) -> tuple[Dispute | None, list[int]]:
    item, dispute, changes = items.open_item(an_invoice()), None, []
    for turn in turns:
        dispute, change = disputes.follow(dispute, item, a_word(turn))
        changes.append(change.minor)
    return dispute, changes


@pytest.mark.parametrize("end", [Turn.WITHDRAWN, Turn.DUPLICATE, Turn.REJECTED, Turn.RESOLVED])
def test_what_is_disputed_stands_in_memo_until_it_ends(end: Turn):
    assert follow(Turn.OPENED, end)[1] == [700, -700]


def test_nothing_is_reversed_or_set_twice():
    assert follow(Turn.OPENED, Turn.REJECTED, Turn.WITHDRAWN, Turn.RESOLVED)[1] == [700, -700, 0, 0]
    assert follow(Turn.OPENED, Turn.APPEALED, Turn.OPENED)[1] == [700, 0, 0]
    assert follow(Turn.OPENED, Turn.WITHDRAWN, Turn.OPENED)[1] == [700, -700, 0]


def test_an_appeal_and_a_reopening_set_it_again():
    assert follow(Turn.OPENED, Turn.REJECTED, Turn.APPEALED, Turn.RESOLVED, Turn.REOPENED)[1] == [
        700,
        -700,
        700,
        -700,
        700,
    ]


def test_what_a_case_said_before_it_does_not_say_anew():
    item = items.open_item(an_invoice())
    story = [(Turn.OPENED, 3), (Turn.REJECTED, 5), (Turn.APPEALED, 6), (Turn.RESOLVED, 9), (Turn.REOPENED, 12)]
    dispute = None
    for turn, nth in story:
        dispute, _ = disputes.follow(dispute, item, a_word(turn, nth=nth))

    for turn, nth in story:
        after, change = disputes.follow(dispute, item, a_word(turn, nth=nth))
        assert (after, change) == (dispute, eur(0))
    assert disputes.follow(dispute, item, a_word(Turn.RESOLVED, nth=13))[1] == eur(-700)


def test_a_draft_that_is_withdrawn_was_never_in_memo():
    assert follow(Turn.WITHDRAWN)[1] == [0]


def test_every_turn_says_whether_it_is_in_memo():
    assert set(disputes.IN_MEMO) == set(Turn)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account_id": "b2"}, "dispute.account_mismatch"),
        ({"amount": Money(1, "SEK")}, "dispute.currency_mismatch"),
        ({"amount": eur(-1)}, "dispute.amount_negative"),
    ],
)
def test_a_dispute_fits_its_invoice(changes: dict[str, Any], code: str):
    with pytest.raises(Invalid) as refused:
        disputes.follow(None, items.open_item(an_invoice()), a_word(Turn.OPENED, **changes))

    assert refused.value.code == code


def test_a_dispute_stays_with_its_invoice():
    dispute, _ = follow(Turn.OPENED)

    with pytest.raises(KeyReused):
        disputes.follow(dispute, items.open_item(an_invoice("i2")), a_word(Turn.REJECTED, invoice_id="i2"))


def test_the_database_knows_the_same_chart():
    sql = "".join(file.read_text() for file in sorted(SERVICE.migrations.glob("*.sql")))
    numbers = re.findall(r"chart_account_check CHECK \(VALUE IN \(([\d,\s]+)\)\)", sql)[-1]

    assert {int(number) for number in numbers.split(",")} == set(Chart)
    assert all(chart.title for chart in Chart)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("invoice"), st.integers(0, 5_000), st.integers(0, 900), st.integers(0, 30)),
        st.tuples(st.just("credit"), st.integers(1, 3_000), st.integers(0, 500), st.integers(0, 9)),
        st.tuples(st.just("payment"), st.integers(1, 8_000), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("dispute"), st.integers(0, 3_000), st.integers(0, 9), st.sampled_from(Turn)),
    ),
    max_size=40,
)


class Books:
    """All rules together, in memory."""

    def __init__(self) -> None:
        self.items: dict[str, items.Item] = {}
        self.balances: Counter[Chart] = Counter()
        self.disputes: dict[str, Dispute] = {}
        self.facts: Counter[str] = Counter()
        self.receipts: list[Receipt] = []

    def post(self, entry: Entry) -> None:
        for posting in entry.postings:
            self.balances[posting.account] += posting.amount.minor

    def invoice(self, net: int, tax: int, days: int) -> None:
        due_on, said = date(2026, 1, 1) + timedelta(days), sums(net, tax, sales_tax=net // 3, rounding=days % 5)
        invoice = an_invoice(f"i{len(self.items)}", due_on=due_on, sums=said).check()
        self.post(entries.invoice_issued(invoice, CAUSE))
        self.items[invoice.invoice_id] = items.open_item(invoice)
        self.facts["invoices"] += invoice.sums.due.minor

    def credit(self, net: int, tax: int, which: int) -> None:
        if (item := self.items.get(f"i{which}")) is None:
            return
        said = sums(net, tax, sales_tax=net // 7, rounding=which % 3)
        credit = items.credit(item, a_credit_note(sums=said, invoice_id=item.invoice_id).check())
        self.post(entries.credit_note_issued(credit, CAUSE))
        self.items[item.invoice_id] = credit.item
        self.facts["credit notes"] += credit.note.sums.due.minor

    def payment(self, minor: int, which: int, named: bool) -> None:
        payment = a_payment(f"p{len(self.receipts)}", minor, f"RE-i{which}" if named else "")
        receipt = Shelf(self.items.values()).apply(payment, at_most=3)
        self.post(entries.payment_received(payment, CAUSE))
        for part in receipt.applications:
            self.post(entries.cash_applied(payment, part, CAUSE))
            self.items[part.item.invoice_id] = part.item
            self.facts["cash applied"] += part.amount.minor
        self.receipts.append(receipt)
        self.facts["cash"] += minor

    def dispute(self, minor: int, which: int, turn: Turn) -> None:
        if (item := self.items.get(f"i{which}")) is None:
            return
        word = a_word(turn, minor, dispute_id=f"d{which}", invoice_id=item.invoice_id)
        dispute, change = disputes.follow(self.disputes.get(word.dispute_id), item, word)
        self.disputes[word.dispute_id] = dispute
        self.post(entries.dispute_moved(dispute, change, date(2026, 1, 1), CAUSE))


@given(steps)
def test_whatever_happens_the_books_add_up(what: list[tuple[Any, ...]]):
    books = Books()
    for name, *arguments in what:
        getattr(books, name)(*arguments)

    chart = books.balances
    assert sum(minor for account, minor in chart.items() if not account.is_memo) == 0
    assert sum(minor for account, minor in chart.items() if account.is_memo) == 0
    assert chart[Chart.RECEIVABLES] == sum(item.open.minor for item in books.items.values())
    assert all(0 <= item.open.minor <= item.amount.minor for item in books.items.values())
    assert all(receipt.unapplied.minor >= 0 for receipt in books.receipts)
    assert -chart[Chart.UNAPPLIED_CASH] == sum(receipt.unapplied.minor for receipt in books.receipts)
    assert chart[Chart.BANK] == books.facts["cash"]
    assert chart[Chart.DISPUTED] == sum(dispute.memo.minor for dispute in books.disputes.values())
    kept = -chart[Chart.CUSTOMER_CREDITS]
    billed = books.facts["invoices"] - books.facts["credit notes"]
    assert chart[Chart.RECEIVABLES] + books.facts["cash applied"] - kept == billed
