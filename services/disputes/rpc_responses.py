"""The gRPC door of disputes for what buyers' systems say of invoices."""

from receivables.disputes.v1 import responses_pb2, responses_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write_of
from services.disputes import responding, store_responses, wire_responses
from services.disputes.domain.responses import Response
from services.disputes.rpc import shown


class ResponseService(Door, responses_pb2_grpc.ResponseServiceServicer):
    """Translates and delegates."""

    @write_of(wire_responses.response)
    async def ReadResponse(
        self, tx: Tx, call: Origin, request: responses_pb2.ReadResponseRequest, said: Response
    ) -> responses_pb2.ReadResponseResponse:
        """Keep what a buyer's system says, with the case about it."""
        kept, case = await responding.take(tx, call, said)
        return responses_pb2.ReadResponseResponse(
            response=wire_responses.response_message(kept), dispute=await shown(tx, call, case) if case else None
        )

    @read
    async def ListResponses(
        self, tx: Tx, call: Origin, request: responses_pb2.ListResponsesRequest
    ) -> responses_pb2.ListResponsesResponse:
        """What was said of an invoice, the newest first."""
        asked = page(request, int)
        found = await store_responses.list_responses(
            tx, await responding.find_invoice(tx, call.tenant, request.invoice), asked
        )
        return responses_pb2.ListResponsesResponse(
            responses=[wire_responses.response_message(one) for one in found],
            next_page_token=asked.next_token(found, lambda one: (one.nth,)),
        )

    @read
    async def ListUnreadResponses(
        self, tx: Tx, call: Origin, request: responses_pb2.ListUnreadResponsesRequest
    ) -> responses_pb2.ListUnreadResponsesResponse:
        """What a channel brought and nobody could read."""
        asked = page(request, str)
        found = await store_responses.list_unread(tx, call.tenant, asked)
        return responses_pb2.ListUnreadResponsesResponse(
            responses=[wire_responses.unread_message(one) for one in found],
            next_page_token=asked.next_token(found, lambda one: (one.channel_id,)),
        )
