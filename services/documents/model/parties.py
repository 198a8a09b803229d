"""Who sells, buys, collects and represents, and where the goods go."""

from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from services.documents.model.term import term


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """An identifier and the list it is taken from (ISO 6523 ICD, EAS, UNTDID 1153 or 7143, by the term)."""

    value: str = field(metadata=term("value", means="The identifier itself."))
    scheme: str | None = field(default=None, metadata=term("scheme", means="Who issues such identifiers."))
    scheme_version: str | None = field(default=None, metadata=term("version", means="Which edition of the list."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a party is, or where the goods go (BG-5, BG-8, BG-12, BG-15)."""

    GROUPS: ClassVar = ("BG-5", "BG-8", "BG-12", "BG-15")

    line_1: str | None = field(
        default=None, metadata=term("BT-35", "BT-50", "BT-64", "BT-75", means="Street and number, or post box.")
    )
    line_2: str | None = field(
        default=None, metadata=term("BT-36", "BT-51", "BT-65", "BT-76", means="More of the address.")
    )
    line_3: str | None = field(
        default=None, metadata=term("BT-162", "BT-163", "BT-164", "BT-165", means="Still more of the address.")
    )
    city: str | None = field(default=None, metadata=term("BT-37", "BT-52", "BT-66", "BT-77", means="City or village."))
    post_code: str | None = field(default=None, metadata=term("BT-38", "BT-53", "BT-67", "BT-78", means="Post code."))
    subdivision: str | None = field(
        default=None, metadata=term("BT-39", "BT-54", "BT-68", "BT-79", means="Region, state or province.")
    )
    country: str = field(metadata=term("BT-40", "BT-55", "BT-69", "BT-80", means="Country, ISO 3166-1 alpha-2."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask at the seller or the buyer (BG-6, BG-9)."""

    GROUPS: ClassVar = ("BG-6", "BG-9")

    name: str | None = field(default=None, metadata=term("BT-41", "BT-56", means="Person or department."))
    telephone: str | None = field(default=None, metadata=term("BT-42", "BT-57", means="Telephone number."))
    email: str | None = field(default=None, metadata=term("BT-43", "BT-58", means="E-mail address."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """The legal entity that claims payment (BG-4)."""

    name: str = field(metadata=term("BT-27", means="Full name under which the seller is registered."))
    trading_name: str | None = field(default=None, metadata=term("BT-28", means="Name the seller is known by."))
    identifiers: tuple[Identifier, ...] = field(
        default=(), metadata=term("BT-29", means="What the buyer or others call the seller, such as a GLN.")
    )
    legal_id: Identifier | None = field(
        default=None, metadata=term("BT-30", means="Number in the official register of companies.")
    )
    vat_id: str | None = field(default=None, metadata=term("BT-31", means="VAT number with its country's prefix."))
    tax_id: str | None = field(
        default=None, metadata=term("BT-32", means="Local tax registration, where it is not the VAT number.")
    )
    legal_information: str | None = field(
        default=None, metadata=term("BT-33", means="What the law wants said of the seller, such as its capital.")
    )
    electronic_address: Identifier | None = field(
        default=None, metadata=term("BT-34", means="Where the answer to this document is sent.")
    )
    address: Address = field(metadata=term("BG-5", means="Where the seller is."))
    contact: Contact | None = field(default=None, metadata=term("BG-6", means="Whom to ask at the seller."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """The legal entity that owes payment (BG-7)."""

    name: str = field(metadata=term("BT-44", means="Full name of the buyer."))
    trading_name: str | None = field(default=None, metadata=term("BT-45", means="Name the buyer is known by."))
    identifier: Identifier | None = field(
        default=None, metadata=term("BT-46", means="What the seller or others call the buyer, such as a GLN.")
    )
    legal_id: Identifier | None = field(
        default=None, metadata=term("BT-47", means="Number in the official register of companies.")
    )
    vat_id: str | None = field(default=None, metadata=term("BT-48", means="VAT number with its country's prefix."))
    electronic_address: Identifier | None = field(
        default=None, metadata=term("BT-49", means="Where this document is sent.")
    )
    address: Address = field(metadata=term("BG-8", means="Where the buyer is."))
    contact: Contact | None = field(default=None, metadata=term("BG-9", means="Whom to ask at the buyer."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who is paid, where it is not the seller (BG-10), such as a factor."""

    name: str = field(metadata=term("BT-59", means="Name of the payee."))
    identifier: Identifier | None = field(default=None, metadata=term("BT-60", means="What the payee is called."))
    legal_id: Identifier | None = field(
        default=None, metadata=term("BT-61", means="Number in the official register of companies.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRepresentative:
    """Who pays the seller's VAT where the seller is not established (BG-11)."""

    name: str = field(metadata=term("BT-62", means="Name of the representative."))
    vat_id: str = field(metadata=term("BT-63", means="VAT number with its country's prefix."))
    address: Address = field(metadata=term("BG-12", means="Where the representative is."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where and when the goods or services were delivered (BG-13)."""

    party_name: str | None = field(default=None, metadata=term("BT-70", means="Who received the goods."))
    location: Identifier | None = field(default=None, metadata=term("BT-71", means="Which place, such as a GLN."))
    delivered_on: date | None = field(
        default=None, metadata=term("BT-72", means="Day of the supply; decides the VAT rate.")
    )
    address: Address | None = field(default=None, metadata=term("BG-15", means="Where the goods went."))
