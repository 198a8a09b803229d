"""Securities: set and ended by people."""

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import store, wire
from services.credit.domain import securities
from services.credit.domain.securities import Security
from services.credit.usecases.buyers import one_account
from services.kernel.refusals import Conflict, NotFound, quoted


async def set_security(tx: Tx, origin: Origin, security: Security) -> None:
    """Keep all that is said of a security, a new one or one that is there."""
    security.check()
    account = await one_account(tx, origin, security.account_id)
    account.own(security.amount)
    key = (security.tenant, security.security_id)
    if await store.find_security(tx, key) is None:
        securities.check_room(await store.count_securities(tx, (security.tenant, security.account_id)))
        kept = await store.add_security(tx, security)  # one that is not seen is another account's
    else:
        kept = await store.change_security(tx, security)
    if not kept:
        raise Conflict("security.exists", f"there is, or was, another security {quoted(security.security_id)}")
    await outbox.add(tx, [_tell(origin, security, ended=False)])


async def end_security(tx: Tx, origin: Origin, security_id: str) -> None:
    """Have a security be none any more; one that was ended says nothing new."""
    key = (origin.tenant, security_id)
    if (found := await store.find_security(tx, key)) is None:
        raise NotFound("security.unknown", f"no security {quoted(security_id)}")
    await one_account(tx, origin, found[0].account_id)
    if await store.end_security(tx, key):
        await outbox.add(tx, [_tell(origin, found[0], ended=True)])


def _tell(origin: Origin, security: Security, *, ended: bool) -> Announcement:
    message = wire.security(security, ended=ended)
    return Announcement(origin, security.account_id, f"security/{security.security_id}", message)
