"""Each method × each kind of caller × each role × {own account, sibling, other company, other tenant, none}: no leak.

The methods and who may call them are read from the contracts' descriptors, and not by the code that is judged here; a
method that is added is asked with the others. Whoever may not is refused, in the same words for what is another's and
what is not there; whoever may hears nothing of another.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, cycle
from typing import Any

import grpc
import psycopg
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from receivables.common.v1 import access_pb2

from deploy.local.servers import Servers
from deploy.local.trust import operator
from services.chassis.access import IDENTITY
from services.chassis.identity import BUYER_ROLES, CONTACT, KEY, ROLES, USER, Principal
from tests import callers
from tests.integration.access.world import FAR, IDS, NONE, OTHER, OURS, OWN, SIBLING, Belongings, more, settled
from tests.integration.house.house import House

People = Callable[[], Sequence[Principal | None]]  # who calls this time

AT_ONCE = 12
RENEWED_S = 30.0
NOBODY = "nobody"
# Refused before the request is looked at, or for what it says: who may not, and never that it is not there.
REFUSED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
# Whoever calls chooses the id of what comes to be: that it is taken already can be seen, though not by whom or for what.
CREATES = frozenset(
    {
        "RegisterBuyer",
        "StartApplication",
        "AddApplicationDocument",
        "Decide",
        "PlaceHold",
        "GrantUplift",
        "GrantStandingApproval",
        "SetSecurity",
        "PlaceOrder",
        "RecordPayment",
        "RegisterContact",
        "SetContract",
        "SetTeam",
        "SetPicture",
    }
)
# What was done already when the world was settled: the same id again is refused.
DONE = {"credit.RegisterBuyer", "credit.PlaceHold", "credit.GrantUplift", "credit.SetSecurity"}
# An account has one open review at most, about one limit, which what comes before has changed.
DONE |= {"credit.AcceptReview", "credit.DecideReview", "credit.GrantStandingApproval", "disputes.GrantStandingApproval"}
# Nothing here has come about three times of one cause.
DONE |= {"disputes.MoveAction"}
# No rule lets a document out to these buyers as they are now, whoever asks.
HELD = {"invoicing.SampleInvoice"}
# The chassis' own: no row of a business' ever changes by them.
MACHINERY = {
    "act",
    "act_link",
    "act_root",
    "inbox",
    "handled",
    "outbox",
    "parked",
    "tenant",
    "clock",
    "migration",
    "answer",
    "job",
    "failing",
    "rendered",
}


@dataclass(frozen=True, eq=False)
class Method:
    """A method as its contract has it."""

    resident: str
    path: str
    name: str
    request: type[Message]
    access: access_pb2.Access

    @property
    def short(self) -> str:
        """ "credit.Decide"."""
        return f"{self.path.split('.')[1]}.{self.name}"

    @property
    def ids(self) -> dict[str, str]:
        """The fields that name something, and what."""
        return {field: IDS[field] for field in self.request.DESCRIPTOR.fields_by_name if field in IDS}

    @property
    def is_read(self) -> bool:
        return self.name.startswith(("Get", "List", "Render", "Export"))


@dataclass(frozen=True)
class Answer:
    """What came back: a code of refusal with its words, or what was said."""

    status: grpc.StatusCode
    code: str
    said: bytes

    def without(self, ids: Iterable[str]) -> "Answer":
        """The same with whatever was asked for left out, which is repeated in a refusal."""
        said = self.said
        for one in sorted(ids, key=len, reverse=True):
            said = said.replace(one.encode(), b"*")
        return replace(self, said=said)

    @property
    def is_of_right(self) -> bool:
        """Whether it was refused for who calls."""
        return self.status in REFUSED and self.code.startswith(("access.", "identity."))


def methods(house: House) -> list[Method]:
    """Every method that is answered, those that change nothing first, what erases last."""
    found: dict[str, Method] = {}
    for name, resident in house.residents.items():
        for servicer in callers.servicers_of(resident.service, resident.parts):
            service = descriptor_pool.Default().FindServiceByName(servicer.name)  # type: ignore[no-untyped-call, unused-ignore]
            for method in service.methods:
                access = method.GetOptions().Extensions[access_pb2.access]
                kind = message_factory.GetMessageClass(method.input_type)
                path = f"/{servicer.name}/{method.name}"
                found.setdefault(path, Method(name, path, method.name, kind, access))
    return sorted(found.values(), key=lambda method: (not method.is_read, method.name.startswith("Erase"), method.path))


# Who calls.


def everybody(own: Belongings) -> Iterator[Principal | None]:
    """Each kind with each role that it can have, and with none; bound to accounts and not; nobody at all."""
    yield None
    yield operator()
    yield Principal("service:notifications", OURS, "notifications")
    yield Principal("service:ledger", OURS, "ledger")
    yield Principal("service:portal", OURS, "portal")
    for kind in (CONTACT, USER, KEY):
        for roles in ((), *((role,) for role in sorted(ROLES[kind])), tuple(ROLES[kind])):
            yield from of_kind(kind, own, roles)
    for kind in (CONTACT, USER):
        yield from (replace(one, assurance=1) for one in of_kind(kind, own, tuple(ROLES[kind])))


def of_kind(kind: str, own: Belongings, roles: Sequence[str]) -> Iterator[Principal]:
    name = own.contact if kind == CONTACT else "somebody"
    one = Principal(
        f"{kind}:{name}", OURS, "operator" if "OPERATOR" in roles else "portal", frozenset(roles), assurance=2
    )
    if kind == USER or (kind == KEY and not (roles and BUYER_ROLES.issuperset(roles))):
        yield one
    yield replace(one, accounts=frozenset({own.account}))


def may(access: access_pb2.Access, principal: Principal | None) -> bool:
    """Whether somebody may call a method at all, as its contract says."""
    if principal is None or (not principal.tenant and not access.without_tenant):
        return False
    kind, _, name = principal.subject.partition(":")
    if kind == "service":
        return name in access.services
    kinds = {access_pb2.Caller.Name(one) for one in access.callers}
    roles = {access_pb2.Role.Name(one).removeprefix("ROLE_") for one in access.roles}
    sure = kind == KEY or principal.assurance >= access.assurance
    free = principal.accounts is None or not access.whole_tenant
    return f"CALLER_{kind.upper()}" in kinds and bool(roles & principal.roles) and sure and free


def may_ask(method: Method, principal: Principal | None, request: Message) -> bool:
    """Whether somebody may ask this of their own: some values of a field are for fewer."""
    if not may(method.access, principal):
        return False
    if not method.access.value_field:
        return True
    values: Any = request.DESCRIPTOR.fields_by_name[method.access.value_field].enum_type
    options = values.values_by_number[getattr(request, method.access.value_field)].GetOptions()
    return not options.HasExtension(access_pb2.value_access) or may(
        options.Extensions[access_pb2.value_access], principal
    )


# What is asked.


@cache
def _asked(method: Method, account: str, ids: tuple[tuple[str, str], ...], nth: int) -> Message:
    of = Belongings(account)
    for name, value in ids:
        if name in (
            "invoice_id",
            "invoice",
            "case",
            "proposed",
            "twin",
            "lined",
            "careful",
            "incident",
            "ending",
            "evidence",
            "reference",
            "message",
            "decision",
        ):
            setattr(of, name, value)
    said = more(method.short, of)[nth]
    request = method.request()
    for field, what in method.ids.items():
        setattr(request, field, getattr(of, what))
    if isinstance(said, Message):
        request.MergeFrom(said)
    return request


def asked(method: Method, of: Belongings) -> list[Message]:
    """Each way in which a method is asked about what is of an account."""
    ids = tuple(sorted(vars(of).items()))
    return [_asked(method, of.account, ids, nth) for nth in range(len(more(method.short, of)))]


def mixed(method: Method, own: Belongings, of: Belongings) -> list[Message]:
    """The same in the name of one's own account, and oneself: what else it names is of another."""
    found = []
    for mine, other in zip(asked(method, own), asked(method, of), strict=True):
        request = method.request()
        request.CopyFrom(other)
        for field in {method.access.account_field, method.access.contact_field} - {""}:
            setattr(request, field, getattr(mine, field))
        found.append(request)
    return found


