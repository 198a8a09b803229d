"""Who may call what: declared beside each method of a contract (`common.v1.access`), held here and nowhere else.

What is held before a method is reached: a certificate of a workload that may call it, a token of an issuer that this
workload may bring, what the metadata says beside it, the kind, the roles and the assurance of whoever calls, and the
account or the contact that the request names. What a request names otherwise, by the id of an invoice or a case, the
database shows to whom it belongs alone (row-level security by `ar.accounts`): what is another's is not there.
"""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import EnumValueDescriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from receivables.common.v1 import access_pb2

from services.chassis import callers, identity, metrics
from services.chassis.identity import Issuer, Principal, Verifier
from services.kernel.refusals import Forbidden, Refusal, Unauthenticated, quoted

Mode = Literal["off", "accept", "require"]
IDENTITY = "ar-identity"
HEALTH = "grpc.health.v1.Health/"
REFLECTION = "grpc.reflection.v1alpha.ServerReflection/"
_ADMIN = "ACCOUNT_ADMIN"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a method."""

    kinds: frozenset[str]
    roles: frozenset[str]
    account_field: str = ""
    contact_field: str = ""
    assurance: int = 1
    without_tenant: bool = False
    services: frozenset[str] = frozenset()
    value_field: str = ""
    whole_tenant: bool = False
    whole_account: bool = False
    part_field: str = ""

    def check_caller(self, principal: Principal) -> None:
        """Refuse whoever may not call it at all, whatever the request says."""
        if not principal.tenant and not self.without_tenant:
            raise Forbidden("access.tenant", "the token speaks for no tenant")
        if self.whole_tenant and (principal.accounts is not None or principal.parts):
            raise Forbidden("access.bound", "this concerns the whole tenant, and the caller is bound to a part of it")
        if self.whole_account and principal.parts:
            raise Forbidden(
                "access.bound", "this concerns an account as a whole, and the caller is bound to parts of it"
            )
        if principal.kind == identity.SERVICE:
            if principal.subject.partition(":")[2] not in self.services:
                raise Forbidden("access.kind", f"{quoted(principal.subject)} does not call this")
            return
        if principal.kind not in self.kinds:
            raise Forbidden("access.kind", f"a {principal.kind} does not call this")
        if not principal.roles & self.roles:
            raise Forbidden("access.role", f"this needs one of the roles {', '.join(sorted(self.roles))}")
        # A key has no second factor.
        if principal.kind in (identity.CONTACT, identity.USER) and principal.assurance < self.assurance:
            raise Forbidden("access.assurance", "this needs a second factor")

    def check_request(self, principal: Principal, request: Message) -> None:
        """Refuse what the request says of somebody else, in the same words whether that is there or not."""
        if principal.accounts is not None and self.account_field:
            account = str(getattr(request, self.account_field))
            if account not in principal.accounts:
                raise Forbidden("access.account", f"{quoted(account)} is none of the caller's accounts")
        if principal.parts and self.part_field:
            scope = getattr(request, self.part_field)
            if not any(part.covers(scope.site, scope.cost_centre, scope.purchase_order) for part in principal.parts):
                raise Forbidden(
                    "access.part", "this concerns more of the company than the parts that the caller is bound to"
                )
        if principal.kind == identity.CONTACT and self.contact_field and _ADMIN not in principal.roles:
            contact = str(getattr(request, self.contact_field))
            if f"{identity.CONTACT}:{contact}" != principal.subject:
                raise Forbidden("access.contact", "a contact asks for itself here; its ACCOUNT_ADMIN for others too")
        if self.value_field:
            _value_rule(request, self.value_field).check_caller(principal)


def _value_rule(request: Message, field: str) -> Rule:
    """Who may say what an enum field says; whoever may call the method, where the value says nothing."""
    kind = request.DESCRIPTOR.fields_by_name[field].enum_type
    found = kind.values_by_number.get(getattr(request, field)) if kind is not None else None
    return (rule_of_value(found) if found is not None else None) or _ANYBODY


@cache
def rule_of_value(value: EnumValueDescriptor) -> Rule | None:
    """Who may use a value of an enum, as its contract says; None where it says nothing."""
    options = value.GetOptions()
    return _rule(options.Extensions[access_pb2.value_access]) if options.HasExtension(access_pb2.value_access) else None


def rule_of(method: MethodDescriptor) -> Rule | None:
    """Who may call a method, as its contract says; None where it says nothing."""
    options = method.GetOptions()
    if not options.HasExtension(access_pb2.access):
        return None
    return _rule(options.Extensions[access_pb2.access])


def _rule(said: access_pb2.Access) -> Rule:
    return Rule(
        kinds=frozenset(access_pb2.Caller.Name(kind).removeprefix("CALLER_").lower() for kind in said.callers),
        roles=frozenset(access_pb2.Role.Name(role).removeprefix("ROLE_") for role in said.roles),
        account_field=said.account_field,
        contact_field=said.contact_field,
        assurance=said.assurance or 1,
        without_tenant=said.without_tenant,
        services=frozenset(said.services),
        value_field=said.value_field,
        whole_tenant=said.whole_tenant,
        whole_account=said.whole_account,
        part_field=said.part_field,
    )


_ANYBODY = Rule(
    kinds=frozenset(identity.ROLES), roles=identity.BUYER_ROLES | identity.SELLER_ROLES, services=frozenset()
)


def rules(services: Iterable[str]) -> dict[str, Rule]:
    """The rules of all methods of these services ("package.Service/Method"); a method without a fit one ends the start."""
    found: dict[str, Rule] = {}
    for name in services:
        service = descriptor_pool.Default().FindServiceByName(name)  # type: ignore[no-untyped-call, unused-ignore]
        for method in service.methods:
            rule = rule_of(method)
            if rule is None:
                raise SystemExit(f"{method.full_name} does not say who may call it (common.v1.access)")
            if why := _unfit(rule, method):
                raise SystemExit(f"{method.full_name}: {why} (common.v1.access)")
            found[f"{name}/{method.name}"] = rule
    return found


def _unfit(rule: Rule, method: MethodDescriptor) -> str:
    """Why a rule cannot be held as it is said; "" where it can."""
    if method.client_streaming or method.server_streaming:
        return "the gate reads single messages, no streams"
    if not rule.services and not (rule.kinds and rule.roles):
        return "nobody may call it"
    fields = method.input_type.fields_by_name
    kinds = {rule.account_field: FieldDescriptor.TYPE_STRING, rule.contact_field: FieldDescriptor.TYPE_STRING}
    kinds |= {rule.value_field: FieldDescriptor.TYPE_ENUM, rule.part_field: FieldDescriptor.TYPE_MESSAGE}
    for name, kind in kinds.items():
        if name and (name not in fields or fields[name].type != kind):
            return f"{method.input_type.name} has no such field: {name}"
    return ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in: for whom, and from which workload ("" where the wire names none)."""

    method: str
    principal: Principal | None
    workload: str = ""
    # Told of refusals of right that the method itself finds.
    gate: "Gate | None" = field(default=None, compare=False, repr=False)

    def refused(self, refusal: Refusal, account: str) -> None:
        """It was let in, and may not do what it asks for."""
        if self.gate is not None:
            self.gate.tell(Refused(self.method, refusal.code, self.principal, self.workload, account))


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was not, for the audit trail: what is known of it by then."""

    method: str
    code: str
    principal: Principal | None
    workload: str
    # As the request names it, whatever it is.
    account: str = ""


# The call that is being answered.
CALL: ContextVar[Call | None] = ContextVar("call", default=None)


class Gate:
    """Lets calls in, or refuses them.

    `off` believes the metadata and looks at no token, as versions before this did; `accept` believes them where there is
    no token, so that such a version can still call while it is replaced; `require` believes tokens alone.
    """

    def __init__(
        self,
        mode: Mode,
        rules: Mapping[str, Rule],
        verifier: Verifier | None = None,
        *,
        told: Callable[[Refused], None] = lambda _refused: None,
    ) -> None:
        self.mode = mode
        self._rules = rules
        self._verifier = verifier
        self._told = told

    def admit(self, method: str, metadata: Mapping[str, Any], workload: str | None) -> Call:
        """Who calls a method ("package.Service/Method"). `workload` is None on a wire that names none."""
        principal: Principal | None = None
        try:
            _check_workload(method, workload)
            if (verified := self._verified(metadata)) is not None:
                principal, issuer = verified
                _check_word(principal, issuer, metadata, workload)
                self._rule(method).check_caller(principal)
            elif method in self._rules:
                metrics.WITHOUT_TOKEN.labels(method).inc()
        except Refusal as refusal:
            self.tell(Refused(method, refusal.code, principal, workload or ""))
            raise
        return Call(method, principal, workload or "", self)

    def admit_workload(self, method: str, workload: str | None) -> None:
        """Let in who asks for the contracts, which say nothing of anybody, by the certificate alone."""
        try:
            if not method.startswith(REFLECTION):
                raise _UNDECLARED
            _check_workload(method, workload)
        except Refusal as refusal:
            self.tell(Refused(method, refusal.code, None, workload or ""))
            raise

    def check(self, call: Call, request: Message) -> None:
        """Refuse what the request says of somebody else."""
        if call.principal is None:
            return
        rule = self._rule(call.method)
        try:
            rule.check_request(call.principal, request)
        except Refusal as refusal:
            call.refused(refusal, str(getattr(request, rule.account_field)) if rule.account_field else "")
            raise

    def _verified(self, metadata: Mapping[str, Any]) -> tuple[Principal, Issuer] | None:
        token = metadata.get(IDENTITY)
        if self.mode == "off" or (self.mode == "accept" and not token):
            return None
        if not isinstance(token, str) or not token:
            raise Unauthenticated("identity.missing", f"the metadata lacks {IDENTITY}")
        assert self._verifier is not None, "whoever looks at tokens has what verifies them"
        return self._verifier.verify(token)

    def tell(self, refused: Refused) -> None:
        """Let the audit trail know."""
        self._told(refused)

    def _rule(self, method: str) -> Rule:
        if (rule := self._rules.get(method)) is None:
            raise _UNDECLARED
        return rule


_UNDECLARED = Forbidden("access.undeclared", "nobody may call this: the start read no contract that says who")


def _check_word(principal: Principal, issuer: Issuer, metadata: Mapping[str, Any], workload: str | None) -> None:
    """Refuse a token that another brings than its issuer's workloads, or beside which the metadata says other than it."""
    if workload is not None and workload not in issuer.workloads:
        raise Forbidden("identity.wrong_workload", f"{quoted(workload)} does not bring tokens of {issuer.name}")
    for name, verified in (("ar-tenant", principal.tenant), ("ar-actor", principal.actor)):
        if metadata.get(name, verified) != verified:
            raise Forbidden("identity.contradicts", f"{name} says other than the token")


def _check_workload(method: str, workload: str | None) -> None:
    if workload is not None and not callers.may_call(workload, method):
        raise Forbidden("access.workload", f"{quoted(workload)} does not call this")
