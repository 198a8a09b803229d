"""The people of an account as a map: who they are, when they were heard of, what is open, whom it misses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.kernel.refusals import NotFound, quoted
from services.notifications import asks, gaps, store
from services.notifications.domain.contacts import Contact
from services.notifications.domain.gaps import Gap, Heard
from services.notifications.domain.influence import influence
from services.notifications.store import Key

MOST = 1000  # as the contract says (GetPeopleResponse)
_EVERYBODYS = 50  # accounts of one domain, from which on it says nothing
_DOMAINS = 20


@dataclass(frozen=True, slots=True)
class Map:
    """An account's people."""

    people: Sequence[Contact]
    heard: Mapping[str, Heard]
    open_asks: Mapping[str, int]
    missed: Mapping[Gap, datetime]
    # Other accounts by the domain of an address.
    elsewhere: Mapping[str, Sequence[str]]


async def map_of(tx: Tx, account: Key, *, elsewhere: bool) -> Map:
    """Everything of an account; of others, only for who may see them."""
    people = await store.list_contacts(tx, account, Page(MOST))
    asked = Counter(contact_id for ask in await asks.open_of(tx, account) for contact_id in ask.contact_ids)
    return Map(
        people=people,
        heard=await gaps.heard_of(tx, account),
        open_asks=asked,
        missed=await gaps.open_gaps(tx, account),
        elsewhere=await _elsewhere(tx, account) if elsewhere else {},
    )


async def set_influence(tx: Tx, account: Key, contact_id: str, said: str) -> None:
    """What somebody of a buyer is from now on, to the seller's people."""
    changed = await tx.run(
        """UPDATE contact SET influence = %s
            WHERE tenant = %s AND contact_id = %s AND account_id = %s AND account_id <> '' AND erased_at IS NULL""",
        [influence(said), account[0], contact_id, account[1]],
    )
    if not changed:
        raise NotFound("contact.unknown", f"no contact {quoted(contact_id)}")


async def _elsewhere(tx: Tx, account: Key) -> dict[str, list[str]]:
    rows = await tx.rows(
        f"""SELECT own.domain, array_agg(DISTINCT o.account_id ORDER BY o.account_id) AS accounts
              FROM (SELECT DISTINCT domain FROM contact WHERE tenant = %s AND account_id = %s AND domain <> '' LIMIT {_DOMAINS}) AS own
             CROSS JOIN LATERAL (SELECT o.account_id FROM contact o
                                  WHERE o.domain = own.domain AND o.tenant = %s AND o.account_id NOT IN ('', %s)
                                  LIMIT {10 * _EVERYBODYS}) AS o
             GROUP BY own.domain ORDER BY own.domain""",  # noqa: S608 - numbers
        [*account, *account],
    )
    return {row.domain: row.accounts for row in rows if len(row.accounts) < _EVERYBODYS}
