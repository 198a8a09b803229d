"""What EN 16931 asks of each VAT category: its rules come in families of the same shape (BR-S-01 to -10, BR-AE-01 …)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.documents.model import VatCategory


class Rate(Enum):
    """What VAT rate a category has."""

    POSITIVE = "above zero"
    NOT_NEGATIVE = "zero or above"
    ZERO = "zero"
    NONE = "left out"


class SellerId(Enum):
    """How the seller must be known to the tax authority."""

    ANY = "a VAT id or tax registration of the seller, or the VAT id of its tax representative"
    VAT = "a VAT id of the seller or of its tax representative"
    NONE = "no VAT id of seller, buyer or tax representative"


class BuyerId(Enum):
    """How the buyer must be known."""

    NOT_NEEDED = ""
    VAT = "the buyer's VAT id"
    VAT_OR_LEGAL = "the buyer's VAT id or legal registration"


@dataclass(frozen=True, slots=True)
class Family:
    """The needs of one category; `reason` says whether BT-120 or BT-121 must stand (True) or must not (False)."""

    name: str
    rate: Rate
    seller: SellerId
    buyer: BuyerId = BuyerId.NOT_NEEDED
    reason: bool = False


FAMILIES: Mapping[VatCategory, Family] = {
    VatCategory.STANDARD: Family("S", Rate.POSITIVE, SellerId.ANY),
    VatCategory.ZERO_RATED: Family("Z", Rate.ZERO, SellerId.ANY),
    VatCategory.EXEMPT: Family("E", Rate.ZERO, SellerId.ANY, reason=True),
    VatCategory.REVERSE_CHARGE: Family("AE", Rate.ZERO, SellerId.ANY, BuyerId.VAT_OR_LEGAL, reason=True),
    VatCategory.INTRA_COMMUNITY: Family("IC", Rate.ZERO, SellerId.VAT, BuyerId.VAT, reason=True),
    VatCategory.EXPORT: Family("G", Rate.ZERO, SellerId.VAT, reason=True),
    VatCategory.OUTSIDE_SCOPE: Family("O", Rate.NONE, SellerId.NONE, reason=True),
    VatCategory.IGIC: Family("AF", Rate.NOT_NEGATIVE, SellerId.ANY),
    VatCategory.IPSI: Family("AG", Rate.NOT_NEGATIVE, SellerId.ANY),
    VatCategory.SPLIT_PAYMENT: Family("B", Rate.POSITIVE, SellerId.ANY),
}
