"""Who sells, who buys, and what was agreed between them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.kernel.refusals import Invalid

NET_DAYS_MAX = 365
# Parts joined by hyphens; "-C" at the end would run into the credit notes' numbers of another seller.
_PREFIX = re.compile(r"(?!.*-C$)[A-Z0-9]{1,12}(-[A-Z0-9]{1,12}){0,2}")


@dataclass(frozen=True, slots=True)
class Company:
    """A company as an invoice names it (BG-4, BG-7); empty texts: it has none."""

    name: str
    # With its country's prefix.
    vat_id: str
    # Number in the company register (BT-30, BT-47).
    legal_id: str
    street: str
    city: str
    post_code: str
    # ISO 3166-1 alpha-2.
    country: str
    # Where electronic documents are sent (BT-34, BT-49), and the scheme of that address (EAS).
    electronic_address: str
    electronic_address_scheme: str


@dataclass(frozen=True, slots=True)
class Seller:
    """A legal entity that issues invoices, where it is paid and how it numbers."""

    tenant: str
    seller_id: str
    company: Company
    iban: str
    bic: str
    series_prefix: str
    # IANA name; the date of issue is the date there.
    time_zone: str
    # The billing desk (BG-6), never a person.
    contact_name: str
    contact_phone: str
    contact_email: str

    def check(self) -> "Seller":
        """Return the seller itself; refuse one that no invoice could name or number."""
        if not self.seller_id or "/" in self.seller_id or len(self.seller_id) > 64:
            raise Invalid("seller.id_malformed", "a seller's id has 1 to 64 characters and no '/'")
        if not self.company.name or not re.fullmatch("[A-Z]{2}", self.company.country):
            raise Invalid("seller.incomplete", "a seller needs a name and the two-letter code of its country")
        if not _PREFIX.fullmatch(self.series_prefix):
            raise Invalid(
                "seller.series_malformed", "a series prefix is capital letters, digits and hyphens, not ending in -C"
            )
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Invalid("seller.time_zone_unknown", f"{self.time_zone[:40]!r} is not an IANA time zone") from None
        return self


@dataclass(frozen=True, slots=True)
class Buyer:
    """The copy of a buyer that invoicing needs; credit owns the original."""

    tenant: str
    account_id: str
    company: Company
    # ISO 4217, of the account.
    currency: str


class InvoiceOn(StrEnum):
    """What brings the invoice."""

    SHIPMENT = "SHIPMENT"
    APPROVAL = "APPROVAL"


@dataclass(frozen=True, slots=True)
class Contract:
    """What was agreed with a buyer."""

    # NET n: calendar days from the date of issue.
    net_days: int = 30
    invoice_on: InvoiceOn = InvoiceOn.SHIPMENT
    # BT-10.
    buyer_reference: str = ""

    def check(self) -> "Contract":
        """Return the contract itself; refuse terms that nobody means."""
        if not 0 <= self.net_days <= NET_DAYS_MAX:
            raise Invalid("contract.net_days_out_of_range", f"NET n has an n of 0 to {NET_DAYS_MAX} days")
        return self


NO_CONTRACT = Contract()