class Asking:
    """Asks in somebody's name, and keeps what is wrong with the answers."""

    def __init__(self, house: House, world: dict[str, Belongings]) -> None:
        self._house, self._world = house, world
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._keys = 0
        self._tokens: dict[tuple[Principal, str], tuple[str, float]] = {}
        self.count: Counter[str] = Counter()
        self.answered: set[str] = set()  # methods that did as they were asked
        # One example of each kind.
        self.flaws: dict[str, str] = {}

    async def ask(self, method: Method, principal: Principal | None, request: Message) -> Answer:
        """Ask, again while a busy database says so."""
        while True:
            answer = await self._ask_once(method, principal, request)
            self.count[answer.status.name] += 1
            if answer.status not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                return answer

    async def _ask_once(self, method: Method, principal: Principal | None, request: Message) -> Answer:
        async with self._turn:
            self._keys += 1
            token = self._token(principal, method.resident) if principal else ""
            metadata = ((IDENTITY, token), ("ar-idempotency-key", f"ask {self._keys}"), ("ar-reason", "asked"))
            call: Any = self._house.residents[method.resident].channel.unary_unary(method.path)
            try:
                said = await call(request.SerializeToString(), metadata=metadata, timeout=60)
            except grpc.aio.AioRpcError as error:
                return Answer(error.code(), _reason(error), (error.details() or "").encode())
            return Answer(grpc.StatusCode.OK, "", said)

    def _token(self, principal: Principal, audience: str) -> str:
        """One that is used for a while, as a session's is."""
        token, since = self._tokens.get((principal, audience), ("", float("-inf")))
        if time.monotonic() - since > RENEWED_S:
            token = callers.token(principal, audience)
            self._tokens[principal, audience] = token, time.monotonic()
        return token

    def wrong(self, what: str, method: Method, principal: Principal | None, answer: Answer) -> None:
        """Something that must not be."""
        who = (
            NOBODY
            if principal is None
            else f"{principal.subject} {sorted(principal.roles)[:3]} of {principal.accounts}"
        )
        example = f"by {who}: {answer.status.name} {answer.code} {answer.said[:300]!r}"
        self.flaws.setdefault(f"{what}: {method.short}", example)

    def hears_nothing_of(
        self, others: Iterable[str], method: Method, principal: Principal | None, answer: Answer
    ) -> None:
        """No id, number or name of these accounts is in the answer."""
        if answer.status is grpc.StatusCode.OK:
            for account in others:
                for secret in self._world[account].secrets:
                    if secret.encode() in answer.said:
                        self.wrong(f"tells {secret}", method, principal, answer)


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has all that is read
    info = error_details_pb2.ErrorInfo()
    return info.reason if status is not None and status.details and status.details[0].Unpack(info) else ""


