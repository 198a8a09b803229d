"""Plays an outside file of order lines for the British seller; every line ends booked, credited or refused."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from itertools import groupby
from pathlib import Path

from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.demo import orders
from deploy.demo.calls import Refused
from deploy.demo.csv_lines import CURRENCY, CsvBuyer, OrderRow, RefusedRow, buyer_named
from deploy.demo.orders import Line, Order, Party
from deploy.demo.player import Stage
from deploy.demo.returns import Part, Purchase, Purchases, give_back
from deploy.demo.sample import CLOSES, OPENS, Contact, Seller, party
from services.kernel.orders import LINES_MAX, TOO_LARGE
from services.kernel.refusals import Refusal

COLUMNS = ("line", "order", "item", "outcome", "reason", "document")
# What the broker takes is 1 MB; invoices say more of a line than orders do.
ORDER_BYTES_MAX = 300_000
NOON = time(12, 0)
TALLY = "booked", "credited", "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line: booked on an invoice, credited by a credit note, or refused with a code."""

    line: int
    order_id: str
    sku: str
    outcome: str
    reason: str = ""
    document: str = ""


@dataclass(slots=True)
class _Return:
    """A returned line on its way: the purchases it goes against, and the cases opened for it."""

    row: OrderRow
    parts: list[Part]
    cases: list[str] = field(default_factory=list)


