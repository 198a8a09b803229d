"""Who sells, who buys, and what was agreed between them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services import documents
from services.documents.words import ENGLISH, LANGUAGES
from services.kernel.countries import check_country
from services.kernel.refusals import Conflict, Invalid, quoted

NET_DAYS_MAX = 365
SELLERS_MAX = 1_000  # of a tenant, since all of them are read to know whose an order is
OPENS_AT, CLOSES_AT = "09:00", "17:00"  # of a seller that says nothing else
PDF = "facturx"
# Levels of Factur-X without the lines that an invoice needs (Directive 2006/112/EC art. 226): given on request only.
NOT_WHOLE = frozenset({"facturx-minimum", "facturx-basicwl"})
# Parts joined by hyphens; "-C" at the end would run into the credit notes' numbers of another seller.
_PREFIX = re.compile(r"(?!.*-C$)[A-Z0-9]{1,12}(-[A-Z0-9]{1,12}){0,2}")
_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Company:
    """A company as an invoice names it (BG-4, BG-7); empty texts: it has none."""

    name: str
    # With its country's prefix.
    vat_id: str
    # Number in the company register (BT-30, BT-47), or another by which the state knows it, such as an EIN of the US.
    legal_id: str
    street: str
    city: str
    post_code: str
    # ISO 3166-1 alpha-2.
    country: str
    # Where electronic documents are sent (BT-34, BT-49), and the scheme of that address (EAS).
    electronic_address: str
    electronic_address_scheme: str


class OtherRates(StrEnum):
    """What becomes of an order whose rate the tables do not have."""

    REFUSE = "REFUSE"
    # The order's rate is taken, and a finding says so.
    FROM_ORDER = "FROM_ORDER"


@dataclass(frozen=True, slots=True)
class Seller:
    """A legal entity that issues invoices, where it is paid, how it numbers, and when its people work."""

    tenant: str
    seller_id: str
    company: Company
    # Empty where it is paid into an account by its number.
    iban: str
    bic: str
    series_prefix: str
    # IANA name; its business days are days there.
    time_zone: str
    # The billing desk (BG-6), never a person.
    contact_name: str
    contact_phone: str
    contact_email: str
    # An SVG for the pages of its PDFs; empty: its name stands there.
    logo: bytes = b""
    # A US account and its bank's ABA routing number.
    account_number: str = ""
    routing_number: str = ""
    # Of its own people and of buyers with whom none was agreed; empty: English.
    language: str = ""
    # Public holidays, by a name of the library `holidays`; empty: none.
    holidays: str = ""
    # Opening hours on business days, HH:MM; empty: OPENS_AT and CLOSES_AT.
    opens_at: str = ""
    closes_at: str = ""
    other_rates: OtherRates = OtherRates.REFUSE

    def check(self) -> "Seller":
        """Return the seller itself; refuse one that no invoice could name or number, and hours that are none."""
        if not self.seller_id or "/" in self.seller_id or len(self.seller_id) > 64:
            raise Invalid("seller.id_malformed", "a seller's id has 1 to 64 characters and no '/'")
        if not self.company.name or not self.company.country:
            raise Invalid("seller.incomplete", "a seller needs a name and the two-letter code of its country")
        check_country(self.company.country)
        if not self.company.vat_id and not self.company.legal_id:
            raise Invalid(
                "seller.unidentified",
                "a seller needs a VAT id, or else a legal id: its number in the company register, in the US its EIN",
            )
        if not _PREFIX.fullmatch(self.series_prefix):
            raise Invalid(
                "seller.series_malformed", "a series prefix is capital letters, digits and hyphens, not ending in -C"
            )
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Invalid("seller.time_zone_unknown", f"{quoted(self.time_zone)} is not an IANA time zone") from None
        check_language(self.language, code="seller.language_unknown")
        hours = (self.opens_at or OPENS_AT, self.closes_at or CLOSES_AT)
        if not all(map(_HOUR.fullmatch, hours)) or hours[0] >= hours[1]:
            raise Invalid("seller.hours_malformed", "opening hours are HH:MM to a later HH:MM")
        return self

    def check_room(self, known: Collection[str]) -> None:
        """Refuse one more than a tenant may have."""
        if self.seller_id not in known and len(known) >= SELLERS_MAX:
            raise Conflict("seller.too_many", f"a tenant has at most {SELLERS_MAX:,} sellers")


def check_language(language: str, *, code: str) -> None:
    """Refuse a language that our documents do not speak; empty: that of somebody else."""
    if language and language not in LANGUAGES:
        raise Invalid(code, f"{quoted(language)} is no language of documents; there are: {', '.join(LANGUAGES)}")


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
class Form:
    """How a document is written: a profile, and a format that carries it."""

    profile: str = "en16931"
    # "ubl", "cii" or "facturx".
    format: str = "ubl"

    @property
    def syntax(self) -> str:
        """The format of its XML: of a PDF, of what is inside."""
        return "cii" if self.format == PDF else self.format

    def check(self) -> "Form":
        """Return the form itself; refuse a profile that is none, and a format that cannot carry it."""
        if (profile := documents.PROFILES.get(self.profile)) is None:
            raise Invalid(
                "document.profile_unknown",
                f"{quoted(self.profile)} is no profile; there are: {', '.join(documents.PROFILES)}",
            )
        if self.format not in profile.rule_sets:
            raise Invalid(
                "document.format_not_of_profile",
                f"{profile.title} travels as {' or '.join(profile.rule_sets)}, not as {quoted(self.format)}",
            )
        return self


CORE_FORM = Form()


@dataclass(frozen=True, slots=True)
class Look:
    """How the pages of a document look."""

    # An SVG; empty: the seller's name.
    logo: bytes
    # Empty: that of the buyer's country.
    language: str


def usual_form(profile: str) -> Form:
    """A profile in the format in which it usually travels; refuses one that is none."""
    carries = documents.PROFILES[profile].rule_sets if profile in documents.PROFILES else ()
    return Form(profile, "ubl" if "ubl" in carries else PDF).check()


@dataclass(frozen=True, slots=True)
class Contract:
    """What was agreed with a buyer."""

    # NET n: calendar days from the date of issue.
    net_days: int = 30
    invoice_on: InvoiceOn = InvoiceOn.SHIPMENT
    # BT-10.
    buyer_reference: str = ""
    form: Form = CORE_FORM
    # Of the words on its documents; empty: the seller's.
    language: str = ""

    def check(self) -> "Contract":
        """Return the contract itself; refuse terms that nobody means."""
        if not 0 <= self.net_days <= NET_DAYS_MAX:
            raise Invalid("contract.net_days_out_of_range", f"NET n has an n of 0 to {NET_DAYS_MAX} days")
        self.form.check()
        check_language(self.language, code="contract.language_unknown")
        if self.form.profile in NOT_WHOLE:
            raise Invalid("contract.profile_not_whole", f"{self.form.profile} has no lines: no invoice by itself")
        return self


NO_CONTRACT = Contract()


def language_between(seller: Seller, contract: Contract) -> str:
    """The language of the words on a document: as agreed with the buyer, else the seller's, else English."""
    return contract.language or seller.language or ENGLISH
