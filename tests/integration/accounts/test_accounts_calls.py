"""Who is bound to accounts, or to parts of a company, finds through every service's door what is theirs, and nothing else.

What is another's is refused in the words that are used for what is not there.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2_grpc as credit_grpc
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2_grpc as disputes_grpc
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.notifications.v1 import service_pb2_grpc as notifications_grpc

from deploy.local import rules
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.invoicing.press import close_presses
from services.invoicing.service import SERVICE as INVOICING
from services.ledger.domain.announcements import EXPECTED_MAX
from services.ledger.service import SERVICE as LEDGER
from services.notifications.service import SERVICE as NOTIFICATIONS
from tests.integration.accounts.callers import Asked, Gated, clerk, contact, gated
from tests.integration.conftest import OpenService
from tests.integration.credit import desk as credit
from tests.integration.disputes import desk as disputes
from tests.integration.invoicing import office as invoicing
from tests.integration.ledger import desk as ledger
from tests.unit.notifications import samples

NOT_FOUND, DENIED = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED
NORTH, SOUTH = party_pb2.Scope(site="north"), party_pb2.Scope(site="south")


def same_but_for_the_name(asked: Sequence[Any], names: tuple[str, str]) -> bool:
    """Whether two are refused alike: in one status and code, and in words that differ by what was asked for alone."""
    one, other = asked
    assert isinstance(one, Asked), one
    assert isinstance(other, Asked), other
    return (one.status, one.code) == (other.status, other.code) and one.words.replace(*names) == other.words


async def test_credit_shows_and_decides_orders_of_the_callers_accounts(open_service: OpenService):
    async with (
        open_service(CREDIT) as parts,
        gated(CREDIT, parts, credit_grpc.CreditServiceStub) as service,
    ):
        for account in ("a", "b"):
            await credit.register(parts, account, limit=10_000)
        ann, bob, bo = contact("a"), contact("b", name="bob"), clerk()

        def wish(order: str, account: str, minor: int = 1_000, **more: Any) -> credit_pb2.DecideRequest:
            return credit_pb2.DecideRequest(
                order_id=order, account_id=account, amount=credit.eur(minor), **{"version": 1} | more
            )

        for_a, for_b = clerk("a", name="cy"), clerk("b", name="dee")
        first = await service.ask(for_a, "Decide", wish("o-a", "a"))
        assert first.decision.outcome == credit_events.OUTCOME_APPROVED
        await service.ask(for_b, "Decide", wish("o-b", "b", 10_500))

        # Its own, and all of it to the seller.
        shown = await service.ask(ann, "GetDecision", credit_pb2.GetDecisionRequest(order_id="o-a"))
        assert shown.decision.order_id == "o-a"
        listed = {
            who.subject: [
                a.account_id
                for a in (await service.ask(who, "ListAccounts", credit_pb2.ListAccountsRequest())).accounts
            ]
            for who in (ann, bob, bo)
        }
        assert listed == {"contact:ann": ["a"], "contact:bob": ["b"], "user:bo": ["a", "b"]}
        decided = {
            who.subject: [
                (d.decision.order_id, d.hold_state)
                for d in (
                    await service.ask(who, "ListDecisions", credit_pb2.ListDecisionsRequest(account_id=account))
                ).decisions
            ]
            for who, account in ((ann, "a"), (bob, "b"), (bo, ""))
        }
        assert decided == {
            "contact:ann": [("o-a", "HELD")],
            "contact:bob": [("o-b", "REFERRED")],
            "user:bo": [("o-b", "REFERRED"), ("o-a", "HELD")],
        }
        theirs = await service.ask(ann, "ListDecisions", credit_pb2.ListDecisionsRequest(account_id="b"))
        assert theirs.code == "access.account"
        # Another's is as if it were not there.
        theirs, none = [
            await service.ask(ann, "GetDecision", credit_pb2.GetDecisionRequest(order_id=order))
            for order in ("o-b", "o-x")
        ]
        assert same_but_for_the_name([theirs, none], ("o-b", "o-x"))
        referred = await service.ask(for_a, "ListReferred", credit_pb2.ListReferredRequest())
        assert list(referred.decisions) == []
        review = [
            await service.ask(
                for_a, "Review", credit_pb2.ReviewRequest(order_id=order, outcome=credit_events.OUTCOME_APPROVED)
            )
            for order in ("o-b", "o-x")
        ]
        assert same_but_for_the_name(review, ("o-b", "o-x"))
        # An id that another's order has is refused as to whoever sees both.
        refused = [await service.ask(who, "Decide", wish("o-b", "a")) for who in (for_a, bo)]
        assert [one.code for one in refused] == ["order.account_changed"] * 2
        hold = credit_pb2.PlaceHoldRequest(hold_id="h1", account_id="b", reason_code="R", reason="r", owner="o")
        await service.ask(bo, "PlaceHold", hold)
        hold.account_id = "a"
        assert (await service.ask(for_a, "PlaceHold", hold)).code == "hold.exists"
        lifted = [await service.ask(for_a, "LiftHold", credit_pb2.LiftHoldRequest(hold_id=h)) for h in ("h1", "h2")]
        assert same_but_for_the_name(lifted, ("h1", "h2"))
        assert await credit.account_of(parts, "a") == (0, 1_000)


async def test_credit_shows_and_decides_orders_of_the_callers_part(open_service: OpenService):
    async with (
        open_service(CREDIT) as parts,
        gated(CREDIT, parts, credit_grpc.CreditServiceStub) as service,
    ):
        await credit.register(parts, "a", limit=10_000)
        whole, north = clerk("a"), clerk("a", name="nora", sites=("north",))

        async def decide(who: Any, order: str, scope: party_pb2.Scope, version: int = 1, minor: int = 1_000) -> Any:
            request = credit_pb2.DecideRequest(
                order_id=order, account_id="a", version=version, amount=credit.eur(minor), scope=scope
            )
            return await service.ask(who, "Decide", request)

        assert (await decide(north, "n1", NORTH)).decision.outcome == credit_events.OUTCOME_APPROVED
        assert (await decide(north, "n1", NORTH, version=2)).decision.version == 2
        await decide(whole, "s1", SOUTH)
        await decide(whole, "w1", party_pb2.Scope())

        shown = [
            await service.ask(north, "GetDecision", credit_pb2.GetDecisionRequest(order_id=o))
            for o in ("n1", "s1", "w1", "x")
        ]
        assert shown[0].decision.scope.site == "north"
        assert same_but_for_the_name([shown[1], shown[3]], ("s1", "x"))
        assert same_but_for_the_name([shown[2], shown[3]], ("w1", "x"))
        # An order for another part, or for the whole company, is not theirs to place; nor a version of another part's.
        for scope in (SOUTH, party_pb2.Scope()):
            assert (await decide(north, "n2", scope)) == Asked(
                DENIED, "access.part", "this concerns more of the company than the parts that the caller is bound to"
            )
        codes = [(await decide(north, "s1", NORTH, version=version)).code for version in (1, 2)]
        assert codes == ["access.account", "order.account_changed"]
        # Of an order that another version has taken to another part they see the version that was theirs.
        await decide(whole, "n1", SOUTH, version=3)
        listed = [
            (shown.decision.order_id, shown.decision.version)
            for shown in (
                await service.ask(north, "ListDecisions", credit_pb2.ListDecisionsRequest(account_id="a"))
            ).decisions
        ]
        assert listed == [("n1", 2)]
        await decide(whole, "n1", NORTH, version=4)
        # What is held for other parts counts all the same: the limit is the company's.
        assert (await decide(north, "n3", NORTH, minor=7_001)).decision.outcome == credit_events.OUTCOME_REFERRED
        assert await credit.account_of(parts, "a") == (0, 3_000)


async def test_who_is_bound_to_a_part_of_a_company_changes_nothing_of_the_whole(open_service: OpenService):
    async with (
        open_service(CREDIT) as parts,
        gated(CREDIT, parts, credit_grpc.CreditServiceStub) as service,
    ):
        await credit.register(parts, "a", limit=10_000)
        bo, nick = clerk(), clerk("a", name="nick", sites=("north",))

        async def place(who: Any, hold_id: str, scope: party_pb2.Scope | None) -> Any:
            request = credit_pb2.PlaceHoldRequest(
                hold_id=hold_id, account_id="a", reason_code="R", reason="r", owner="o"
            )
            if scope is not None:
                request.scope.CopyFrom(scope)
            return await service.ask(who, "PlaceHold", request)

        def code(answer: Any) -> str:
            return answer.code if isinstance(answer, Asked) else ""

        limit = credit_pb2.SetLimitRequest(account_id="a", limit=credit.eur(99_999))
        assert code(await service.ask(nick, "SetLimit", limit)) == "access.bound"
        assert [code(await place(nick, "h1", scope)) for scope in (None, SOUTH)] == ["access.part"] * 2
        assert code(await place(nick, "h1", NORTH)) == ""
        assert [code(await place(bo, name, scope)) for name, scope in (("h2", None), ("h3", SOUTH))] == ["", ""]
        # They stop its orders too, and so are seen; but stay, as far as it is concerned.
        held = await service.ask(nick, "ListHolds", credit_pb2.ListHoldsRequest(account_id="a"))
        assert [hold.hold_id for hold in held.holds] == ["h1", "h2", "h3"]
        lifted = [
            code(await service.ask(nick, "LiftHold", credit_pb2.LiftHoldRequest(hold_id=h))) for h in ("h1", "h2", "h3")
        ]
        assert lifted == ["", "access.account", "access.account"]


async def test_calls_of_several_who_are_bound_to_accounts_each_have_a_transaction(open_service: OpenService):
    async with (
        open_service(CREDIT) as parts,
        gated(CREDIT, parts, credit_grpc.CreditServiceStub) as service,
    ):
        for account in ("a", "b"):
            await credit.register(parts, account)
        people = [clerk(), clerk("a", name="ann"), clerk("b", name="bob"), clerk(name="cy")]
        answers = await asyncio.gather(
            *(
                service.ask(
                    who,
                    "Decide",
                    credit_pb2.DecideRequest(
                        order_id=f"o{n}",
                        version=1,
                        account_id="b" if "bob" in who.subject else "a",
                        amount=credit.eur(10),
                    ),
                )
                for n in range(10)
                for who in [people[n % 4]]
            )
        )

        assert [answer.decision.outcome for answer in answers] == [credit_events.OUTCOME_APPROVED] * 10


async def test_disputes_are_seen_and_opened_on_the_callers_invoices(open_service: OpenService):
    async with (
        open_service(DISPUTES, clock="test") as parts,
        gated(DISPUTES, parts, disputes_grpc.DisputesServiceStub) as service,
    ):
        desk = disputes.Desk(parts, service.stub)
        await desk.set_clock(disputes.MONDAY)
        await desk.follow(*(disputes.issued(f"i-{account}", account=account) for account in ("a", "b")))
        ann, bob = contact("a"), contact("b", name="bob")

        def wish(invoice: str) -> disputes_pb2.OpenRequest:
            return disputes_pb2.OpenRequest(
                invoice=invoice, reason_code="PRC_UNIT", description="d", amount=credit.eur(100)
            )

        case = (await service.ask(bob, "Open", wish("i-b"))).dispute
        mine = (await service.ask(ann, "Open", wish("i-a"))).dispute

        for invoice in ("i-b", "N-i-b"):
            theirs, none = [await service.ask(ann, "Open", wish(name)) for name in (invoice, "i-x")]
            assert same_but_for_the_name([theirs, none], (invoice, "i-x"))
            looked = [
                await service.ask(ann, "Preview", disputes_pb2.PreviewRequest(invoice=name, reason_code="PRC_UNIT"))
                for name in (invoice, "i-x")
            ]
            assert same_but_for_the_name(looked, (invoice, "i-x"))
        for name in (case.dispute_id, case.number):
            asked = [
                await service.ask(ann, "GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=d)) for d in (name, "x")
            ]
            assert same_but_for_the_name(asked, (name, "x"))
            move = disputes_pb2.ACTION_WITHDRAW
            moved = [
                await service.ask(ann, "Move", disputes_pb2.MoveRequest(dispute_id=d, action=move)) for d in (name, "x")
            ]
            assert same_but_for_the_name(moved, (name, "x"))
        await may_see_and_add_evidence_of_their_own(service, ann, bob, mine, case)
        listed = await service.ask(ann, "ListDisputes", disputes_pb2.ListDisputesRequest(account_id="a"))
        assert [d.dispute_id for d in listed.disputes] == [mine.dispute_id]
        history = await service.ask(ann, "GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=mine.number))
        assert len(history.history) == 2
        everything = await service.ask(clerk(), "ListDisputes", disputes_pb2.ListDisputesRequest())
        assert len(everything.disputes) == 2
        # A user of the seller's who looks after one account, and lists without naming it.
        some = await service.ask(
            clerk("a", name="cy"), "ListDisputes", disputes_pb2.ListDisputesRequest(invoice_id="i-b")
        )
        assert isinstance(some, Asked) or list(some.disputes) == []
        # Another site's invoice, and the case about it, of the same company.
        nora = contact("a", name="nora", sites=("north",))
        asked = [
            await service.ask(nora, "GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=d))
            for d in (mine.number, "x")
        ]
        assert same_but_for_the_name(asked, (mine.number, "x"))
        asked = [
            await service.ask(nora, "ListEvidence", disputes_pb2.ListEvidenceRequest(dispute_id=d))
            for d in (mine.number, "x")
        ]
        assert same_but_for_the_name(asked, (mine.number, "x"))
        listed = await service.ask(nora, "ListDisputes", disputes_pb2.ListDisputesRequest(account_id="a"))
        assert list(listed.disputes) == []


async def may_see_and_add_evidence_of_their_own(service: Gated, ann: Any, bob: Any, mine: Any, theirs: Any) -> None:
    """Each adds to their own case; the other's, and what is in it, is not there, by whichever case it is asked for."""

    def photo(dispute_id: str) -> disputes_pb2.AddEvidenceRequest:
        return disputes_pb2.AddEvidenceRequest(
            dispute_id=dispute_id, file_name="a.pdf", media_type="application/pdf", content=b"%PDF-1.7"
        )

    own = (await service.ask(ann, "AddEvidence", photo(mine.dispute_id))).evidence
    other = (await service.ask(bob, "AddEvidence", photo(theirs.number))).evidence
    assert own.evidence_id != other.evidence_id
    for name in (theirs.dispute_id, theirs.number):
        added = [await service.ask(ann, "AddEvidence", photo(d)) for d in (name, "x")]
        assert same_but_for_the_name(added, (name, "x"))
        asked = [
            await service.ask(ann, "ListEvidence", disputes_pb2.ListEvidenceRequest(dispute_id=d)) for d in (name, "x")
        ]
        assert same_but_for_the_name(asked, (name, "x"))
        request = disputes_pb2.GetEvidenceRequest(dispute_id=name, evidence_id=other.evidence_id)
        shown = [await service.ask(ann, "GetEvidence", request)]
        request.dispute_id = "x"
        assert same_but_for_the_name([*shown, await service.ask(ann, "GetEvidence", request)], (name, "x"))
    crossed = [
        await service.ask(ann, "GetEvidence", disputes_pb2.GetEvidenceRequest(dispute_id=mine.number, evidence_id=e))
        for e in (other.evidence_id, "x")
    ]
    assert same_but_for_the_name(crossed, (other.evidence_id, "x"))


