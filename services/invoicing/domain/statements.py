"""What an issued document says, in the words of the trade."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from services.documents import ENGINE_FAILED, Finding
from services.documents.model import VatCategory
from services.invoicing.domain.parties import Company, Form
from services.kernel.money import Money
from services.kernel.orders import Address, Scope


class Why(StrEnum):
    """Why something is credited, where it is no return and no allowance on goods."""

    GOODWILL = "GOODWILL"
    SETTLEMENT = "SETTLEMENT"
    PRICE = "PRICE"
    REBILL = "REBILL"


class Kind(StrEnum):
    """What kind of document it is, by its code (BT-3)."""

    INVOICE = "380"
    CREDIT_NOTE = "381"


CORRECTED = "384"
_GERMAN, _PEPPOL = frozenset({"xrechnung", "xrechnung-extension"}), "peppol"


@dataclass(frozen=True, slots=True)
class Line:
    """A line as invoiced or credited."""

    # BT-126.
    line_id: str
    # The order's line; empty where an amount is credited, not a line.
    order_line_id: str
    # The credited line (BT-126 of the invoice); empty on an invoice and where an amount is credited.
    invoice_line_id: str
    sku: str
    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Money
    vat_category: VatCategory
    # Percent; None outside the scope of VAT.
    vat_rate: Decimal | None
    # BG-27 of the net: what rounding takes from this part so that all parts come to their whole; below zero: BG-28.
    allowance_minor: int = 0
    # What a US seller owes a state: no goods, and no revenue.
    is_sales_tax: bool = False
    # BT-128: what the order's line is for.
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class VatRow:
    """VAT of one category and rate (BG-23), with the reason for which none is due, if none is."""

    category: VatCategory
    rate: Decimal | None
    taxable: Money
    tax: Money
    exemption_code: str
    exemption_text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Another document that one names; its number is empty while neither has one."""

    document_id: str
    number: str
    issue_date: date


@dataclass(frozen=True, slots=True)
class Statement:
    """What an invoice or a credit note says; a draft's has no number yet."""

    tenant: str
    document_id: str
    kind: Kind
    number: str
    seller_id: str
    account_id: str
    order_id: str
    # Empty if invoiced on approval, and on a credit note.
    shipment_id: str
    # The credited invoice and the case that ended in it; empty on an invoice.
    invoice_id: str
    invoice_number: str
    dispute_id: str
    # No further invoice of this order will follow.
    final: bool
    issue_date: date
    # None on a credit note: nothing is due.
    due_date: date | None
    # BT-72, of the credited invoice on a credit note.
    delivery_date: date
    net: Money
    tax: Money
    gross: Money
    lines: tuple[Line, ...]
    vat: tuple[VatRow, ...]
    scope: Scope
    # As printed on it.
    seller: Company
    buyer: Company
    form: Form
    # Of its words; empty of what was issued before there was a choice.
    language: str = ""
    # BT-114: what rounding in cash adds to the gross or takes from it.
    rounding_minor: int = 0
    # Where the goods went (BG-15), if elsewhere than the buyer's address.
    ship_to: Address | None = None
    # Of an invoice in the place of another one: that one, and the credit note that was issued with it.
    corrects: Reference | None = None
    credited_by: Reference | None = None
    # Of a credit note: the invoice that was issued with it, and why; None: a return, or an allowance on goods.
    rebilled_by: Reference | None = None
    why: Why | None = None

    @property
    def type_code(self) -> str:
        """What kind of document it says that it is (BT-3): 384 where Germany's rules know a corrected invoice.

        XRechnung has it; Peppol takes it between two in Germany alone (PEPPOL-EN16931-P0112).
        """
        if self.corrects is None:
            return self.kind
        is_domestic = self.seller.country == self.buyer.country == "DE"
        if self.form.profile in _GERMAN or (self.form.profile == _PEPPOL and is_domestic):
            return CORRECTED
        return self.kind

    @property
    def sales_tax(self) -> Money:
        """What of its net is sales tax."""
        return Money.total((line.net for line in self.lines if line.is_sales_tax), self.gross.currency)

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and document."""
        return (self.tenant, self.document_id)

    @property
    def order_key(self) -> tuple[str, str]:
        """Tenant and order."""
        return (self.tenant, self.order_id)


@dataclass(frozen=True, slots=True)
class Check:
    """What a document's bytes were checked against before it left; no rule set where the official rules did not run."""

    format: str
    profile: str
    sha256: str
    rule_set: str


@dataclass(frozen=True, slots=True)
class File:
    """A document's bytes as they were first given."""

    check: Check
    content: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """An issued document as it is remembered."""

    statement: Statement
    check: Check
    # What credit notes took of it so far; zero of a credit note.
    credited: Money
    # In the order of issue.
    position: int


@dataclass(frozen=True, slots=True)
class Held:
    """A draft without a number: what it is of, and what is wrong with it (nothing yet, if it is still to be prepared).

    What it says is made from the order and the shipment, or the dispute, each time it is prepared.
    """

    tenant: str
    draft_id: str
    kind: Kind
    account_id: str
    order_id: str
    shipment_id: str
    dispute_id: str
    findings: tuple[Finding, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and draft."""
        return (self.tenant, self.draft_id)

    @property
    def order_key(self) -> tuple[str, str]:
        """Tenant and order."""
        return (self.tenant, self.order_id)

    @property
    def is_unjudged(self) -> bool:
        """Whether it waits because its judge failed, not for a rule that it broke."""
        return any(finding.rule == ENGINE_FAILED for finding in self.findings)