async def each(work: Iterable[Awaitable[None]]) -> None:
    """All of it, so many at once as `Asking` lets."""
    async with asyncio.TaskGroup() as tasks:
        for one in work:
            tasks.create_task(one)  # type: ignore[arg-type] # they are coroutines


@pytest.mark.timeout(900)  # thousands of calls: half a minute where nobody else is at work
@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.prove)])
async def test_nobody_hears_or_does_what_is_anothers(house: House, servers: Servers, share: int):
    """ASVS 8.3.3, 8.4.1: each method as everybody, by who asked first and not by which service passes it on.

    In a run of all tests as every fourth of those with one role, each time others.
    """
    world = await settled(house)
    asking, all_methods = Asking(house, world), methods(house)
    everyone = list(everybody(world[OWN]))
    turns = count()

    def people() -> list[Principal | None]:
        turn = next(turns)
        return [
            one
            for n, one in enumerate(everyone)
            if one is None or not one.tenant or len(one.roles) != 1 or (n + turn) % share == 0
        ]

    before = facts(house, servers)

    await each(refused_for_who_they_are(asking, world, all_methods, people))
    await each(kept_from_others(asking, world, [m for m in all_methods if m.name not in CREATES], people))
    changed = [table for table, rows in facts(house, servers).items() if rows != before[table]]
    await each(kept_from_others(asking, world, [m for m in all_methods if m.name in CREATES], people))
    for method in all_methods:  # one after the other: reads before what changes them
        await each(answered_of_their_own(asking, world, method, people))

    assert not asking.flaws, "\n".join(f"{what} {example}" for what, example in asking.flaws.items())
    assert changed == [], "whoever is refused changes nothing"
    assert {method.short for method in all_methods} - asking.answered <= DONE | HELD, "who may is done as they ask"
    assert asking.count["OK"] > 500 / share
    assert asking.count["PERMISSION_DENIED"] > 5000 / share


