"""The invoice as EN 16931 means it, whatever the format it travels in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.documents.model.codes import CORE, CREDIT_NOTE_CODES, VatCategory
from services.documents.model.lines import DocumentAllowance, DocumentCharge, InvoiceLine, Period
from services.documents.model.parties import Buyer, Delivery, Identifier, Payee, Seller, TaxRepresentative
from services.documents.model.term import Json, money, term


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark about the whole document (BG-1)."""

    text: str = field(metadata=term("BT-22", means="The remark."))
    subject: str | None = field(default=None, metadata=term("BT-21", means="What it is about, UNTDID 4451."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessControl:
    """Which rules the document follows (BG-2)."""

    business_process: str | None = field(default=None, metadata=term("BT-23", means="Which process it belongs to."))
    specification: str = field(
        default=CORE, metadata=term("BT-24", means="Which rules it claims to obey: the core, Peppol, XRechnung …")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecedingInvoice:
    """The invoice that this one credits, corrects or completes (BG-3)."""

    number: str = field(metadata=term("BT-25", means="The number of that invoice."))
    issue_date: date | None = field(default=None, metadata=term("BT-26", means="The date of that invoice."))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTransfer:
    """An account to which the buyer may pay (BG-17)."""

    account: str = field(metadata=term("BT-84", means="IBAN, or a national account number."))
    account_name: str | None = field(default=None, metadata=term("BT-85", means="Whose account it is."))
    bank: str | None = field(default=None, metadata=term("BT-86", means="BIC, or a national code of the bank."))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCard:
    """The card that paid (BG-18)."""

    number: str = field(metadata=term("BT-87", means="Last four to six digits of the card; never all of them."))
    holder: str | None = field(default=None, metadata=term("BT-88", means="Whose card it is."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDebit:
    """How the seller collects by itself (BG-19)."""

    mandate: str | None = field(default=None, metadata=term("BT-89", means="The mandate the buyer gave."))
    creditor_id: str | None = field(default=None, metadata=term("BT-90", means="Who collects: SEPA creditor id."))
    debited_account: str | None = field(default=None, metadata=term("BT-91", means="The account that is debited."))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInstructions:
    """How the buyer should pay (BG-16)."""

    means: str = field(metadata=term("BT-81", means="UNTDID 4461: 30 transfer, 58 SEPA transfer, 59 SEPA debit …"))
    means_text: str | None = field(default=None, metadata=term("BT-82", means="The same in words."))
    remittance: str | None = field(default=None, metadata=term("BT-83", means="What the buyer writes on the payment."))
    transfers: tuple[CreditTransfer, ...] = field(default=(), metadata=term("BG-17", means="Where to pay."))
    card: PaymentCard | None = field(default=None, metadata=term("BG-18", means="The card that paid."))
    direct_debit: DirectDebit | None = field(default=None, metadata=term("BG-19", means="How the seller collects."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTotals:
    """The sums of the document (BG-22), in its currency."""

    lines: Decimal = field(metadata=money("BT-106", means="Sum of the lines' net amounts."))
    allowances: Decimal | None = field(default=None, metadata=money("BT-107", means="Sum of BT-92."))
    charges: Decimal | None = field(default=None, metadata=money("BT-108", means="Sum of BT-99."))
    net: Decimal = field(metadata=money("BT-109", means="Total without VAT."))
    vat: Decimal | None = field(default=None, metadata=money("BT-110", means="Total VAT."))
    vat_accounting: Decimal | None = field(
        default=None, metadata=money("BT-111", means="Total VAT in the currency in which the seller accounts for it.")
    )
    gross: Decimal = field(metadata=money("BT-112", means="Total with VAT."))
    paid: Decimal | None = field(default=None, metadata=money("BT-113", means="What was paid before."))
    rounding: Decimal | None = field(default=None, metadata=money("BT-114", means="Cash rounding only (CHF 0.05)."))
    due: Decimal = field(metadata=money("BT-115", means="What is to be paid."))


@dataclass(frozen=True, slots=True, kw_only=True)
class VatBreakdown:
    """VAT of one category and rate (BG-23)."""

    taxable: Decimal = field(metadata=money("BT-116", means="What the VAT is taken of."))
    tax: Decimal = field(metadata=money("BT-117", means="The VAT, rounded once, here."))
    category: VatCategory = field(metadata=term("BT-118", means="How VAT treats it."))
    rate: Decimal | None = field(
        default=None, metadata=term("BT-119", means="VAT rate in percent; none outside the scope of VAT.")
    )
    exemption_reason: str | None = field(default=None, metadata=term("BT-120", means="Why no VAT is due, in words."))
    exemption_code: str | None = field(default=None, metadata=term("BT-121", means="Why no VAT is due, VATEX."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that travels inside the document (BT-125)."""

    content: bytes = field(metadata=term("content", means="The file."))
    media_type: str = field(metadata=term("media type", means="Such as application/pdf."))
    filename: str = field(metadata=term("filename", means="Its name."))


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportingDocument:
    """A document that backs the invoice (BG-24), such as a time sheet."""

    reference: str = field(metadata=term("BT-122", means="What the document is called."))
    description: str | None = field(default=None, metadata=term("BT-123", means="What it is."))
    location: str | None = field(default=None, metadata=term("BT-124", means="Where it is found (URL)."))
    attachment: Attachment | None = field(default=None, metadata=term("BT-125", means="The document itself."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A request for payment, or with a credit note's type code a promise to pay back."""

    number: str = field(metadata=term("BT-1", means="Unique in the seller's series; given last."))
    issue_date: date = field(metadata=term("BT-2", means="Business day of issue."))
    type_code: str = field(metadata=term("BT-3", means="What kind of document, UNTDID 1001; see TypeCode."))
    currency: str = field(metadata=term("BT-5", means="Currency of every amount but BT-111, ISO 4217."))
    vat_currency: str | None = field(
        default=None, metadata=term("BT-6", means="Currency in which the seller accounts for VAT, if another.")
    )
    tax_point: date | None = field(default=None, metadata=term("BT-7", means="When VAT falls due, if not at issue."))
    tax_point_code: str | None = field(
        default=None, metadata=term("BT-8", means="The same by rule: 3 invoice date, 35 delivery, 432 payment.")
    )
    due_date: date | None = field(default=None, metadata=term("BT-9", means="When payment is due."))
    buyer_reference: str | None = field(
        default=None, metadata=term("BT-10", means="What the buyer routes by; in Germany the Leitweg-ID.")
    )
    project: str | None = field(default=None, metadata=term("BT-11", means="The project it belongs to."))
    contract: str | None = field(default=None, metadata=term("BT-12", means="The contract it belongs to."))
    purchase_order: str | None = field(default=None, metadata=term("BT-13", means="The buyer's order number."))
    sales_order: str | None = field(default=None, metadata=term("BT-14", means="The seller's order number."))
    receiving_advice: str | None = field(default=None, metadata=term("BT-15", means="The buyer's note of receipt."))
    despatch_advice: str | None = field(default=None, metadata=term("BT-16", means="The seller's delivery note."))
    tender: str | None = field(default=None, metadata=term("BT-17", means="Call for tenders, or lot."))
    object_id: Identifier | None = field(
        default=None, metadata=term("BT-18", means="What it is about, such as a meter or a subscription.")
    )
    buyer_accounting: str | None = field(default=None, metadata=term("BT-19", means="Where the buyer books it."))
    payment_terms: str | None = field(default=None, metadata=term("BT-20", means="Terms in words; cash discounts."))
    notes: tuple[Note, ...] = field(default=(), metadata=term("BG-1", means="Remarks."))
    process: ProcessControl = field(default=ProcessControl(), metadata=term("BG-2", means="Which rules it follows."))
    preceding: tuple[PrecedingInvoice, ...] = field(
        default=(), metadata=term("BG-3", means="What it credits or corrects.")
    )
    seller: Seller = field(metadata=term("BG-4", means="Who claims payment."))
    buyer: Buyer = field(metadata=term("BG-7", means="Who owes it."))
    payee: Payee | None = field(default=None, metadata=term("BG-10", means="Who is paid, if not the seller."))
    tax_representative: TaxRepresentative | None = field(
        default=None, metadata=term("BG-11", means="Who pays the VAT for the seller.")
    )
    delivery: Delivery | None = field(default=None, metadata=term("BG-13", means="Where and when it was delivered."))
    period: Period | None = field(default=None, metadata=term("BG-14", means="The time it covers."))
    payment: PaymentInstructions | None = field(default=None, metadata=term("BG-16", means="How to pay."))
    allowances: tuple[DocumentAllowance, ...] = field(default=(), metadata=term("BG-20", means="What is taken off."))
    charges: tuple[DocumentCharge, ...] = field(default=(), metadata=term("BG-21", means="What is added."))
    totals: DocumentTotals = field(metadata=term("BG-22", means="The sums."))
    vat_breakdown: tuple[VatBreakdown, ...] = field(metadata=term("BG-23", means="VAT by category and rate."))
    supporting: tuple[SupportingDocument, ...] = field(default=(), metadata=term("BG-24", means="What backs it."))
    lines: tuple[InvoiceLine, ...] = field(metadata=term("BG-25", means="What was sold."))
    extensions: Mapping[str, Json] = field(default_factory=dict, hash=False)
    """What the standard lacks, by a namespaced key such as `idoc:partner-function`; no EN 16931 format carries it."""

    @property
    def is_credit_note(self) -> bool:
        """Whether the document gives money back; its amounts are positive all the same."""
        return self.type_code in CREDIT_NOTE_CODES
