"""The gRPC door of invoicing."""

import functools

from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write
from services.invoicing import store, usecases, wire
from services.invoicing.press import Press
from services.kernel.refusals import Invalid, NotFound, quoted


class InvoicingService(Door, service_pb2_grpc.InvoicingServiceServicer):
    """Translates and delegates."""

    def __init__(self, database: Database, consumer: Consumer, press: Press) -> None:
        super().__init__(database, consumer)
        self._press = press

    @write
    async def RegisterSeller(
        self, tx: Tx, call: Origin, request: service_pb2.RegisterSellerRequest
    ) -> service_pb2.RegisterSellerResponse:
        """Register a legal entity that issues invoices, or put its data right."""
        await usecases.register_seller(tx, call, wire.seller(call.tenant, request))
        return service_pb2.RegisterSellerResponse(seller_id=request.seller_id)

    @write
    async def SetContract(
        self, tx: Tx, call: Origin, request: service_pb2.SetContractRequest
    ) -> service_pb2.SetContractResponse:
        """Agree on terms with a buyer."""
        await usecases.set_contract(tx, call, request.account_id, wire.contract(request))
        return service_pb2.SetContractResponse()

    @read
    async def GetInvoice(
        self, tx: Tx, call: Origin, request: service_pb2.GetInvoiceRequest
    ) -> service_pb2.GetInvoiceResponse:
        """An invoice or credit note, by id or number."""
        if (kept := await store.get_issued(tx, call.tenant, request.invoice)) is None:
            raise NotFound("invoice.unknown", f"no invoice or credit note {quoted(request.invoice)}")
        return service_pb2.GetInvoiceResponse(document=wire.document(kept))

    @read
    async def ListInvoices(
        self, tx: Tx, call: Origin, request: service_pb2.ListInvoicesRequest
    ) -> service_pb2.ListInvoicesResponse:
        """Invoices and credit notes in the order of issue, a page at a time."""
        asked = page(request, int)
        kept = await store.list_issued(tx, call.tenant, asked, account_id=request.account_id, order_id=request.order_id)
        return service_pb2.ListInvoicesResponse(
            documents=[wire.document(one) for one in kept],
            next_page_token=asked.next_token(kept, lambda one: (one.position,)),
        )

    @visit
    async def RenderDocument(
        self, call: Origin, request: service_pb2.RenderDocumentRequest
    ) -> service_pb2.RenderDocumentResponse:
        """The file of a document, in any format."""
        said, file = await usecases.render(
            functools.partial(self.serve, call),
            self._press,
            (call.tenant, request.document),
            request.format,
            request.profile,
        )
        return wire.file(said, file)

    @read
    async def ListHeld(
        self, tx: Tx, call: Origin, request: service_pb2.ListHeldRequest
    ) -> service_pb2.ListHeldResponse:
        """Drafts that broke a rule, of a buyer or of all, a page at a time."""
        asked = page(request, str)
        held = await store.page_of_held(tx, call.tenant, asked, account_id=request.account_id)
        return service_pb2.ListHeldResponse(
            drafts=[wire.document_held(draft) for draft in held],
            next_page_token=asked.next_token(held, lambda draft: (draft.draft_id,)),
        )

    @write
    async def RetryHeld(
        self, tx: Tx, call: Origin, request: service_pb2.RetryHeldRequest
    ) -> service_pb2.RetryHeldResponse:
        """Have a buyer's held drafts judged again: what is in order is issued, and told, at once after."""
        if not request.account_id:
            raise Invalid("held.account_missing", "name the account whose drafts are to be judged again")
        queued = await usecases.retry(tx, {(call.tenant, request.account_id): call})
        return service_pb2.RetryHeldResponse(queued=queued)
