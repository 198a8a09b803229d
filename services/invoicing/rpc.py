"""The gRPC door of invoicing."""

import functools
from dataclasses import replace
from datetime import date, datetime

from receivables.invoicing.v1 import service_pb2, service_pb2_grpc
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write
from services.chassis.sources import PORTAL
from services.invoicing import store, usecases, wire
from services.invoicing.domain.parties import NO_CONTRACT
from services.invoicing.press import Press
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted

SHOWN_MAX = 1000  # shipments of an order


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

    @read
    async def GetSeller(
        self, tx: Tx, call: Origin, request: service_pb2.GetSellerRequest
    ) -> service_pb2.GetSellerResponse:
        """All that is registered of a legal entity."""
        key = (call.tenant, request.seller_id)
        if (seller := (await store.find_sellers(tx, {key})).get(key)) is None:
            raise NotFound("seller.unknown", f"no seller {quoted(request.seller_id)}")
        return service_pb2.GetSellerResponse(seller=wire.seller_message(seller))

    @read
    async def ListSellers(
        self, tx: Tx, call: Origin, request: service_pb2.ListSellersRequest
    ) -> service_pb2.ListSellersResponse:
        """The legal entities, by id, a page at a time; without their logos, which may be large."""
        asked = page(request, str)
        sellers = await store.list_sellers(tx, call.tenant, asked)
        return service_pb2.ListSellersResponse(
            sellers=[wire.seller_message(replace(seller, logo=b"")) for seller in sellers],
            next_page_token=asked.next_token(sellers, lambda seller: (seller.seller_id,)),
        )

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
        """Invoices and credit notes in the order of issue, or against it; those that are searched, in that of their names."""
        if request.search and request.order_id:
            raise Invalid("invoice.search_of_order", "the documents of an order are not searched: they are few")
        if request.asset_id and (request.search or request.order_id):
            raise Invalid("invoice.search_of_asset", "the documents of an asset are listed whole")
        if request.asset_id:
            asked = page(request, date.fromisoformat, str)
            kept, places = await store.issued_of_asset(
                tx, call.tenant, asked, asset_id=request.asset_id, account_id=request.account_id
            )
            token = asked.next_token(places, tuple)
        elif request.search:
            asked = page(request, str, str)
            kept, places = await store.search_issued(
                tx,
                call.tenant,
                asked,
                account_id=request.account_id,
                search=request.search,
                last_first=request.newest_first,
            )
            token = asked.next_token(places, tuple)
        else:
            asked = page(request, int)
            kept = await store.list_issued(
                tx,
                call.tenant,
                asked,
                account_id=request.account_id,
                order_id=request.order_id,
                newest_first=request.newest_first,
            )
            token = asked.next_token(kept, lambda one: (one.position,))
        return service_pb2.ListInvoicesResponse(documents=[wire.document(one) for one in kept], next_page_token=token)

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

    @visit
    async def SampleInvoice(
        self, call: Origin, request: service_pb2.SampleInvoiceRequest
    ) -> service_pb2.SampleInvoiceResponse:
        """A file to try a buyer's system with."""
        said, file = await usecases.sample(
            functools.partial(self.serve, call), self._press, call.tenant, request.account_id
        )
        return wire.sample(said, file)

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

    @read
    async def GetContract(
        self, tx: Tx, call: Origin, request: service_pb2.GetContractRequest
    ) -> service_pb2.GetContractResponse:
        """What was agreed with a buyer, or what holds as long as nothing is."""
        if not request.account_id:
            raise Invalid("contract.account_missing", "a contract is with an account")
        key = (call.tenant, request.account_id)
        if key not in await store.find_buyers(tx, {key}):
            raise NotFound("buyer.unknown", f"no account {quoted(request.account_id)}")
        agreed = (await store.find_contracts(tx, {key})).get(key, NO_CONTRACT)
        return service_pb2.GetContractResponse(contract=wire.contract_message(request.account_id, agreed))

    @read
    async def ListOrders(
        self, tx: Tx, call: Origin, request: service_pb2.ListOrdersRequest
    ) -> service_pb2.ListOrdersResponse:
        """Orders without their lines, the newest first; those that are searched, by their names."""
        if request.asset_id and request.search:
            raise Invalid("order.search_of_asset", "the orders of an asset are listed whole")
        if request.asset_id:
            asked = page(request, date.fromisoformat, str)
            orders, places = await store.orders_of_asset(
                tx, call.tenant, asked, asset_id=request.asset_id, account_id=request.account_id
            )
            token = asked.next_token(places, tuple)
        elif request.search:
            asked = page(request, str, str)
            orders, places = await store.search_orders(
                tx, call.tenant, asked, account_id=request.account_id, search=request.search
            )
            token = asked.next_token(places, tuple)
        else:
            asked = page(request, datetime.fromisoformat, str)
            orders = await store.list_orders(tx, call.tenant, asked, account_id=request.account_id)
            token = asked.next_token(orders, lambda one: (one.known_at, one.kept.order.order_id))
        return service_pb2.ListOrdersResponse(orders=[wire.order_shown(one) for one in orders], next_page_token=token)

    @read
    async def GetOrder(
        self, tx: Tx, call: Origin, request: service_pb2.GetOrderRequest
    ) -> service_pb2.GetOrderResponse:
        """An order, the newest of what has shipped of it, what arrived, and the numbers of its documents."""
        key = (call.tenant, request.order_id)
        if (shown := await store.get_order(tx, key)) is None:
            raise NotFound("order.unknown", f"no order {quoted(request.order_id)}")
        shipments = (await store.shipments_of(tx, {key}))[key][-SHOWN_MAX:]
        receipts = (await store.receipts_of(tx, {key}))[key]
        order = wire.order_shown(shown, shipments, await store.numbers_of(tx, key), receipts)
        return service_pb2.GetOrderResponse(order=order)

    @read
    async def ListAssets(
        self, tx: Tx, call: Origin, request: service_pb2.ListAssetsRequest
    ) -> service_pb2.ListAssetsResponse:
        """Assets by their serial numbers, a page at a time."""
        asked = page(request, str, str)
        assets, places = await store.list_assets(
            tx, call.tenant, asked, account_id=request.account_id, search=request.search
        )
        return service_pb2.ListAssetsResponse(
            assets=[wire.asset_reported(one) for one in assets], next_page_token=asked.next_token(places, tuple)
        )

    @read
    async def GetAsset(
        self, tx: Tx, call: Origin, request: service_pb2.GetAssetRequest
    ) -> service_pb2.GetAssetResponse:
        """An asset, as it was told last."""
        if (asset := await store.get_asset(tx, (call.tenant, request.asset_id))) is None:
            raise NotFound("asset.unknown", f"no asset {quoted(request.asset_id)}")
        return service_pb2.GetAssetResponse(asset=wire.asset_reported(asset))

    @write
    async def PlaceOrder(
        self, tx: Tx, call: Origin, request: service_pb2.PlaceOrderRequest
    ) -> service_pb2.PlaceOrderResponse:
        """Tell an order, or its next version, as a shop would."""
        self._check_source(call)
        placed = wire.placed(request, requested_by=usecases.contact_of(call))
        await usecases.say_placed(tx, call, placed)
        return service_pb2.PlaceOrderResponse(order_id=placed.order_id, version=placed.version)

    @write
    async def ShipOrder(
        self, tx: Tx, call: Origin, request: service_pb2.ShipOrderRequest
    ) -> service_pb2.ShipOrderResponse:
        """Tell that something left of an order."""
        self._check_source(call)
        await usecases.say_shipped(tx, call, wire.shipped(request))
        return service_pb2.ShipOrderResponse()

    @write
    async def ConfirmReceipt(
        self, tx: Tx, call: Origin, request: service_pb2.ConfirmReceiptRequest
    ) -> service_pb2.ConfirmReceiptResponse:
        """Tell what arrived of an order."""
        self._check_source(call)
        told = await usecases.say_received(tx, call, request)
        return service_pb2.ConfirmReceiptResponse(receipt_ids=told)

    @write
    async def CancelOrder(
        self, tx: Tx, call: Origin, request: service_pb2.CancelOrderRequest
    ) -> service_pb2.CancelOrderResponse:
        """Tell that the rest of an order will not be shipped."""
        self._check_source(call)
        cancelled = orders_pb2.OrderCancelled(
            order_id=request.order_id, account_id=request.account_id, version=request.version
        )
        await usecases.say_cancelled(tx, call, cancelled)
        return service_pb2.CancelOrderResponse()

    def _check_source(self, call: Origin) -> None:
        """Refuse to tell what nobody would believe."""
        if not self.consumer.sources.speaks(PORTAL, call.tenant):
            raise Conflict(
                "order.no_portal_source", f"{PORTAL} is no source that speaks for {call.tenant} (AR_ORDER_SOURCES)"
            )