class CsvPlayer:
    """Plays the lines of a file, a day at a time: orders, then what was approved ships, then what came back."""

    def __init__(
        self,
        stage: Stage,
        seller: Seller,
        rows: Sequence[OrderRow | RefusedRow],
        buyers: Mapping[str, CsvBuyer | RefusedRow] | None,
    ) -> None:
        """With `buyers` None, those whom the file names are registered."""
        self.stage = stage
        self.seller = seller
        self.outcomes: dict[int, Outcome] = {}
        self._desk = stage.desk(seller.tenant)
        self._rows = [row for row in rows if isinstance(row, OrderRow)]
        self._buyers = dict(buyers) if buyers is not None else self._named_buyers()
        self._purchases = Purchases()
        for row in rows:
            if isinstance(row, RefusedRow):
                self.outcomes[row.line] = Outcome(row.line, row.order_id, row.sku, "refused", row.code)

    def play(self, advance: Callable[[int], None] = lambda _lines: None) -> None:
        """Play everything; `advance` hears how many lines have an outcome."""
        self._rows = self._of_one_buyer(self._rows)
        advance(len(self.outcomes))
        days: defaultdict[date, list[OrderRow]] = defaultdict(list)
        first_at = {order: min(r.at for r in rows) for order, rows in _by_order(self._rows)}
        for row in self._rows:
            days[first_at[row.order_id].date()].append(row)
        self._open(min(days, default=date(2010, 12, 1)))
        for day in sorted(days):
            self.stage.services.set_clock(datetime.combine(day, NOON, UTC))
            self._sell([row for row in days[day] if not row.is_return], first_at)
            self._take_back(sorted((r for r in days[day] if r.is_return), key=lambda row: (row.at, row.line)))
            self.stage.services.set_clock(datetime.combine(day, CLOSES, UTC))
            advance(len(self.outcomes))
        self.stage.settle()

    def tally(self) -> dict[str, Counter[str]]:
        """How many lines ended how, by reason (of those booked and credited there is none)."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in TALLY}
        for outcome in self.outcomes.values():
            counts[outcome.outcome][outcome.reason] += 1
        return counts

    def write(self, file: Path) -> None:
        """Write what became of every line, in the order of the file."""
        with file.open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            for _, o in sorted(self.outcomes.items()):
                writer.writerow((o.line, o.order_id, o.sku, o.outcome, o.reason, o.document))

    def _open(self, day: date) -> None:
        self.stage.services.set_clock(datetime.combine(day, OPENS, UTC))
        self._desk.register_seller(self.seller)
        self.stage.all_at_once([partial(self._register, account) for account in sorted(self._buyers)])
        self.stage.settle()

    def _register(self, account: str) -> None:
        """Register a buyer and whoever reads its mail; one that credit refuses is unknown, with that code."""
        known = self._buyers[account]
        if not isinstance(known, CsvBuyer):
            return
        try:
            self._desk.register_buyer(known.buyer)
            if known.email:
                self._desk.register_contact(_bookkeeper(known))
        except Refused as refused:
            self._buyers[account] = RefusedRow(0, "", "", refused.code)

    def _named_buyers(self) -> dict[str, CsvBuyer | RefusedRow]:
        named: dict[str, CsvBuyer | RefusedRow] = {}
        for row in self._rows:
            if row.account not in named:
                named[row.account] = buyer_named(row, self.seller.tenant)
        return named

    def _of_one_buyer(self, rows: Sequence[OrderRow]) -> list[OrderRow]:
        """Refuse the lines of an order that name another buyer than its first, or one who could not be registered."""
        owner: dict[str, str] = {}
        kept = []
        for row in rows:
            owner.setdefault(row.order_id, row.account)
            if row.account != owner[row.order_id]:
                self._refuse([row], "buyer_differs")
            elif isinstance(known := self._buyers.get(row.account), RefusedRow):
                self._refuse([row], known.code)
            else:
                kept.append(row)
        return kept

    def _sell(self, rows: Sequence[OrderRow], first_at: Mapping[str, datetime]) -> None:
        placed: dict[str, tuple[list[OrderRow], orders_pb2.OrderPlaced]] = {}
        for order_id, lines in sorted(_by_order(rows), key=lambda pair: (first_at[pair[0]], pair[1][0].line)):
            try:
                placed[order_id] = (lines, self._price(order_id, lines, first_at[order_id].date()))
            except Refusal as refusal:
                self._refuse(lines, refusal.code)
                continue
            self.stage.shop.place(self.seller.tenant, placed[order_id][1], first_at[order_id])
        self.stage.settle()
        for order_id, (lines, order) in placed.items():
            answer = self.stage.book.answers.get((self.seller.tenant, order_id), "no_answer")
            if answer == "approved":
                day = first_at[order_id]
                self.stage.shop.ship(self.seller.tenant, orders.shipped(order, f"{order_id}-S1", day.date()), day)
            else:
                self._refuse(lines, answer)
        self.stage.settle()
        for order_id, (lines, _) in placed.items():
            self._book(order_id, [line for line in lines if line.line not in self.outcomes])

    def _price(self, order_id: str, lines: Sequence[OrderRow], day: date) -> orders_pb2.OrderPlaced:
        """Make an order of lines; refused if it is more than an order can be."""
        if len(lines) > LINES_MAX:
            raise Refusal(TOO_LARGE, f"an order has at most {LINES_MAX:,} lines")
        known = self._buyers.get(lines[0].account)
        buyer = known.buyer if isinstance(known, CsvBuyer) else None
        order = Order(
            order_id=order_id,
            account_id=lines[0].account,
            currency=buyer.currency if buyer else CURRENCY,
            placed_on=day,
            promised_ship_on=day,
            lines=[Line(str(row.line), row.sku, row.name, row.quantity, row.price) for row in lines],
        )
        whose = party(buyer.company) if buyer else Party(lines[0].country, "")
        message = orders.placed(order, party(self.seller.company), whose)
        if message.ByteSize() > ORDER_BYTES_MAX:
            raise Refusal(TOO_LARGE, f"an order has at most {ORDER_BYTES_MAX} bytes")
        return message

    def _book(self, order_id: str, lines: Sequence[OrderRow]) -> None:
        key = (self.seller.tenant, order_id)
        if not (found := self.stage.book.invoices.get(key)):
            self._refuse(lines, self.stage.book.trouble.get(key, "not_invoiced"))
            return
        [invoice] = found
        invoiced = {line.order_line_id: line.line_id for line in invoice.lines}
        for row in lines:
            self._end(row, "booked", document=invoice.number)
            purchase = Purchase(invoice.number, invoiced[str(row.line)], row.at, row.quantity)
            self._purchases.add(row.account, row.sku, purchase)

    def _take_back(self, rows: Sequence[OrderRow]) -> None:
        """Credit what came back: a case on each invoice that the goods were bought on, opened and resolved."""
        returned = []
        for row in rows:
            parts = self._purchases.take(row.account, row.sku, -row.quantity, row.at)
            if parts:
                returned.append(_Return(row, parts))
            else:
                self._refuse([row], "return_without_purchase")
        if not returned:
            return
        self.stage.all_at_once([partial(self._open_cases, each) for each in returned])
        self.stage.settle()
        for each in (r for r in returned if r.row.line not in self.outcomes):
            notes = [self.stage.book.credit_notes.get((self.seller.tenant, case)) for case in each.cases]
            numbers = [note.number for note in notes if note is not None]
            if len(numbers) == len(notes):
                self._end(each.row, "credited", document=" ".join(numbers))
            else:
                self._refuse([each.row], "not_credited")

    def _open_cases(self, returned: _Return) -> None:
        """All cases of a line, or none: when one is refused, those opened before it are withdrawn."""
        row = returned.row
        buyer = self._desk.acting_as(f"contact:{row.account}", row.account)
        by_invoice: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for part in returned.parts:
            by_invoice[part.purchase.invoice].append((part.purchase.line_id, f"{part.quantity:f}"))
        try:
            for invoice, lines in by_invoice.items():
                key = f"return/{row.line}/{invoice}"
                opened = buyer.open_dispute(invoice, "RET_CREDIT", key=key, lines=lines)
                returned.cases.append(opened.dispute_id)
        except Refused as refused:
            for case in returned.cases:
                self._desk.move(case, "WITHDRAW")
            give_back(returned.parts)
            self._refuse([row], refused.code)
            return
        for case in returned.cases:
            self._desk.resolve(case, "FULL_CREDIT")

    def _refuse(self, rows: Iterable[OrderRow], code: str) -> None:
        for row in rows:
            self._end(row, "refused", reason=code)

    def _end(self, row: OrderRow, outcome: str, *, reason: str = "", document: str = "") -> None:
        assert row.line not in self.outcomes, f"line {row.line} ends twice"
        self.outcomes[row.line] = Outcome(row.line, row.order_id, row.sku, outcome, reason, document)


def _by_order(rows: Sequence[OrderRow]) -> list[tuple[str, list[OrderRow]]]:
    """The lines of each order, wherever in the file they stand."""
    ordered = sorted(rows, key=lambda row: (row.order_id, row.line))
    return [(order_id, list(lines)) for order_id, lines in groupby(ordered, key=lambda row: row.order_id)]


def _bookkeeper(known: CsvBuyer) -> Contact:
    buyer = known.buyer
    return Contact(
        tenant=buyer.tenant,
        contact=f"{buyer.account}-1",
        account=buyer.account,
        name=buyer.company.name,
        email=known.email,
        roles=("REQUESTER", "AP_CLERK", "ACCOUNT_ADMIN"),
        language="en",
        wants_document=True,
        site="",
    )
