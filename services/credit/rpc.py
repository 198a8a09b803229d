"""The gRPC door of credit."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from receivables.credit.v1 import exposure_pb2, exposure_pb2_grpc, service_pb2, service_pb2_grpc

from services import contracts
from services.chassis import identity
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write, write_many
from services.credit import store, usecases, wire, wire_reviews
from services.kernel.refusals import NotFound, quoted


class CreditService(Door, service_pb2_grpc.CreditServiceServicer):
    """Translates and delegates."""

    @write
    async def RegisterBuyer(
        self, tx: Tx, call: Origin, request: service_pb2.RegisterBuyerRequest
    ) -> service_pb2.RegisterBuyerResponse:
        """Open an account for a buyer company."""
        limit = contracts.money(request.limit)
        await usecases.register_buyer(tx, call, request.account_id, request.company, limit)
        return service_pb2.RegisterBuyerResponse(account=await _account(tx, call, request.account_id))

    @write
    async def ChangeBuyer(
        self, tx: Tx, call: Origin, request: service_pb2.ChangeBuyerRequest
    ) -> service_pb2.ChangeBuyerResponse:
        """Replace the company's data."""
        await usecases.change_buyer(tx, call, request.account_id, request.company)
        return service_pb2.ChangeBuyerResponse(account=await _account(tx, call, request.account_id))

    @write
    async def SetLimit(
        self, tx: Tx, call: Origin, request: service_pb2.SetLimitRequest
    ) -> service_pb2.SetLimitResponse:
        """Replace the limit, from a time on."""
        valid_from = wire.time(request, "valid_from")
        await usecases.set_limit(tx, call, request.account_id, contracts.money(request.limit), valid_from)
        return service_pb2.SetLimitResponse(account=await _account(tx, call, request.account_id))

    @write_many
    async def Decide(
        self, tx: Tx, calls: Sequence[tuple[Origin, service_pb2.DecideRequest]]
    ) -> list[service_pb2.DecideResponse]:
        """Decide orders for checkouts that wait."""
        wishes = [(call, wire.request_of_call(call, request)) for call, request in calls]
        return [
            service_pb2.DecideResponse(decision=wire.shown_to(call, wire.decided(decision)))
            for (call, _), decision in zip(wishes, await usecases.decide(tx, wishes), strict=True)
        ]

    @write
    async def Review(self, tx: Tx, call: Origin, request: service_pb2.ReviewRequest) -> service_pb2.ReviewResponse:
        """A person approves or declines a referred order."""
        outcome = wire.outcome(request.outcome)
        decision = await usecases.review(tx, call, request.order_id, outcome, is_fraud=request.is_fraud)
        return service_pb2.ReviewResponse(decision=wire.decided(decision))

    @read
    async def ListOrderChecks(
        self, tx: Tx, call: Origin, request: service_pb2.ListOrderChecksRequest
    ) -> service_pb2.ListOrderChecksResponse:
        """Orders that looked wrong and wait, least time left first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        found = await store.list_checks(tx, call.tenant, asked)
        return service_pb2.ListOrderChecksResponse(
            checks=[wire.check_shown(check) for check in found],
            next_page_token=asked.next_token(found, lambda check: (check.promise.latest_by, check.order_id)),
        )

    @read
    async def GetOrderCheck(
        self, tx: Tx, call: Origin, request: service_pb2.GetOrderCheckRequest
    ) -> service_pb2.GetOrderCheckResponse:
        """The newest check of an order, with what the rules saw."""
        check = await usecases.one_check(tx, call, request.order_id)
        hits = await store.hits_of(tx, (call.tenant, request.order_id))
        return service_pb2.GetOrderCheckResponse(
            check=wire.check_shown(check), hits=[wire.hit_shown(hit, seen_at) for hit, seen_at in hits]
        )

    @write
    async def TakeUpOrderCheck(
        self, tx: Tx, call: Origin, request: service_pb2.TakeUpOrderCheckRequest
    ) -> service_pb2.TakeUpOrderCheckResponse:
        """See to a check."""
        check = await usecases.take_up_order_check(tx, call, request.order_id)
        return service_pb2.TakeUpOrderCheckResponse(check=wire.check_shown(check))

    @write
    async def RecordOrderCheck(
        self, tx: Tx, call: Origin, request: service_pb2.RecordOrderCheckRequest
    ) -> service_pb2.RecordOrderCheckResponse:
        """Say what a check came to."""
        check = await usecases.record_check(tx, call, request.order_id, is_clear=request.is_clear)
        version = (call.tenant, check.order_id, check.version)
        newest = (await store.find_decisions(tx, [version]))[version]
        return service_pb2.RecordOrderCheckResponse(check=wire.check_shown(check), decision=wire.decided(newest))

    @read
    async def ListFraudRules(
        self, tx: Tx, call: Origin, request: service_pb2.ListFraudRulesRequest
    ) -> service_pb2.ListFraudRulesResponse:
        """How often each rule on fraud was right, a page at a time."""
        asked = page(request, str)
        found = await store.list_fraud_rules(tx, call.tenant, asked)
        return service_pb2.ListFraudRulesResponse(
            rules=[wire.fraud_rule_shown(rule) for rule in found],
            next_page_token=asked.next_token(found, lambda rule: (rule.rule,)),
        )

    @write
    async def RestoreFraudRule(
        self, tx: Tx, call: Origin, request: service_pb2.RestoreFraudRuleRequest
    ) -> service_pb2.RestoreFraudRuleResponse:
        """Have a rule stop something again."""
        rule = await usecases.restore_fraud_rule(tx, call, request.rule)
        return service_pb2.RestoreFraudRuleResponse(rule=wire.fraud_rule_shown(rule))

    @read
    async def GetAccount(
        self, tx: Tx, call: Origin, request: service_pb2.GetAccountRequest
    ) -> service_pb2.GetAccountResponse:
        """What a buyer may owe and owes."""
        return service_pb2.GetAccountResponse(account=await _account(tx, call, request.account_id))

    @read
    async def ListAccounts(
        self, tx: Tx, call: Origin, request: service_pb2.ListAccountsRequest
    ) -> service_pb2.ListAccountsResponse:
        """Accounts by id, those that are searched by the words that begin so, a page at a time."""
        if request.search:
            asked = page(request, str, str)
            rows = await store.search_accounts(tx, call.tenant, asked, request.search)
            token = asked.next_token(rows, lambda row: (row.word, row.account_id))
        else:
            asked = page(request, str)
            rows = await store.list_accounts(tx, call.tenant, asked)
            token = asked.next_token(rows, lambda row: (row.account_id,))
        return service_pb2.ListAccountsResponse(accounts=[wire.account(row) for row in rows], next_page_token=token)

    @read
    async def GetDecision(
        self, tx: Tx, call: Origin, request: service_pb2.GetDecisionRequest
    ) -> service_pb2.GetDecisionResponse:
        """The answer to an order, and where its hold stands."""
        hold = await store.find_hold(tx, (call.tenant, request.order_id), request.version)
        if hold is None:
            raise NotFound("order.unknown", f"no decision on order {quoted(request.order_id)}")
        found = await store.find_decisions(tx, [(call.tenant, hold.order_id, hold.version)])
        return service_pb2.GetDecisionResponse(
            decision=wire.shown_to(call, wire.decided(found[(call.tenant, hold.order_id, hold.version)])),
            hold_state=hold.state.value,
            held=contracts.money_message(hold.held),
        )

    @read
    async def ListDecisions(
        self, tx: Tx, call: Origin, request: service_pb2.ListDecisionsRequest
    ) -> service_pb2.ListDecisionsResponse:
        """The newest answer to each order, the newest first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        found = await store.list_decisions(tx, call.tenant, request.account_id, asked)
        return service_pb2.ListDecisionsResponse(
            decisions=[wire.decision_shown(call, answered) for answered in found],
            next_page_token=asked.next_token(found, lambda answered: (answered.at, answered.record.decision_id)),
        )

    @read
    async def ListReferred(
        self, tx: Tx, call: Origin, request: service_pb2.ListReferredRequest
    ) -> service_pb2.ListReferredResponse:
        """The orders that wait for a person."""
        asked = page(request, str)
        records = await store.referred(tx, call.tenant, asked)
        return service_pb2.ListReferredResponse(
            decisions=[wire.decided(record) for record in records],
            next_page_token=asked.next_token(records, lambda record: (record.order_id,)),
        )

    @write
    async def PlaceHold(
        self, tx: Tx, call: Origin, request: service_pb2.PlaceHoldRequest
    ) -> service_pb2.PlaceHoldResponse:
        """Approve no more orders of an account, or of a part of it."""
        hold = wire.account_hold(call.tenant, request)
        await usecases.place_hold(tx, call, hold)
        return service_pb2.PlaceHoldResponse(hold=wire.hold_placed(hold))

    @write
    async def LiftHold(
        self, tx: Tx, call: Origin, request: service_pb2.LiftHoldRequest
    ) -> service_pb2.LiftHoldResponse:
        """Take a hold off."""
        await usecases.lift_hold(tx, call, request.hold_id)
        return service_pb2.LiftHoldResponse()

    @read
    async def ListHolds(
        self, tx: Tx, call: Origin, request: service_pb2.ListHoldsRequest
    ) -> service_pb2.ListHoldsResponse:
        """The holds that stand, of an account or of all."""
        asked = page(request, str, str)
        holds = await store.list_account_holds(tx, call.tenant, request.account_id, asked)
        return service_pb2.ListHoldsResponse(
            holds=[wire.hold_placed(hold) for hold in holds],
            next_page_token=asked.next_token(holds, lambda hold: (hold.account_id, hold.hold_id)),
        )

    @write
    async def SetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.SetPolicyRequest
    ) -> service_pb2.SetPolicyResponse:
        """Decide by this from now on."""
        version = await usecases.set_policy(tx, call, request.policy)
        return service_pb2.SetPolicyResponse(version=version)

    @read
    async def GetPolicy(
        self, tx: Tx, call: Origin, _request: service_pb2.GetPolicyRequest
    ) -> service_pb2.GetPolicyResponse:
        """What the seller decides by."""
        version, policy = await store.get_policy(tx, call.tenant)
        return service_pb2.GetPolicyResponse(version=version, policy=wire.policy_message(policy))


