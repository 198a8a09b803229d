"""A service's process: what it answers, how it refuses to start, and how it ends."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast
from urllib.request import urlopen

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2_grpc as credit_pb2_grpc
from receivables.operations.v1 import service_pb2, service_pb2_grpc

from deploy.local.postgres import provision
from deploy.local.processes import free_port, wait_until
from services.chassis.migrate import migrate
from services.chassis.service import LIVENESS, READINESS, STOP_S
from tests import callers
from tests.chaos.names import Names
from tests.chaos.toy.events import placed
from tests.chaos.toy.service import SERVICE
from tests.chaos.world import Replica, World, assert_exactly_once_in_order
from tests.receiver import Receiver

REGISTERED = (
    'grpc_server_handled_total{grpc_code="OK",grpc_method="RegisterBuyer",'
    'grpc_service="receivables.credit.v1.CreditService"}'
)


def set_clock(replica: Replica, at: datetime) -> None:
    """Set the business clock."""
    with callers.dialled(replica.address, SERVICE.name) as channel:
        request = service_pb2.SetClockRequest()
        request.at.FromDatetime(at)
        service_pb2_grpc.OperationsServiceStub(channel).SetClock(request, timeout=5)


def test_it_answers_health_reflection_and_metrics(world: World, tenant: str):
    world.send([placed("o1", tenant=tenant)])
    world.await_effects(tenant, 1)
    replica = world.replicas[0]

    with grpc.insecure_channel(replica.address) as channel:
        name = "receivables.credit.v1.CreditService"
        check: Any = health_pb2_grpc.HealthStub(channel)
        health = check.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        reflect: Any = cast(Any, reflection_pb2_grpc).ServerReflectionStub(channel)
        ask = cast(Any, reflection_pb2).ServerReflectionRequest(list_services="")
        [listed] = reflect.ServerReflectionInfo(iter([ask]), timeout=5)
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert {name, "receivables.operations.v1.OperationsService"} <= {
        service.name for service in listed.list_services_response.service
    }
    with urlopen(f"http://127.0.0.1:{replica.metrics_port}/metrics", timeout=5) as answer:
        assert "ar_outbox_oldest_age_seconds" in answer.read().decode()


def test_status_counts_what_waits_and_is_zero_when_all_is_done(world: World, tenant: str):
    world.send([placed("o1", tenant=tenant, after="invoice/i1"), placed("o2", tenant=tenant, site="fails")])

    def standing() -> tuple[int, int, int]:
        status = world.replicas[1].status()
        return status.lag, status.outbox, status.early

    wait_until(lambda: standing() == (0, 0, 1), "one early event is left")
    assert world.replicas[0].status().parked["failed"] >= 1
    assert world.replicas[0].status().service == "toy"


def test_the_clock_goes_forward_for_all_replicas_and_never_back(world: World):
    first, second = world.replicas
    earlier, later = datetime(2035, 1, 5, 9, tzinfo=UTC), datetime(2035, 1, 5, 10, tzinfo=UTC)
    set_clock(first, later)

    assert second.status().clock.ToDatetime(tzinfo=UTC) == later
    with pytest.raises(grpc.RpcError, match="backwards"):
        set_clock(second, earlier)


def test_sigterm_ends_it_in_order_and_the_other_goes_on(world: World, tenant: str):
    world.send([placed(f"o{n}", tenant=tenant) for n in range(200)])
    world.await_effects(tenant, 1)
    leaving = world.replicas[0].process

    leaving.terminate()

    assert leaving.wait(25) == 0
    world.await_effects(tenant, 200)
    assert_exactly_once_in_order(world, tenant, [f"b1 o{n}/1" for n in range(200)])


def test_a_receiver_of_spans_that_never_answers_delays_neither_business_nor_the_end(world: World, tenant: str):
    for replica in world.replicas:
        replica.process.stop()
    traced = world.replicas[0]
    with Receiver() as receiver:
        receiver.hold()
        # A queue that is full long before the end.
        small = {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32"}
        process = traced.described(**receiver.environment(), OTEL_BSP_SCHEDULE_DELAY="10", **small).start()
        world.send([placed(f"o{n}", account=f"b{n}", tenant=tenant) for n in range(400)])
        world.await_effects(tenant, 400)
        wait_until(lambda: receiver.asked > 0, "it tried to send some")

        process.terminate()
        told = time.monotonic()
        assert process.wait(25) == 0

        assert time.monotonic() - told < STOP_S
    assert_exactly_once_in_order(world, tenant, [f"b{n} o{n}/1" for n in range(400)])


def test_a_defect_outside_any_event_ends_the_process_and_nothing_is_lost(world: World, tenant: str):
    broken = world.replicas[1]
    broken.process.stop()
    world.send([placed(f"o{n}", account=f"b{n}", tenant=tenant) for n in range(50)])

    process = broken.described(TOY_WORK_FAILS="1")
    process.spawn()

    assert process.wait(20) == 1
    assert "a defect outside any event" in broken.log.read_text()
    world.await_effects(tenant, 50)
    assert_exactly_once_in_order(world, tenant, [f"b{n} o{n}/1" for n in range(50)])


def test_a_role_that_could_step_around_row_level_security_is_not_served(world: World):
    replica = world.replicas[0]
    owner = replica.settings["AR_OWNER_DATABASE_URL"]

    ended = _serve(replica, AR_DATABASE_URL=owner, AR_METRICS_PORT="0")

    assert ended.returncode == 1
    assert "the serving role owns" in ended.stdout + ended.stderr


@pytest.mark.prove
def test_while_the_broker_is_away_it_starts_to_wait_and_ends_in_time(world: World, tenant: str):
    leaving, other = world.replicas
    world.send([placed("o1", tenant=tenant)])
    world.await_effects(tenant, 1)
    world.kafka.kill()

    leaving.process.terminate()
    assert leaving.process.wait(25) == 0
    starting = leaving.described()
    starting.spawn()
    wait_until(lambda: leaving.log.read_text().count("waiting to start") > 0, "it says what it waits for")
    starting.terminate()
    assert starting.wait(25) == 0
    leaving.process = leaving.described()
    leaving.process.spawn()

    world.kafka.restart()
    leaving.process.await_ready()
    world.send([placed("o2", tenant=tenant)])
    world.await_effects(tenant, 2)
    assert other.process.running


def test_with_broker_and_database_away_it_stays_in_service_and_says_what_is_missing(world: World, tenant: str):
    """A probe that asked for them would take every replica out at once, for an outage that they sit out."""
    world.send([placed("o1", tenant=tenant)])
    world.await_effects(tenant, 1)

    def up(replica: Replica) -> list[float]:
        return [replica.metric(f'ar_dependency_up{{dependency="{name}"}}') for name in ("broker", "database")]

    wait_until(lambda: all(up(replica) == [1, 1] for replica in world.replicas), "both are there")
    world.kafka.kill()
    world.postgres.kill()
    try:
        wait_until(lambda: all(up(replica) == [0, 0] for replica in world.replicas), "both are said to be away")
        for replica in world.replicas:
            with grpc.insecure_channel(replica.address) as channel:
                ask: Any = health_pb2_grpc.HealthStub(channel)
                for probe in (READINESS, LIVENESS):
                    answer = ask.Check(health_pb2.HealthCheckRequest(service=probe), timeout=2)
                    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        world.postgres.restart()
        world.kafka.restart()

    wait_until(lambda: all(up(replica) == [1, 1] for replica in world.replicas), "both are back")
    world.send([placed("o2", tenant=tenant)])
    world.await_effects(tenant, 2)


def test_a_tenant_whose_events_fail_is_paused_and_the_process_lives_and_goes_on_with_the_others(
    world: World, tenant: str
):
    for replica in world.replicas:
        replica.process.stop()
    strict, other = world.replicas[0].described(AR_FAILURES_IN_ROW_MAX="4"), f"{tenant}-other"
    world.send([placed(f"o{n}", tenant=tenant, site="fails") for n in range(150)])

    strict.start()
    world.send([placed(f"o{n}", tenant=other) for n in range(13)])
    world.await_effects(other, 13)
    parked = "SELECT count(*) FROM parked WHERE tenant = %s"
    wait_until(lambda: world.ask(parked, tenant) == [150], "all of it waits")
    assert world.ask(f"{parked} AND reason = 'failed'", tenant) == [4]
    wait_until(lambda: world.replicas[0].metric("ar_tenants_paused") == 1, "it is shown")
    assert strict.running
    strict.stop()

    world.start_replicas()
    assert "it stays paused" in _say(world.replicas[0], "parked", "resume", tenant, "--by", "user:ada")
    world.ask("DELETE FROM failing WHERE tenant = %s RETURNING tenant", tenant)


def _say(replica: Replica, *words: str) -> str:
    command = [sys.executable, "-m", "tests.chaos.toy", *words]
    said = subprocess.run(
        command, env=os.environ | replica.settings, capture_output=True, text=True, timeout=60, check=False
    )
    return said.stdout + said.stderr


def _serve(replica: Replica, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.chaos.toy", "serve"]
    env = os.environ | replica.settings | settings
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


# gRPC's server cancels a call that arrives in the instant in which it stops; the idempotency key makes both safe.
RETRYING = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
    }
)


# Between the calls of one caller. In a run of all tests whoever answers needs the machine more than whoever calls.
PAUSES = [pytest.param(0.03, id="now and then"), pytest.param(0.0, id="without a pause", marks=pytest.mark.prove)]


class Callers:
    """People who call whichever replica answers, and try again as gRPC does by itself.

    Those who are `patient` ask again, by the same key, whoever hung up on them: of a replica that was killed nobody can
    tell whether it had done what it did not answer.
    """

    def __init__(self, world: World, tenant: str, *, pause_s: float, patient: bool = False) -> None:
        """Nobody calls yet."""
        self._pause_s = pause_s
        self._patient = patient
        self.answered: list[str] = []
        self.failed: list[str] = []
        self._target = f"ipv4:{','.join(replica.address for replica in world.replicas)}"
        self._tenant = tenant
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(2)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, caller: int) -> None:
        with callers.dialled(self._target, SERVICE.name, options=[("grpc.service_config", RETRYING)]) as channel:
            stub = credit_pb2_grpc.CreditServiceStub(channel)
            for n in itertools.takewhile(lambda _: not self._stop.is_set(), itertools.count()):
                account = f"c{caller}-{n}"
                metadata = {"ar-tenant": self._tenant, "ar-idempotency-key": account}
                metadata |= {"ar-actor": "user:ada", "ar-reason": "test"}
                request = credit_pb2.RegisterBuyerRequest(account_id=account)
                try:
                    self._register(stub, request, tuple(metadata.items()))
                    self.answered.append(f"{account} /0")
                except grpc.RpcError as error:
                    self.failed.append(str(error))
                self._stop.wait(self._pause_s)

    def _register(self, stub: Any, request: credit_pb2.RegisterBuyerRequest, metadata: tuple[Any, ...]) -> None:
        until = time.monotonic() + 20
        while True:
            try:
                stub.RegisterBuyer(request, metadata=metadata, timeout=20)
            except grpc.RpcError as error:
                hung_up = cast(grpc.Call, error).code() is grpc.StatusCode.UNAVAILABLE
                if not (self._patient and hung_up) or time.monotonic() > until:
                    raise
            else:
                return


def called(replica: Replica) -> bool:
    """Whether callers have found it."""
    return replica.metric(REGISTERED) > 0


@pytest.mark.parametrize(
    ("each", "pause_s"),
    [pytest.param(250, 0.03, id="few"), pytest.param(750, 0.0, id="many", marks=pytest.mark.prove)],
)
def test_replicas_replaced_one_by_one_under_load_fail_no_call_and_repeat_nothing(
    world: World, tenant: str, each: int, pause_s: float
):
    """What a replica had fetched and its successor fetches again is absorbed; nobody outside sees anything twice."""
    orders = [f"b{n % 20} o{n}/1" for n in range(2 * each)]
    records = [placed(f"o{n}", account=f"b{n % 20}", tenant=tenant) for n in range(2 * each)]
    codes = []
    with Callers(world, tenant, pause_s=pause_s) as callers:
        for chunk, leaving in enumerate(world.replicas):
            world.send(records[chunk * each : chunk * each + each])
            world.await_effects(tenant, chunk * each + 50)
            leaving.process.terminate()
            codes.append(leaving.process.wait(25))
            world.start_replicas()
            world.await_effects(tenant, chunk * each + each)
            wait_until(partial(called, leaving), "the callers have found its successor")
    world.await_published()

    assert codes == [0, 0]
    assert callers.failed == []
    assert len(callers.answered) > 50
    assert_exactly_once_in_order(world, tenant, orders)
    registered = [effect for effect in world.effects(tenant) if effect.endswith(" /0")]
    assert sorted(registered) == sorted(callers.answered)
    assert len(world.decisions(tenant)) == len(orders) + len(registered)


def test_a_replica_that_is_added_later_is_met_and_one_that_leaves_fails_no_call(world: World, tenant: str):
    """Callers look the service up anew when a connection comes of age; clusters give each replica an address."""
    port = free_port()
    first, later = (
        Replica(f"toy-{host}", world.folder, world.settings, host=host, grpc_port=port)
        for host in ("127.0.0.2", "127.0.0.3")
    )
    options = [("grpc.service_config", RETRYING), ("grpc.dns_min_time_between_resolutions_ms", 100)]
    first.process = first.described(AR_GRPC_CONNECTION_AGE_S="1").start()
    later.process = later.described(AR_GRPC_CONNECTION_AGE_S="1")
    with (
        Names(first.host) as names,
        callers.dialled(f"dns://{names.address}/receivables-credit:{port}", SERVICE.name, options=options) as channel,
    ):
        stub = credit_pb2_grpc.CreditServiceStub(channel)
        numbers = itertools.count()

        def call() -> None:
            key = f"b{next(numbers)}"
            metadata = (
                ("ar-tenant", tenant),
                ("ar-idempotency-key", key),
                ("ar-actor", "user:ada"),
                ("ar-reason", "t"),
            )
            stub.RegisterBuyer(credit_pb2.RegisterBuyerRequest(account_id=key), metadata=metadata, timeout=10)

        def both_answer() -> bool:
            call()
            return later.metric(REGISTERED) > 10 and first.metric(REGISTERED) > 10

        call()
        later.process.start()
        names.addresses.append(later.host)
        wait_until(both_answer, "the one that was added answers too")

        names.addresses.remove(first.host)
        first.process.terminate()
        while first.process.running:
            call()
        call()
    later.process.stop()


def test_it_waits_for_the_migration_and_then_serves(world: World):
    urls = provision(world.postgres.admin_url, "late")
    replica = world.replicas[0]
    replica.process.stop()
    early = replica.described(AR_DATABASE_URL=urls.server)

    early.spawn()
    wait_until(lambda: "migrations" in replica.log.read_text(), "it says what it waits for")
    assert not replica.serving()
    migrate(urls.owner, "late_server", SERVICE.migrations)

    early.await_ready()
    early.stop()