async def test_the_ledger_shows_items_of_the_callers_accounts_and_parts(open_service: OpenService):
    async with (
        open_service(LEDGER, clock="test") as parts,
        gated(LEDGER, parts, ledger_grpc.LedgerServiceStub) as service,
    ):
        desk = ledger.Desk(parts, service.stub)
        await desk.set_clock(ledger.day("2026-03-01"))
        await desk.follow(
            *(ledger.registered(account) for account in ("a", "b")),
            ledger.issued("i1", account="a", site="north"),
            ledger.issued("i2", account="a", site="south"),
            ledger.issued("i3", account="b"),
        )
        ann, nora, cy = contact("a"), contact("a", name="nora", sites=("north",)), clerk("a", name="cy")

        async def items(who: Any, account: str = "a") -> list[str]:
            answer = await service.ask(who, "ListOpenItems", ledger_pb2.ListOpenItemsRequest(account_id=account))
            return [item.invoice_id for item in answer.items]

        assert await items(ann) == ["i1", "i2"]
        assert await items(nora) == ["i1"]
        assert await items(clerk(), "") == ["i1", "i2", "i3"]
        # The books of a company are one, whoever asks.
        for who in (ann, nora):
            answer = await service.ask(who, "GetAccount", ledger_pb2.GetAccountRequest(account_id="a"))
            assert [(b.open.minor, b.overdue.minor) for b in answer.balances] == [(23_800, 23_800)]
        trial = await service.ask(cy, "GetTrialBalance", ledger_pb2.GetTrialBalanceRequest())
        assert trial.code == "access.bound"  # the whole seller's
        # A payment by another's id; a bank's file is the whole seller's; a payment that meets what any part owes.
        await service.ask(clerk(), "RecordPayment", ledger.a_payment("p1", 100, account="b"))
        assert (
            await service.ask(cy, "RecordPayment", ledger.a_payment("p1", 100, account="a"))
        ).code == "payment.id_reused"
        content = b"reference,account,value_date,amount,currency,remittance\np2,b,2026-02-01,1.00,EUR,\n"
        upload = await service.ask(cy, "ImportBankStatement", ledger_pb2.ImportBankStatementRequest(content=content))
        assert upload.code == "access.bound"
        di = clerk("a", name="di", sites=("north",))
        paid = await service.ask(di, "RecordPayment", ledger.a_payment("p3", 23_800, account="a"))
        assert len(paid.applications) == 2
        assert await items(clerk(), "a") == []


