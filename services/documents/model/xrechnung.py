"""What XRechnung's extension adds to the core: it travels in `extensions`, in the form of our JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from services.documents.model.lines import Item, LineAllowance, LineCharge, LineVat, Period, Price
from services.documents.model.parties import Identifier
from services.documents.model.term import Json, money, term

SUB_LINES: Final = "xrechnung:sub-lines"  # on a line or a sub-line: a list of SubLine (BG-DEX-01)
PAYMENTS: Final = "xrechnung:third-party-payments"  # on the document: a list of ThirdPartyPayment (BG-DEX-09)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubLine:
    """A part of a line (BG-DEX-01): told for information, the line it stands in counts."""

    id: str = field(metadata=term("BT-DEX-126", means="Identifies the part within the document."))
    note: str | None = field(default=None, metadata=term("BT-DEX-127", means="A remark about the part."))
    object_id: Identifier | None = field(default=None, metadata=term("BT-DEX-128", means="What the part is about."))
    quantity: Decimal | None = field(default=None, metadata=term("BT-DEX-129", means="How many units."))
    unit: str | None = field(default=None, metadata=term("BT-DEX-130", means="Unit of measure."))
    net_amount: Decimal = field(metadata=money("BT-DEX-131", means="Its share of the line's net amount."))
    order_line: str | None = field(default=None, metadata=term("BT-DEX-132", means="Line of the purchase order."))
    buyer_accounting: str | None = field(
        default=None, metadata=term("BT-DEX-133", means="Where the buyer books the part.")
    )
    period: Period | None = field(default=None, metadata=term("BG-26", means="When it was supplied."))
    allowances: tuple[LineAllowance, ...] = field(default=(), metadata=term("BG-27", means="What is taken off."))
    charges: tuple[LineCharge, ...] = field(default=(), metadata=term("BG-28", means="What is added."))
    price: Price | None = field(default=None, metadata=term("BG-29", means="What a unit costs."))
    vat: LineVat = field(metadata=term("BG-30", means="How VAT treats the part."))
    item: Item = field(metadata=term("BG-31", means="What was sold."))
    extensions: Mapping[str, Json] = field(default_factory=dict, hash=False)
    """Its own parts, by the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdPartyPayment:
    """A claim of somebody else that is paid along with the invoice (BG-DEX-09)."""

    kind: str = field(metadata=term("BT-DEX-001", means="What kind of claim it is."))
    amount: Decimal = field(metadata=money("BT-DEX-002", means="How much, with VAT; part of what is due."))
    description: str = field(metadata=term("BT-DEX-003", means="What it is for."))
