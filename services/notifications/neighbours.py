"""How other services are asked: in our own name, within the trace of what it is for, again while one is away for a moment."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from services.chassis import tracing
from services.chassis.identity import Speaker


class NotAtHand(Exception):  # noqa: N818 - what waits for it is tried again later
    """A neighbour does not answer, or not with what we ask for, just now."""


def config(*services: str) -> str:
    """Of gRPC's calls to these: its own retry of one that never reached the server, or whose server starts or stopped."""
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [
                {
                    "name": [{"service": service} for service in services],
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


@contextmanager
def asking(speak: Speaker, tenant: str, service: str, method: str, traceparent: str) -> Iterator[list[tuple[str, str]]]:
    """A call's metadata: what says who asks, and its trace."""
    metadata = speak(tenant, service)
    with tracing.span(method, "client", traceparent, {"rpc.system": "grpc"}) as trace:
        yield [*metadata, ("traceparent", trace)] if trace else metadata