async def test_payments_are_announced_and_shown_by_account_and_part(open_service: OpenService):
    async with (
        open_service(LEDGER, clock="test") as parts,
        gated(LEDGER, parts, ledger_grpc.LedgerServiceStub) as service,
    ):
        desk = ledger.Desk(parts, service.stub)
        await desk.set_clock(ledger.day("2026-02-01"))
        await desk.follow(
            *(ledger.registered(account) for account in ("a", "b")),
            ledger.issued("i1", account="a", site="north"),
            ledger.issued("i2", account="a", site="south"),
            ledger.issued("i3", account="b"),
        )
        ann, bob = contact("a"), contact("b", name="bob")
        nora, sue = (contact("a", name=name, sites=(site,)) for name, site in (("n", "north"), ("s", "south")))

        async def announce(who: Any, account: str, *numbers: str, minor: int = 100) -> Any:
            items = [ledger_pb2.AnnouncedItem(number=number, amount=ledger.money(minor)) for number in numbers]
            answer = await service.ask(
                who, "AnnouncePayment", ledger_pb2.AnnouncePaymentRequest(account_id=account, items=items)
            )
            return answer if isinstance(answer, Asked) else answer.announcement.reference

        async def withdraw(who: Any, account: str, reference: str) -> Any:
            request = ledger_pb2.WithdrawAnnouncementRequest(account_id=account, reference=reference)
            return await service.ask(who, "WithdrawAnnouncement", request)

        async def announced(who: Any, account: str) -> list[str]:
            answer = await service.ask(
                who, "ListAnnouncements", ledger_pb2.ListAnnouncementsRequest(account_id=account)
            )
            return sorted(a.reference for a in answer.announcements)

        north, south, both, other = (
            await announce(nora, "a", "RE-i1"),
            await announce(sue, "a", "RE-i2"),
            await announce(ann, "a", "RE-i1", "RE-i2"),
            await announce(bob, "b", "RE-i3"),
        )

        assert await announced(ann, "a") == [north, south, both]
        assert (await announced(nora, "a"), await announced(sue, "a")) == ([north], [south])
        assert await announced(clerk(), "") == [north, south, both, other]
        # Another part's or account's invoice, and what was announced of it, is as if it were not there.
        for who, number in ((nora, "RE-i2"), (ann, "RE-i3")):
            theirs, none = [await announce(who, "a", name) for name in (number, "RE-x")]
            assert same_but_for_the_name([theirs, none], (number, "RE-x"))
        for who, reference in ((nora, south), (nora, both), (ann, other)):
            asked = [await withdraw(who, "a", name) for name in (reference, "P-x")]
            assert same_but_for_the_name(asked, (reference, "P-x"))
        assert (await announce(ann, "b", "RE-i3")).code == "access.account"
        assert not isinstance(await withdraw(nora, "a", north), Asked)
        # A payment is the company's: whoever books it, it ends what any part announced. All see it.
        di = clerk("a", name="di", sites=("north",))
        await service.ask(di, "RecordPayment", ledger.a_payment("p1", 200, both, account="a"))
        await service.ask(clerk(), "RecordPayment", ledger.a_payment("p2", 300, account="b"))
        answer = await service.ask(clerk(), "ListAnnouncements", ledger_pb2.ListAnnouncementsRequest())
        assert {a.reference: a.state for a in answer.announcements} == {
            north: "WITHDRAWN",
            south: "EXPECTED",
            both: "RECEIVED",
            other: "EXPECTED",
        }
        for who, account, paid in ((ann, "a", ["p1"]), (nora, "a", ["p1"]), (clerk(), "", ["p2", "p1"])):
            answer = await service.ask(who, "ListPayments", ledger_pb2.ListPaymentsRequest(account_id=account))
            assert [p.payment_id for p in answer.payments] == paid
        refused = await service.ask(ann, "ListPayments", ledger_pb2.ListPaymentsRequest(account_id="b"))
        assert refused.code == "access.account"


