"""What becomes of a mail: its states, what an answer over SMTP means, and when to try again."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What became of a mail, as far as SMTP tells (RULES: delivery)."""

    QUEUED = "QUEUED"
    # Being handed over, as the version before this one wrote it down; here its job says so (chassis/jobs.py).
    SENT = "SENT"
    # The next hop took it.
    ACCEPTED = "ACCEPTED"
    # Not now: tried again.
    SOFT_BOUNCED = "SOFT_BOUNCED"
    # Never.
    HARD_BOUNCED = "HARD_BOUNCED"
    # Its reader was forgotten before it went.
    WITHDRAWN = "WITHDRAWN"


class Answer(StrEnum):
    """What came of handing a mail over, or of not getting that far."""

    CLAIMED = "claimed"
    TAKEN = "taken"
    NOT_NOW = "not_now"
    NEVER = "never"


# Every legal move. A pair that is missing here is illegal.
MOVES = {
    (State.QUEUED, Answer.CLAIMED): State.SENT,
    (State.SENT, Answer.CLAIMED): State.SENT,
    (State.SOFT_BOUNCED, Answer.CLAIMED): State.SENT,
    (State.SENT, Answer.TAKEN): State.ACCEPTED,
    (State.SENT, Answer.NOT_NOW): State.SOFT_BOUNCED,
    (State.SENT, Answer.NEVER): State.HARD_BOUNCED,
    # The address was found dead by another mail.
    (State.QUEUED, Answer.NEVER): State.HARD_BOUNCED,
    (State.SOFT_BOUNCED, Answer.NEVER): State.HARD_BOUNCED,
    # The server that took it could not deliver it, and reports so.
    (State.ACCEPTED, Answer.NEVER): State.HARD_BOUNCED,
}

# Attempts after which nobody waits for a mail any more; it is still tried.
PATIENCE_ATTEMPTS = 6
# With the pauses below some two days, after which a mail that the server put off all the time counts as refused.
GIVE_UP_ATTEMPTS = 60
# Some eight minutes, in which a server that is only starting anew has come back.
DROPS_MAX = 10
PAUSE_MAX_S = 3600


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of one attempt."""

    answer: Answer
    # The SMTP reply code about recipient or content; 0 if it never came to one (connection, document not at hand).
    code: int = 0
    # The server ended the connection over this mail.
    dropped: bool = False


def is_hopeless(handed: Handed, attempts: int) -> bool:
    """Whether the server ended the connection over a mail so often that a person must look at it."""
    return handed.dropped and attempts >= DROPS_MAX


def move(state: State, answer: Answer) -> State:
    """Apply an answer to a mail."""
    moved = MOVES.get((state, answer))
    assert moved is not None, f"a mail that is {state} cannot be {answer}"
    return moved


def handed_over(state: State, answer: Answer) -> State:
    """What becomes of a mail that was taken up in some state and got this answer."""
    return move(move(state, Answer.CLAIMED), answer)


def meaning(code: int) -> Answer:
    """What an SMTP reply code to recipient or content says (RFC 5321, 4.2.1)."""
    if 200 <= code < 300:
        return Answer.TAKEN
    return Answer.NEVER if 500 <= code < 600 else Answer.NOT_NOW


def judged(handed: Handed, attempts: int) -> Handed:
    """The same, but never again after two days of "not now"; what is our own trouble is no fault of the address."""
    if handed.answer is Answer.NOT_NOW and handed.code and attempts >= GIVE_UP_ATTEMPTS:
        return Handed(Answer.NEVER, handed.code)
    return handed


def pause_s(attempts: int) -> int:
    """Seconds until the next attempt: one, two, four … an hour."""
    return int(min(2 ** max(0, attempts - 1), PAUSE_MAX_S))
