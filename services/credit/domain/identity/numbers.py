"""VAT ids, register numbers and LEIs, in the form in which they are kept and compared.

What python-stdnum can check is checked with its check digits; Companies House, KvK and countries that it does not know by
their pattern only.
"""

import re
from collections.abc import Callable

from stdnum import get_cc_module
from stdnum import lei as _lei
from stdnum.de import handelsregisternummer
from stdnum.dk import cvr
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siren, siret
from stdnum.se import orgnr
from stdnum.us import ein

from services.credit.domain.identity.texts import compact, seen
from services.kernel.countries import check_country
from services.kernel.refusals import Invalid, quoted

VAT_ID, REGISTER_NUMBER, LEI = "fact.vat_id", "fact.register_number", "fact.lei"
_LONGEST = 80  # characters that anybody writes, a court's name included
# VAT ids begin with the country's code, but for Greece's, and some of Northern Ireland's.
_PREFIXES = {"GR": ("EL",), "GB": ("GB", "XI")}
# In the United States nobody has a VAT id: the EIN is asked for as the register number.
_WITHOUT_VAT_ID = frozenset({"US"})
_GENERIC_VAT_ID = re.compile("[A-Z]{2}[0-9A-Z]{4,18}", re.ASCII)

_GERMAN = re.compile(
    r"(?P<before>.*?),?\s*\b(?P<register>HRA|HRB|GnR|PR|VR)\s*(?P<number>[1-9][0-9]{0,5})(?:\s*(?P<part>[A-ZÖ]{1,3})(?![\wÖöüä.]))?"
    r",?\s*(?P<after>.*)",
    re.IGNORECASE,
)
_COURT_WORDS = re.compile(r"^(registergericht|amtsgericht|ag|beim|des)\s+", re.IGNORECASE)
_GERMAN_REGISTERS = {"HRA": "HRA", "HRB": "HRB", "GNR": "GnR", "PR": "PR", "VR": "VR"}
# Companies House: numbers of England and Wales, those with the letters of a kind of company or a part of the country, and
# those of registered societies.
_BRITISH_LETTERS = "AC|BR|CE|CS|ES|FC|FE|GE|GN|GS|IC|IP|LP|NA|NC|NF|NI|NL|NO|NP|NV|NZ|OC|OE|PC|RC|RS|SA|SC|SE|SF|SG|SI|SL|SO|SP|SR|SZ|ZC"
_BRITISH = re.compile(
    rf"[0-9]{{8}}|(?:{_BRITISH_LETTERS})[0-9]{{6}}|R[0-9]{{7}}|(?:IP|NP|SP)[0-9]{{4,5}}R[A-Z]?", re.ASCII
)
_DUTCH = re.compile("[0-9]{8}", re.ASCII)
_GENERIC = re.compile("[0-9A-Z]{2,32}", re.ASCII)
_ZEROS = re.compile("[A-Z]*0+", re.ASCII)


def vat_id(text: str, country: str) -> str:
    """A VAT id of a country as it stands on invoices, with the country before it, which people may leave out."""
    check_country(country)
    dense = compact(text, VAT_ID, _LONGEST)
    if country in _WITHOUT_VAT_ID:
        raise Invalid(VAT_ID, f"companies in {country} have no VAT id")
    prefixes = _PREFIXES.get(country, (country,))
    prefix = next((prefix for prefix in prefixes if dense.startswith(prefix)), "")
    number = dense if prefix else prefixes[0] + dense
    if country.lower() in eu_vat.MEMBER_STATES or prefix == "XI":
        judge: Callable[[str], str] = eu_vat.validate
    elif (module := get_cc_module(country, "vat")) is not None:
        judge = module.validate
    else:
        judge = _generic_vat_id
    valid = _judged(judge, number, VAT_ID, f"{quoted(text)} is not a VAT id of {country}")
    return valid if valid.startswith(prefix or prefixes[0]) else (prefix or prefixes[0]) + valid


