"""What an operator watches of the mail; counts only, nobody's address."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from services.chassis.database import Tx
from services.chassis.metrics import show
from services.chassis.sweeps import Found, Span, Sweep
from services.notifications import store
from services.notifications.domain.asks import Level
from services.notifications.domain.durations import Ended
from services.notifications.domain.journeys import BUYER, STAGES
from services.notifications.domain.post import Became

MAILS = Counter("ar_mails_total", "Mails handed over, by answer (taken, not_now, never)", ["answer"])
for _answer in ("taken", "not_now", "never"):
    MAILS.labels(_answer)  # begins at 0
POST_TAKEN = Counter(
    "ar_post_taken_total", "Mails to us that were taken; again: taken before, and answered as then", ["answer"]
)
for _answer in ("new", "again"):
    POST_TAKEN.labels(_answer)
POST_REFUSED = Counter("ar_post_refused_total", "What the door for mail to us refused, by SMTP reply code", ["code"])
for _code in ("421", "451"):  # those that say: come again
    POST_REFUSED.labels(_code)
POST_READ = Counter("ar_post_read_total", "Mails to us that were read, by what became of them", ["outcome"])
for _became in Became:
    POST_READ.labels(_became.value)
ESCALATED = Counter(
    "ar_asks_escalated_total",
    "What nobody did in time and was asked of others, by whom (same_role, stand_in …)",
    ["outcome"],
)
for _level in Level:
    if _level is not Level.FIRST:
        ESCALATED.labels(_level.name.lower())
MESSAGES = Gauge("ar_messages", "Messages to people, by channel and what became of them", ["channel", "state"])
UNSENT_AGE = Gauge("ar_mail_oldest_unsent_age_seconds", "Age of the oldest mail that is due and not yet taken")
VACANT = Gauge("ar_vacant_roles", "Roles that had to be told and that nobody holds; counted up to 100,000")
SUSPENDED = Gauge("ar_suspended_contacts", "Contacts that get no mail because one bounced; counted up to 100,000")


PROMISES = Counter(
    "ar_promises_total",
    "Promises of the seller's to a buyer that came to their end, by what they were of, its step and whether it was kept",
    ["kind", "step", "promise"],
)
for _kind, _stages in STAGES.items():
    for _stage in _stages:
        if _stage.owner != BUYER:
            for _promise in ("kept", "missed"):
                PROMISES.labels(_kind, _stage.code.lower(), _promise)  # begins at 0


def promises_ended(ended: Iterable[Ended]) -> None:
    """Count what became of the promises of steps that ended."""
    for one in ended:
        if one.kept is not None:
            PROMISES.labels(one.kind, one.step.lower(), "kept" if one.kept else "missed").inc()


async def _look_at(tx: Tx, span: Span) -> Found:
    return {(state,): n for state, n in await store.messages_by_state(tx, span)}


MESSAGE_SWEEP = Sweep("message", ("tenant", "message_id"), _look_at)


async def measure(tx: Tx) -> bool:
    """Read the figures into the gauges; return whether all are shown."""
    trouble = await store.trouble(tx)
    UNSENT_AGE.set(float(trouble.unsent_s))
    VACANT.set(trouble.vacant)
    SUSPENDED.set(trouble.suspended)
    if (found := await MESSAGE_SWEEP.go_on(tx)) is None:
        return False
    show(MESSAGES, {("mail", state.lower()): n for (state,), n in found.items()})
    return True
