"""Fetches what people wrote from the services whose it is, for who reads a message (domain/quotes.py)."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import grpc
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2_grpc as disputes_grpc
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc

from services.chassis import tls
from services.chassis.identity import Speaker
from services.notifications import neighbours, wire
from services.notifications.domain import quotes
from services.notifications.domain.quotes import Quote
from services.notifications.neighbours import NotAtHand
from services.notifications.texts.catalogue import catalogue
from services.notifications.threads import Written

WAIT_S = 5.0  # for an answer, retries included
AT_ONCE = 8  # questions
NOT_AT_HAND = "…"
# The texts of a message, as its row has them, in which something may be quoted.
_TEXTS = ("what_happened", "what_we_do", "action", "owner")

_DISPUTES, _LEDGER = "receivables.disputes.v1.DisputesService", "receivables.ledger.v1.LedgerService"

# A tenant, what a message is about ("dispute/…"), and what is quoted.
_Wanted = tuple[str, str, Quote]


class Quotes:
    """What people wrote: to others over gRPC, and kept by nobody here; in threads, which are our own."""

    def __init__(
        self, disputes: str, ledger: str, metadata: Speaker, held: tls.Holder | None, written: Written
    ) -> None:
        """Remember where they answer, what says who asks them, and our certificate; without one we ask in plain text."""
        self._written = written
        options = [("grpc.service_config", neighbours.config(_DISPUTES, _LEDGER))]
        self._disputes = tls.Line("disputes", disputes, held, options)
        self._ledger = tls.Line("ledger", ledger, held, options)
        self._metadata = metadata
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def fill(self, rows: Sequence[Any], traceparent: str = "") -> list[Any]:
        """Messages with what they quote; raises NotAtHand."""
        return await self._fill(rows, partial(self._fetch, traceparent))

    async def fill_if_at_hand(self, rows: Sequence[Any]) -> list[Any]:
        """The same for who only looks, and waits no longer for all of it than for one: what is not at hand is left out."""

        async def fetch(wanted: _Wanted) -> str | None:
            try:
                async with asyncio.timeout(WAIT_S):  # all begin at once
                    return await self._fetch("", wanted)
            except (NotAtHand, TimeoutError):
                return NOT_AT_HAND

        return await self._fill(rows, fetch)

    async def close(self) -> None:
        """Close the connections."""
        await self._disputes.close()
        await self._ledger.close()

    async def _fill(
        self, rows: Sequence[Any], fetch: Callable[[_Wanted], Coroutine[Any, Any, str | None]]
    ) -> list[Any]:
        wanted = sorted(
            {(row.tenant, row.about, quote) for row in rows for quote in quotes.quotes(_texts(row).values())}
        )
        if not wanted:
            return list(rows)
        said = dict(zip(wanted, await asyncio.gather(*map(fetch, wanted)), strict=True))
        return [_filled(row, said) for row in rows]

    async def _fetch(self, traceparent: str, wanted: _Wanted) -> str | None:
        """What was written; None if nothing was, or if it is forgotten."""
        tenant, about, (kind, nth) = wanted
        async with self._turns:
            try:
                match (kind, about.partition("/")):
                    case ("move", ("dispute", _, dispute_id)):
                        return await self._missing(tenant, dispute_id, int(nth), traceparent)
                    case ("remittance", ("payment", _, payment_id)):
                        return await self._remittance(tenant, payment_id, traceparent)
                    case _:
                        return wire.clean(await self._ours(tenant, about, kind, nth)) or None
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return None
                raise NotAtHand(error.code().name) from None

    async def _ours(self, tenant: str, about: str, kind: str, nth: int | str) -> str:
        """What stands here."""
        match kind:
            case "person":
                return await self._written.name(tenant, str(nth))
            case "thread":
                return await self._written.text(tenant, about, int(nth))
            case "feedback":
                return await self._written.done(tenant, about, int(nth))
            case _:
                return ""

    async def _missing(self, tenant: str, dispute_id: str, nth: int, traceparent: str) -> str | None:
        stub = disputes_grpc.DisputesServiceStub(self._disputes.channel())
        request = disputes_pb2.GetMoveRequest(dispute_id=dispute_id, nth=nth)
        method = f"{_DISPUTES}/GetMove"
        with neighbours.asking(self._metadata, tenant, "disputes", method, traceparent) as metadata:
            answer = await stub.GetMove(request, metadata=metadata, timeout=WAIT_S)
        return wire.clean(answer.move.missing) or None

    async def _remittance(self, tenant: str, payment_id: str, traceparent: str) -> str | None:
        stub = ledger_grpc.LedgerServiceStub(self._ledger.channel())
        request = ledger_pb2.GetPaymentRequest(payment_id=payment_id)
        method = f"{_LEDGER}/GetPayment"
        with neighbours.asking(self._metadata, tenant, "ledger", method, traceparent) as metadata:
            answer = await stub.GetPayment(request, metadata=metadata, timeout=WAIT_S)
        return wire.clean(answer.payment.remittance) or None


def _texts(row: Any) -> dict[str, str]:
    return {name: getattr(row, name) for name in _TEXTS}


def _filled(row: Any, said: dict[_Wanted, str | None]) -> Any:
    unsaid = catalogue(row.language).common("not_stated")

    def of(quote: Quote) -> str:
        return said[(row.tenant, row.about, quote)] or unsaid

    return row._replace(**{name: quotes.filled(text, of) for name, text in _texts(row).items()})
