"""The gRPC door of the ledger."""

from datetime import date, datetime

from receivables.ledger.v1 import service_pb2, service_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write
from services.kernel.refusals import NotFound, quoted
from services.ledger import store, usecases, wire


class LedgerService(Door, service_pb2_grpc.LedgerServiceServicer):
    """Translates and delegates."""

    @write
    async def RecordPayment(
        self, tx: Tx, call: Origin, request: service_pb2.RecordPaymentRequest
    ) -> service_pb2.RecordPaymentResponse:
        """Book a payment and apply it."""
        async with tx.all_parts():  # a payment is the company's: it meets what any part of it owes
            receipt = await usecases.record_payment(tx, call, wire.payment(call.tenant, request))
        return wire.recorded(receipt)

    @write
    async def ImportBankStatement(
        self, tx: Tx, call: Origin, request: service_pb2.ImportBankStatementRequest
    ) -> service_pb2.ImportBankStatementResponse:
        """Book each row of a bank's file."""
        async with tx.all_parts():  # as every payment
            outcomes = await usecases.import_statement(tx, call, request.content)
        return service_pb2.ImportBankStatementResponse(
            rows=[wire.statement_row(row, outcome) for row, outcome in outcomes]
        )

    @read
    async def GetAccount(
        self, tx: Tx, call: Origin, request: service_pb2.GetAccountRequest
    ) -> service_pb2.GetAccountResponse:
        """What a buyer owes, has paid too much and is credited, by currency."""
        async with tx.all_parts():  # what stands in the books is the company's
            rows = await store.balances(tx, (call.tenant, request.account_id))
        if not rows:
            raise NotFound("account.unknown", f"no account {quoted(request.account_id)}")
        return service_pb2.GetAccountResponse(
            account_id=request.account_id, balances=[wire.balance(row) for row in rows]
        )

    @read
    async def GetPayment(
        self, tx: Tx, call: Origin, request: service_pb2.GetPaymentRequest
    ) -> service_pb2.GetPaymentResponse:
        """One payment, with what was written with it."""
        key = (call.tenant, request.payment_id)
        if (receipt := (await store.find_payments(tx, [key])).get(key)) is None:
            raise NotFound("payment.unknown", f"no payment {quoted(request.payment_id)}")
        return service_pb2.GetPaymentResponse(payment=wire.payment_message(receipt.payment, receipt.unapplied))

    @read
    async def ListOpenItems(
        self, tx: Tx, call: Origin, request: service_pb2.ListOpenItemsRequest
    ) -> service_pb2.ListOpenItemsResponse:
        """Open items, oldest due first, a page at a time."""
        asked = page(request, date.fromisoformat, str, str)
        rows = await store.open_items(tx, call.tenant, request.account_id, asked, request.invoice_ids)
        return service_pb2.ListOpenItemsResponse(
            items=[wire.open_item(row) for row in rows],
            next_page_token=asked.next_token(rows, lambda row: (row.due_on, row.number, row.invoice_id)),
        )

    @read
    async def ListPayments(
        self, tx: Tx, call: Origin, request: service_pb2.ListPaymentsRequest
    ) -> service_pb2.ListPaymentsResponse:
        """Payments, the newest first, a page at a time."""
        asked = page(request, date.fromisoformat, str)
        paid = await store.list_payments(
            tx, call.tenant, request.account_id, asked, unapplied_only=request.unapplied_only
        )
        return service_pb2.ListPaymentsResponse(
            payments=[wire.payment_message(payment, unapplied) for payment, unapplied in paid],
            next_page_token=asked.next_token(paid, lambda row: (row[0].value_on, row[0].payment_id)),
        )

    @write
    async def AnnouncePayment(
        self, tx: Tx, call: Origin, request: service_pb2.AnnouncePaymentRequest
    ) -> service_pb2.AnnouncePaymentResponse:
        """Expect a payment that a buyer says it is making."""
        announced = await usecases.announce(tx, call, wire.wish(call.tenant, request))
        return service_pb2.AnnouncePaymentResponse(announcement=wire.announcement_message(announced))

    @write
    async def WithdrawAnnouncement(
        self, tx: Tx, call: Origin, request: service_pb2.WithdrawAnnouncementRequest
    ) -> service_pb2.WithdrawAnnouncementResponse:
        """Expect it no longer."""
        await usecases.withdraw(tx, call, request.account_id, request.reference)
        return service_pb2.WithdrawAnnouncementResponse()

    @read
    async def ListAnnouncements(
        self, tx: Tx, call: Origin, request: service_pb2.ListAnnouncementsRequest
    ) -> service_pb2.ListAnnouncementsResponse:
        """Payments that were announced, the newest first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        found = await store.list_announcements(
            tx, call.tenant, request.account_id, asked, expected_only=request.expected_only
        )
        return service_pb2.ListAnnouncementsResponse(
            announcements=[wire.announcement_message(announced) for announced in found],
            next_page_token=asked.next_token(found, lambda row: (row.announced_at, row.reference)),
        )

    @read
    async def GetTrialBalance(
        self, tx: Tx, call: Origin, request: service_pb2.GetTrialBalanceRequest
    ) -> service_pb2.GetTrialBalanceResponse:
        """What each account of the chart adds up to, by currency."""
        rows = await store.trial_balance(tx, call.tenant)
        return service_pb2.GetTrialBalanceResponse(balances=[wire.account_balance(row) for row in rows])
