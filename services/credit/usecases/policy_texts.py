"""What applications are decided by: checked, proposed by one person, taking effect by another."""

from receivables.credit.v1 import events_pb2

from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import store
from services.credit.domain import policy_texts as domain
from services.credit.domain import underwriting
from services.credit.domain.policy_texts import PolicyText
from services.credit.domain.underwriting import Policy
from services.credit.usecases.policies import ACCOUNT
from services.kernel.refusals import Conflict, NotFound, quoted


async def propose_policy_text(tx: Tx, origin: Origin, policy: Policy) -> PolicyText:
    """Keep a text that has no mistake; the same again is kept already, whoever proposes it."""
    if await store.add_policy_text(tx, origin.tenant, policy.policy_id, policy.text, origin.actor):
        told = events_pb2.PolicyTextProposed(policy_id=policy.policy_id, text=policy.text)
        await outbox.add(tx, [Announcement(origin, ACCOUNT, f"policy/{policy.policy_id}", told)])
    return await find_policy_text(tx, origin.tenant, policy.policy_id)


async def activate_policy_text(tx: Tx, origin: Origin, policy_id: str) -> PolicyText:
    """Decide by it from now on; what was decided stands."""
    await store.lock_policy(tx, origin.tenant)
    found = await find_policy_text(tx, origin.tenant, policy_id)
    if found.active:
        raise Conflict("policy.active", "applications are decided by it already")
    domain.check_activator(identity.subjects_of(found.proposed_by), identity.subjects_of(origin.actor))
    await store.activate_policy_text(tx, origin.tenant, found, origin.actor)
    told = events_pb2.PolicyTextActivated(policy_id=policy_id, proposed_by=found.proposed_by)
    await outbox.add(tx, [Announcement(origin, ACCOUNT, f"policy/{policy_id}", told)])
    return await find_policy_text(tx, origin.tenant, policy_id)


async def find_policy_text(tx: Tx, tenant: str, policy_id: str) -> PolicyText:
    """One by its id, or what applications are decided by now."""
    if policy_id:
        found = await store.find_policy_text(tx, tenant, policy_id)
        if found is None:
            raise NotFound("policy.unknown", f"no policy {quoted(policy_id)}")
        return found
    return await store.active_policy_text(tx, tenant) or await _default(tx)


async def _default(tx: Tx) -> PolicyText:
    """What holds where the seller has set nothing."""
    policy = underwriting.default()
    return PolicyText(policy.policy_id, policy.text, "system:credit", tx.at, "system:credit", tx.at, active=True)
