"""Whether public identifiers are well-formed: VAT ids and bank accounts, check digits included."""

from stdnum import get_cc_module, iban
from stdnum.eu import vat as eu_vat

from services.invoicing.domain.parties import Company
from services.kernel.refusals import Invalid, quoted

_PREFIX = {"GR": "EL"}  # VAT ids begin with the country's code, but for Greece's


def check_vat_id(company: Company) -> None:
    """Refuse a VAT id that is not one of the company's country; a company may have none."""
    if not company.vat_id:
        return
    judge = eu_vat if company.country.lower() in eu_vat.MEMBER_STATES else get_cc_module(company.country, "vat")
    fits = company.vat_id.startswith(_PREFIX.get(company.country, company.country))
    if not fits or (judge is not None and not judge.is_valid(company.vat_id)):
        raise Invalid("seller.vat_id_invalid", f"{quoted(company.vat_id)} is not a VAT id of {company.country}")


def check_iban(text: str) -> None:
    """Refuse what is no IBAN."""
    if not iban.is_valid(text) or iban.compact(text) != text:
        raise Invalid("seller.iban_invalid", f"{quoted(text)} is not an IBAN, written without spaces")
