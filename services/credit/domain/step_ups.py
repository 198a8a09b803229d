"""What is shown so that a suspicion is none: an address that is read, a call back, a place that the buyer confirms (RULES: step-ups)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.credit.domain.identity import contacts
from services.kernel.refusals import Invalid, Refusal

EMAIL_VERIFIED, CALL_BACK_DONE, SHIP_TO_CONFIRMED = "email_verified", "call_back_done", "ship_to_confirmed"
# Facts that nobody gives, whatever a policy says: each has its own way to be shown.
STEPS = frozenset({EMAIL_VERIFIED, CALL_BACK_DONE, SHIP_TO_CONFIRMED})
# What was shown of another value is shown no more once it changes.
SHOWN_OF: Mapping[str, str] = {
    "contact_email": EMAIL_VERIFIED,
    "ship_to_street": SHIP_TO_CONFIRMED,
    "ship_to_post_code": SHIP_TO_CONFIRMED,
    "ship_to_city": SHIP_TO_CONFIRMED,
}
CALLS_MOST = 20  # of an application
SAID_BEFORE_MOST = 200  # values that the applicant took back, the newest, among which a number is looked for
_DIGITS_LEAST = 5  # in what holds a number


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call to a company at a number that it did not give; what was written is empty once it is forgotten."""

    call_back_id: str
    application_id: str
    account_id: str
    # E.164.
    number: str
    # REGISTER, WEBSITE, DIRECTORY or OWN_RECORDS.
    number_source: str
    spoke_with: str
    # CONFIRMED, DENIED or NOT_REACHED.
    outcome: str
    ship_to: bool
    recorded_by: str
    recorded_at: datetime

    def tells(self) -> dict[str, str]:
        """The facts that follow: none where nobody was reached."""
        if self.outcome == "NOT_REACHED":
            return {}
        confirmed = self.outcome == "CONFIRMED"
        told = {CALL_BACK_DONE: "true" if confirmed else "false"}
        return told | ({SHIP_TO_CONFIRMED: "true"} if confirmed and self.ship_to else {})


def check_number(number: str, country: str, said: Iterable[str]) -> str:
    """The number that was called (E.164); refuse one that the applicant gave themselves, wherever it stands or stood."""
    called = contacts.phone(number, country)
    texts = (text for text in dict.fromkeys(said) if sum(map(str.isdigit, text)) >= _DIGITS_LEAST)
    if any(called in contacts.reached(text, country)[1] for text in texts):
        raise Invalid("application.number_given", "that number is the applicant's own word: call one from elsewhere")
    return called


def is_same_address(one: str, other: str) -> bool:
    """Whether two addresses of mail are the same mailbox's."""
    try:
        return contacts.email(one).address.casefold() == contacts.email(other).address.casefold()
    except Refusal:
        return False