async def test_what_is_expected_of_other_parts_counts_too(open_service: OpenService):
    async with (
        open_service(LEDGER, clock="test") as parts,
        gated(LEDGER, parts, ledger_grpc.LedgerServiceStub) as service,
    ):
        desk = ledger.Desk(parts, service.stub)
        await desk.follow(
            ledger.registered("a"),
            ledger.issued("i1", account="a", site="north"),
            ledger.issued("i2", account="a", site="south"),
        )
        await desk.rows(
            f"""INSERT INTO announcement
                SELECT 'acme', 'P-2025-' || n, 'a', 'EUR', 1, ARRAY['i2'], ARRAY[1], NULL, 'EXPECTED', 'user:ada', now()
                  FROM generate_series(1, {EXPECTED_MAX}) AS n RETURNING 1"""
        )
        item = ledger_pb2.AnnouncedItem(number="RE-i1", amount=ledger.money(1))
        nora = contact("a", name="nora", sites=("north",))
        answer = await service.ask(
            nora, "AnnouncePayment", ledger_pb2.AnnouncePaymentRequest(account_id="a", items=[item])
        )

        assert answer.code == "announcement.too_many"


async def test_invoicing_shows_documents_of_the_callers_accounts_and_parts(open_service: OpenService):
    given = {"clock": "test", "rules_dir": rules.install(), "official_rules_share": 0.0}
    async with (
        open_service(INVOICING, **given) as parts,
        gated(INVOICING, parts, invoicing_grpc.InvoicingServiceStub) as service,
    ):
        office = invoicing.Office(parts, service.stub)
        await office.set_clock(invoicing.MONDAY)
        await service.ask(clerk(), "RegisterSeller", invoicing.a_seller())
        await office.handle(invoicing.buyer("a"), invoicing.buyer("b"))
        await office.handle(
            *(invoicing.placed(f"o-{account}", account=account) for account in ("a", "b")),
            *(invoicing.shipped(f"o-{account}", account=account) for account in ("a", "b")),
        )
        mine, theirs = sorted(await office.invoices(), key=lambda invoice: invoice.account_id)
        ann, nora, sue = (
            contact("a"),
            contact("a", name="n", sites=("north",)),
            contact("a", name="s", sites=("south",)),
        )

        for who in (ann, nora):
            shown = await service.ask(who, "GetInvoice", invoicing_pb2.GetInvoiceRequest(invoice=mine.number))
            assert shown.document.invoice == mine
            for format_ in ("", "csv"):  # as it was issued, and one that is written now, and kept
                file = await service.ask(
                    who, "RenderDocument", invoicing_pb2.RenderDocumentRequest(document=mine.number, format=format_)
                )
                assert file.content
        for who, invoice in ((ann, theirs), (sue, mine)):
            for name in (invoice.number, invoice.invoice_id):
                asked = [
                    await service.ask(who, "GetInvoice", invoicing_pb2.GetInvoiceRequest(invoice=i))
                    for i in (name, "x")
                ]
                assert same_but_for_the_name(asked, (name, "x"))
                files = [
                    await service.ask(who, "RenderDocument", invoicing_pb2.RenderDocumentRequest(document=i))
                    for i in (name, "x")
                ]
                assert same_but_for_the_name(files, (name, "x"))
        listed = {
            who.subject: [
                d.invoice.account_id
                for d in (
                    await service.ask(who, "ListInvoices", invoicing_pb2.ListInvoicesRequest(account_id=account))
                ).documents
            ]
            for who, account in ((ann, "a"), (sue, "a"), (clerk(), ""))
        }
        assert listed == {"contact:ann": ["a"], "contact:s": [], "user:bo": ["a", "b"]}
    close_presses()


