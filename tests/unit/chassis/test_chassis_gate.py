"""The gate: what the contract says of a method is held, and what nobody declared is let in by nobody."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message
from receivables.common.v1 import access_pb2
from receivables.credit.v1 import service_pb2 as _credit  # noqa: F401 - its contract is known by then
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.local.trust import operator, person
from services.chassis import access
from services.chassis.access import IDENTITY, Call, Gate, Refused, rules
from services.chassis.identity import BUYER_ROLES, Part, Principal, Trust, Verifier
from services.chassis.service import gate_of
from services.chassis.settings import ChassisSettings
from services.kernel.refusals import Forbidden, Refusal, Unauthenticated
from tests import callers

CREDIT = "receivables.credit.v1.CreditService"
LEDGER = "receivables.ledger.v1.LedgerService"
NOTIFICATIONS = "receivables.notifications.v1.NotificationsService"
DISPUTES = "receivables.disputes.v1.DisputesService"
OPERATIONS = "receivables.operations.v1.OperationsService"
REFLECTION = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
ITEMS = f"{LEDGER}/ListOpenItems"
CLERK = person("user:ada", "acme", roles=["CASH_APP"])
ANN = person("contact:ann", "acme", "b1", roles=["AP_CLERK"])


def gate(mode: access.Mode = "require", told: Any = None) -> Gate:
    verifier = Verifier(Trust(callers.issuers().trust), "ledger")
    held = rules([LEDGER, NOTIFICATIONS, DISPUTES, OPERATIONS])
    return Gate(mode, held, verifier, told=told or (lambda _refused: None))


def admit(principal: Principal, method: str = ITEMS, *, workload: str | None = None, **metadata: str) -> Call:
    said = {IDENTITY: callers.token(principal, "ledger"), **{name.replace("_", "-"): v for name, v in metadata.items()}}
    return gate().admit(method, said, workload)


def refused(principal: Principal, method: str = ITEMS, *, workload: str | None = None, **metadata: str) -> str:
    with pytest.raises(Forbidden) as why:
        admit(principal, method, workload=workload, **metadata)
    return why.value.code


def check(principal: Principal, method: str, request: Message) -> str:
    """The code of a request that is refused; "" of one that is not."""
    try:
        gate().check(Call(method, principal), request)
    except Forbidden as refusal:
        return refusal.code
    return ""


def test_who_may_is_let_in():
    assert admit(CLERK) == Call(ITEMS, CLERK)
    assert admit(ANN, ar_tenant="acme", ar_actor="contact:ann") == Call(ITEMS, ANN)
    assert admit(operator(), f"{OPERATIONS}/Status").principal == operator()


def test_a_kind_a_role_or_a_factor_that_the_contract_does_not_name_is_refused():
    assert refused(ANN, f"{LEDGER}/RecordPayment") == "access.kind"
    assert refused(replace(CLERK, roles=frozenset({"QUALITY"}))) == "access.role"
    assert refused(replace(CLERK, roles=frozenset())) == "access.role"
    admin = person("user:ada", "acme", roles=["SELLER_ADMIN"])
    assert refused(replace(admin, assurance=1), f"{NOTIFICATIONS}/SetPolicy") == "access.assurance"
    admit(admin, f"{NOTIFICATIONS}/SetPolicy")


def test_what_concerns_the_whole_tenant_is_not_for_who_is_bound_to_accounts():
    bound = replace(CLERK, accounts=frozenset({"b1"}))

    assert refused(bound, f"{LEDGER}/GetTrialBalance") == "access.bound"
    assert refused(bound, f"{LEDGER}/ImportBankStatement") == "access.bound"
    assert refused(replace(CLERK, parts=(Part(site="north"),)), f"{LEDGER}/GetTrialBalance") == "access.bound"


def test_what_concerns_an_account_as_a_whole_is_not_for_who_is_bound_to_parts_of_it():
    north = replace(CLERK, accounts=frozenset({"b1"}), parts=(Part(site="north"),))

    rule = rules([CREDIT])[f"{CREDIT}/SetLimit"]
    clerk = replace(north, roles=frozenset({"CREDIT"}), assurance=2)
    with pytest.raises(Forbidden) as why:
        rule.check_caller(clerk)
    assert why.value.code == "access.bound"
    rule.check_caller(replace(clerk, parts=()))


def test_a_service_calls_what_names_it_alone():
    assert refused(Principal("service:notifications", "acme", "notifications")) == "access.kind"


def test_who_speaks_for_no_tenant_calls_what_is_the_systems_alone_and_nobody_else_does():
    assert refused(operator()) == "access.tenant"
    assert refused(CLERK, f"{OPERATIONS}/SetClock") == "access.role"


def test_metadata_that_say_other_than_the_token_are_refused():
    assert refused(CLERK, ar_tenant="globex") == "identity.contradicts"
    assert refused(CLERK, ar_tenant="") == "identity.contradicts"
    assert refused(CLERK, ar_actor="user:bo") == "identity.contradicts"
    assert refused(operator(), f"{OPERATIONS}/Status", ar_tenant="acme") == "identity.contradicts"


def test_a_workload_calls_what_it_may_and_brings_tokens_of_those_who_trust_it():
    admit(CLERK, workload="portal")
    assert refused(CLERK, workload="ledger") == "access.workload"
    assert refused(CLERK, workload="") == "access.workload"
    assert refused(CLERK, workload="notifications") == "access.workload"
    assert refused(CLERK, workload="operator") == "identity.wrong_workload"
    assert refused(operator(), f"{OPERATIONS}/Status", workload="portal") == "access.workload"


def test_who_brings_no_token_is_nobody():
    for metadata in ({}, {IDENTITY: ""}, {IDENTITY: b"bytes"}, {"ar-tenant": "acme", "ar-actor": "user:ada"}):
        with pytest.raises(Unauthenticated) as why:
            gate().admit(ITEMS, metadata, None)
        assert why.value.code == "identity.missing"


def test_while_versions_change_who_brings_no_token_is_believed_and_a_bad_one_is_not():
    accepting, token = gate("accept"), callers.token(CLERK, "ledger")

    assert accepting.admit(ITEMS, {"ar-tenant": "acme"}, None) == Call(ITEMS, None)
    assert accepting.admit(ITEMS, {IDENTITY: token}, None) == Call(ITEMS, CLERK)
    for said in ("garbage", token[:-9], callers.token(CLERK, "credit")):
        with pytest.raises(Unauthenticated):
            accepting.admit(ITEMS, {IDENTITY: said, "ar-tenant": "acme"}, None)
    with pytest.raises(Forbidden):
        accepting.admit(ITEMS, {IDENTITY: token, "ar-tenant": "globex"}, None)


def test_what_no_contract_declared_is_let_in_by_nobody():
    assert refused(CLERK, "receivables.credit.v1.CreditService/GetAccount") == "access.undeclared"
    with pytest.raises(Forbidden):
        gate().admit_workload("some.Other/Stream", None)
    gate().admit_workload(REFLECTION, None)
    with pytest.raises(Forbidden):
        gate().admit_workload(REFLECTION, "portal")


def test_an_account_that_the_request_names_is_one_of_the_callers():
    asked = {account: ledger_pb2.ListOpenItemsRequest(account_id=account) for account in ("b1", "b2", "unheard-of", "")}

    assert {account: check(ANN, ITEMS, request) for account, request in asked.items()} == {
        "b1": "",
        "b2": "access.account",
        "unheard-of": "access.account",
        "": "access.account",
    }
    assert {check(CLERK, ITEMS, request) for request in asked.values()} == {""}
    assert check(replace(CLERK, accounts=frozenset()), ITEMS, asked["b1"]) == "access.account"


def test_a_contact_asks_for_itself_and_its_admin_for_others():
    def asks(principal: Principal, contact: str) -> str:
        request = notifications_pb2.ListMessagesRequest(account_id="b1", contact_id=contact)
        return check(principal, f"{NOTIFICATIONS}/ListMessages", request)

    admin = replace(ANN, roles=frozenset({"ACCOUNT_ADMIN"}))
    assert [asks(ANN, contact) for contact in ("ann", "bo", "")] == ["", "access.contact", "access.contact"]
    assert [asks(admin, contact) for contact in ("ann", "bo", "")] == ["", "", ""]


def test_a_value_may_be_for_others_than_its_method():
    def moves(principal: Principal, action: disputes_pb2.Action.ValueType) -> str:
        return check(principal, f"{DISPUTES}/Move", disputes_pb2.MoveRequest(action=action))

    owner = person("user:bo", "acme", roles=["DISPUTE_OWNER"])
    assert moves(ANN, disputes_pb2.ACTION_WITHDRAW) == ""
    assert moves(ANN, disputes_pb2.ACTION_REJECT) == "access.kind"
    assert moves(person("user:al", "acme", roles=["QUALITY"]), disputes_pb2.ACTION_REJECT) == "access.role"
    assert moves(owner, disputes_pb2.ACTION_REJECT) == ""
    assert moves(ANN, 99) == ""  # type: ignore[arg-type] # which no version knows: the domain refuses it


def test_values_that_no_version_knows_are_not_remembered():
    """Whoever calls may say any of four billion."""
    for value in range(1000, 1100):
        check(ANN, f"{DISPUTES}/Move", disputes_pb2.MoveRequest(action=value))  # type: ignore[arg-type] # as above

    remembered = sum(found.cache_info().currsize for found in vars(access).values() if hasattr(found, "cache_info"))
    assert remembered < 100


def test_what_is_refused_is_told_with_what_is_known_of_it():
    told: list[Refused] = []
    held = gate(told=told.append)
    with pytest.raises(Refusal):
        held.admit(ITEMS, {}, None)
    with pytest.raises(Refusal):
        held.admit(f"{LEDGER}/RecordPayment", {IDENTITY: callers.token(ANN, "ledger")}, None)
    anns = {IDENTITY: callers.token(ANN, "ledger")}
    with pytest.raises(Refusal):  # a token that somebody found
        held.admit(ITEMS, anns, "operator")
    with pytest.raises(Refusal):
        held.admit(ITEMS, anns | {"ar-tenant": "globex"}, "portal")
    call = held.admit(ITEMS, anns, "portal")
    with pytest.raises(Refusal):
        held.check(call, ledger_pb2.ListOpenItemsRequest(account_id="b2"))

    assert told == [
        Refused(ITEMS, "identity.missing", None, ""),
        Refused(f"{LEDGER}/RecordPayment", "access.kind", ANN, ""),
        Refused(ITEMS, "identity.wrong_workload", ANN, "operator"),
        Refused(ITEMS, "identity.contradicts", ANN, "portal"),
        Refused(ITEMS, "access.account", ANN, "portal", "b2"),
    ]


def a_contract(name: str, *, streams: bool = False, **said: Any) -> str:
    """A gRPC service of one method, made for a test; its option as said, or none."""
    file = descriptor_pb2.FileDescriptorProto(name=f"tests/{name}.proto", package=f"tests.{name}", syntax="proto3")
    file.dependency.append("receivables/common/v1/access.proto")
    file.message_type.add(name="AskRequest").field.add(
        name="account_id", number=1, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    )
    file.message_type.add(name="AskResponse")
    method = file.service.add(name="Asked").method.add(
        name="Ask",
        input_type=f".tests.{name}.AskRequest",
        output_type=f".tests.{name}.AskResponse",
        server_streaming=streams,
    )
    if said:
        method.options.Extensions[access_pb2.access].CopyFrom(access_pb2.Access(**said))
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return f"tests.{name}.Asked"


ANYBODY = {"callers": [access_pb2.CALLER_CONTACT], "roles": [access_pb2.ROLE_LEGAL]}


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("silent", {}, "does not say who may call it"),
        ("nobodys", {"callers": [access_pb2.CALLER_USER]}, "nobody may call it"),
        ("without_kind", {"roles": [access_pb2.ROLE_CREDIT]}, "nobody may call it"),
        ("streaming", {"streams": True, **ANYBODY}, "no streams"),
        ("misspelt", {"account_field": "acount_id", **ANYBODY}, "no such field: acount_id"),
        ("mistyped", {"value_field": "account_id", **ANYBODY}, "no such field: account_id"),
    ],
)
def test_a_service_with_a_method_that_does_not_say_who_may_call_it_does_not_start(
    tmp_path: Path, name: str, said: dict[str, Any], why: str
):
    contract = a_contract(name, **said)
    for mode in ("off", "accept", "require"):
        settings = ChassisSettings.model_construct(access=mode, trust_dir=callers.issuers().trust)
        with pytest.raises(SystemExit, match=why):
            gate_of("toy", settings, [contract])


def test_a_service_that_must_look_at_tokens_and_trusts_nobody_does_not_start(tmp_path: Path):
    settings = ChassisSettings.model_construct(access="require", trust_dir=tmp_path)

    with pytest.raises(SystemExit, match="AR_TRUST_DIR"):
        gate_of("toy", settings, [LEDGER])


def test_a_role_of_a_buyer_is_none_of_a_sellers_people():
    with pytest.raises(Forbidden):
        admit(replace(CLERK, roles=BUYER_ROLES))
