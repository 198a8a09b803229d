"""The audit trail: acts written with the deed, refusals gathered, a chain that tells where it was tampered with."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import psycopg
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.audit.v1 import service_pb2 as audit_pb2
from receivables.audit.v1 import service_pb2_grpc as audit_grpc
from receivables.credit.v1 import service_pb2, service_pb2_grpc

from deploy.local.trust import Issuers, operator, person
from services.chassis import acts, chain, rpc, service
from services.chassis.access import IDENTITY, Refused
from services.chassis.acts import Act, Refusals
from services.chassis.audit import AuditService
from services.chassis.chain import Break, Root, Verified
from services.chassis.database import NOBODY, Database
from services.chassis.envelope import Origin
from services.chassis.identity import Principal
from services.chassis.rpc import Door, write
from services.chassis.service import Parts, database_of
from services.chassis.settings import ChassisSettings
from services.kernel.refusals import Forbidden
from tests.chaos.toy.service import servicers

Toy = Parts[ChassisSettings]
Did = tuple[str, str, str, str, str, int]

ADA = person("user:ada", "acme")
REGISTER = "receivables.credit.v1.CreditService/RegisterBuyer"
DECIDE = "receivables.credit.v1.CreditService/Decide"
AT = datetime(2026, 3, 2, 23, 59, 59, 999_999, tzinfo=UTC)


class Strict(Door, service_pb2_grpc.CreditServiceServicer):
    """Lets nobody do anything, for a reason of its own."""

    @write
    async def RegisterBuyer(
        self, tx: Any, call: Origin, request: service_pb2.RegisterBuyerRequest
    ) -> service_pb2.RegisterBuyerResponse:
        raise Forbidden("toy.four_eyes", "somebody else does this")


@dataclass
class Caller:
    """Calls the toy as somebody who is vouched for."""

    channel: grpc.aio.Channel
    issuers: Issuers
    refusals: Refusals

    async def __call__(self, method: str, request: Any, caller: Principal | None = ADA, key: str = "") -> Any:
        metadata = [("ar-idempotency-key", key or uuid4().hex), ("ar-reason", "test")]
        if caller is not None:
            metadata.append((IDENTITY, self.issuers.signer(caller.issuer).sign(caller, "toy")))
        stub: Any = audit_grpc.AuditServiceStub if "List" in method else service_pb2_grpc.CreditServiceStub
        return await getattr(stub(self.channel), method)(request, metadata=metadata)

    async def register(self, account: str = "b1", caller: Principal | None = ADA, key: str = "") -> Any:
        return await self("RegisterBuyer", service_pb2.RegisterBuyerRequest(account_id=account), caller, key)

    async def decide(self, order: str, account: str = "b1", caller: Principal = ADA) -> Any:
        request = service_pb2.DecideRequest(order_id=order, account_id=account)
        return await self("Decide", request, caller, order)


@asynccontextmanager
async def serving(toy: Toy, issuers: Issuers, answers: Any = None) -> AsyncIterator[Caller]:
    """The toy behind its gate, its audit trail beside it."""
    settings = toy.settings.model_copy(update={"access": "require", "trust_dir": issuers.trust})
    refusals = Refusals(toy.database)
    [credit] = servicers(toy)
    server = rpc.server(service.gate_of("toy", settings, [credit.name], refusals.note))
    credit.add(answers or credit.answers, server)
    audit_grpc.add_AuditServiceServicer_to_server(AuditService(toy.database, toy.consumer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Caller(channel, issuers, refusals)
    await server.stop(None)


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    """Give those who vouch for callers."""
    return Issuers(tmp_path).make(["toy"])


@pytest_asyncio.fixture
async def call(toy: Toy, issuers: Issuers) -> AsyncIterator[Caller]:
    """Give a caller of the toy."""
    async with serving(toy, issuers) as caller:
        yield caller


async def refused(call: Awaitable[Any]) -> str:
    """The stable code of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    status = rpc_status.from_call(failed.value)  # type: ignore[arg-type] # it has all that is read
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    status.details[0].Unpack(info)
    return str(info.reason)


async def rows(toy: Toy, tenant: str = "acme") -> list[Any]:
    """Its acts, but for what made the database."""
    async with toy.database.transaction([tenant]) as tx:
        return await tx.rows("SELECT * FROM act WHERE method <> 'migrate' ORDER BY number")