async def test_invoicing_shows_and_takes_orders_of_the_callers_accounts_and_parts(open_service: OpenService):
    given = {"clock": "test", "rules_dir": rules.install(), "official_rules_share": 0.0}
    async with (
        open_service(INVOICING, order_sources={"portal": ["*"], "*": ["*"]}, **given) as parts,
        gated(INVOICING, parts, invoicing_grpc.InvoicingServiceStub) as service,
    ):
        office = invoicing.Office(parts, service.stub)
        await office.set_clock(invoicing.MONDAY)
        await service.ask(clerk(), "RegisterSeller", invoicing.a_seller())
        await office.handle(*(invoicing.buyer(account) for account in ("a", "a2", "b")))
        await office.handle(*(invoicing.placed(f"o-{account}", account=account) for account in ("a", "a2", "b")))
        ann, nora, sue = (
            contact("a"),
            contact("a", name="n", sites=("north",)),
            contact("a", name="s", sites=("south",)),
        )
        both, bo, cy = contact("a", "a2", name="two"), clerk(), clerk("a", name="cy")

        async def seen(who: Any, account: str, search: str = "") -> list[str]:
            request = invoicing_pb2.ListOrdersRequest(account_id=account, search=search)
            answer = await service.ask(who, "ListOrders", request)
            return (
                [order.placed.order_id for order in answer.orders] if not isinstance(answer, Asked) else [answer.code]
            )

        assert [await seen(who, "a") for who in (ann, nora, cy)] == [["o-a"]] * 3
        assert [await seen(ann, account, "o-") for account in ("a", "a2", "b", "")] == [
            ["o-a"],
            *[["access.account"]] * 3,
        ]
        assert [await seen(sue, "a"), await seen(sue, "a", "o-"), await seen(both, "a2")] == [[], [], ["o-a2"]]
        assert sorted(await seen(bo, "")) == ["o-a", "o-a2", "o-b"]
        for who in (ann, nora, cy, bo):
            own = await service.ask(who, "GetOrder", invoicing_pb2.GetOrderRequest(order_id="o-a"))
            assert own.order.placed.order_id == "o-a"
        for who, order in ((ann, "o-a2"), (ann, "o-b"), (sue, "o-a"), (cy, "o-b")):
            asked = [
                await service.ask(who, "GetOrder", invoicing_pb2.GetOrderRequest(order_id=o)) for o in (order, "o-x")
            ]
            assert same_but_for_the_name(asked, (order, "o-x"))
            # Nor is it cancelled, or shipped, in the name of one's own account.
            if who is not cy:
                cancelled = [
                    await service.ask(
                        who, "CancelOrder", invoicing_pb2.CancelOrderRequest(account_id="a", order_id=o, version=1)
                    )
                    for o in (order, "o-x")
                ]
                assert same_but_for_the_name(cancelled, (order, "o-x"))
        shipped = [await service.ask(cy, "ShipOrder", invoicing.shipping(o, account="a")) for o in ("o-b", "o-x")]
        assert same_but_for_the_name(shipped, ("o-b", "o-x"))
        contract = await service.ask(ann, "GetContract", invoicing_pb2.GetContractRequest(account_id="a"))
        assert contract.contract.net_days == 30
        theirs = await service.ask(ann, "GetContract", invoicing_pb2.GetContractRequest(account_id="b"))
        assert theirs.code == "access.account"

        async def places(who: Any, order: str, account: str, version: int = 2, site: str = "north") -> str:
            request = invoicing.placing(order, account=account, version=version)
            request.scope.site = request.order.scope.site = site
            answer = await service.ask(who, "PlaceOrder", request)
            return answer.code if isinstance(answer, Asked) else ""

        # Another's order is neither replaced nor seen, whichever version is said; that its id is taken is.
        for who, order in ((ann, "o-a2"), (ann, "o-b"), (sue, "o-a")):
            site = "south" if who is sue else "north"
            assert [await places(who, order, "a", version, site) for version in (1, 2)] == ["access.account"] * 2
        assert await places(ann, "o-b", "b") == "access.account"
        assert await places(both, "o-a2", "a") == "order.account_changed"
        assert [await places(nora, "new", "a", 1, site) for site in ("south", "")] == ["access.part"] * 2
        assert await office.told("receivables.orders.v1.portal") == []
        assert [await places(nora, "new", "a", 1), await places(nora, "o-a", "a")] == ["", ""]
        own = await service.ask(
            nora, "CancelOrder", invoicing_pb2.CancelOrderRequest(account_id="a", order_id="o-a", version=1)
        )
        assert not isinstance(own, Asked)
        assert len(await office.told("receivables.orders.v1.portal")) == 3


