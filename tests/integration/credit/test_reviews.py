"""Limits that are looked at again: a buyer that pays is offered more, one that pays late has its limit cut by a person."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from receivables.credit.v1 import applications_pb2, events_pb2, exposure_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.credit import store, wire_reviews
from services.credit.domain.review import Kind
from services.credit.rebuild import FOLD
from services.credit.service import SERVICE
from services.kernel.money import Money
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import ANSWERS, GOOD, give, start, submit, tell
from tests.integration.credit.conftest import served
from tests.integration.credit.desk import (
    Desk,
    Refused,
    bodies,
    eur,
    expire,
    hold_of,
    numbered,
    placed,
    register,
    set_clock,
    shipped,
    standing,
)
from tests.integration.credit.reviewed import propose
from tests.integration.credit.test_applications_rebuilt import told
from tests.records import a_record

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
LIMIT, ORDER = 5_000_00, 4_500_00
FINANCE = "contact:c1"


class Ledger:
    """What the ledger tells of one account: invoices, and how late each is paid."""

    def __init__(self, desk: Desk, account: str) -> None:
        self.desk, self.account, self.sequence = desk, account, 0

    async def tell(self, body: Any, subject: str, open_minor: int) -> Record:
        self.sequence += 1
        record = a_record(body, account=self.account, subject=subject)
        told = numbered(record, self.sequence, standing(open_minor))
        await self.desk.follow(told)
        return told

    async def invoice(self, n: int, due: date, minor: int = ORDER) -> None:
        await self.desk.follow(placed(f"o{n}", minor, account=self.account))
        body = ledger_pb2.ItemOpened(
            invoice_id=f"i{n}", number=f"N-{n}", account_id=self.account, order_id=f"o{n}", final=True,
            amount=eur(minor), due_date=due.isoformat(),
        )  # fmt: skip
        await self.tell(body, f"invoice/i{n}", minor)

    async def pay(self, n: int, due: date, days_late: int = 0, minor: int = ORDER) -> Record:
        effective = (due + timedelta(days=days_late)).isoformat()
        payment = ledger_pb2.PaymentReceived(
            payment_id=f"p{n}", account_id=self.account, amount=eur(minor), value_date=effective
        )
        await self.tell(payment, f"payment/p{n}", 0)
        body = ledger_pb2.ItemReduced(
            invoice_id=f"i{n}", number=f"N-{n}", account_id=self.account, by=ledger_pb2.REDUCTION_PAID,
            amount=eur(minor), open=eur(0), cause_id=f"p{n}", due_date=due.isoformat(), effective_on=effective,
        )  # fmt: skip
        return await self.tell(body, f"invoice/i{n}", 0)


async def a_buyer(desk: Desk) -> Ledger:
    """A company with an account that said once what is asked of those who apply for 5,000."""
    await register(desk.parts, limit=LIMIT)
    await start(desk, account="b1")
    await tell(desk, "b1", GOOD)
    await give(desk, ANSWERS)
    return Ledger(desk, "b1")


async def months(desk: Desk, ledger: Ledger, n: int, *, days_late: int = 0, begin: int = 0) -> datetime:
    """So many invoices, one a month, each paid so late; the day after."""
    at = BEGIN
    for nth in range(begin, n):
        at = BEGIN + timedelta(days=30 * nth)
        await set_clock(desk.parts, at)
        due = at.date() + timedelta(days=20)
        await ledger.invoice(nth, due)
        at = datetime.combine(due + timedelta(days=days_late), at.timetz())
        await set_clock(desk.parts, at)
        await ledger.pay(nth, due, days_late)
    at += timedelta(days=1)
    await set_clock(desk.parts, at)
    return at


async def listed(desk: Desk, account: str = "", by: str = "user:ada") -> list[Any]:
    return list((await desk.call("ListReviews", exposure_pb2.ListReviewsRequest(account_id=account), by=by)).reviews)


async def decide(desk: Desk, review: Any, *, by: str = "user:ada", confirmed: bool = True, **fields: Any) -> Any:
    request = exposure_pb2.DecideReviewRequest(review_id=review.review_id, confirmed=confirmed, **fields)
    return (await desk.call("DecideReview", request, by=by)).review


async def refusal(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


async def test_six_months_paid_in_time_have_the_buyer_offered_more_which_one_word_takes(desk: Desk):
    ledger = await a_buyer(desk)
    await months(desk, ledger, 8)

    await expire(desk.parts)

    [offer] = await listed(desk, ledger.account, FINANCE)
    assert (offer.kind, offer.current, offer.limit) == (events_pb2.REVIEW_KIND_RAISE, eur(LIMIT), eur(5_600_00))
    assert not offer.causes
    [seen] = await listed(desk)
    assert (list(seen.causes), {one.name: one.value for one in seen.figures}["settled_invoices"]) == (
        ["clean_months"],
        "8",
    )
    accept = exposure_pb2.AcceptReviewRequest(review_id=offer.review_id)
    accepted = (await desk.call("AcceptReview", accept, by=FINANCE)).review
    assert accepted.end == events_pb2.REVIEW_END_ACCEPTED
    assert (await desk.account(ledger.account)).limit == eur(5_600_00)
    assert await refusal(desk.call("AcceptReview", accept, by=FINANCE)) == "review.over"
    [ended] = await bodies(desk.parts, events_pb2.ReviewEnded)
    assert (ended.review_id, ended.end, ended.limit) == (offer.review_id, events_pb2.REVIEW_END_ACCEPTED, eur(5_600_00))
    await set_clock(desk.parts, datetime(2026, 9, 1, 9, tzinfo=UTC))
    await expire(desk.parts)
    assert await listed(desk) == []  # the months begin anew


async def test_a_payment_twenty_days_late_has_a_cut_proposed_which_counts_after_its_notice_and_leaves_held_orders(
    desk: Desk,
):
    ledger = await a_buyer(desk)
    at = await months(desk, ledger, 4, days_late=20)
    await ledger.invoice(8, at.date() - timedelta(days=19))
    await desk.follow(placed("held", 200_00), shipped("held"))

    await expire(desk.parts)

    [cut] = await listed(desk)
    assert (cut.kind, list(cut.causes), cut.limit) == (events_pb2.REVIEW_KIND_CUT, ["late_payment"], eur(0))
    assert [reason.code for reason in cut.reasons]
    assert await listed(desk, ledger.account, FINANCE) == []
    accept = exposure_pb2.AcceptReviewRequest(review_id=cut.review_id)
    assert await refusal(desk.call("AcceptReview", accept, by=FINANCE)) == "review.unknown"
    # More than the policy grants wants another person.
    prepared = await decide(desk, cut, limit=eur(1_000_00))
    assert (prepared.end, prepared.prepared_by) == (events_pb2.REVIEW_END_UNSPECIFIED, "user:ada")
    assert await refusal(decide(desk, cut)) == "review.four_eyes"
    assert await refusal(decide(desk, cut, by="user:bob", limit=eur(LIMIT))) == "review.limit"
    confirmed = await decide(desk, cut, by="user:bob")
    assert (confirmed.limit, confirmed.counts_from.ToDatetime(UTC)) == (eur(1_000_00), at + timedelta(days=7))
    assert (await desk.account(ledger.account)).limit == eur(LIMIT)
    [told] = await listed(desk, ledger.account, FINANCE)
    assert (told.limit, told.counts_from) == (eur(1_000_00), confirmed.counts_from)
    await set_clock(desk.parts, at + timedelta(days=8))
    await expire(desk.parts)
    assert (await desk.account(ledger.account)).limit == eur(1_000_00)
    assert ((await hold_of(desk.parts, "held")).state, (await hold_of(desk.parts, "held")).held_minor) == (
        "HELD",
        200_00,
    )
    assert len(await bodies(desk.parts, events_pb2.ReviewProposed)) == 1


async def test_a_cut_that_nobody_decides_on_and_one_that_is_declined_leave_the_limit_and_rest_for_thirty_days(
    desk: Desk,
):
    ledger = await a_buyer(desk)
    at = await months(desk, ledger, 4, days_late=20)
    await ledger.invoice(8, at.date() - timedelta(days=19))
    await expire(desk.parts)
    [cut] = await listed(desk)
    kept = await decide(desk, cut, confirmed=False)
    assert (kept.end, kept.HasField("counts_from")) == (events_pb2.REVIEW_END_DECLINED, False)
    for days, waiting in ((10, 0), (32, 1), (63, 0)):
        await set_clock(desk.parts, at + timedelta(days=days))
        await expire(desk.parts)
        assert len(await listed(desk)) == waiting, days
    ends = [one.end for one in await bodies(desk.parts, events_pb2.ReviewEnded)]
    assert ends == [events_pb2.REVIEW_END_DECLINED, events_pb2.REVIEW_END_LAPSED]
    assert (await desk.account(ledger.account)).limit == eur(LIMIT)


async def test_an_insurer_that_pays_less_has_the_limit_cut_to_what_it_covers(desk: Desk):
    ledger = await a_buyer(desk)
    fields: dict[str, Any] = {
        "security_id": "s1", "account_id": ledger.account, "kind": events_pb2.SECURITY_KIND_INSURANCE, "coverage": "0.9",
    }  # fmt: skip
    for minor in (6_000_00, 2_000_00):
        await desk.call("SetSecurity", exposure_pb2.SetSecurityRequest(amount=eur(minor), **fields))

    await expire(desk.parts)

    [cut] = await listed(desk)
    assert (list(cut.causes), cut.limit) == (["insurer_cut"], eur(2_000_00))
    assert "R14" in [reason.code for reason in cut.reasons]


async def test_own_behaviour_decides_from_four_settled_invoices_on_and_comes_out_the_same_again(desk: Desk):
    ledger = await a_buyer(desk)
    records: list[Any] = []
    for settled in (3, 4):
        await months(desk, ledger, settled, begin=settled - 1 if records else 0)
        await start(desk, f"after-{settled}", account="b1", by="user:ada")
        again = {"requested_amount": "5000.00 EUR", "requested_terms": "30"}
        await give(desk, again, f"after-{settled}", by="user:ada")
        await submit(desk, f"after-{settled}", by="user:ada")
        case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id=f"after-{settled}"))
        records.append(case.decisions[0])
        async with desk.parts.database.transaction(["acme"]) as tx:
            sql = "SELECT snapshot FROM application_decision WHERE application_id = %s"
            facts = json.loads((await tx.row(sql, [f"after-{settled}"])).snapshot)["facts"]
        assert (facts["settled_invoices"], facts["late_invoices"], facts["mean_days_late"]) == (str(settled), "0", "0")
        replay = applications_pb2.ReplayDecisionRequest(decision_id=case.decisions[0].told.decision_id)
        assert (await desk.call("ReplayDecision", replay)).same

    before, after = ({term.name: term.amount.minor for term in record.terms} for record in records)
    assert (before["need"], after["need"]) == (
        10_800_00,
        5_625_00,
    )  # what was asked for, and what was open and a quarter
    assert Decimal(records[1].points) > Decimal(records[0].points)


async def test_what_others_of_the_group_owe_counts_and_not_what_the_account_owes_itself(desk: Desk):
    await a_buyer(desk)
    await register(desk.parts, "b2", LIMIT)
    group = exposure_pb2.RegisterNodeRequest(node_id="g", kind=events_pb2.NODE_KIND_GROUP, limit=eur(6_000_00))
    await desk.call("RegisterNode", group)
    for account, minor in (("b1", 500_00), ("b2", 3_000_00)):
        await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id=account, parent_id="g"))
        await desk.follow(placed(f"of-{account}", minor, account=account))

    await submit(desk)

    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    [told] = [term for term in case.decisions[0].terms if term.name == "group"]
    assert (told.amount, told.binding) == (eur(3_000_00), True)


async def test_reviews_stand_as_they_were_told_where_everything_is_built_anew(desk: Desk, open_service: OpenService):
    await a_buyer(desk)
    await propose(desk.parts, "r1", Kind.RAISE, 625_000, current=Money(LIMIT, "EUR"))
    async with desk.parts.database.transaction(["acme"]) as tx:
        waiting = await store.find_review(tx, ("acme", "r1"))
        assert waiting is not None
        proposed = wire_reviews.proposed(waiting)
    await desk.call("AcceptReview", exposure_pb2.AcceptReviewRequest(review_id="r1"), by=FINANCE)
    said = await told(desk.parts)
    [registered] = [one for one in said if one.headers["ce_type"].endswith("BuyerRegistered")]
    [ended] = [one for one in said if one.headers["ce_type"].endswith("ReviewEnded")]
    records = [registered, a_record(proposed, account="b1", subject="review/r1"), ended]

    async with open_service(SERVICE, clock="test") as parts, served(parts) as anew:
        types = types_of("receivables.credit.v1", FOLD.own)  # type: ignore[arg-type] # none is handled
        async with parts.database.transaction(["acme"]) as tx:
            for record in records:
                event = decode(record, types)
                await FOLD.own[type(event.body)](tx, event, None)

        [before], [again] = await listed(desk, "b1"), await listed(anew, "b1")
        for one in (before, again):
            for name in ("proposed_at", "ended_at"):  # as the broker and the clock of here have it
                one.ClearField(name)
        assert again == before
