"""What an invoice owes, and what a credit note takes off it (RULES: postings)."""

from dataclasses import dataclass, field, replace
from datetime import date

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid

Purse = tuple[str, str, str]  # tenant, account, currency: within which one payment can pay


@dataclass(frozen=True, slots=True)
class Sums:
    """What a document adds up to: every minor unit of it has an account of the chart."""

    net: Money
    tax: Money
    # Net and tax, as the document says it (BT-112).
    gross: Money
    # Of net: what a US seller adds for a state, and owes to it.
    sales_tax: Money
    # What rounding in cash adds to gross, or takes from it (BT-114).
    rounding: Money

    @property
    def due(self) -> Money:
        """What is to be paid, or given back."""
        return self.gross + self.rounding

    @property
    def earned(self) -> Money:
        """What of it is the seller's own."""
        return self.net - self.sales_tax

    def check(self, what: str) -> None:
        """Refuse totals that are below zero, beyond what can be booked, or do not add up."""
        for amount in (self.net, self.tax, self.gross, self.sales_tax, self.rounding):
            amount.checked()
        if self.net.minor < 0 or self.tax.minor < 0 or self.due.minor < 0:
            raise Invalid(f"{what}.amount_negative", "net, tax and what is due are zero or more")
        if self.net + self.tax != self.gross:
            raise Invalid(f"{what}.gross_mismatch", f"net {self.net} and tax {self.tax} are not gross {self.gross}")
        if not 0 <= self.sales_tax.minor <= self.net.minor:
            raise Invalid(f"{what}.sales_tax_mismatch", f"sales tax {self.sales_tax} is no part of net {self.net}")
        self.due.checked()


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as the ledger needs it."""

    tenant: str
    invoice_id: str
    number: str
    account_id: str
    order_id: str
    # No further invoice of this order will follow.
    final: bool
    issued_on: date
    due_on: date
    sums: Sums
    # Who issued it, and what part of the buyer's company it concerns.
    seller_id: str
    scope: Scope
    # The invoice in whose place it stands; empty: of none.
    corrects: str = ""

    def check(self) -> "Invoice":
        """Return the invoice itself; refuse one that names nothing or does not add up."""
        if not (self.invoice_id and self.number and self.account_id):
            raise Invalid("invoice.incomplete", "an invoice needs an id, a number and an account")
        self.sums.check("invoice")
        return self


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note as the ledger needs it; its amounts are above zero."""

    tenant: str
    credit_note_id: str
    number: str
    invoice_id: str
    account_id: str
    issued_on: date
    sums: Sums
    # Nobody owed it: no return, and no allowance on goods. As it was booked; not kept.
    is_goodwill: bool = field(default=False, compare=False)

    def check(self) -> "CreditNote":
        """Return the credit note itself; refuse one that names nothing, credits nothing or does not add up."""
        if not (self.credit_note_id and self.number and self.invoice_id and self.account_id):
            raise Invalid("credit_note.incomplete", "a credit note needs an id, a number, an invoice and an account")
        self.sums.check("credit_note")
        if not self.sums.due.minor:
            raise Invalid("credit_note.amount_not_positive", "a credit note credits more than nothing")
        return self


@dataclass(frozen=True, slots=True)
class Item:
    """An invoice as something owed: what was asked, and what is still open of it."""

    tenant: str
    invoice_id: str
    number: str
    account_id: str
    order_id: str
    final: bool
    issued_on: date
    due_on: date
    amount: Money
    open: Money
    # What of the amount is rounding in cash, beside net and tax.
    rounding: Money
    seller_id: str
    scope: Scope

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and invoice."""
        return self.tenant, self.invoice_id

    @property
    def purse(self) -> Purse:
        """Within which it can be paid."""
        return self.tenant, self.account_id, self.amount.currency

    def less(self, amount: Money) -> "Item":
        """The item after so much of it was paid or credited; it never owes less than nothing."""
        left = self.open - amount
        assert amount.minor >= 0 <= left.minor, "an item never goes below zero"
        return replace(self, open=left)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one payment, or one credit note, took off one item."""

    tenant: str
    invoice_id: str
    amount: Money
    effective_on: date
    # Exactly one of the three; a case, where what is open was given up.
    payment_id: str | None = None
    credit_note_id: str | None = None
    dispute_id: str | None = None
    # "exact_reference" or "oldest_due"; of a credit note "credit_note", of a case "written_off".
    evidence: str = "credit_note"
    # In which order one payment was applied, from 1.
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Credit:
    """What a credit note did: `item` is what it left of its invoice, `taken` what it took off."""

    note: CreditNote
    item: Item
    taken: Money

    @property
    def kept(self) -> Money:
        """What was already paid of it: the seller owes it to the buyer."""
        return self.note.sums.due - self.taken

    @property
    def allocation(self) -> Allocation:
        """What it took off, as it is kept."""
        note = self.note
        return Allocation(note.tenant, note.invoice_id, self.taken, note.issued_on, credit_note_id=note.credit_note_id)


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What was given up of an item at the end of a case: `item` is what it left; nothing, where it was paid meanwhile."""

    dispute_id: str
    item: Item
    amount: Money
    on: date

    @property
    def allocation(self) -> Allocation:
        """What it took off, as it is kept."""
        item = self.item
        return Allocation(
            item.tenant, item.invoice_id, self.amount, self.on, dispute_id=self.dispute_id, evidence="written_off"
        )


def write_off(item: Item, amount: Money, dispute_id: str, on: date) -> WriteOff:
    """Give up so much of an item, as far as it is open."""
    if item.amount.currency != amount.currency:
        raise Invalid("dispute.currency_mismatch", f"the disputed invoice is in {item.amount.currency}")
    if amount.minor < 0:
        raise Invalid("dispute.amount_negative", "what is given up is zero or more")
    taken = min(item.open, amount)
    return WriteOff(dispute_id, item.less(taken), taken, on)


def open_item(invoice: Invoice) -> Item:
    """An invoice is owed whole."""
    return Item(
        tenant=invoice.tenant,
        invoice_id=invoice.invoice_id,
        number=invoice.number,
        account_id=invoice.account_id,
        order_id=invoice.order_id,
        final=invoice.final,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        amount=invoice.sums.due,
        open=invoice.sums.due,
        rounding=invoice.sums.rounding,
        seller_id=invoice.seller_id,
        scope=invoice.scope,
    )


def credit(item: Item, note: CreditNote) -> Credit:
    """Split a credit note: what comes off the item, and what the seller owes the buyer since it was already paid."""
    if item.account_id != note.account_id:
        raise Invalid("credit_note.account_mismatch", "the credited invoice is another account's")
    if item.amount.currency != note.sums.gross.currency:
        raise Invalid("credit_note.currency_mismatch", f"the credited invoice is in {item.amount.currency}")
    taken = min(item.open, note.sums.due)
    return Credit(note, item.less(taken), taken)