async def test_invoicing_shows_assets_of_the_callers_accounts_and_parts(open_service: OpenService):
    given = {"clock": "test", "rules_dir": rules.install(), "official_rules_share": 0.0}
    async with (
        open_service(INVOICING, **given) as parts,
        gated(INVOICING, parts, invoicing_grpc.InvoicingServiceStub) as service,
    ):
        office = invoicing.Office(parts, service.stub)
        await office.set_clock(invoicing.MONDAY)
        await service.ask(clerk(), "RegisterSeller", invoicing.a_seller())
        await office.handle(*(invoicing.buyer(account) for account in ("a", "b")))
        await office.handle(
            invoicing.reported("m-a", account="a"),
            invoicing.reported("m-b", account="b"),
            # Both companies' orders name what is told of one of them.
            *(invoicing.placed(f"o-{account}", account=account, asset="m-a") for account in ("a", "b")),
            *(invoicing.shipped(f"o-{account}", account=account) for account in ("a", "b")),
        )
        ann, sue = contact("a"), contact("a", name="s", sites=("south",))

        async def seen(who: Any, account: str) -> list[list[str]]:
            of: Any = {"account_id": account}
            assets = await service.ask(who, "ListAssets", invoicing_pb2.ListAssetsRequest(**of))
            orders = await service.ask(who, "ListOrders", invoicing_pb2.ListOrdersRequest(asset_id="m-a", **of))
            papers = await service.ask(who, "ListInvoices", invoicing_pb2.ListInvoicesRequest(asset_id="m-a", **of))
            return [
                [one.asset_id for one in assets.assets],
                sorted(one.placed.order_id for one in orders.orders),
                sorted(one.invoice.order_id for one in papers.documents),
            ]

        assert await seen(ann, "a") == [["m-a"], ["o-a"], ["o-a"]]
        assert await seen(sue, "a") == [[], [], []]
        assert await seen(clerk(), "") == [["m-a", "m-b"], ["o-a", "o-b"], ["o-a", "o-b"]]
        foreign = await service.ask(ann, "ListAssets", invoicing_pb2.ListAssetsRequest(account_id="b"))
        assert foreign.code == "access.account"
        own = await service.ask(ann, "GetAsset", invoicing_pb2.GetAssetRequest(asset_id="m-a"))
        assert own.asset.asset_id == "m-a"
        for who, name in ((ann, "m-b"), (sue, "m-a")):
            asked = [await service.ask(who, "GetAsset", invoicing_pb2.GetAssetRequest(asset_id=a)) for a in (name, "x")]
            assert same_but_for_the_name(asked, (name, "x"))
    close_presses()
    close_presses()


