"""Securities: set and ended by people."""

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import store, wire
from services.credit.domain import securities
from services.credit.domain.review import Cause
from services.credit.domain.securities import Security, SecurityKind
from services.credit.usecases.buyers import one_account
from services.kernel.refusals import Conflict, NotFound, quoted


async def set_security(tx: Tx, origin: Origin, security: Security) -> None:
    """Keep all that is said of a security, a new one or one that is there."""
    security.check()
    account = await one_account(tx, origin, security.account_id)
    account.own(security.amount)
    key = (security.tenant, security.security_id)
    earlier = await store.find_security(tx, key)
    if earlier is None:
        securities.check_room(await store.count_securities(tx, (security.tenant, security.account_id)))
        kept = await store.add_security(tx, security)  # one that is not seen is another account's
    else:
        kept = await store.change_security(tx, security)
    if not kept:
        raise Conflict("security.exists", f"there is, or was, another security {quoted(security.security_id)}")
    await outbox.add(tx, [_tell(origin, security, ended=False)])
    if earlier is not None and security.pays < earlier[0].pays:
        await _look(tx, security)


async def end_security(tx: Tx, origin: Origin, security_id: str) -> None:
    """Have a security be none any more; one that was ended says nothing new."""
    key = (origin.tenant, security_id)
    if (found := await store.find_security(tx, key)) is None:
        raise NotFound("security.unknown", f"no security {quoted(security_id)}")
    await one_account(tx, origin, found[0].account_id)
    if await store.end_security(tx, key):
        await outbox.add(tx, [_tell(origin, found[0], ended=True)])
        await _look(tx, found[0])


async def _look(tx: Tx, security: Security) -> None:
    """An insurer that pays less has the account's limit looked at."""
    if security.kind is SecurityKind.INSURANCE:
        await store.look_soon(tx, (security.tenant, security.account_id), Cause.INSURER_CUT)


def _tell(origin: Origin, security: Security, *, ended: bool) -> Announcement:
    message = wire.security(security, ended=ended)
    return Announcement(origin, security.account_id, f"security/{security.security_id}", message)
