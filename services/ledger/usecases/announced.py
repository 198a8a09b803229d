"""Payments that are announced before the money is here: nothing is booked."""

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.kernel.money import Money
from services.kernel.refusals import Conflict, NotFound, quoted
from services.ledger import store, wire
from services.ledger.domain import announcements
from services.ledger.domain.announcements import EXPECTED_MAX, Action, Announcement, State, Wish
from services.ledger.usecases import telling


async def announce(tx: Tx, origin: Origin, wish: Wish) -> Announcement:
    """Give what is announced a reference, and tell it."""
    account = (wish.tenant, wish.account_id)
    if not await store.lock_accounts(tx, [account]):
        raise NotFound("announcement.unknown_account", f"no account {quoted(wish.account_id)}")
    parts = announcements.parts(wish, await store.items_called(tx, account, [number for number, _ in wish.asked]))
    amount = Money.total((part.amount for part in parts), parts[0].amount.currency).checked()
    async with tx.all_parts():  # what is expected of other parts counts too
        if await store.count_expected(tx, account) >= EXPECTED_MAX:
            raise Conflict("announcement.too_many", f"at most {EXPECTED_MAX} payments of an account are expected")
    announcement = Announcement(
        tenant=wish.tenant,
        reference=await store.next_reference(tx, parts[0].item),
        account_id=wish.account_id,
        amount=amount,
        parts=parts,
        expected_on=wish.expected_on,
        state=State.EXPECTED,
        announced_by=origin.actor,
        announced_at=tx.at,
    )
    await store.add_announcement(tx, announcement)
    await _tell(tx, origin, announcement)
    return announcement


async def withdraw(tx: Tx, origin: Origin, account_id: str, reference: str) -> None:
    """It will not be paid so after all."""
    await store.lock_accounts(tx, [(origin.tenant, account_id)])
    found = await store.find_announcement(tx, (origin.tenant, reference))
    if found is None or found.account_id != account_id:
        raise NotFound("announcement.unknown", f"no announcement {quoted(reference)}")
    moved = announcements.move(found, Action.WITHDRAW)
    await store.save_announcements(tx, [moved])
    await _tell(tx, origin, moved)


async def _tell(tx: Tx, origin: Origin, announcement: Announcement) -> None:
    await outbox.add(tx, [telling.of_announced(origin, announcement, wire.payment_announced(announcement))])