async def test_messages_and_people_are_seen_by_their_company(open_service: OpenService):
    given = {"smtp_host": "127.0.0.1", "smtp_port": 9, "invoicing_address": "127.0.0.1:9"}
    async with (
        open_service(NOTIFICATIONS, clock="test", **given) as parts,
        gated(NOTIFICATIONS, parts, notifications_grpc.NotificationsServiceStub) as service,
    ):
        tenant = samples.TENANT
        bo = clerk(tenant=tenant)

        async def register(who: Any, name: str, account: str, *roles: str, **more: Any) -> Any:
            values = {"email": f"{name}@{account or 'seller'}.example"} | more
            return await service.ask(
                who,
                "RegisterContact",
                notifications_pb2.RegisterContactRequest(
                    contact_id=name, account_id=account, name=name, language="en", roles=roles, **values
                ),
            )

        for name, account, roles, scope in (
            ("ann", "acme", ("ACCOUNT_ADMIN", "PROCUREMENT", "REQUESTER"), None),
            ("nora", "acme", ("PROCUREMENT", "REQUESTER"), NORTH),
            ("bob", "other", ("ACCOUNT_ADMIN", "PROCUREMENT", "REQUESTER"), None),
            ("sam", "", ("CREDIT", "SALES"), None),
        ):
            await register(bo, name, account, *roles, scope=scope)
        await parts.consumer.handle(
            [
                samples.record(samples.decided(order="o1", scope=NORTH)),
                samples.record(samples.decided(order="o2", scope=SOUTH)),
            ]
        )
        ann, admin = contact("acme", tenant=tenant), contact("acme", name="nora", tenant=tenant, sites=("north",))

        async def messages(who: Any, **filters: Any) -> set[tuple[str, str]]:
            answer = await service.ask(who, "ListMessages", notifications_pb2.ListMessagesRequest(**filters))
            return {(m.contact_id, m.about) for m in answer.messages}

        everything = await messages(bo)
        assert {about for _, about in everything} == {"order/o1", "order/o2"}
        # Of the company's people, and not what the seller's own were told of it.
        assert await messages(ann, account_id="acme") == {(who, what) for who, what in everything if who != "sam"}
        assert ("nora", "order/o2") not in everything
        # Of the part that somebody is bound to, by the rule by which people are told.
        assert await messages(admin, account_id="acme") == {
            (who, what) for who, what in everything if who != "sam" and what == "order/o1"
        }
        people = await service.ask(ann, "ListContacts", notifications_pb2.ListContactsRequest(account_id="acme"))
        assert [c.contact_id for c in people.contacts] == ["ann", "nora"]
        # Another company's contact is not taken over, nor one of the seller's.
        for name in ("bob", "sam"):
            taken = await register(ann, name, "acme", "REQUESTER")
            assert (taken.status, taken.code) == (DENIED, "access.account")


