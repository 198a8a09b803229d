"""Fetches an invoice's document from invoicing, whose own it is."""

from dataclasses import dataclass

import grpc
from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis import tls
from services.chassis.identity import Speaker
from services.notifications import neighbours
from services.notifications.neighbours import NotAtHand

WAIT_S = 10.0  # for invoicing to answer, retries included
BYTES_MAX = 8 * 1024 * 1024  # of a document: what its topic takes (chassis/envelope.py)

_SERVICE = "receivables.invoicing.v1.InvoicingService"


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a credit note as a file."""

    content: bytes
    media_type: str
    file_name: str


class TooLarge(Exception):  # noqa: N818 - what is wrong with the document
    """A document that no mail can carry."""


class Documents:
    """Invoicing's documents, over gRPC."""

    def __init__(self, address: str, metadata: Speaker, held: tls.Holder | None) -> None:
        """Remember where invoicing answers, what says who asks it, and our certificate; without one we ask in plain text."""
        options = [
            ("grpc.service_config", neighbours.config(_SERVICE)),
            ("grpc.max_receive_message_length", BYTES_MAX + 64 * 1024),
        ]
        self._line = tls.Line("invoicing", address, held, options)
        self._metadata = metadata

    async def fetch(self, tenant: str, document: str, traceparent: str = "") -> Document:
        """The document of an invoice or a credit note, by its id; raises NotAtHand, or TooLarge."""
        stub = service_pb2_grpc.InvoicingServiceStub(self._line.channel())
        request = service_pb2.RenderDocumentRequest(document=document)
        method = f"{_SERVICE}/RenderDocument"
        try:
            with neighbours.asking(self._metadata, tenant, "invoicing", method, traceparent) as metadata:
                answer = await stub.RenderDocument(request, metadata=metadata, timeout=WAIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise TooLarge from None
            raise NotAtHand(error.code().name) from None
        return Document(answer.content, answer.media_type, answer.file_name)

    async def close(self) -> None:
        """Close the connection."""
        await self._line.close()
