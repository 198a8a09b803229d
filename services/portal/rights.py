"""Who may call what, as the contracts say it: a page shows an act to whom the services would let do it."""

from functools import cache

from google.protobuf import descriptor_pool
from receivables.disputes.v1 import service_pb2 as disputes_pb2

from services.chassis import access
from services.chassis.access import Rule
from services.portal.domain.people import CONTACT, USER, Person

# The contracts that a service answers beside its own.
_BESIDE = {
    "applications": ("credit", "Application"),
    "exposure": ("credit", "Exposure"),
    "feedback": ("notifications", "Feedback"),
    "credit_standing": ("credit", "StandingApproval"),
    "disputes_standing": ("disputes", "StandingApproval"),
    "lab": ("credit", "Lab"),
    "letters": ("notifications", "Letter"),
    "policies": ("credit", "Policy"),
    "causes": ("disputes", "Cause"),
    "incidents": ("disputes", "Incident"),
    "responses": ("disputes", "Response"),
}


def service_of(contract: str) -> str:
    """Which service answers a contract."""
    return _BESIDE[contract][0] if contract in _BESIDE else contract


def contract_of(contract: str) -> str:
    """A contract's whole name."""
    service, name = _BESIDE.get(contract, (contract, contract.capitalize()))
    return f"receivables.{service}.v1.{name}Service"


def may(person: Person, contract: str, method: str) -> bool:
    """Whether somebody has a role for a method, a second factor apart, which is asked for when it is needed."""
    return _lets_in(_rule(contract, method), person)


def may_move(person: Person, action: str) -> bool:
    """The same for one action of a case ("ACTION_PROPOSE")."""
    rule = access.rule_of_value(disputes_pb2.Action.DESCRIPTOR.values_by_name[action])
    return may(person, "disputes", "Move") and (rule is None or _lets_in(rule, person))


def _lets_in(rule: Rule, person: Person) -> bool:
    kind = CONTACT if person.is_buyer else USER
    return kind in rule.kinds and bool(rule.roles & person.roles)


@cache
def _rule(contract: str, method: str) -> Rule:
    name = f"{contract_of(contract)}.{method}"
    rule = access.rule_of(descriptor_pool.Default().FindMethodByName(name))  # type: ignore[no-untyped-call, unused-ignore]
    assert rule is not None, "every method says who may call it"
    return rule
