"""Whether what others define is well-formed: VAT ids and bank accounts, check digits included, and names of holidays."""

import re

import holidays
from stdnum import get_cc_module, iban
from stdnum.eu import vat as eu_vat
from stdnum.us import rtn

from services.invoicing.domain.parties import Company, Seller
from services.kernel.refusals import Invalid, quoted

# VAT ids begin with the country's code, but for Greece's, and some of Northern Ireland's.
_PREFIXES = {"GR": ("EL",), "GB": ("GB", "XI")}
_US_ACCOUNT = re.compile("[0-9]{4,17}", re.ASCII)


def check_vat_id(company: Company) -> None:
    """Refuse a VAT id that is not one of the company's country; a company may have none."""
    if not company.vat_id:
        return
    judge = eu_vat if company.country.lower() in eu_vat.MEMBER_STATES else get_cc_module(company.country, "vat")
    fits = company.vat_id.startswith(_PREFIXES.get(company.country, (company.country,)))
    if not fits or (judge is not None and not judge.is_valid(company.vat_id)):
        raise Invalid("seller.vat_id_invalid", f"{quoted(company.vat_id)} is not a VAT id of {company.country}")


def check_bank(seller: Seller) -> None:
    """Refuse a seller whom nobody could pay: an IBAN, or in the United States an account and its routing number."""
    if seller.iban or seller.company.country != "US":
        check_iban(seller.iban)
    if seller.iban and not seller.account_number and not seller.routing_number:
        return
    if seller.company.country == "US":
        _check_us_account(seller)
    elif seller.account_number or seller.routing_number:
        raise Invalid("seller.account_invalid", "an account by number and routing number is one in the United States")


def _check_us_account(seller: Seller) -> None:
    if not _US_ACCOUNT.fullmatch(seller.account_number):
        raise Invalid("seller.account_invalid", f"{quoted(seller.account_number)} is not 4 to 17 digits of an account")
    if not rtn.is_valid(seller.routing_number) or rtn.compact(seller.routing_number) != seller.routing_number:
        raise Invalid("seller.routing_invalid", f"{quoted(seller.routing_number)} is not an ABA routing number")


def check_iban(text: str) -> None:
    """Refuse what is no IBAN."""
    if not iban.is_valid(text) or iban.compact(text) != text:
        raise Invalid("seller.iban_invalid", f"{quoted(text)} is not an IBAN, written without spaces")


def check_holidays(name: str) -> None:
    """Refuse what the library `holidays` has no calendar for; empty: a seller without public holidays."""
    if not name:
        return
    country, _, part = name.partition("-")
    if (parts := holidays.list_supported_countries().get(country)) is None:
        raise Invalid("seller.holidays", f"{quoted(name)} is no country whose holidays are known")
    if part and part not in parts:
        raise Invalid("seller.holidays", f"{quoted(name)} is no part of {country} whose holidays are known")