def register_number(text: str, country: str, court: str = "") -> str:
    """A company's number in the register of its country (in the United States its EIN).

    A German one is of a court, which stands before it where it is named: "Aachen HRB 1234". Without it the number is not
    yet one company's.
    """
    check_country(country)
    if country == "DE":
        return _german(text, court)
    dense = compact(text, REGISTER_NUMBER, _LONGEST)
    words = f"{quoted(text)} is not a register number of {country}"
    if country in _REGISTERS:
        number = _judged(_REGISTERS[country], dense, REGISTER_NUMBER, words)
    elif _GENERIC.fullmatch(dense) and any(char.isdigit() for char in dense):
        number = dense
    else:
        raise Invalid(REGISTER_NUMBER, words)
    if _ZEROS.fullmatch(number):
        raise Invalid(REGISTER_NUMBER, words)
    return number


def court(text: str) -> str:
    """The name of a German court that keeps a register, as the register writes it."""
    shown = seen(text, REGISTER_NUMBER, _LONGEST)
    while (shorter := _COURT_WORDS.sub("", shown)) != shown:
        shown = shorter
    for written in (shown, re.sub("([aouAOU])e", r"\1", shown)):
        if handelsregisternummer.is_valid(f"{written} HRB 1"):
            return str(handelsregisternummer.validate(f"{written} HRB 1")).removesuffix(" HRB 1")
    raise Invalid(REGISTER_NUMBER, f"{quoted(text)} is no court that keeps a register")


def lei(text: str) -> str:
    """A legal entity's identifier (ISO 17442)."""
    return _judged(_lei.validate, compact(text, LEI, _LONGEST), LEI, f"{quoted(text)} is not an LEI")


def vat_id_from(number: str, country: str) -> str | None:
    """The VAT id that follows from a register number in its normal form; None where it does not.

    In France the SIREN with its two digits before, in Sweden the organisation's number with 01 after it.
    """
    if country == "FR":
        return "FR" + str(siren.to_tva(number))
    if country == "SE":
        return f"SE{number}01"
    return None


def of_one_company(number: str, country: str) -> str:
    """A register number in its normal form with its country: no two companies have the same. "": its court is not named."""
    return "" if country == "DE" and number.startswith(tuple(_GERMAN_REGISTERS.values())) else f"{country} {number}"


def _judged(judge: Callable[[str], str], number: str, code: str, words: str) -> str:
    try:
        return str(judge(number))
    except ValidationError as invalid:
        raise Invalid(code, words) from invalid


def _generic_vat_id(number: str) -> str:
    if not _GENERIC_VAT_ID.fullmatch(number) or not any(char.isdigit() for char in number):
        raise ValidationError
    return number


def _german(text: str, of_court: str) -> str:
    shown = seen(text, REGISTER_NUMBER, _LONGEST)
    if (match := _GERMAN.fullmatch(shown)) is None:
        raise Invalid(REGISTER_NUMBER, f"{quoted(text)} is not a number such as HRB 1234")
    register = _GERMAN_REGISTERS[match["register"].upper()]
    part, named = match["part"] or "", f"{match['before']} {match['after']}".strip()
    if not named and handelsregisternummer.is_valid(f"{part} HRB 1"):
        part, named = "", part  # Hof and Ulm are as short as the letters that some courts add
    number = " ".join(filter(None, (register, match["number"], part.upper())))
    named = named or of_court
    return f"{court(named)} {number}" if named else number


def _british(number: str) -> str:
    padded = number.zfill(8) if number.isdigit() and len(number) >= 5 else number
    if not _BRITISH.fullmatch(padded):
        raise ValidationError
    return padded


def _dutch(number: str) -> str:
    if not _DUTCH.fullmatch(number):
        raise ValidationError
    return number


def _french(number: str) -> str:
    """A SIREN; people also write the SIRET of their site, which begins with it."""
    if len(number) == 14:
        return str(siret.to_siren(siret.validate(number)))
    return str(siren.validate(number))


def _swedish(number: str) -> str:
    """Ten digits; some write the century of a person's number, or 16 for a company's, before them."""
    return str(orgnr.validate(number[2:] if len(number) == 12 and number.startswith("16") else number))


_REGISTERS: dict[str, Callable[[str], str]] = {
    "FR": _french,
    "SE": _swedish,
    "DK": cvr.validate,
    "US": ein.validate,
    "GB": _british,
    "NL": _dutch,
}
