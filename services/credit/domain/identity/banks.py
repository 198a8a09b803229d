"""Bank accounts by IBAN, and whose bank it is; nobody is asked."""

from dataclasses import dataclass

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from services.credit.domain.identity.texts import compact
from services.kernel.refusals import Invalid, quoted

CODE = "fact.iban"
_LONGEST = 60  # characters as people write one, by fours


@dataclass(frozen=True, slots=True)
class Account:
    """An account, and what its number tells of the bank: "" where that is not known."""

    iban: str
    country: str
    bank: str
    bic: str


def account(text: str) -> Account:
    """An account by its IBAN, check digits included; that there is one, only the bank can tell."""
    dense = compact(text, CODE, _LONGEST)
    try:
        number = IBAN(dense)
    except (SchwiftyException, ValueError) as invalid:
        raise Invalid(CODE, f"{quoted(text)} is not an IBAN") from invalid
    return Account(str(number), number.country_code, number.bank_name or "", str(number.bic or ""))
