"""Applications from an empty page to a limit, on each track, and back again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg
import pytest
from receivables.credit.v1 import applications_pb2, events_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services.chassis.sweeps import Span
from services.credit import store
from services.credit.domain import underwriting
from tests.integration.credit.applicants import (
    ANSWERS,
    APPLICANT,
    GOOD,
    act,
    give,
    outcome,
    ready,
    referred,
    shown,
    start,
    state,
    submit,
    tell,
    track,
    when,
)
from tests.integration.credit.desk import Desk, Refused, bodies, eur, expire, register, set_clock, told
from tests.records import a_record

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
IBANS = ("DE89370400440532013000", "DE02120300000000202051", "DE02500105170137075030")
NEEDED = 9  # answers on the fast track
APPROVE: dict[str, Any] = {
    "outcome": applications_pb2.APPLICATION_OUTCOME_APPROVED,
    "limit": eur(5_000_00),
    "terms_days": 30,
}
DECLINE: dict[str, Any] = {"outcome": applications_pb2.APPLICATION_OUTCOME_DECLINED, "reasons": ["R01"]}


async def refusal(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


async def test_a_company_gets_a_limit_at_once_by_nine_answers_and_its_account_with_it(desk: Desk):
    started = await start(desk)
    assert state(started) == "DRAFT"
    assert len(started.questions) <= NEEDED
    assert {question.key for question in started.questions} == ANSWERS.keys()
    await tell(desk, started.account_id, GOOD)
    answered = await give(desk, ANSWERS)
    assert (list(answered.refused), list(answered.application.questions)) == ([], [])

    decided = await submit(desk)

    assert (state(decided), track(decided), outcome(decided)) == ("DECIDED", "FAST", "APPROVED")
    assert decided.decision.limit == eur(5_000_00)
    assert decided.decision.decided_by == "engine"
    assert not decided.HasField("latest_by")
    accepted = await act(desk, "AcceptApplication")
    assert state(accepted) == "ACCEPTED"
    account = await desk.account(started.account_id)
    assert (account.limit, account.company.name) == (eur(5_000_00), "Muster GmbH")
    assert (account.company.legal_id, account.company.address.country) == ("HRB 1234", "DE")
    [registered] = await bodies(desk.parts, events_pb2.BuyerRegistered)
    assert registered.account_id == started.account_id
    said = await told(desk.parts)
    assert [name for name in said if name != "FactGiven"] == [
        "ApplicationMoved",
        "FactWanted",
        "ApplicationMoved",
        "ApplicationMoved",
        "ApplicationDecided",
        "BuyerRegistered",
        "ApplicationMoved",
    ]
    assert await refusal(act(desk, "AcceptApplication")) == "application.illegal_move"


async def test_no_value_of_a_fact_is_told_on_the_topic(desk: Desk):
    await ready(desk)
    await submit(desk)

    async with desk.parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT headers::text || encode(payload, 'escape') AS said FROM outbox")
    for secret in ("Muster", "einkauf", "HRB", "Aachen"):
        assert not [row for row in rows if secret in row.said]


async def test_each_answer_is_saved_or_refused_by_itself(desk: Desk):
    await start(desk)

    answered = await give(
        desk,
        {
            "company_name": "Muster GmbH",
            "register_number": "nothing of the kind",
            "contact_email": "nobody",
            "typical_order": "1200.00 USD",
            "orders_a_month": "many",
            "no_such_fact": "1",
            "bureau_score": "100",
            "iban": "DE00",
        },
    )

    assert {one.key: one.code for one in answered.refused} == {
        "register_number": "fact.register_number",
        "contact_email": "fact.email",
        "typical_order": "fact.value",
        "orders_a_month": "fact.value",
        "no_such_fact": "fact.unknown",
        "bureau_score": "fact.unknown",
        "iban": "fact.iban",
    }
    assert {fact.key: fact.value for fact in answered.application.facts} == {"company_name": "Muster GmbH"}


async def test_an_application_is_opened_once_by_its_name_and_is_nobody_elses(desk: Desk):
    first = await start(desk)
    assert (await start(desk)).account_id == first.account_id
    assert await refusal(start(desk, by="user:eve")) == "application.exists"
    assert await refusal(start(desk, "a2", account="nobody")) == "buyer.unknown"
    assert await refusal(shown(desk, "a9")) == "application.unknown"
    unknown = applications_pb2.StartApplicationRequest(application_id="a3", country="XX", currency="EUR")
    assert await refusal(desk.call("StartApplication", unknown)) == "country.unknown"


async def test_a_known_account_is_asked_only_for_what_is_not_known_of_it(desk: Desk):
    await register(desk.parts)

    started = await start(desk, account="b1")

    asked = {question.key for question in started.questions}
    assert "company_name" not in asked
    assert started.account_id == "b1"


async def test_what_is_not_answered_is_named_and_nothing_is_decided(desk: Desk):
    await start(desk)
    await give(desk, {"company_name": "Muster GmbH"})

    assert await refusal(submit(desk)) == "application.incomplete"
    assert state(await shown(desk)) == "DRAFT"


async def test_an_application_that_a_person_must_see_is_promised_an_answer_in_business_hours(desk: Desk):
    await set_clock(desk.parts, datetime(2026, 1, 9, 15, tzinfo=UTC))  # Friday, two hours before the end
    seen = await referred(desk)

    assert (state(seen), track(seen)) == ("REFERRED", "STANDARD")
    assert when(seen.usually_by) == datetime(2026, 1, 9, 17, tzinfo=UTC)
    assert when(seen.latest_by) == datetime(2026, 1, 12, 11, tzinfo=UTC)
    assert outcome(seen) == "REFERRED"
    assert seen.decision.track_because
    assert seen.decision.reasons


async def test_the_one_with_the_least_time_left_is_first_in_the_queue(desk: Desk):
    for hour, name, iban in ((9, "a1", IBANS[0]), (11, "a2", IBANS[1]), (10, "a3", IBANS[2])):
        await set_clock(desk.parts, MONDAY.replace(hour=hour))
        own = {"register_number": f"HRB {hour}", "contact_email": f"ap@{name}.example", "iban": iban}
        await referred(desk, name, **own)

    pages = []
    request = applications_pb2.ListApplicationsRequest(page_size=2)
    while True:
        answer = await desk.call("ListApplications", request)
        pages.append([one.application_id for one in answer.applications])
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token

    assert pages == [["a1", "a3"], ["a2"]]


async def test_a_person_takes_it_up_asks_one_fact_for_which_the_clock_rests_and_decides(desk: Desk):
    before = await referred(desk)
    taken = await act(desk, "TakeUpApplication", by="user:ada")
    assert (state(taken), taken.owner) == ("IN_REVIEW", "user:ada")
    assert await refusal(act(desk, "AskForFact", by="user:bob", key="owners")) == "application.not_owner"
    assert await refusal(act(desk, "AskForFact", by="user:ada", key="company_name")) == "fact.known"
    assert await refusal(act(desk, "AskForFact", by="user:ada", key="bureau_score")) == "fact.unknown"

    asked = await act(desk, "AskForFact", by="user:ada", key="owners")

    assert state(asked) == "WAITING_FOR_FACTS"
    assert [question.key for question in asked.questions if question.required] == ["owners"]
    assert (await bodies(desk.parts, events_pb2.FactWanted))[-1].asked_by == "user:ada"
    assert await refusal(act(desk, "AskForFact", by="user:ada", key="owners")) == "fact.asked"
    await set_clock(desk.parts, MONDAY + timedelta(hours=3))
    answered = (await give(desk, {"owners": "Erika Muster, all of it"})).application
    assert state(answered) == "IN_REVIEW"
    assert when(answered.latest_by) == when(before.latest_by) + timedelta(hours=3)

    decided = await act(
        desk, "DecideApplication", by="user:ada", **APPROVE | {"limit": eur(4_000_00), "reasons": ["R01"]}
    )

    assert (state(decided), decided.decision.decided_by) == ("DECIDED", "user:ada")
    assert state(await act(desk, "AcceptApplication")) == "ACCEPTED"
    assert (await desk.account(before.account_id)).limit == eur(4_000_00)


@pytest.mark.parametrize(("hours", "promise"), [(3, "kept"), (5, "missed")])
async def test_whether_a_promise_was_kept_stands_beside_the_answer_and_is_told(desk: Desk, hours: int, promise: str):
    promised = when((await referred(desk)).latest_by)
    await act(desk, "TakeUpApplication", by="user:ada")
    await set_clock(desk.parts, promised + timedelta(hours=hours - 4))

    await act(desk, "DecideApplication", by="user:ada", **DECLINE)

    [answer] = await bodies(desk.parts, events_pb2.ApplicationDecided)
    assert when(answer.promised_by) == promised
    async with desk.parts.database.transaction(["acme"]) as tx:
        found = await store.count_answers(tx, Span(None, None))
    assert [(row.outcome, row.promise, row.n) for row in found] == [("DECLINED", promise, 1)]


async def test_what_waits_is_counted_by_how_far_its_promise_is_over(desk: Desk):
    one = await referred(desk)
    for at, over in (
        (when(one.usually_by), "no"),
        (when(one.latest_by), "usual"),
        (when(one.latest_by) + timedelta(minutes=1), "promised"),
    ):
        await set_clock(desk.parts, at)
        async with desk.parts.database.transaction(["acme"]) as tx:
            [row] = await store.count_applications(tx, Span(None, None))
        assert (row.state, row.over, row.n) == ("REFERRED", over, 1)


async def test_above_what_the_policy_allows_two_persons_decide(desk: Desk):
    application = await referred(desk)
    await act(desk, "TakeUpApplication", by="user:ada")
    large = APPROVE | {"limit": eur(90_000_00)}

    proposed = await act(desk, "DecideApplication", by="user:ada", **large)

    assert (state(proposed), outcome(proposed)) == ("PROPOSED", "REFERRED")
    for same in ("user:ada", "user:bob for user:ada"):
        assert await refusal(act(desk, "ConfirmApplication", by=same, confirmed=True)) == "application.four_eyes"
    back = await act(desk, "ConfirmApplication", by="user:bob", confirmed=False)
    assert state(back) == "IN_REVIEW"
    await act(desk, "DecideApplication", by="user:ada", **large)
    decided = await act(desk, "ConfirmApplication", by="user:bob", confirmed=True)
    assert (state(decided), decided.decision.limit) == ("DECIDED", eur(90_000_00))
    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    assert [record.told.decided_by for record in case.decisions] == ["user:ada", "engine"]
    assert application.account_id == case.application.account_id


async def test_the_database_too_keeps_who_prepared_a_decision_from_confirming_it(desk: Desk):
    await referred(desk)
    with pytest.raises(psycopg.errors.CheckViolation):
        async with desk.parts.database.transaction(["acme"]) as tx:
            await tx.run(
                """INSERT INTO application_decision
                   SELECT tenant, 'd9', application_id, account_id, 9, policy_id, outcome, 'user:ada', 'user:bob for user:ada',
                          record, snapshot, decided_at FROM application_decision"""
            )


async def test_whoever_asked_for_a_limit_does_not_grant_it(desk: Desk):
    await start(desk, by="user:ada")
    await give(desk, ANSWERS | {"iban": IBANS[0]}, by="user:ada")
    await submit(desk, by="user:ada")

    assert await refusal(act(desk, "TakeUpApplication", by="user:ada")) == "application.four_eyes"
    await act(desk, "TakeUpApplication", by="user:bob")
    decided = await act(desk, "DecideApplication", by="user:bob", **DECLINE)
    assert outcome(decided) == "DECLINED"


async def test_an_appeal_goes_to_another_person(desk: Desk):
    await referred(desk)
    await act(desk, "TakeUpApplication", by="user:ada")
    declined = await act(desk, "DecideApplication", by="user:ada", **DECLINE)
    assert [reason.code for reason in declined.decision.reasons] == ["R01"]
    assert await refusal(act(desk, "AcceptApplication")) == "application.not_approved"
    assert await refusal(submit(desk)) == "application.decided_by_person"
    assert await refusal(act(desk, "AppealApplication", why=" ")) == "application.appeal"

    appealed = await act(desk, "AppealApplication", why="we have been here since 1990")

    assert (state(appealed), appealed.HasField("latest_by")) == ("APPEALED", True)
    assert await refusal(act(desk, "TakeUpApplication", by="user:ada")) == "application.another_person"
    await act(desk, "TakeUpApplication", by="user:bob")
    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    assert (case.appealed_by, case.appeal) == (APPLICANT, "we have been here since 1990")
    approved = await act(desk, "DecideApplication", by="user:bob", **APPROVE | {"limit": eur(1_000_00)})
    assert outcome(approved) == "APPROVED"


async def test_a_decision_lapses_by_the_clock_and_is_told_once(desk: Desk):
    await ready(desk)
    await submit(desk)
    await set_clock(desk.parts, MONDAY + timedelta(days=30))
    assert await refusal(act(desk, "AcceptApplication")) == "application.lapsed"
    assert await refusal(act(desk, "AppealApplication", why="late")) == "application.lapsed"

    assert [await expire(desk.parts), await expire(desk.parts)] == [1, 0]

    assert state(await shown(desk)) == "EXPIRED"
    assert await refusal(give(desk, {"company_name": "Other"})) == "application.closed"


async def test_the_same_facts_by_the_same_policy_come_out_the_same_years_later(desk: Desk):
    await ready(desk)
    decision = (await submit(desk)).decision
    text = underwriting.default().text.replace("below: 1.25, points: 9", "below: 1.25, points: 8")
    proposed = await desk.call("ProposePolicyText", applications_pb2.ProposePolicyTextRequest(text=text), by="user:ada")
    activate = applications_pb2.ActivatePolicyTextRequest(policy_id=proposed.policy.policy_id)
    assert await refusal(desk.call("ActivatePolicyText", activate, by="user:ada")) == "policy.four_eyes"
    assert (await desk.call("ActivatePolicyText", activate, by="user:bob")).policy.active
    assert await refusal(desk.call("ActivatePolicyText", activate, by="user:bob")) == "policy.active"
    await set_clock(desk.parts, MONDAY + timedelta(days=2000))

    request = applications_pb2.ReplayDecisionRequest(decision_id=decision.decision_id)
    again = await desk.call("ReplayDecision", request)

    assert again.same
    assert again.written_hash == again.replayed_hash != ""
    listed = await desk.call("ListPolicyTexts", applications_pb2.ListPolicyTextsRequest())
    assert [(one.policy_id, one.text, one.active) for one in listed.policies] == [(activate.policy_id, "", True)]
    current = await desk.call("GetPolicyText", applications_pb2.GetPolicyTextRequest())
    assert (current.policy.policy_id, current.policy.text) == (activate.policy_id, text)
    assert await refusal(desk.call("ReplayDecision", applications_pb2.ReplayDecisionRequest(decision_id="d9"))) == (
        "application.unknown_decision"
    )


async def test_a_policy_with_a_mistake_is_told_its_line_and_never_kept(desk: Desk):
    text = underwriting.default().text.replace("requested_amount / need_now", "requested_amont / need_now")

    checked = await desk.call("CheckPolicyText", applications_pb2.CheckPolicyTextRequest(text=text))

    assert [(one.code, one.line > 0) for one in checked.mistakes][:1] == [("fact_unknown", True)]
    with pytest.raises(Refused) as refused:
        await desk.call("ProposePolicyText", applications_pb2.ProposePolicyTextRequest(text=text))
    assert (refused.value.status, refused.value.code) == (grpc.StatusCode.INVALID_ARGUMENT, "policy.mistakes")
    assert not (await desk.call("ListPolicyTexts", applications_pb2.ListPolicyTextsRequest())).policies
    fine = await desk.call("CheckPolicyText", applications_pb2.CheckPolicyTextRequest(text=underwriting.default().text))
    assert (fine.policy_id, list(fine.mistakes)) == (underwriting.default().policy_id, [])


async def test_sixteen_askers_at_once_repeat_no_question(desks: tuple[Desk, Desk]):
    one, two = desks
    await register(one.parts)
    names = [f"a{n}" for n in range(16)]
    await asyncio.gather(*(start(desk, name, account="b1") for name, desk in zip(names, [one, two] * 8, strict=True)))

    async def work(desk: Desk, name: str, nth: int) -> None:
        """Each answers some, while others ask and answer the same."""
        for key in list(ANSWERS)[nth % 3 :: 3]:
            await give(desk, {key: ANSWERS[key]}, name)
        await start(desk, f"{name}-more", account="b1") if nth < 4 else None
        await shown(desk, name)

    await asyncio.gather(
        *(work(desk, name, nth) for nth, (name, desk) in enumerate(zip(names, [two, one] * 8, strict=True)))
    )

    async with one.parts.database.transaction(["acme"]) as tx:
        asked = await tx.rows("SELECT key, count(*) AS times FROM question GROUP BY key")
        repeated = await tx.rows(
            """SELECT q.key FROM question q JOIN fact f USING (tenant, account_id, key)
                WHERE q.asked_at > f.given_at AND (f.superseded_at IS NULL OR f.superseded_at > q.asked_at)"""
        )
    assert {row.key for row in asked} >= {"requested_amount", "agreement"}
    assert [row for row in asked if row.times > 1] == []
    assert repeated == []
    wanted = [key for event in await bodies(one.parts, events_pb2.FactWanted) for key in event.keys]
    assert len(wanted) == len(set(wanted)), "nothing is told as wanted twice"


async def test_an_answer_that_has_grown_old_is_confirmed_and_never_asked_empty(desk: Desk):
    await ready(desk)
    await set_clock(desk.parts, MONDAY + timedelta(days=91))

    asked = {question.key: question.known for question in (await shown(desk)).questions}

    assert asked == {"requested_amount": "5000.00 EUR", "requested_terms": "30"}
    await give(desk, asked)
    assert not (await shown(desk)).questions


async def test_what_a_register_says_otherwise_is_a_choice_between_both(desk: Desk):
    application = await ready(desk)
    await set_clock(desk.parts, MONDAY + timedelta(hours=1))
    await tell(desk, application.account_id, {"company_name": "Muster Handels GmbH"})

    [question] = (await shown(desk)).questions

    assert (question.key, question.known) == ("company_name", "Muster GmbH")
    assert (question.other, question.other_source) == ("Muster Handels GmbH", "registry")
    await set_clock(desk.parts, MONDAY + timedelta(hours=2))
    await give(desk, {"company_name": "Muster GmbH"})
    assert not (await shown(desk)).questions
    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    said = {(fact.provenance, fact.value) for fact in case.facts if fact.key == "company_name"}
    assert said == {("applicant", "Muster GmbH"), ("registry", "Muster Handels GmbH")}


async def test_what_another_company_gave_before_is_seen_at_the_desk_and_never_told(desk: Desk):
    first = await referred(desk)
    second = await ready(desk, "a2", GOOD, company_name="Other GmbH", iban=IBANS[0])
    papers = [question.key for question in second.questions if question.required]
    assert "annual_accounts" in papers, "a bank account of another company is looked at closely"
    await give(desk, {"owners": "Somebody", "signer": "Somebody"}, "a2")
    for nth, key in enumerate(("annual_accounts", "annual_accounts_before", "signer_authority")):
        document = applications_pb2.AddApplicationDocumentRequest(
            application_id="a2",
            document_id=f"doc{nth}",
            key=key,
            name="a.pdf",
            media_type="application/pdf",
            content=b"%PDF-1.7 " + key.encode(),
        )
        await desk.call("AddApplicationDocument", document, by=APPLICANT)

    seen = await submit(desk, "a2")

    assert (state(seen), track(seen)) == ("REFERRED", "ENHANCED")
    assert first.account_id not in str(seen)
    assert not {"F08", "F09"} & set(seen.decision.track_because)
    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a2"))
    signals = {signal.rule: signal.compared_with for signal in case.decisions[0].signals}
    assert signals["F09"] == first.account_id
    assert {one.rule for one in await bodies(desk.parts, events_pb2.FraudSignalled)} >= {"F08", "F09"}


async def test_a_document_answers_for_its_fact_and_is_kept_as_it_came(desk: Desk):
    await referred(desk)
    content = b"%PDF-1.7 accounts"

    def a_document(**changes: Any) -> Any:
        fields = {
            "application_id": "a1",
            "document_id": "doc1",
            "key": "annual_accounts",
            "name": "accounts.pdf",
            "media_type": "application/pdf",
            "content": content,
        }
        return desk.call("AddApplicationDocument", applications_pb2.AddApplicationDocumentRequest(**fields | changes))

    assert await refusal(a_document(content=b"no PDF")) == "application.document_type"
    assert await refusal(a_document(name="../x.pdf")) == "application.document_name"
    assert await refusal(a_document(key="company_name")) == "fact.value"
    added = (await a_document()).application
    assert (await a_document()).application.application_id == "a1"  # the same again
    assert await refusal(a_document(content=b"%PDF-other")) == "application.document_exists"

    assert {fact.key: fact.provenance for fact in added.facts}["annual_accounts"] == "document"
    request = applications_pb2.GetApplicationDocumentRequest(application_id="a1", document_id="doc1")
    found = await desk.call("GetApplicationDocument", request)
    assert (found.name, found.media_type, found.content) == ("accounts.pdf", "application/pdf", content)


async def test_what_somebody_gave_of_persons_goes_with_them_and_what_was_decided_stays(desk: Desk):
    await ready(desk)
    decided = await submit(desk)
    await act(desk, "AppealApplication", why="please", by="user:eve")
    erased = notifications_pb2.ContactErased(contact_id="c1", account_id=decided.account_id)

    await desk.follow(a_record(erased, account=decided.account_id, subject="contact/c1"))

    seen = await shown(desk)
    known = {fact.key for fact in seen.facts}
    assert "company_name" in known
    assert not known & {"contact_email", "register_number"}
    assert seen.decision == decided.decision
    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    assert (case.appealed_by, case.appeal) == ("user:eve", "please")
    request = applications_pb2.ReplayDecisionRequest(decision_id=decided.decision.decision_id)
    assert await refusal(desk.call("ReplayDecision", request)) == "application.forgotten"


async def test_an_application_that_is_withdrawn_ends(desk: Desk):
    await referred(desk)
    await act(desk, "TakeUpApplication", by="user:ada")
    await act(desk, "DecideApplication", by="user:ada", **APPROVE | {"limit": eur(90_000_00)})

    withdrawn = await act(desk, "WithdrawApplication")

    assert (state(withdrawn), withdrawn.HasField("latest_by")) == ("WITHDRAWN", False)
    assert await refusal(act(desk, "ConfirmApplication", by="user:bob", confirmed=True)) == "application.illegal_move"
