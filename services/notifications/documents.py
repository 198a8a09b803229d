"""Fetches an invoice's document from invoicing, whose own it is."""

import json
from dataclasses import dataclass

import grpc
from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis import tracing
from services.chassis.identity import Speaker

WAIT_S = 10.0  # for invoicing to answer, retries included
BYTES_MAX = 8 * 1024 * 1024  # of a document: what its topic takes (chassis/envelope.py)

_RENDER = "receivables.invoicing.v1.InvoicingService/RenderDocument"
# gRPC's own retry: a call that never reached the server, a server that is starting, or one that stopped as it came.
_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{"service": "receivables.invoicing.v1.InvoicingService"}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
    }
)


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a credit note as a file."""

    content: bytes
    media_type: str
    file_name: str


class NotAtHand(Exception):  # noqa: N818 - the mail waits for it
    """Invoicing does not give the document just now; the mail is tried again later."""


class TooLarge(Exception):  # noqa: N818 - what is wrong with the document
    """A document that no mail can carry."""


class Documents:
    """Invoicing's documents, over gRPC."""

    def __init__(self, address: str, metadata: Speaker) -> None:
        """Remember where invoicing answers, and what says who asks it; the connection opens with the first question."""
        self._address = address
        self._metadata = metadata
        self._channel: grpc.aio.Channel | None = None

    async def fetch(self, tenant: str, document: str, traceparent: str = "") -> Document:
        """The document of an invoice or a credit note, by its id; raises NotAtHand, or TooLarge."""
        if self._channel is None:
            options = [("grpc.service_config", _CONFIG), ("grpc.max_receive_message_length", BYTES_MAX + 64 * 1024)]
            self._channel = grpc.aio.insecure_channel(self._address, options=options)
        stub = service_pb2_grpc.InvoicingServiceStub(self._channel)
        request = service_pb2.RenderDocumentRequest(document=document)
        metadata = self._metadata(tenant, "invoicing")
        try:
            with tracing.span(_RENDER, "client", traceparent, {"rpc.system": "grpc"}) as trace:
                metadata = [*metadata, ("traceparent", trace)] if trace else metadata
                answer = await stub.RenderDocument(request, metadata=metadata, timeout=WAIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise TooLarge from None
            raise NotAtHand(error.code().name) from None
        return Document(answer.content, answer.media_type, answer.file_name)

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