class ExposureService(Door, exposure_pb2_grpc.ExposureServiceServicer):
    """Translates and delegates."""

    @write
    async def SetRates(
        self, tx: Tx, call: Origin, request: exposure_pb2.SetRatesRequest
    ) -> exposure_pb2.SetRatesResponse:
        """Keep what currencies are worth."""
        rates = [wire.rate(rate) for rate in request.rates]
        return exposure_pb2.SetRatesResponse(set=await usecases.set_rates(tx, call, rates, corrects=request.corrects))

    @read
    async def ListRates(
        self, tx: Tx, call: Origin, request: exposure_pb2.ListRatesRequest
    ) -> exposure_pb2.ListRatesResponse:
        """What currencies are worth, the newest day first."""
        asked = page(request, date.fromisoformat, str, str)
        rates = await store.list_rates(tx, call.tenant, asked)
        return exposure_pb2.ListRatesResponse(
            rates=[wire.rate_message(rate) for rate in rates],
            next_page_token=asked.next_token(rates, lambda rate: (rate.day, rate.base, rate.quote)),
        )

    @write
    async def GrantUplift(
        self, tx: Tx, call: Origin, request: exposure_pb2.GrantUpliftRequest
    ) -> exposure_pb2.GrantUpliftResponse:
        """Ask for more credit for a while."""
        uplift = await usecases.ask_for_uplift(tx, call, wire.uplift(call, request))
        return exposure_pb2.GrantUpliftResponse(uplift=wire.uplift_shown(uplift))

    @write
    async def ApproveUplift(
        self, tx: Tx, call: Origin, request: exposure_pb2.ApproveUpliftRequest
    ) -> exposure_pb2.ApproveUpliftResponse:
        """Another person has it count."""
        uplift = await usecases.approve_uplift(tx, call, request.uplift_id)
        return exposure_pb2.ApproveUpliftResponse(uplift=wire.uplift_shown(uplift))

    @write
    async def EndUplift(
        self, tx: Tx, call: Origin, request: exposure_pb2.EndUpliftRequest
    ) -> exposure_pb2.EndUpliftResponse:
        """Have it count no more."""
        await usecases.end_uplift(tx, call, request.uplift_id)
        return exposure_pb2.EndUpliftResponse()

    @read
    async def ListUplifts(
        self, tx: Tx, call: Origin, request: exposure_pb2.ListUpliftsRequest
    ) -> exposure_pb2.ListUpliftsResponse:
        """The uplifts that have not ended, of an account or of all."""
        asked = page(request, str, str)
        uplifts = await store.list_uplifts(tx, call.tenant, request.account_id, asked)
        return exposure_pb2.ListUpliftsResponse(
            uplifts=[wire.uplift_shown(uplift) for uplift in uplifts],
            next_page_token=asked.next_token(uplifts, lambda uplift: (uplift.account_id, uplift.uplift_id)),
        )

    @read
    async def GetLimitAsOf(
        self, tx: Tx, call: Origin, request: exposure_pb2.GetLimitAsOfRequest
    ) -> exposure_pb2.GetLimitAsOfResponse:
        """The limit at one time, as it was known at another."""
        times = wire.time(request, "valid_at"), wire.time(request, "known_at")
        if request.node_id:
            if call.caller is not None and call.caller.accounts is not None:  # as GetTree
                raise NotFound("node.unknown", f"no node {quoted(request.node_id)}")
            of_node = contracts.money_message(await usecases.node_limit_as_of(tx, call, request.node_id, *times))
            return exposure_pb2.GetLimitAsOfResponse(limit=of_node, granted=of_node)
        limit, granted = await usecases.limit_as_of(tx, call, request.account_id, *times)
        return exposure_pb2.GetLimitAsOfResponse(
            limit=contracts.money_message(limit), granted=contracts.money_message(granted)
        )

    @read
    async def GetExposure(
        self, tx: Tx, call: Origin, request: exposure_pb2.GetExposureRequest
    ) -> exposure_pb2.GetExposureResponse:
        """What an account owes and has reserved, by kind."""
        key = (call.tenant, request.account_id)
        row = await _row(tx, call, request.account_id)
        return wire.exposure(row, await store.delivered(tx, key), await store.paying(tx, key))

    @read
    async def ListReviews(
        self, tx: Tx, call: Origin, request: exposure_pb2.ListReviewsRequest
    ) -> exposure_pb2.ListReviewsResponse:
        """An account's reviews, or of all accounts those that are open, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        to_buyer, of_groups = _is_buyer(call), call.caller is not None and call.caller.accounts is None
        listed = await store.list_reviews(tx, call.tenant, request.account_id, asked, all_kinds=not to_buyer)
        return exposure_pb2.ListReviewsResponse(
            reviews=[wire_reviews.shown(one, to_buyer=to_buyer, of_groups=of_groups) for one in listed],
            next_page_token=asked.next_token(
                listed, lambda one: (one.proposed_at if request.account_id else one.valid_until, one.review_id)
            ),
        )

    @write
    async def AcceptReview(
        self, tx: Tx, call: Origin, request: exposure_pb2.AcceptReviewRequest
    ) -> exposure_pb2.AcceptReviewResponse:
        """The buyer takes a raise."""
        review = await usecases.accept_review(tx, call, request.review_id)
        return exposure_pb2.AcceptReviewResponse(review=wire_reviews.shown(review, to_buyer=True, of_groups=False))

    @write
    async def DecideReview(
        self, tx: Tx, call: Origin, request: exposure_pb2.DecideReviewRequest
    ) -> exposure_pb2.DecideReviewResponse:
        """A person decides on a cut, or takes a raise back."""
        review = await usecases.decide_review(
            tx,
            call,
            request.review_id,
            confirmed=request.confirmed,
            limit=contracts.money(request.limit) if request.HasField("limit") else None,
            counts_from=wire.time(request, "counts_from"),
        )
        return exposure_pb2.DecideReviewResponse(review=wire_reviews.shown(review, to_buyer=False, of_groups=False))

    @write
    async def SetSecurity(
        self, tx: Tx, call: Origin, request: exposure_pb2.SetSecurityRequest
    ) -> exposure_pb2.SetSecurityResponse:
        """Keep what would pay where the buyer does not."""
        security = wire.security_said(call.tenant, request, tx.at)
        await usecases.set_security(tx, call, security)
        return exposure_pb2.SetSecurityResponse(security=wire.security(security))

    @write
    async def EndSecurity(
        self, tx: Tx, call: Origin, request: exposure_pb2.EndSecurityRequest
    ) -> exposure_pb2.EndSecurityResponse:
        """Have it be none any more."""
        await usecases.end_security(tx, call, request.security_id)
        return exposure_pb2.EndSecurityResponse()

    @read
    async def ListSecurities(
        self, tx: Tx, call: Origin, request: exposure_pb2.ListSecuritiesRequest
    ) -> exposure_pb2.ListSecuritiesResponse:
        """The securities that were not ended, of an account or of all."""
        asked = page(request, str, str)
        found = await store.list_securities(tx, call.tenant, request.account_id, asked)
        return exposure_pb2.ListSecuritiesResponse(
            securities=[wire.security(security) for security in found],
            next_page_token=asked.next_token(found, lambda security: (security.account_id, security.security_id)),
        )

    @write
    async def RegisterNode(
        self, tx: Tx, call: Origin, request: exposure_pb2.RegisterNodeRequest
    ) -> exposure_pb2.RegisterNodeResponse:
        """Make a node that accounts can be part of."""
        kind, limit = wire.node_kind(request.kind), contracts.money(request.limit)
        node = await usecases.register_node(tx, call, request.node_id, kind, limit, parent_id=request.parent_id)
        return exposure_pb2.RegisterNodeResponse(node=wire.node_shown(node))

    @write
    async def SetNodeLimit(
        self, tx: Tx, call: Origin, request: exposure_pb2.SetNodeLimitRequest
    ) -> exposure_pb2.SetNodeLimitResponse:
        """Replace the limit of a node."""
        valid_from = wire.time(request, "valid_from")
        node = await usecases.set_node_limit(tx, call, request.node_id, contracts.money(request.limit), valid_from)
        return exposure_pb2.SetNodeLimitResponse(node=wire.node_shown(node))

    @write
    async def MoveAccount(
        self, tx: Tx, call: Origin, request: exposure_pb2.MoveAccountRequest
    ) -> exposure_pb2.MoveAccountResponse:
        """Make an account part of a node, or of none."""
        await usecases.move_account(tx, call, request.account_id, request.parent_id)
        return exposure_pb2.MoveAccountResponse()

    @read
    async def GetTree(self, tx: Tx, call: Origin, request: exposure_pb2.GetTreeRequest) -> exposure_pb2.GetTreeResponse:
        """A node or an account, what it is part of, and what is part of it, a page at a time."""
        asked = page(request, int, str)
        path = await usecases.path_of(tx, call, request.node_id, request.account_id)
        of_account = bool(request.account_id)
        parts = [] if of_account else await store.list_parts(tx, call.tenant, request.node_id, asked)
        return exposure_pb2.GetTreeResponse(
            path=[wire.node_shown(node) for node in path],
            children=[wire.part_shown(part) for part in parts],
            next_page_token=asked.next_token(parts, wire.place_of_part),
        )


async def _account(tx: Tx, call: Origin, account_id: str) -> service_pb2.Account:
    return wire.account(await _row(tx, call, account_id))


async def _row(tx: Tx, call: Origin, account_id: str) -> Any:
    if (row := await store.get_account(tx, (call.tenant, account_id))) is None:
        raise NotFound("buyer.unknown", f"no account {quoted(account_id)}")
    return row


def _is_buyer(call: Origin) -> bool:
    """Whether a buyer's person or program asks."""
    caller = call.caller
    if caller is None:
        return False
    return caller.kind == identity.CONTACT or (caller.kind == identity.KEY and caller.roles <= identity.BUYER_ROLES)
