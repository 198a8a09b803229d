"""What each fact posts: entries of debits and credits that add up to nothing (RULES: postings)."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import quote

from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.ledger.domain.chart import Chart
from services.ledger.domain.disputes import Dispute
from services.ledger.domain.items import Credit, Invoice, WriteOff
from services.ledger.domain.payments import Application, Payment

_PLAIN = re.compile(r"[A-Za-z0-9_.~ -]*")  # what quoting leaves as it is


class Kind(StrEnum):
    """What an entry books."""

    INVOICE_ISSUED = "invoice_issued"
    CREDIT_NOTE_ISSUED = "credit_note_issued"
    PAYMENT_RECEIVED = "payment_received"
    CASH_APPLIED = "cash_applied"
    HOLD_PLACED = "hold_placed"
    HOLD_CAPTURED = "hold_captured"
    HOLD_RELEASED = "hold_released"
    HOLD_EXPIRED = "hold_expired"
    DISPUTE_MEMO = "dispute_memo"
    WRITTEN_OFF = "written_off"


# What stands in memo, by what others said: the same word may come again by itself.
MEMO_KINDS = frozenset({Kind.HOLD_PLACED, Kind.HOLD_CAPTURED, Kind.HOLD_RELEASED, Kind.HOLD_EXPIRED, Kind.DISPUTE_MEMO})


@dataclass(frozen=True, slots=True)
class Cause:
    """On whose word an entry is booked."""

    # The event that was followed; of a call, "call/" and its idempotency key.
    event_id: str
    actor: str


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry: debit above zero, credit below."""

    account: Chart
    amount: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """What one fact posts, for one buyer's account."""

    tenant: str
    account_id: str
    kind: Kind
    # With tenant and kind: books it once.
    reference: str
    cause: Cause
    effective_on: date
    postings: tuple[Posting, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """What books it once."""
        return self.tenant, self.kind, self.reference

    def __post_init__(self) -> None:
        """Balance, in the books and in memo."""
        whole = memo = 0
        for posting in self.postings:
            whole += posting.amount.minor
            if posting.account.is_memo:
                memo += posting.amount.minor
        assert whole == memo == 0, "debits and credits differ"


@dataclass(frozen=True, slots=True)
class HoldMove:
    """Credit placed a hold for an order, or it ended by so much."""

    tenant: str
    account_id: str
    kind: Kind
    # Credit's own key of the fact.
    reference: str
    amount: Money
    on: date

    def check(self) -> "HoldMove":
        """Return the move itself; refuse an amount that no hold has."""
        if self.amount.minor < 0:
            raise Invalid("hold.amount_negative", "a hold's amount is zero or more")
        return self


def reference(*parts: str) -> str:
    """A business key of several parts, unambiguous whatever they contain."""
    return "/".join(part if _PLAIN.fullmatch(part) else quote(part, safe=" ") for part in parts)


def invoice_issued(invoice: Invoice, cause: Cause) -> Entry:
    """1100 what is due / 4000 net, 2210 sales tax, 2200 VAT, 7900 what rounding in cash adds or takes."""
    sums = invoice.sums
    return Entry(
        tenant=invoice.tenant,
        account_id=invoice.account_id,
        kind=Kind.INVOICE_ISSUED,
        reference=reference(invoice.invoice_id),
        cause=cause,
        effective_on=invoice.issued_on,
        postings=_postings(
            (Chart.RECEIVABLES, sums.due),
            (Chart.REVENUE, -sums.earned),
            (Chart.SALES_TAX, -sums.sales_tax),
            (Chart.OUTPUT_VAT, -sums.tax),
            (Chart.ROUNDING, -sums.rounding),
        ),
    )


def credit_note_issued(credit: Credit, cause: Cause) -> Entry:
    """The same accounts given back, 4010 for 4000 (4040 of goodwill) / 1100 what came off the item, 2110 what was paid."""
    note = credit.note
    return Entry(
        tenant=note.tenant,
        account_id=note.account_id,
        kind=Kind.CREDIT_NOTE_ISSUED,
        reference=reference(note.credit_note_id),
        cause=cause,
        effective_on=note.issued_on,
        postings=_postings(
            (Chart.GOODWILL if note.is_goodwill else Chart.RETURNS, note.sums.earned),
            (Chart.SALES_TAX, note.sums.sales_tax),
            (Chart.OUTPUT_VAT, note.sums.tax),
            (Chart.ROUNDING, note.sums.rounding),
            (Chart.RECEIVABLES, -credit.taken),
            (Chart.CUSTOMER_CREDITS, -credit.kept),
        ),
    )


def payment_received(payment: Payment, cause: Cause) -> Entry:
    """1000 / 2100 all of it, whatever it pays."""
    return Entry(
        tenant=payment.tenant,
        account_id=payment.account_id,
        kind=Kind.PAYMENT_RECEIVED,
        reference=reference(payment.payment_id),
        cause=cause,
        effective_on=payment.value_on,
        postings=_postings((Chart.BANK, payment.amount), (Chart.UNAPPLIED_CASH, -payment.amount)),
    )


def cash_applied(payment: Payment, application: Application, cause: Cause) -> Entry:
    """2100 / 1100 what met one invoice."""
    return Entry(
        tenant=payment.tenant,
        account_id=payment.account_id,
        kind=Kind.CASH_APPLIED,
        reference=reference(payment.payment_id, application.item.invoice_id),
        cause=cause,
        effective_on=payment.value_on,
        postings=_postings((Chart.UNAPPLIED_CASH, application.amount), (Chart.RECEIVABLES, -application.amount)),
    )


def hold_moved(move: HoldMove, cause: Cause) -> Entry:
    """Memo 9000 / 9001 when a hold is placed; reversed by what was captured, released or lapsed."""
    amount = move.amount if move.kind is Kind.HOLD_PLACED else -move.amount
    return Entry(
        tenant=move.tenant,
        account_id=move.account_id,
        kind=move.kind,
        reference=move.reference,
        cause=cause,
        effective_on=move.on,
        postings=_postings((Chart.CREDIT_HELD, amount), (Chart.CREDIT_HELD_CONTRA, -amount)),
    )


def dispute_moved(dispute: Dispute, change: Money, on: date, cause: Cause) -> Entry:
    """Memo 9100 / 9101 by how much more is disputed than before; receivables do not change."""
    return Entry(
        tenant=dispute.tenant,
        account_id=dispute.account_id,
        kind=Kind.DISPUTE_MEMO,
        reference=turn_reference(dispute.dispute_id, cause.event_id),
        cause=cause,
        effective_on=on,
        postings=_postings((Chart.DISPUTED, change), (Chart.DISPUTED_CONTRA, -change)),
    )


def written_off(done: WriteOff, memo: Money, cause: Cause) -> Entry:
    """6100 / 1100 what was open, with its VAT, which stays owed until the law gives it back (RULES: written off).

    The memo 9100 / 9101 of the case changes with it: one fact, one entry.
    """
    return Entry(
        tenant=done.item.tenant,
        account_id=done.item.account_id,
        kind=Kind.WRITTEN_OFF,
        reference=reference(done.dispute_id),
        cause=cause,
        effective_on=done.on,
        postings=_postings(
            (Chart.BAD_DEBT, done.amount),
            (Chart.RECEIVABLES, -done.amount),
            (Chart.DISPUTED, memo),
            (Chart.DISPUTED_CONTRA, -memo),
        ),
    )


def turn_reference(dispute_id: str, event_id: str) -> str:
    """What books a turn of a dispute once: each sets the memo or reverses it."""
    return reference(dispute_id, event_id)


def _postings(*sides: tuple[Chart, Money]) -> tuple[Posting, ...]:
    """Nothing is posted by nothing."""
    return tuple(Posting(account, amount) for account, amount in sides if amount.minor)
