"""Writes proto/ACCESS.md, the table of who may call what, from the contracts: `python -m tests.contract.access`."""

from collections.abc import Iterator

from google.protobuf.descriptor import EnumValueDescriptor, MethodDescriptor, ServiceDescriptor
from receivables.common.v1 import access_pb2

from services.chassis import callers, identity
from services.chassis.access import Rule, rule_of, rule_of_value
from tests.contract.bounds import CONTRACTS, files

TABLE = CONTRACTS / "ACCESS.md"
_HEAD = """# Who may call what

Written by `python -m tests.contract.access` from the options beside each method (`receivables/common/v1/access.proto`)
and from `services/chassis/callers.py`. What is held before a method is reached, and the code of who does not get in:

| What | Code |
|---|---|
| the certificate's workload may call the method, and bring tokens of that issuer | `access.workload`, `identity.wrong_workload` |
| a token of an issuer that we trust, for this service, valid now | `identity.…` |
| the kind of caller: a **contact** of a buyer, a **user** of the seller, a **key** of a program, a service by its name | `access.kind` |
| at least one of the roles | `access.role` |
| a person's second factor where there is a 2 (a key has none) | `access.assurance` |
| the account that the request names is one of the caller's, who has all of the tenant's unless it is bound to some | `access.account` |
| the contact that it names is the caller; an ACCOUNT_ADMIN names others of its accounts too | `access.contact` |
| what concerns the whole tenant is not for who is bound to accounts, or to parts of companies; what concerns an account as a whole not for the latter | `access.bound` |
| the part of a company that the request names (`scope`) is within those that the caller is bound to | `access.part` |

What a request names otherwise, by the id of an invoice or a case, the database shows to whom it belongs alone; to others
it is not there.

Roles of a buyer: {buyer}. Roles of a seller: {seller}. Who runs the system: {operator}.
"""


def services() -> Iterator[ServiceDescriptor]:
    """Every gRPC service of the contracts."""
    for file in files():
        yield from file.services_by_name.values()


def methods() -> Iterator[MethodDescriptor]:
    """Every method of theirs."""
    for service in services():
        yield from service.methods


def values() -> Iterator[EnumValueDescriptor]:
    """Every value of an enum that says who may use it."""
    for file in files():
        for enum in file.enum_types_by_name.values():
            yield from (v for v in enum.values if v.GetOptions().HasExtension(access_pb2.value_access))


def table() -> str:
    """The document as it should be."""
    head = _HEAD.format(
        buyer=_words(identity.BUYER_ROLES), seller=_words(identity.SELLER_ROLES), operator=identity.OPERATOR
    )
    return head + "".join(map(_section, services())) + _values() + _workloads()


def _section(service: ServiceDescriptor) -> str:
    rows = []
    for method in service.methods:
        rule = rule_of(method)
        assert rule is not None, f"{method.full_name} does not say who may call it"
        rows.append(f"| {method.name} | {_kinds(rule)} | {_roles(rule)} | {_about(rule)} | {_factor(rule)} |\n")
    head = "| Method | Callers | Roles | About | Factor |\n|---|---|---|---|---|\n"
    return f"\n## {service.full_name}\n\n{head}{''.join(rows)}"


def _kinds(rule: Rule) -> str:
    return ", ".join([*sorted(rule.kinds), *(f"service:{name}" for name in sorted(rule.services))])


def _roles(rule: Rule) -> str:
    """The roles; all of one side by its name."""
    left, said = rule.roles, list[str]()
    for name, all_of in (("all of a buyer", identity.BUYER_ROLES), ("all of a seller", identity.SELLER_ROLES)):
        if all_of <= left:
            left, said = left - all_of, [*said, name]
    return ", ".join([*said, *sorted(left)])


def _about(rule: Rule) -> str:
    if rule.without_tenant:
        return "the system"
    if rule.whole_tenant:
        return "the whole tenant"
    fields = (rule.account_field, rule.part_field, rule.contact_field, rule.value_field)
    about = ", ".join(f"`{name}`" for name in fields if name)
    return f"{about}, whole" if rule.whole_account else about


def _factor(rule: Rule) -> str:
    return str(rule.assurance) if rule.assurance > 1 else ""


def _words(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _values() -> str:
    rows = [
        f"| {value.name} | {_kinds(rule)} | {_roles(rule)} |\n" for value in values() if (rule := rule_of_value(value))
    ]
    return (
        "\n## Values that not everybody may use\n\nOver and above what the method says; a value that is not here is for "
        f"whoever may call it.\n\n| Value | Callers | Roles |\n|---|---|---|\n{''.join(rows)}"
    )


def _workloads() -> str:
    rows = [
        f"| {name} | {', '.join(f'`{service}`' for service in sorted(allowed))} |\n"
        for name, allowed in sorted(callers.CALLERS.items())
    ]
    return f"\n## Which workload may call\n\n| Certificate of | Services and methods |\n|---|---|\n{''.join(rows)}"


def main() -> None:
    """Write it."""
    TABLE.write_text(table())


if __name__ == "__main__":
    main()