def refused_for_who_they_are(
    asking: Asking, world: dict[str, Belongings], all_methods: Sequence[Method], people: People
) -> Iterator[Awaitable[None]]:
    """Who may not call a method is refused, in the same words whatever is asked for, and whether it is there."""

    async def refused(method: Method, principal: Principal | None, nth: int, strangers: Sequence[str]) -> None:
        found = set()
        for account in (OWN, *strangers):
            of = world[account]
            answer = await asking.ask(method, principal, asked(method, of)[nth])
            expected = REFUSED[principal is not None]
            if answer.status is not expected or not answer.is_of_right:
                asking.wrong(f"not refused {account}", method, principal, answer)
            found.add(answer.without(vars(of).values()))
        if len(found) > 1:
            asking.wrong(f"tells apart {found}", method, principal, answer)

    turns = cycle((SIBLING, OTHER, FAR, NONE))
    for method in all_methods:
        for nth, request in enumerate(asked(method, world[OWN])):
            for principal in people():
                if not may_ask(method, principal, request):
                    # Those of one role ask for their own and one other, turn by turn; the request was not even read.
                    one_role = principal is not None and len(principal.roles) == 1
                    yield refused(method, principal, nth, [next(turns)] if one_role else [SIBLING, OTHER, FAR, NONE])


def kept_from_others(
    asking: Asking, world: dict[str, Belongings], some: Sequence[Method], people: People
) -> Iterator[Awaitable[None]]:
    """Who may call a method hears nothing of another's, nor whether there is such a one."""

    async def kept(method: Method, principal: Principal, nth: int, *, named: bool) -> None:
        is_bound = principal.accounts is not None
        strangers = [SIBLING, OTHER] if is_bound else []
        if method.name not in CREATES:  # of another tenant's ids it is not known that they are taken
            strangers.append(FAR)
        found: dict[Answer, list[str]] = defaultdict(list)
        for account in (*strangers, NONE):
            of = world[account]
            requests = asked(method, of) if named else mixed(method, world[OWN], of)
            answer = await asking.ask(method, principal, requests[nth])
            asking.hears_nothing_of(strangers, method, principal, answer)
            if is_bound and not method.is_read and method.name not in CREATES and answer.status is grpc.StatusCode.OK:
                asking.wrong(f"does it to {account}", method, principal, answer)
            if is_bound and named and method.access.account_field and answer.code != "access.account":
                asking.wrong(f"not refused for naming {account}", method, principal, answer)
            if answer.status is grpc.StatusCode.INTERNAL:
                asking.wrong(f"a defect for {account}", method, principal, answer)
            found[answer.without(_named(of))].append(account)
        if len(found) > 1 and method.name not in CREATES:
            asking.wrong(
                f"tells apart {sorted(found.values())} {[one.code for one in found]}", method, principal, answer
            )

    for method in some:
        if not method.ids:
            continue
        others = set(method.ids) - {method.access.account_field, method.access.contact_field}
        for nth, request in enumerate(asked(method, world[OWN])):
            for principal in people():
                if principal is None or not may_ask(method, principal, request):
                    continue
                yield kept(method, principal, nth, named=True)
                if others and principal.accounts is not None:
                    yield kept(method, principal, nth, named=False)


def _named(of: Belongings) -> list[str]:
    return [
        *vars(of).values(),
        of.about,
        of.order,
        of.open_order,
        of.referred,
        of.contact,
        of.hold,
        of.uplift,
        of.security,
        of.review,
        of.payment,
        of.company,
        of.application,
        f"{of.account}-site",
    ]


def answered_of_their_own(
    asking: Asking, world: dict[str, Belongings], method: Method, people: People
) -> Iterator[Awaitable[None]]:
    """Who may is answered, and hears of their own alone."""

    async def answered(principal: Principal) -> None:
        strangers = (SIBLING, OTHER, FAR) if principal.accounts is not None else (FAR,)
        for request in asked(method, world[OWN]):
            if may_ask(method, principal, request):
                answer = await asking.ask(method, principal, request)
                if answer.is_of_right or answer.status in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNIMPLEMENTED):
                    asking.wrong("not answered", method, principal, answer)
                asking.hears_nothing_of(strangers, method, principal, answer)
                if answer.status is grpc.StatusCode.OK:
                    asking.answered.add(method.short)

    for principal in people():
        if principal is not None and may(method.access, principal):
            yield answered(principal)


def facts(house: House, servers: Servers) -> dict[str, str]:
    """What all tables of all services hold, as a hash each; what a service keeps of its machinery aside."""
    found = {}
    for name, resident in house.residents.items():
        dbname = str(conninfo_to_dict(resident.parts.database.url)["dbname"])
        with psycopg.connect(make_conninfo(servers.admin_database_url, dbname=dbname)) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                if table not in MACHINERY:
                    question = (
                        f"""SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM "{table}" t"""
                    )
                    row = connection.execute(question.encode()).fetchone()
                    found[f"{name}.{table}"] = str(row[0] if row else "")
    return found
