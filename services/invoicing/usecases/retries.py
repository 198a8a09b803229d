"""Held drafts are prepared anew when something was put right, or when a clerk asks for it."""

from collections.abc import Mapping

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.invoicing import store
from services.invoicing.usecases.desk import Key


async def retry(tx: Tx, accounts: Mapping[Key, Origin]) -> int:
    """Have the held drafts of these accounts judged again, each on the word that its account names; return how many."""
    waiting = await store.accounts_with_held(tx, accounts.keys())
    return sum([await store.queue_held(tx, accounts[key], key[1]) for key in sorted(waiting)])


async def retry_all(tx: Tx, word: Origin) -> int:
    """The same for all of a tenant."""
    return await store.queue_held(tx, word)
