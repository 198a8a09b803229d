"""What a seller decides by, and where its legal entities are."""

from collections.abc import Sequence

from receivables.credit.v1 import events_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services import retention
from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.credit import store, wire
from services.credit.domain.identity import contacts

ACCOUNT = "policy"  # stands for the account in the key: a policy is of no account


async def set_policy(tx: Tx, origin: Origin, said: events_pb2.CreditPolicy) -> int:
    """Decide by this from now on; holds that stand keep their end. Return the version that this is."""
    await store.lock_policy(tx, origin.tenant)
    last, now = await store.get_policy(tx, origin.tenant)
    version, policy = last + 1, wire.policy(said, now).check()
    await store.add_policy(tx, origin.tenant, version, policy, origin.actor)
    message = events_pb2.PolicyChanged(version=version, policy=wire.policy_message(policy))
    await outbox.add(tx, [Announcement(origin, ACCOUNT, "policy/credit", message)])
    return version


async def know_sellers(tx: Tx, events: Sequence[Event[invoicing_pb2.SellerChanged]]) -> None:
    """Keep where the legal entities are: holds lapse when a day is over there, and their domains are known ones."""
    newest: dict[tuple[str, str], tuple[str, str, int, str, str]] = {}
    for event in events:
        seller, version = event.body.seller, event.body.version
        key = (event.tenant, seller.seller_id)
        if key not in newest or newest[key][2] < version:
            newest[key] = (*key, version, seller.time_zone, contacts.domain_of(seller.contact_email))
    await store.keep_sellers(tx, list(newest.values()))
    await retention.know_countries(tx, events)
