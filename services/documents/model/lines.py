"""What was sold, how much of it, at what price, and how VAT treats it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar

from services.documents.model.codes import VatCategory
from services.documents.model.parties import Identifier
from services.documents.model.term import Json, money, term


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From when to when, both days included (BG-14, BG-26)."""

    GROUPS: ClassVar = ("BG-14", "BG-26")

    start: date | None = field(default=None, metadata=term("BT-73", "BT-134", means="First day."))
    end: date | None = field(default=None, metadata=term("BT-74", "BT-135", means="Last day."))


@dataclass(frozen=True, slots=True, kw_only=True)
class _LineAdjustment:
    GROUPS: ClassVar = ("BG-27", "BG-28")

    amount: Decimal = field(metadata=money("BT-136", "BT-141", means="How much, without VAT; positive."))
    base_amount: Decimal | None = field(
        default=None, metadata=money("BT-137", "BT-142", means="What the percentage is taken of.")
    )
    percentage: Decimal | None = field(
        default=None, metadata=term("BT-138", "BT-143", means="Percent of the base amount.")
    )
    reason: str | None = field(default=None, metadata=term("BT-139", "BT-144", means="Why, in words."))
    reason_code: str | None = field(
        default=None, metadata=term("BT-140", "BT-145", means="Why: UNTDID 5189 for allowances, 7161 for charges.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAllowance(_LineAdjustment):
    """A deduction from one line (BG-27), such as a discount for quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCharge(_LineAdjustment):
    """An addition to one line (BG-28), such as packing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DocumentAdjustment:
    GROUPS: ClassVar = ("BG-20", "BG-21")

    amount: Decimal = field(metadata=money("BT-92", "BT-99", means="How much, without VAT; positive."))
    base_amount: Decimal | None = field(
        default=None, metadata=money("BT-93", "BT-100", means="What the percentage is taken of.")
    )
    percentage: Decimal | None = field(
        default=None, metadata=term("BT-94", "BT-101", means="Percent of the base amount.")
    )
    vat_category: VatCategory = field(metadata=term("BT-95", "BT-102", means="How VAT treats it."))
    vat_rate: Decimal | None = field(
        default=None, metadata=term("BT-96", "BT-103", means="VAT rate in percent; none outside the scope of VAT.")
    )
    reason: str | None = field(default=None, metadata=term("BT-97", "BT-104", means="Why, in words."))
    reason_code: str | None = field(
        default=None, metadata=term("BT-98", "BT-105", means="Why: UNTDID 5189 for allowances, 7161 for charges.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAllowance(_DocumentAdjustment):
    """A deduction from the whole document (BG-20), in one VAT group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCharge(_DocumentAdjustment):
    """An addition to the whole document (BG-21), in one VAT group, such as freight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit, or one base quantity of units, costs without VAT (BG-29)."""

    net: Decimal = field(metadata=term("BT-146", means="Price after discount; not negative; any number of decimals."))
    discount: Decimal | None = field(default=None, metadata=term("BT-147", means="Taken off the gross price."))
    gross: Decimal | None = field(default=None, metadata=term("BT-148", means="Price before discount; not negative."))
    base_quantity: Decimal | None = field(
        default=None, metadata=term("BT-149", means="How many units the price buys; 1 if it is not said.")
    )
    base_unit: str | None = field(
        default=None, metadata=term("BT-150", means="Unit of the base quantity; the same as the line's.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVat:
    """How VAT treats a line (BG-30)."""

    category: VatCategory = field(metadata=term("BT-151", means="How VAT treats the item."))
    rate: Decimal | None = field(
        default=None, metadata=term("BT-152", means="VAT rate in percent; none outside the scope of VAT.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAttribute:
    """A property of an item (BG-32), such as its colour."""

    name: str = field(metadata=term("BT-160", means="Which property."))
    value: str = field(metadata=term("BT-161", means="Its value."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What was sold (BG-31)."""

    name: str = field(metadata=term("BT-153", means="Name of the item."))
    description: str | None = field(default=None, metadata=term("BT-154", means="More about the item."))
    sellers_id: str | None = field(default=None, metadata=term("BT-155", means="The seller's article number."))
    buyers_id: str | None = field(default=None, metadata=term("BT-156", means="The buyer's article number."))
    standard_id: Identifier | None = field(
        default=None, metadata=term("BT-157", means="Registered number, such as a GTIN; with its scheme.")
    )
    classifications: tuple[Identifier, ...] = field(
        default=(), metadata=term("BT-158", means="Kind of item, such as CPV or UNSPSC; with its scheme.")
    )
    origin_country: str | None = field(default=None, metadata=term("BT-159", means="Where it was made, ISO 3166-1."))
    attributes: tuple[ItemAttribute, ...] = field(default=(), metadata=term("BG-32", means="Properties of the item."))


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line of the document (BG-25)."""

    id: str = field(metadata=term("BT-126", means="Identifies the line within the document."))
    note: str | None = field(default=None, metadata=term("BT-127", means="A remark about the line."))
    object_id: Identifier | None = field(
        default=None, metadata=term("BT-128", means="What the line is about, such as a meter or a subscription.")
    )
    quantity: Decimal = field(metadata=term("BT-129", means="How many units; negative for what goes back."))
    unit: str = field(metadata=term("BT-130", means="Unit of measure, UN/ECE Recommendation 20 or 21."))
    net_amount: Decimal = field(
        metadata=money("BT-131", means="Quantity times price, less allowances, plus charges; without VAT.")
    )
    order_line: str | None = field(default=None, metadata=term("BT-132", means="Line of the buyer's purchase order."))
    buyer_accounting: str | None = field(default=None, metadata=term("BT-133", means="Where the buyer books it."))
    period: Period | None = field(default=None, metadata=term("BG-26", means="When it was supplied."))
    allowances: tuple[LineAllowance, ...] = field(default=(), metadata=term("BG-27", means="What is taken off."))
    charges: tuple[LineCharge, ...] = field(default=(), metadata=term("BG-28", means="What is added."))
    price: Price = field(metadata=term("BG-29", means="What a unit costs."))
    vat: LineVat = field(metadata=term("BG-30", means="How VAT treats the line."))
    item: Item = field(metadata=term("BG-31", means="What was sold."))
    extensions: Mapping[str, Json] = field(default_factory=dict, hash=False)
    """What the standard lacks, by a namespaced key such as `us-tax:jurisdiction`; no EN 16931 format carries it."""
