"""How often rules on fraud are right: counted as people decide, and out of the shadow by two of them."""

from collections.abc import Collection

from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import store, wire
from services.credit.domain.fraud_rules import FraudRule
from services.credit.usecases.policies import ACCOUNT


async def ended(tx: Tx, origin: Origin, rules: Collection[str], *, confirmed: bool) -> None:
    """A person found what these rules suspected to be so, or not; counted in one order, so that none waits for another."""
    for name in sorted(set(rules)):
        rule = await store.lock_fraud_rule(tx, origin.tenant, name)
        if (counted := rule.ended(confirmed=confirmed, at=tx.at)) != rule:
            await _save(tx, origin, counted)


async def restore_fraud_rule(tx: Tx, origin: Origin, name: str) -> FraudRule:
    """Ask that a rule stops something again, or have it do so where another person asked."""
    rule = await store.lock_fraud_rule(tx, origin.tenant, name)
    restored = rule.restored(origin.actor, _people(rule.asked_by), _people(origin.actor))
    if restored != rule:
        await _save(tx, origin, restored)
    return restored


async def _save(tx: Tx, origin: Origin, rule: FraudRule) -> None:
    await store.save_fraud_rule(tx, rule)
    message = wire.fraud_rule_changed(rule)
    await outbox.add(tx, [Announcement(origin, ACCOUNT, f"fraud/{rule.rule}", message)])


def _people(actor: str) -> frozenset[str]:
    return frozenset(identity.subjects_of(actor)) if actor else frozenset()