async def told(toy: Toy, tenant: str = "acme") -> list[Did]:
    """What stands in the trail: who, what, account, outcome, code, times."""
    return [(r.actor, r.method, r.account_id, r.outcome, r.code, r.times) for r in await rows(toy, tenant)]


def done(account: str, method: str = REGISTER) -> Did:
    return ("user:ada", method, account, "done", "", 1)


async def test_a_write_tells_who_did_what_for_whom_and_by_which_key(toy: Toy, call: Caller):
    stand_in = person("user:b", "acme", "b1")
    await call.register("b1", key="k1")
    await call.decide("o1", caller=replace(stand_in, on_behalf_of="user:a"))

    first, second = await rows(toy)

    assert (first.actor, first.on_behalf_of, first.issuer, first.workload) == ("user:ada", "", "portal", "")
    assert (first.method, first.account_id, first.idempotency_key) == (REGISTER, "b1", "k1")
    assert (second.actor, second.on_behalf_of, second.method) == ("user:b", "user:a", DECIDE)
    assert second.idempotency_key == "o1"
    async with toy.database.transaction(["acme"]) as tx:
        answer = await tx.row("SELECT request_hash FROM answer WHERE idempotency_key = 'k1'")
    assert first.digest == answer.request_hash


async def test_a_repeat_and_what_was_not_done_leave_no_act(toy: Toy, call: Caller):
    await call.register("b1", key="k1")
    await call.register("b1", key="k1")

    assert await refused(call.register("b2", key="k1")) == "call.key_reused"
    assert await refused(call.register("refused")) == "toy.refused"
    await call("GetAccount", service_pb2.GetAccountRequest(account_id="b1"))
    await call.refusals.flush()

    assert await told(toy) == [done("b1")]


async def test_of_calls_that_share_transactions_each_has_its_act_once(toy: Toy, call: Caller, issuers: Issuers):
    orders = [f"o{n}" for n in range(30)]
    async with serving(toy, issuers) as another:
        await asyncio.gather(*(one.decide(order) for order in orders for one in (call, another)))

    assert sorted(row.idempotency_key for row in await rows(toy)) == sorted(orders)


async def test_refusals_of_right_are_told_alike_ones_together(toy: Toy, call: Caller):
    clerk = replace(ADA, roles=frozenset({"COLLECTOR"}))
    of_another = person("user:cy", "acme", "b1")
    for _ in range(3):
        assert await refused(call.register("b1", clerk)) == "access.role"
    assert await refused(call.decide("o1", "b2", caller=of_another)) == "access.account"
    assert await refused(call.register("b1", None)) == "identity.missing"
    await call.refusals.flush()

    assert await told(toy) == [
        ("user:ada", REGISTER, "", "refused", "access.role", 3),
        ("user:cy", DECIDE, "b2", "refused", "access.account", 1),
    ]
    assert await told(toy, NOBODY) == [("", REGISTER, "", "refused", "identity.missing", 1)]


async def test_a_right_that_the_service_itself_refuses_is_told_too(toy: Toy, issuers: Issuers):
    strict = Strict(toy.database, toy.consumer)  # type: ignore[abstract] # the other calls are UNIMPLEMENTED
    async with serving(toy, issuers, strict) as call:
        assert await refused(call.register("b1")) == "toy.four_eyes"
        await call.refusals.flush()

    assert await told(toy) == [("user:ada", REGISTER, "b1", "refused", "toy.four_eyes", 1)]


def refusal(actor: str, account: str = "", tenant: str = "acme") -> Refused:
    """A refusal of somebody."""
    return Refused(DECIDE, "access.account", replace(ADA, subject=actor, tenant=tenant), "", account)


