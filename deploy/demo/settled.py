"""Waits until nothing is under way in any service: what was told is handled, announced and sent."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from receivables.operations.v1 import service_pb2

from deploy.demo.calls import Services
from deploy.demo.feed import Feed

ROUNDS = 2
PAUSE_S = 0.03
PAUSE_MOST_S = 0.25
STATUS_S = 5.0


class NotSettledError(Exception):
    """Something did not come to rest in time; the message says what is left where."""


def wait_until_settled(
    services: Services, feed: Feed, *, timeout_s: float = 120, watch: Callable[[], None] = lambda: None
) -> dict[str, service_pb2.StatusResponse]:
    """Return when every service is at rest twice in a row and nothing was announced between the two looks.

    The topics' ends are read before the services are asked, and again before they are asked a second time: an event
    that slips from one service to another while we look shows as a change between the rounds. `watch` is called each
    round and may raise.
    """
    began = time.monotonic()
    quiet = 0
    before: object = None
    found: Mapping[str, service_pb2.StatusResponse | None] = {}
    with ThreadPoolExecutor(len(services.operations)) as pool:
        while (waited := time.monotonic() - began) < timeout_s:
            watch()
            ends = feed.ends()
            # Asking takes time from those who are at work: the longer they are, the more seldom we ask.
            pause = min(max(PAUSE_S, waited / 10), PAUSE_MOST_S)
            if ends != before:
                # Something was announced since the last look: whoever follows it is at work, so asking would disturb.
                before, quiet = ends, 0
                time.sleep(pause)
                continue
            found = dict(zip(services.operations, pool.map(_ask, services.operations.values()), strict=True))
            quiet = 0 if any(_unrest(status) for status in found.values()) else quiet + 1
            if quiet >= ROUNDS:
                return {name: status for name, status in found.items() if status is not None}
            time.sleep(PAUSE_S if quiet else pause)
    raise NotSettledError(f"not at rest after {timeout_s:g} s: {_describe(found) or 'events keep coming'}")


def _ask(stub: Any) -> service_pb2.StatusResponse | None:
    try:
        status: service_pb2.StatusResponse = stub.Status(service_pb2.StatusRequest(), timeout=STATUS_S)
    except grpc.RpcError:
        return None
    return status


def _unrest(status: service_pb2.StatusResponse | None) -> dict[str, int]:
    if status is None:
        return {"away": 1}
    left = {"lag": status.lag, "outbox": status.outbox, "early": status.early, "due": status.due}
    return {name: count for name, count in left.items() if count}


def _describe(found: Mapping[str, service_pb2.StatusResponse | None]) -> str:
    return "; ".join(
        f"{name}: {', '.join(f'{what} {count}' for what, count in left.items())}"
        for name, status in found.items()
        if (left := _unrest(status))
    )