async def test_who_is_of_a_part_registers_nobody_who_hears_of_more(open_service: OpenService):
    given = {"smtp_host": "127.0.0.1", "smtp_port": 9, "invoicing_address": "127.0.0.1:9"}
    async with (
        open_service(NOTIFICATIONS, clock="test", **given) as parts,
        gated(NOTIFICATIONS, parts, notifications_grpc.NotificationsServiceStub) as service,
    ):
        tenant = samples.TENANT
        nora = contact("acme", name="nora", tenant=tenant, sites=("north",))

        async def register(who: Any, name: str, scope: party_pb2.Scope | None, email: str = "") -> str:
            request = notifications_pb2.RegisterContactRequest(
                contact_id=name,
                account_id="acme",
                name=name,
                language="en",
                roles=["AP_CLERK"],
                scope=scope,
                email=email or f"{name}@acme.example",
            )
            answer = await service.ask(who, "RegisterContact", request)
            return answer.code if isinstance(answer, Asked) else ""

        for name, scope in (("ann", None), ("sue", SOUTH), ("nick", NORTH)):
            assert await register(clerk(tenant=tenant), name, scope) == ""

        # Herself, and others, of her part alone.
        assert await register(nora, "nora", NORTH) == ""
        assert await register(nora, "ned", party_pb2.Scope(site="north", cost_centre="7")) == ""
        assert [await register(nora, "nora", scope) for scope in (None, SOUTH)] == ["access.part"] * 2
        assert [await register(nora, "new", scope) for scope in (None, SOUTH)] == ["access.part"] * 2
        # Nobody's mail who hears of more comes to her.
        assert [await register(nora, name, NORTH, "nora@acme.example") for name in ("ann", "sue")] == [
            "access.account"
        ] * 2
        assert await register(nora, "nick", NORTH, "nick@new.example") == ""
        people = await service.ask(nora, "ListContacts", notifications_pb2.ListContactsRequest(account_id="acme"))
        assert {c.contact_id: (c.scope.site, c.email) for c in people.contacts} == {
            "ann": ("", "ann@acme.example"),
            "ned": ("north", "ned@acme.example"),
            "nick": ("north", "nick@new.example"),
            "nora": ("north", "nora@acme.example"),
            "sue": ("south", "sue@acme.example"),
        }


async def test_who_changes_an_address_frees_the_mails_of_all_who_shared_it(open_service: OpenService):
    given = {"smtp_host": "127.0.0.1", "smtp_port": 9, "invoicing_address": "127.0.0.1:9"}
    async with (
        open_service(NOTIFICATIONS, clock="test", **given) as parts,
        gated(NOTIFICATIONS, parts, notifications_grpc.NotificationsServiceStub) as service,
    ):
        tenant = samples.TENANT

        async def register(who: Any, name: str, account: str, email: str, *roles: str) -> None:
            request = notifications_pb2.RegisterContactRequest(
                contact_id=name, account_id=account, name=name, language="en", email=email, roles=roles
            )
            answer = await service.ask(who, "RegisterContact", request)
            assert not isinstance(answer, Asked), answer

        # One mailbox for a person of the buyer and one of the seller: one mail carries both messages.
        await register(
            clerk(tenant=tenant), "ann", "acme", "shared@x.example", "ACCOUNT_ADMIN", "REQUESTER", "PROCUREMENT"
        )
        await register(clerk(tenant=tenant), "sam", "", "shared@x.example", "CREDIT", "SALES")
        await parts.consumer.handle([samples.record(samples.decided(outcome=credit_events.OUTCOME_REFERRED))])

        async def carried() -> int:
            async with parts.database.transaction([tenant]) as tx:
                return len(await tx.rows("SELECT FROM mail WHERE carrier IS NOT NULL"))

        assert await carried() > 0
        admin = contact("acme", tenant=tenant)
        await register(admin, "ann", "acme", "ann@acme.example", "ACCOUNT_ADMIN", "REQUESTER", "PROCUREMENT")
        assert await carried() == 0
