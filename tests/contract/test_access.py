"""Every method says who may call it, so that somebody can, and the table that people read says the same."""

from receivables.common.v1 import access_pb2

from services.chassis import callers, identity
from services.chassis.access import Rule, rule_of, rule_of_value, rules
from tests.contract import access

ROLES_OF = identity.ROLES


def all_rules() -> dict[str, Rule]:
    return rules(str(service.full_name) for service in access.services())


def test_every_method_says_who_may_call_it():
    methods = list(access.methods())

    assert len(methods) > 40
    assert [method.full_name for method in methods if rule_of(method) is None] == []
    assert len(all_rules()) == len(methods)


def test_each_kind_that_may_call_has_a_role_with_which_it_may():
    none = [
        f"{name} by a {kind}"
        for name, rule in all_rules().items()
        for kind in rule.kinds
        if not rule.roles & ROLES_OF[kind]
    ]

    assert none == []


def test_each_role_that_may_call_is_one_that_some_kind_can_have():
    unheld = [
        f"{name} as {role}"
        for name, rule in all_rules().items()
        for role in rule.roles
        if not any(role in ROLES_OF[kind] for kind in rule.kinds)
    ]

    assert unheld == []


def test_whoever_may_use_a_value_may_call_its_method():
    users = [rule for value in access.values() if (rule := rule_of_value(value))]
    callers_of = [rule for rule in all_rules().values() if rule.value_field]

    assert len(users) > 8
    assert all(any(r.roles <= rule.roles and r.kinds <= rule.kinds for rule in callers_of) for r in users)


def test_what_a_contact_asks_for_names_an_account_or_is_shown_by_the_database():
    """What is about the whole tenant, or about whoever is named in it, is nothing for contacts."""
    assert [name for name, rule in all_rules().items() if identity.CONTACT in rule.kinds and rule.whole_tenant] == []


def test_the_roles_of_tokens_and_of_contracts_are_the_same():
    contracts = {name.removeprefix("ROLE_") for name in access_pb2.Role.DESCRIPTOR.values_by_name} - {"UNSPECIFIED"}

    assert contracts == identity.BUYER_ROLES | identity.SELLER_ROLES | {identity.OPERATOR}


def test_what_workloads_may_call_is_there():
    services = {str(service.full_name) for service in access.services()} | {"grpc.reflection.v1alpha.ServerReflection"}
    methods = all_rules().keys()
    named = {name for allowed in callers.CALLERS.values() for name in allowed}

    assert {name for name in named if name not in services and name not in methods} == set()
    assert services - {name.partition("/")[0] for name in named} == set()


def test_the_table_of_who_may_call_what_is_what_the_contracts_say():
    assert access.TABLE.read_text() == access.table(), "run `python -m tests.contract.access`"