async def test_a_flood_of_refusals_fills_nothing_and_hides_nobody_elses(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    refusals = Refusals(toy.database)
    for n in range(10_000):
        refusals.note(refusal("user:mallory", f"b{n}"))
    refusals.note(refusal("user:ada", "b1"))
    await refusals.flush()
    assert len(await rows(toy)) == acts.OF_CALLER + 1
    refusals.note(refusal("user:mallory", "b0"))

    monkeypatch.setattr(refusals, "_until", 0.0)
    await refusals.flush()

    *_, more = await told(toy)
    assert more == ("user:mallory", "", "", "refused", acts.MORE, 10_001 - acts.OF_CALLER)
    refusals.note(refusal("user:mallory", "b0"))
    await refusals.flush()
    assert (await told(toy))[-1] == ("user:mallory", DECIDE, "b0", "refused", "access.account", 1)


async def test_a_flood_of_callers_is_bounded_by_the_tenant(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    refusals = Refusals(toy.database)
    for n in range(5_000):
        refusals.note(refusal(f"user:u{n}"))
    refusals.note(refusal("user:u1", tenant="other"))
    monkeypatch.setattr(refusals, "_until", 0.0)
    await refusals.flush()

    written = await rows(toy)

    assert len(written) <= 2 * acts.OF_TENANT + 1
    assert sum(row.times for row in written) == 5_000
    assert len(await told(toy, "other")) == 1


async def test_what_no_account_could_be_named_is_not_kept(toy: Toy):
    refusals = Refusals(toy.database)
    refusals.note(refusal("user:ada", "Dear sir,\nplease"))
    refusals.note(refusal("user:ada", "b" * 65))
    await refusals.flush()

    assert await told(toy) == [("user:ada", DECIDE, "", "refused", "access.account", 2)]


async def test_refusals_wait_for_a_database_that_is_away_and_the_last_are_written_at_the_end(toy: Toy):
    refusals = Refusals(toy.database)
    refusals.note(refusal("user:ada"))
    keeping = asyncio.create_task(refusals.keep())
    await asyncio.sleep(0)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping

    assert len(await rows(toy)) == 1


# The chain


def an_act(n: int = 1, tenant: str = "acme", **more: Any) -> Act:
    return Act(tenant, "user:ada", method=DECIDE, idempotency_key=f"o{n}", digest=bytes([n] * 32), **more)


async def leave(database: Database, *written: Act) -> None:
    """Write acts, each in a transaction of its own."""
    for act in written:
        async with database.transaction([act.tenant]) as tx:
            await acts.add(tx, [(act, 1)])


async def chained(toy: Toy, count: int = 6) -> list[int]:
    """The numbers of so many acts that are chained."""
    await leave(toy.database, *(an_act(n) for n in range(1, count + 1)))
    await chain.chain(toy.database)
    return [row.number for row in await rows(toy)]


async def kept(toy: Toy, tenant: str = "acme") -> list[Root]:
    """The roots as somebody keeps them elsewhere."""
    return [root async for root in chain.roots(toy.database, tenant)]


async def verified(toy: Toy, roots: Sequence[Root] = (), tenant: str = "acme", at_once: int = 2) -> Verified:
    """What verifying finds, in small pages."""
    return await chain.verify(toy.database, tenant, roots, at_once=at_once)


def as_owner(toy: Toy, *statements: str, tenant: str = "acme") -> None:
    """Let the owner of the database do something to it."""
    owner = toy.settings.owner_database_url
    assert owner is not None
    with psycopg.connect(owner.get_secret_value()) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [tenant])
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount != 0, statement


async def test_acts_of_each_tenant_are_chained_and_the_last_of_a_day_is_its_root(toy: Toy):
    await leave(toy.database, an_act(1), an_act(1, "other"), an_act(2), Act(NOBODY, "user:op", method="rebuild"))
    await chain.chain(toy.database)
    await leave(toy.database, an_act(3))
    await chain.chain(toy.database)

    *_, last = await rows(toy)
    found = await verified(toy)
    [root] = await kept(toy)
    assert (found.acts, found.waiting, found.broken, found.number) == (3, 0, None, last.number)
    assert (root.day, root.number, root.hash) == (datetime.now(UTC).date(), last.number, found.hash)
    assert (await verified(toy, tenant="other")).acts == 1
    assert (await verified(toy, tenant=NOBODY)).broken is None
    assert await chain.chain(toy.database) == 0


async def test_the_server_and_a_reader_of_the_contract_write_an_act_alike(toy: Toy):
    odd = 'a "quoted" \\ word, é漢字 \u200d'
    await leave(toy.database, an_act(1, account_id=odd, code=odd, workload=odd))
    await chain.chain(toy.database)

    assert (await verified(toy)).acts == 1


async def test_an_act_of_a_day_that_is_over_counts_to_the_day_after_once_that_has_begun(toy: Toy):
    await leave(toy.database, an_act(1), an_act(2), an_act(3))
    as_owner(toy, f"UPDATE act SET at = '{AT}' WHERE idempotency_key IN ('o1', 'o3')")
    await chain.chain(toy.database)

    first, second, third = await rows(toy)
    assert [(root.day, root.number) for root in await kept(toy)] == [
        (AT.date(), first.number),
        (second.at.astimezone(UTC).date(), third.number),
    ]
    assert (await verified(toy)).broken is None


async def test_what_a_lower_number_may_still_come_before_waits(toy: Toy):
    await leave(toy.database, an_act(9))
    await chain.chain(toy.database)
    async with toy.database.transaction(["acme"]) as slow:
        await acts.add(slow, [(an_act(1), 1)])
        await leave(toy.database, an_act(2), an_act(1, "other"))
        chaining = asyncio.create_task(chain.chain(toy.database))
        await asyncio.sleep(5 * chain.LOOK_S)
        await leave(toy.database, an_act(3))  # nobody waits for the chain
        assert not chaining.done()
        assert ((await verified(toy)).acts, (await verified(toy)).waiting) == (1, 2)

    assert await chaining == 3
    assert await chain.chain(toy.database) == 1
    assert [row.idempotency_key for row in await rows(toy)] == ["o9", "o1", "o2", "o3"]
    assert ((await verified(toy)).acts, (await verified(toy)).broken) == (4, None)


async def test_a_number_whose_act_was_undone_is_no_hole(toy: Toy):
    await leave(toy.database, an_act(1))
    async with toy.database.transaction(["acme"]) as tx:
        await acts.add(tx, [(an_act(2), 1)])
        await tx.connection.rollback()
    await leave(toy.database, an_act(3))
    await chain.chain(toy.database)

    assert ((await verified(toy)).acts, (await verified(toy)).broken) == (2, None)


async def test_two_replicas_that_chain_at_once_while_others_write_make_one_chain(toy: Toy):
    async def chain_again_and_again(database: Database) -> int:
        return sum([await chain.chain(database) or 0 for _ in range(15)])

    async with database_of(toy.settings) as another:
        chaining = asyncio.gather(*(chain_again_and_again(database) for database in (toy.database, another)))
        await asyncio.gather(
            *(leave(toy.database, *(an_act(n, t) for n in range(1, 41))) for t in ("acme", "acme", "other"))
        )
        first, second = await chaining
        rest = await chain.chain(another)

    assert first + second + (rest or 0) == 120 + len(await verified_rows(toy, NOBODY))
    assert ((await verified(toy)).acts, (await verified(toy)).broken) == (80, None)
    assert (await verified(toy, tenant="other")).acts == 40


async def verified_rows(toy: Toy, tenant: str) -> list[Any]:
    """All acts of a tenant, those of its migrations included."""
    async with toy.database.transaction([tenant]) as tx:
        return await tx.rows("SELECT FROM act")


async def test_who_crashes_in_between_leaves_the_chain_whole(toy: Toy):
    await chained(toy, 3)
    async with toy.database.transaction(["acme"]) as slow:
        await acts.add(slow, [(an_act(4), 1)])
        chaining = asyncio.create_task(chain.chain(toy.database))
        while not (killed := await _end_chaining(toy)):
            await asyncio.sleep(chain.LOOK_S)
        with pytest.raises(psycopg.OperationalError):
            await chaining
        assert killed == 1

    assert await chain.chain(toy.database) == 1
    assert ((await verified(toy)).acts, (await verified(toy)).broken) == (4, None)


async def _end_chaining(toy: Toy) -> int:
    """Cut off whoever is chaining, as a crash does."""
    async with toy.database.glance() as tx:
        ended = await tx.rows(
            """SELECT pg_terminate_backend(pid) FROM pg_locks
                WHERE locktype = 'advisory' AND objid = %s
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
            [chain._LOCK],
        )
    return len(ended)


async def test_the_serving_role_cannot_change_what_stands_there(toy: Toy):
    await chained(toy)

    for statement in (
        "UPDATE act SET actor = 'x'",
        "DELETE FROM act",
        "UPDATE act_link SET hash = ''",
        "DELETE FROM act_link",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with toy.database.transaction(["acme"]) as tx:
                await tx.run(statement)


@pytest.mark.parametrize(
    "change",
    [
        *(f"{column} = 'x'" for column in ("actor", "on_behalf_of", "issuer", "workload", "method", "account_id")),
        *("idempotency_key = 'x'", "digest = 'x'", "outcome = 'refused'", "code = 'x'", "times = 2"),
        "at = at + interval '1 microsecond'",
    ],
)
async def test_a_row_that_was_changed_is_named(toy: Toy, change: str):
    numbers = await chained(toy)
    as_owner(toy, f"UPDATE act SET {change} WHERE number = {numbers[3]}")

    assert (await verified(toy)).broken == Break("acme", numbers[2], numbers[3], "changed")


async def test_a_row_that_was_removed_is_named(toy: Toy):
    numbers = await chained(toy)
    as_owner(toy, f"DELETE FROM act WHERE number = {numbers[3]}")

    assert (await verified(toy)).broken == Break("acme", numbers[2], numbers[3], "removed")


async def test_a_row_that_was_removed_with_its_link_is_seen_at_the_next(toy: Toy):
    numbers = await chained(toy)
    as_owner(toy, *(f"DELETE FROM {table} WHERE number = {numbers[3]}" for table in ("act", "act_link")))

    assert (await verified(toy)).broken == Break("acme", numbers[2], numbers[4], "changed")


async def test_the_first_rows_removed_with_their_links_are_seen(toy: Toy):
    numbers = await chained(toy)
    as_owner(toy, *(f"DELETE FROM {table} WHERE number = {numbers[0]}" for table in ("act", "act_link")))

    assert (await verified(toy)).broken == Break("acme", 0, numbers[1], "changed")


_PUT_IN = """INSERT INTO act (tenant, number, actor, on_behalf_of, issuer, workload, method, account_id, idempotency_key, digest,
                              outcome, code, times) OVERRIDING SYSTEM VALUE
             SELECT tenant, {number}, actor, on_behalf_of, issuer, workload, method, account_id, 'forged', digest, outcome,
                    code, times FROM act WHERE idempotency_key = 'o1'"""


async def test_a_row_that_was_put_in_is_named(toy: Toy):
    await leave(toy.database, an_act(1), an_act(1, "other"), an_act(2))
    await chain.chain(toy.database)
    first, _ = await rows(toy)
    as_owner(toy, _PUT_IN.format(number=first.number + 1))  # the other tenant's number

    assert (await verified(toy)).broken == Break("acme", first.number, first.number + 1, "put in")


async def test_an_end_that_was_cut_off_is_seen_by_a_root_that_was_kept(toy: Toy):
    numbers = await chained(toy)
    roots = await kept(toy)
    as_owner(
        toy,
        f"DELETE FROM act WHERE number > {numbers[3]}",
        f"DELETE FROM act_link WHERE number > {numbers[3]}",
        f"UPDATE act_root SET number = {numbers[3]}, hash = (SELECT hash FROM act_link WHERE number = {numbers[3]})",
    )

    assert (await verified(toy)).broken is None
    assert (await verified(toy, roots)).broken == Break("acme", numbers[3], numbers[5], "removed")
    as_owner(toy, "DELETE FROM act", "DELETE FROM act_link", "DELETE FROM act_root", "DELETE FROM tenant")
    assert (await verified(toy, roots)).broken == Break("acme", 0, numbers[5], "removed")


async def test_an_end_that_was_cut_off_alone_is_seen_by_the_days_root(toy: Toy):
    numbers = await chained(toy)
    as_owner(toy, *(f"DELETE FROM {table} WHERE number > {numbers[3]}" for table in ("act", "act_link")))

    assert (await verified(toy)).broken == Break("acme", numbers[3], numbers[5], "removed")


async def test_a_chain_that_was_made_anew_is_seen_by_a_root_that_was_kept(toy: Toy):
    numbers = await chained(toy)
    roots = await kept(toy)
    as_owner(
        toy,
        "UPDATE act SET actor = 'user:eve' WHERE idempotency_key = 'o2'",
        "DELETE FROM act_link",
        "DELETE FROM act_root",
    )
    await chain.chain(toy.database)

    assert (await verified(toy)).broken is None
    assert (await verified(toy, roots)).broken == Break("acme", numbers[5], numbers[5], "root")


async def test_a_kept_root_whose_act_is_gone_from_a_chain_made_anew_is_seen(toy: Toy):
    numbers = await chained(toy, 3)
    roots = await kept(toy)
    await leave(toy.database, an_act(4))
    as_owner(toy, f"DELETE FROM act WHERE number = {numbers[2]}", "DELETE FROM act_link", "DELETE FROM act_root")
    await chain.chain(toy.database)

    assert (await verified(toy)).broken is None
    assert (await verified(toy, roots)).broken == Break("acme", numbers[1], numbers[2], "removed")


async def test_a_root_stands_for_what_was_cleaned_before_it(toy: Toy):
    await leave(toy.database, an_act(1), an_act(2), an_act(3))
    as_owner(toy, f"UPDATE act SET at = '{AT}' WHERE idempotency_key <> 'o3'")
    await chain.chain(toy.database)
    roots = await kept(toy)

    cleaned = _clean(toy)
    await chain.chain(toy.database)

    assert cleaned == roots[0]
    found = await verified(toy, roots)
    assert (found.acts, found.cleaned, found.broken) == (2, roots[0], None)
    assert [(row.idempotency_key, row.method) for row in await rows(toy)] == [
        ("o3", DECIDE),
        (str(roots[0].number), "audit clean"),
    ]
    assert _clean(toy) is None


async def test_a_chain_whose_acts_were_all_cleaned_goes_on_from_its_root(toy: Toy):
    await leave(toy.database, an_act(1), an_act(2))
    as_owner(toy, f"UPDATE act SET at = '{AT}'")
    await chain.chain(toy.database)
    [root] = await kept(toy)
    assert _clean(toy) is None  # that day may grow yet, whatever the clock says
    as_owner(toy, "DELETE FROM act", "DELETE FROM act_link")
    assert (await verified(toy)).cleaned == root
    await leave(toy.database, an_act(3))
    await chain.chain(toy.database)

    found = await verified(toy, await kept(toy))
    assert (found.acts, found.cleaned, found.broken) == (1, root, None)


def _clean(toy: Toy) -> Root | None:
    owner = toy.settings.owner_database_url
    assert owner is not None
    return chain.clean(owner.get_secret_value(), "acme", datetime.now(UTC).date(), by="user:ada")


# What auditors are answered

AUDITOR = person("user:audit", "acme", roles=["AUDITOR"])


async def test_an_auditor_reads_the_tenants_acts_in_pages_and_can_compute_the_chain(toy: Toy, call: Caller):
    await leave(toy.database, an_act(9, "other"))
    for n in range(5):
        await call.register(f"b{n}")
    await chain.chain(toy.database)

    pages, token = [], ""
    while True:
        answer = await call("ListActs", audit_pb2.ListActsRequest(page_size=2, page_token=token), AUDITOR)
        pages.append([act.account_id for act in answer.acts])
        if not (token := answer.next_page_token):
            break
    assert pages == [["b4", "b3"], ["b2", "b1"], ["b0"]]

    so_far = chain.GENESIS
    all_acts = (await call("ListActs", audit_pb2.ListActsRequest(), AUDITOR)).acts
    for act in reversed(all_acts):
        at = act.at.ToDatetime().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        said = [
            "acme",
            act.number,
            at,
            act.actor,
            act.on_behalf_of,
            act.issuer,
            act.workload,
            act.method,
            act.account_id,
        ]
        said += [act.idempotency_key, act.digest.hex(), act.outcome, act.code, act.times]
        so_far = hashlib.sha256(so_far + json.dumps(said, ensure_ascii=False).encode()).digest()
        assert act.hash == so_far
    [root] = (await call("ListRoots", audit_pb2.ListRootsRequest(), AUDITOR)).roots
    assert (root.number, root.hash) == (all_acts[0].number, so_far)


async def test_acts_are_found_by_account_or_by_actor(toy: Toy, call: Caller):
    await call.register("b1")
    await call.register("b2", person("user:bo", "acme"))

    async def found(**asked: Any) -> list[str]:
        answer = await call("ListActs", audit_pb2.ListActsRequest(**asked), AUDITOR)
        return [act.account_id for act in answer.acts]

    assert await found(account_id="b1") == ["b1"]
    assert await found(actor="user:bo") == ["b2"]
    both = audit_pb2.ListActsRequest(account_id="b1", actor="user:bo")
    assert await refused(call("ListActs", both, AUDITOR)) == "audit.one_question"


@pytest.mark.parametrize(
    "caller",
    [person("user:clerk", "acme", roles=["CREDIT", "COLLECTOR"]), person("contact:c1", "acme", "b1"), operator()],
)
async def test_nobody_else_reads_the_audit_trail(call: Caller, caller: Principal):
    for method, request in (("ListActs", audit_pb2.ListActsRequest()), ("ListRoots", audit_pb2.ListRootsRequest())):
        assert await refused(call(method, request, caller)) in {
            "access.role",
            "access.kind",
            "access.tenant",
            "access.bound",
        }
