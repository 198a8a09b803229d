"""Applications for credit: started, answered, decided, accepted, looked at again (RULES: applications).

Whoever changes one holds the company first (`store.lock_subject`), then the application, then the account.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache, partial

from google.protobuf.message import Message
from receivables.credit.v1 import applications_pb2, events_pb2

from services.chassis import identity, jobs, outbox, words
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import metrics, store, wire_applications
from services.credit.domain import applications as domain
from services.credit.domain import facts as known_facts
from services.credit.domain import looks, promises, underwriting
from services.credit.domain.applications import Action, Application, By, Document, State
from services.credit.domain.facts import Fact
from services.credit.domain.looks import Cleared, Found, Look, Shown
from services.credit.domain.review import Cause
from services.credit.domain.step_ups import CALLS_MOST, STEPS
from services.credit.domain.suspicions import SHADOW
from services.credit.domain.underwriting import APPROVALS, Assessment, Facts, Outcome, Policy, Track
from services.credit.lookout import Lookout
from services.credit.sources import Gathered, Question, again, subject_of
from services.credit.store.applications import Decided
from services.credit.usecases import buyers, conduct, facts, features, fraud_rules, limits
from services.credit.usecases.companies import company_of, told_of_company
from services.credit.usecases.facts import Ground, NotSaved
from services.credit.wire_applications import ENGINE, View
from services.kernel.countries import check_country
from services.kernel.money import Money, exponent
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted

KEY_BYTES = 32  # of a tenant's key of marks
DOCUMENTS_MOST = 20  # of an application
BYTES_MOST = 40_000_000  # of all of them
DECISIONS_SHOWN = 100
_CHECKED = "R19"  # why, where a person declines for what looked wrong
# Who has no other role reads of persons that something is known, and not what.
_WITHOUT_PERSONS = frozenset({"AUDITOR", "SALES"})
# Where what has to be shown still changes something.
_STEPPING = frozenset({State.REFERRED, State.IN_REVIEW, State.WAITING_FOR_FACTS})
# What an offer may change that the applicant has in hand; all else has to be shown first, and is decided anew.
_AT_ONCE = frozenset({"amount", "terms"})

Serve = Callable[[], AbstractAsyncContextManager[Tx]]
Ask = Callable[[Origin, Question], Awaitable[Gathered]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to open."""

    application_id: str
    # Empty: of a company that has no account yet.
    account_id: str
    country: str
    currency: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the engine made of an application before the transaction that keeps it."""

    values: Facts
    policy_id: str
    assessment: Assessment
    gathered: Gathered
    # What it was compared with, what of it was, and how that is done again.
    look: Look
    shown: Shown
    look_again: Callable[[Shown], Look]


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision as it was taken."""

    record: applications_pb2.DecisionRecord
    # "engine", or a person, and who confirmed it.
    prepared_by: str
    confirmed_by: str = ""
    # The facts as they were, where the engine took it.
    snapshot: str = ""


@lru_cache(64)
def read_policy(text: str) -> Policy:
    """A policy of which it was seen that it has no mistake."""
    return underwriting.read(text)


async def start_application(tx: Tx, origin: Origin, wish: Wish) -> Application:
    """Open an application; of a company without an account, one is minted that it gets with its first limit."""
    if not wish.application_id or "/" in wish.application_id:
        raise Invalid("application.application_id", "an application needs an id without '/'")
    if (earlier := await store.find_application(tx, (origin.tenant, wish.application_id))) is not None:
        if wish.account_id not in ("", earlier.account_id) or (
            not wish.account_id and earlier.started_by != origin.actor
        ):
            raise Conflict("application.exists", f"there is another application {quoted(wish.application_id)}")
        return earlier
    country, currency = wish.country, wish.currency
    told: list[Fact] = []
    if wish.account_id:
        account, told = await told_of_company(tx, origin.tenant, wish.account_id)
        country, currency = account.country or country, account.currency
    check_country(country)
    exponent(currency)
    new = Application(
        tenant=origin.tenant,
        application_id=wish.application_id,
        account_id=wish.account_id or new_id(),
        country=country,
        currency=currency,
        state=State.DRAFT,
        started_by=origin.actor,
        started_at=tx.at,
    )
    await store.lock_subject(tx, new.tenant, new.account_id)
    if await store.count_open(tx, new.tenant, new.account_id) >= domain.OPEN_MOST:
        raise Conflict("application.too_many", f"an account has at most {domain.OPEN_MOST} open applications")
    await store.make_mark_key(tx, new.tenant, secrets.token_bytes(KEY_BYTES))
    if not await store.add_application(tx, new):
        raise Conflict("application.exists", f"there is another application {quoted(wish.application_id)}")
    standing = {(fact.key, fact.provenance, fact.value) for fact in await store.facts_of(tx, *_company(new))}
    fresh = [fact for fact in told if (fact.key, fact.provenance, fact.value) not in standing]
    await facts.keep(tx, origin, new, fresh)
    await outbox.add(tx, [_tell(origin, new, wire_applications.moved(new))])
    await _ask_what_is_new(tx, origin, await _ground(tx, new))
    return new


async def give_facts(
    tx: Tx, origin: Origin, application_id: str, given: Sequence[tuple[str, str]], given_by: str
) -> list[NotSaved]:
    """Save answers, each by itself; ask what follows from them. The last one that a person waits for gives it back."""
    application = await hold(tx, origin, application_id)
    domain.check_answerable(application)
    policy = await policy_of(tx, origin.tenant)
    refused = await facts.save(tx, origin, application, policy, given, by=_giver(origin, given_by))
    ground = await _ground(tx, application)
    await _ask_what_is_new(tx, origin, ground)
    if application.state is State.WAITING_FOR_FACTS and not ground.by_desk:
        await _answered(tx, origin, application)
    return refused


async def add_document(tx: Tx, origin: Origin, application_id: str, document: Document, content: bytes) -> Application:
    """Keep a document, which is the answer to the fact that it shows."""
    application = await hold(tx, origin, application_id)
    domain.check_answerable(application)
    policy = await policy_of(tx, origin.tenant)
    kind = facts.answerable(policy, document.key)
    if kind.kind is not underwriting.Kind.DOCUMENT:
        raise Invalid("fact.value", f"{document.key} is not shown by a document")
    added = await store.documents_of(tx, application.key)
    same = next((one for one in added if one.document_id == document.document_id), None)
    if same is not None and same.sha256 == document.sha256:
        return application
    if len(added) >= DOCUMENTS_MOST:
        raise Conflict("application.too_many_documents", f"an application has at most {DOCUMENTS_MOST} documents")
    if sum(one.size for one in added) + document.size > BYTES_MOST:
        raise Conflict("application.too_much", f"documents have at most {BYTES_MOST:,} bytes together")
    if not await store.add_document(tx, application, document, content, origin.actor):
        raise Conflict("application.document_exists", f"there is another document {quoted(document.document_id)}")
    fact = Fact(
        key=document.key,
        value=document.document_id,
        provenance=known_facts.DOCUMENT,
        given_by=origin.actor,
        given_at=tx.at,
        valid_until=facts.valid_until(kind, tx),
        evidence=document.document_id,
    )
    await facts.keep(tx, origin, application, [fact])
    ground = await _ground(tx, application)
    await _ask_what_is_new(tx, origin, ground)
    if application.state is State.WAITING_FOR_FACTS and not ground.by_desk:
        application = await _answered(tx, origin, application)
    return application


async def prepare(serve: Serve, origin: Origin, application_id: str, look: Ask, lookout: Lookout) -> Prepared:
    """What the engine makes of an application by what sources say in time: outside of the transaction that keeps it."""
    async with serve() as tx:
        ground = await _ground(tx, await _find(tx, origin, application_id))
    application, at = ground.application, ground.at
    gathered = Gathered()
    if application.state in (State.DRAFT, State.REFERRED, State.DECIDED):
        gathered = await look(origin, facts.wanted_of_sources(ground))
    known = known_facts.known([*facts.standing(ground.known), *facts.told_by_sources(ground, gathered, at)])
    shown = features.shown(application, known, ground.beside, at)
    compared = await lookout.look(serve, origin.tenant, shown)
    odd = features.of_application(application, known, ground.beside, compared, at)
    values = facts.read(ground.policy, known, application, odd, ground.own, at=at)
    assessment = await asyncio.to_thread(
        underwriting.assess, ground.policy, values, on=at.date(), currency=application.currency
    )
    return Prepared(
        values=values,
        policy_id=ground.policy.policy_id,
        assessment=assessment,
        gathered=gathered,
        look=compared,
        shown=shown,
        look_again=partial(lookout.look_again, origin.tenant),
    )


async def submit_application(tx: Tx, origin: Origin, application_id: str, prepared: Prepared) -> Application:
    """Decide by the policy, or refer to a person with a promise; sources that did not answer are asked again."""
    application = await hold(tx, origin, application_id)
    submitted = domain.submit(application, at=tx.at)
    before = await _ground(tx, application)
    await facts.keep(tx, origin, application, facts.told_by_sources(before, prepared.gathered, tx.at))
    ground = await _ground(tx, application)
    # By what it was compared with before: nothing is missing that was not asked for.
    if wanted := sorted(one.key for one in facts.questions(ground) if one.required and not one.alternative):
        raise Conflict("application.incomplete", f"still missing: {', '.join(wanted)[:500]}")
    ground, assessment = _seen_anew(ground, prepared)
    await outbox.add(tx, [_tell(origin, submitted, wire_applications.moved(submitted))])
    decided = await _by_engine(tx, origin, submitted, ground, assessment)
    if decided.state is State.REFERRED:
        await jobs.add(tx, again(prepared.gathered, f"application/{application_id}", origin))
    return decided


def _seen_anew(ground: Ground, prepared: Prepared) -> tuple[Ground, Assessment]:
    """The ground by what was prepared, and what the policy makes of it; where more is known by now, which is rare, anew."""
    shown = features.shown(ground.application, ground.known, ground.beside, ground.at)
    look = prepared.look if shown == prepared.shown else prepared.look_again(shown)
    odd = features.of_application(ground.application, ground.known, ground.beside, look, ground.at)
    values = facts.read(ground.policy, ground.known, ground.application, odd, ground.own, at=ground.at)
    ground = replace(ground, features=odd, values=values, look=look)
    if (values, ground.policy.policy_id) == (prepared.values, prepared.policy_id):
        return ground, prepared.assessment
    return ground, _assess(ground)


async def decide_again(lookout: Lookout, batch: Batch) -> None:
    """Decide what is referred and nobody has taken up, where more is known than when the engine looked last."""
    prepared = {job.key: await _prepare_again(lookout, batch, job) for job in batch.jobs}
    async with batch.finishing() as done:
        for job in done.jobs:
            await _decide_again(done.tx, job, prepared[job.key])


async def _prepare_again(lookout: Lookout, batch: Batch, job: Job) -> Prepared:
    async def nobody(_origin: Origin, _question: Question) -> Gathered:
        return Gathered()

    serve = partial(batch.database.transaction, [job.tenant])
    return await prepare(serve, job.origin, subject_id(job.subject), nobody, lookout)


async def _decide_again(tx: Tx, job: Job, prepared: Prepared) -> None:
    application = await hold(tx, job.origin, subject_id(job.subject))
    if application.state is not State.REFERRED:
        return
    ground, assessment = _seen_anew(await _ground(tx, application), prepared)
    if assessment.result_hash == (await newest_of_engine(tx, application)).result_hash:
        return
    origin = replace(job.origin, idempotency_key=f"{job.subject} {assessment.inputs_hash[:16]}")
    await _by_engine(tx, origin, domain.submit(application, at=tx.at, by=By.ENGINE), ground, assessment)


async def wait_for_engine(tx: Tx, origin: Origin, application: Application) -> None:
    """Have the engine look again at what is referred: more is known than before."""
    if application.state is State.REFERRED:
        await jobs.add(tx, [Job(store.DECIDE, f"application/{application.application_id}", origin)])


def subject_id(subject: str) -> str:
    """The application that a job is about."""
    return subject.removeprefix("application/")


async def still_wanted(tx: Tx, job: Job) -> Question | None:
    """What a source is asked again; nothing, once a person or the engine has decided."""
    found = await store.find_application(tx, (job.tenant, subject_id(subject_of(job))))
    if found is None or found.state not in domain.UNDECIDED:
        return None
    return facts.wanted_of_sources(await _ground(tx, found))


async def sources_told(tx: Tx, job: Job, gathered: Gathered) -> None:
    """Keep what a source told late; what is referred, and nobody has taken up, the engine decides if it can now."""
    application = await hold(tx, job.origin, subject_id(subject_of(job)))
    before = await _ground(tx, application)
    told = facts.told_by_sources(before, gathered, tx.at)
    await facts.keep(tx, job.origin, application, told)
    if told:
        await wait_for_engine(tx, job.origin, application)


async def accept_application(tx: Tx, origin: Origin, application_id: str, offer_id: str) -> Application:
    """Take what was decided, or one of the offers: the limit stands, unless something is to be done first."""
    application = await hold(tx, origin, application_id)
    accepted = domain.move(application, Action.ACCEPT, By.APPLICANT)
    told = (await _decision(tx, application)).told
    limit, deposit, outcome = told.limit, told.deposit, told.outcome
    conditions = set(told.conditions)
    if offer_id:
        offer = next((one for one in told.offers if one.offer_id == offer_id), None)
        if offer is None:
            raise NotFound("application.unknown_offer", f"the decision has no offer {quoted(offer_id)}")
        if not set(offer.levers) <= _AT_ONCE:
            raise Conflict("application.offer_wants_facts", "give what the offer wants, and ask for the decision again")
        limit, deposit, outcome, conditions = offer.limit, offer.deposit, offer.outcome, set()
    domain.check_acceptable(application, wire_applications.outcome(outcome), at=tx.at)
    first = deposit.minor or conditions - {"shorter_terms"}
    await _grant(tx, origin, application, Money(0 if first else limit.minor, application.currency), stands=not first)
    return await _moved(tx, origin, accepted)


async def appeal_application(tx: Tx, origin: Origin, application_id: str, why: str) -> Application:
    """Have another person look at it."""
    application = await hold(tx, origin, application_id)
    domain.check_appealable(application, at=tx.at)
    if not why.strip():
        raise Invalid("application.appeal", "say what we should look at again")
    appealed = replace(domain.move(application, Action.APPEAL, By.APPLICANT), appealed_by=origin.actor, owner="")
    await store.add_appeal(tx, appealed, why, origin.actor)
    return await _moved(tx, origin, await _promised(tx, appealed, appealed.track or Track.STANDARD))


async def withdraw_application(tx: Tx, origin: Origin, application_id: str) -> Application:
    """The applicant does not want it any more."""
    application = await hold(tx, origin, application_id)
    withdrawn = replace(domain.move(application, Action.WITHDRAW, By.APPLICANT), promise=None, asked_at=None)
    await store.end_proposal(tx, application.key)
    return await _moved(tx, origin, withdrawn)


async def take_up_application(tx: Tx, origin: Origin, application_id: str) -> Application:
    """The caller sees to it from now on."""
    application = await hold(tx, origin, application_id)
    people = identity.subjects_of(origin.actor)
    domain.check_decider(identity.subjects_of(application.started_by), people)
    taken = domain.take_up(application, origin.actor, people, identity.subjects_of(application.decided_by))
    return await _moved(tx, origin, taken)


async def ask_for_fact(tx: Tx, origin: Origin, application_id: str, key: str) -> Application:
    """Ask the applicant for one fact: never for what is known, nor for what is asked already; the clock rests."""
    application = await hold(tx, origin, application_id)
    _check_owner(application, origin)
    ground = await _ground(tx, application)
    facts.answerable(ground.policy, key)
    if not known_facts.needs_answer(ground.known.get(key), tx.at):
        raise Conflict("fact.known", f"{quoted(key)} is known: nothing is asked twice")
    if key in await store.asked_by_desk(tx, *_company(application)):
        raise Conflict("fact.asked", f"{quoted(key)} is asked for already")
    asking = replace(domain.move(application, Action.ASK, By.DESK), asked_at=application.asked_at or tx.at)
    await facts.ask_for_one(tx, origin, asking, key)
    return await _moved(tx, origin, asking)


async def decide_application(tx: Tx, origin: Origin, request: applications_pb2.DecideApplicationRequest) -> Application:
    """A person decides; on the enhanced track, and above the policy's amount, another one has to confirm it."""
    application = await hold(tx, origin, request.application_id)
    people = identity.subjects_of(origin.actor)
    called = await _called(tx, application)
    domain.check_decider(identity.subjects_of(application.started_by), people, called)
    _check_owner(application, origin)
    limit = wire_applications.money_of(request.limit, application.currency)
    deposit = wire_applications.money_of(request.deposit, application.currency)
    outcome = wire_applications.outcome(request.outcome)
    domain.check_decision(outcome, limit, deposit, request.reasons, application.currency)
    earlier = await newest_of_engine(tx, application)
    record = wire_applications.by_person(request, earlier, new_id(), by=origin.actor, at=tx.at)
    if domain.needs_two(wire_applications.track(earlier.told.track), limit, wire_applications.most(earlier)):
        proposed = domain.move(application, Action.PROPOSE, By.DESK)
        await store.propose(tx, proposed, record.SerializeToString(deterministic=True), origin.actor)
        return await _moved(tx, origin, proposed)
    stands = await _stands(tx, origin, domain.move(application, Action.DECIDE, By.DESK), Taken(record, origin.actor))
    await _end_hits(tx, origin, earlier, record)
    return stands


async def confirm_application(tx: Tx, origin: Origin, application_id: str, *, confirmed: bool) -> Application:
    """The second person says yes, or sends it back to the first."""
    application = await hold(tx, origin, application_id)
    moved = domain.move(application, Action.CONFIRM if confirmed else Action.SEND_BACK, By.DESK)
    proposal = await store.find_proposal(tx, application.key)
    assert proposal is not None, "what is proposed has a proposal"
    prepared_by, written = proposal
    prepared, started = identity.subjects_of(prepared_by), identity.subjects_of(application.started_by)
    domain.check_confirmer(prepared, started, identity.subjects_of(origin.actor), await _called(tx, application))
    await store.end_proposal(tx, application.key)
    if not confirmed:
        return await _moved(tx, origin, moved)
    record = applications_pb2.DecisionRecord.FromString(written)
    wire_applications.dated(record.told, tx.at)
    stands = await _stands(tx, origin, moved, Taken(record, prepared_by, origin.actor))
    await _end_hits(tx, origin, await newest_of_engine(tx, application), record)
    return stands


async def _end_hits(
    tx: Tx, origin: Origin, earlier: applications_pb2.DecisionRecord, record: applications_pb2.DecisionRecord
) -> None:
    """What rules on fraud suspected was so where a person declines for it, and was not where one approves."""
    rules = [signal.rule for signal in earlier.signals if signal.action != SHADOW]
    told = record.told
    if wire_applications.outcome(told.outcome) in APPROVALS:
        await fraud_rules.ended(tx, origin, rules, confirmed=False)
    elif any(reason.code == _CHECKED for reason in told.reasons):
        await fraud_rules.ended(tx, origin, rules, confirmed=True)


async def replay_decision(serve: Serve, tenant: str, decision_id: str) -> tuple[str, str]:
    """The hash of a decision as it is written, and as it comes out now by the policy and the facts of then."""
    async with serve() as tx:
        decided = await store.find_application_decision(tx, (tenant, decision_id))
        if decided is None:
            raise NotFound("application.unknown_decision", f"no decision {quoted(decision_id)}")
        kept = await store.find_policy_text(tx, tenant, decided.policy_id)
    record = applications_pb2.DecisionRecord.FromString(decided.record)
    if decided.prepared_by != ENGINE:
        raise Conflict("application.by_person", "a person decided: no rule comes to the same again")
    if not decided.snapshot:
        raise Conflict("application.forgotten", "the facts of then are forgotten")
    default = underwriting.default()
    if kept is None and decided.policy_id != default.policy_id:
        raise Conflict("application.policy_gone", "the policy of then is not kept here")
    policy = read_policy(kept.text) if kept is not None else default
    again = await asyncio.to_thread(underwriting.replay, policy, decided.snapshot)
    return record.result_hash, again.result_hash


async def show(tx: Tx, origin: Origin, application_id: str) -> View:
    """An application as its applicant sees it."""
    return await _view(tx, origin, await _ground(tx, await _find(tx, origin, application_id)))


async def _view(tx: Tx, origin: Origin, ground: Ground) -> View:
    application = ground.application
    asked = []
    if application.state in domain.ANSWERABLE:
        asked = [_asked(origin, ground, one) for one in facts.questions(ground)]
    day, currency = tx.at.date(), application.currency
    told = await _told(tx, [application])
    return View(
        application=application,
        decision=told.get(application.application_id),
        questions=asked,
        facts=[
            _seen(origin, one.given) for key, one in ground.known.items() if one.given is not None and key not in STEPS
        ],
        documents=underwriting.documents(ground.policy, ground.values, on=day, currency=currency),
        steps=underwriting.steps(ground.policy, ground.values, on=day, currency=currency)
        if application.state in _STEPPING
        else (),
    )


async def list_views(tx: Tx, listed: Sequence[Application]) -> list[View]:
    """Applications as they are listed: whose, where they stand and what was decided."""
    told = await _told(tx, listed)
    known = await store.listed_facts(tx, listed[0].tenant, [one.account_id for one in listed]) if listed else {}
    return [View(one, told.get(one.application_id), facts=known.get(one.account_id, ())) for one in listed]


async def show_case(tx: Tx, origin: Origin, application_id: str) -> applications_pb2.GetCaseResponse:
    """What the seller's people see beside it."""
    ground = await _ground(tx, await _find(tx, origin, application_id))
    application = ground.application
    view = await _view(tx, origin, ground)
    proposal = await store.find_proposal(tx, application.key)
    decisions = await store.decisions_of_application(tx, application.key, DECISIONS_SHOWN)
    standing = await store.facts_of(tx, *_company(application))
    appealed_by, why = await store.last_appeal(tx, application.key)
    cleared = {one.pair: one for one in await store.cleared_of(tx, *_company(application))}
    matches, reads = ground.look.matches if ground.look is not None else (), _reads_persons(origin)
    return applications_pb2.GetCaseResponse(
        application=wire_applications.application_message(view),
        facts=[wire_applications.fact_message(_seen(origin, fact)) for fact in standing[:500]],
        decisions=[applications_pb2.DecisionRecord.FromString(one.record) for one in decisions],
        appealed_by=appealed_by,
        appeal=why,
        proposed=applications_pb2.DecisionRecord.FromString(proposal[1]) if proposal is not None else None,
        askable=[
            key
            for key, kind in ground.policy.facts.items()
            if kind.given and key not in ground.by_desk and known_facts.needs_answer(ground.known.get(key), tx.at)
        ][:500],
        matches=[_match(one, cleared) for one in matches],
        call_backs=[
            wire_applications.call_back_message(one if reads else replace(one, number="", spoke_with=""))
            for one in await store.call_backs_of(tx, application.key, CALLS_MOST)
        ],
    )


def _match(one: Found, cleared: Mapping[looks.Pair, Cleared]) -> applications_pb2.Match:
    """A match with who said that it is somebody else."""
    message = wire_applications.match_message(one)
    if (said := cleared.get(one.pair)) is not None:
        message.found_by, message.confirmed_by = said.found_by, said.confirmed_by
        message.cleared = said.cleared_at is not None
    return message


async def find_lapsing_applications(tx: Tx) -> int:
    """Have the decisions lapse whose time is over; return how many."""
    word = Origin("", "system:clock", "the decision's time is over", "", new_traceparent())
    return await store.find_lapsing(tx, word)


async def lapse_applications(batch: Batch) -> None:
    """End these, unless somebody moved them meanwhile."""
    async with batch.finishing() as done:
        for job in done.jobs:
            key = (job.tenant, subject_id(job.subject))
            application = await store.find_application(done.tx, key, lock=True)
            if application is None or application.state is not State.DECIDED or application.valid_until is None:
                continue
            if application.valid_until > done.tx.at:
                continue
            origin = replace(job.origin, idempotency_key=f"lapse {application.application_id}")
            await _moved(done.tx, origin, domain.move(application, Action.LAPSE, By.CLOCK))


async def forget(tx: Tx, tenant: str, subject: str) -> None:
    """Forget what somebody said of persons, added and wrote; what was decided stays, without the facts of then."""
    await _unword(tx, tenant, await store.worded_decisions(tx, tenant, subject))
    await store.forget_applications(tx, tenant, subject)


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """The same of some of what is of before a day; return of how much."""
    decisions = await store.outdated_decisions(tx, tenant, before, most)
    await _unword(tx, tenant, decisions)
    history = await store.forget_outdated_history(tx, tenant, before, most)
    return len(decisions) + history + await store.forget_outdated_applications(tx, tenant, before, most)


async def _unword(tx: Tx, tenant: str, decisions: Sequence[tuple[str, bytes]]) -> None:
    bare = [(key, words.without(applications_pb2.DecisionRecord.FromString(record))) for key, record in decisions]
    await store.unword_decisions(
        tx, tenant, [(key, record.SerializeToString(deterministic=True)) for key, record in bare]
    )


def _assess(ground: Ground) -> Assessment:
    currency = ground.application.currency
    return underwriting.assess(ground.policy, ground.values, on=ground.at.date(), currency=currency)


async def _by_engine(
    tx: Tx, origin: Origin, submitted: Application, ground: Ground, assessment: Assessment
) -> Application:
    """Keep what the engine decided, and tell it; or refer it, with a promise that another look does not put off."""
    record = wire_applications.record_of(assessment, submitted, ground.policy, ground.features, at=tx.at)
    await store.keep_marks(tx, submitted, ground.beside.own)
    if ground.look is not None:
        look = wire_applications.look_message(ground.look)
        await store.keep_look(tx, submitted, look.SerializeToString(deterministic=True))
    taken = Taken(record, ENGINE, snapshot=assessment.snapshot)
    signals = [
        events_pb2.FraudSignalled(
            application_id=submitted.application_id,
            account_id=submitted.account_id,
            rule=signal.rule,
            action=signal.action,
        )
        for signal in assessment.signals
    ]
    await outbox.add(tx, [_tell(origin, submitted, signal) for signal in signals])
    if signals and await store.get_account(tx, (submitted.tenant, submitted.account_id)) is not None:
        await store.look_soon(tx, (submitted.tenant, submitted.account_id), Cause.FRAUD)
    metrics.signalled([signal.action for signal in assessment.signals])
    if assessment.outcome is not Outcome.REFERRED:
        return await _stands(tx, origin, domain.move(submitted, Action.DECIDE, By.ENGINE), taken)
    referred = domain.referred(domain.move(submitted, Action.REFER, By.ENGINE), record.told.decision_id)
    await _keep(tx, referred, taken)
    if referred.promise is None or referred.track is not assessment.track:
        referred = await _promised(tx, referred, assessment.track)
    return await _moved(tx, origin, referred)


async def _stands(tx: Tx, origin: Origin, application: Application, taken: Taken) -> Application:
    """A decision that the applicant is told, with whether what was promised is kept."""
    promised_by = application.promise.latest_by if application.promise is not None else None
    await _keep(tx, application, taken, promised_by)
    told = taken.record.told
    track = wire_applications.track(told.track)
    decided = domain.decided(application, told.decision_id, taken.prepared_by, track, at=tx.at)
    moved = await _moved(tx, origin, decided)
    await outbox.add(tx, [_tell(origin, moved, wire_applications.decided(moved, taken.record, promised_by))])
    metrics.answered(moved.track, moved.submitted_at, promised_by, by_engine=taken.prepared_by == ENGINE, at=tx.at)
    return moved


async def _keep(tx: Tx, application: Application, taken: Taken, promised_by: datetime | None = None) -> None:
    told = taken.record.told
    decided = Decided(
        decision_id=told.decision_id,
        application_id=application.application_id,
        account_id=application.account_id,
        policy_id=taken.record.policy_id,
        prepared_by=taken.prepared_by,
        confirmed_by=taken.confirmed_by,
        record=taken.record.SerializeToString(deterministic=True),
        snapshot=taken.snapshot,
        decided_at=tx.at,
        promised_by=promised_by,
    )
    await store.add_application_decision(tx, application.tenant, decided, wire_applications.outcome(told.outcome))


async def _moved(tx: Tx, origin: Origin, application: Application) -> Application:
    await store.save_application(tx, application)
    await outbox.add(tx, [_tell(origin, application, wire_applications.moved(application))])
    return application


async def _promised(tx: Tx, application: Application, track: Track) -> Application:
    calendar = await store.business_calendar(tx, application.tenant)
    return replace(application, track=track, promise=promises.promise(calendar, track, at=tx.at), asked_at=None)


async def _answered(tx: Tx, origin: Origin, application: Application) -> Application:
    """The last answer that a person waited for: the clock runs on from where it rested."""
    answered = replace(domain.move(application, Action.ANSWER, By.APPLICANT), asked_at=None)
    if application.promise is not None and application.asked_at is not None:
        calendar = await store.business_calendar(tx, application.tenant)
        rested = promises.put_off(calendar, application.promise, application.asked_at, at=tx.at)
        answered = replace(answered, promise=rested)
    return await _moved(tx, origin, answered)


async def _grant(tx: Tx, origin: Origin, application: Application, limit: Money, *, stands: bool) -> None:
    """The company has its account from now on, with this limit; one that has an account keeps its limit until it stands."""
    key = (application.tenant, application.account_id)
    if await store.get_account(tx, key) is not None:
        if stands:
            await limits.set_limit(tx, origin, application.account_id, limit)
        return
    known = known_facts.known(await store.facts_of(tx, *key))
    company = company_of(known, application.country, at=tx.at)
    await buyers.register_buyer(tx, origin, application.account_id, company, limit)


async def _ask_what_is_new(tx: Tx, origin: Origin, ground: Ground) -> None:
    """Ask for what the policy wants by now and nobody has asked for."""
    application = ground.application
    asked = facts.questions(ground)
    await facts.ask(tx, origin, application, [one.key for one in asked])


async def _ground(tx: Tx, application: Application) -> Ground:
    policy = await policy_of(tx, application.tenant)
    known = known_facts.known(await store.facts_of(tx, *_company(application)))
    asked = await store.asked_by_desk(tx, *_company(application))
    by_desk = [key for key, of in asked.items() if of == application.application_id]
    beside = await features.around(tx, application, known)
    look = await features.kept_look(tx, application)
    odd = features.of_application(application, known, beside, look, tx.at)
    own = await conduct.own_facts(tx, *_company(application), currency=application.currency)
    values = facts.read(policy, known, application, odd, own, at=tx.at)
    return Ground(application, policy, known, values, by_desk, odd, own, tx.at, beside, look)


async def policy_of(tx: Tx, tenant: str) -> Policy:
    """What a tenant's applications are decided by."""
    active = await store.active_policy_text(tx, tenant)
    policy = read_policy(active.text) if active is not None else underwriting.default()
    return policy.in_shadow(await store.rules_in_shadow(tx, tenant))


async def _find(tx: Tx, origin: Origin, application_id: str) -> Application:
    if (found := await store.find_application(tx, (origin.tenant, application_id))) is None:
        raise NotFound("application.unknown", f"no application {quoted(application_id)}")
    return found


async def hold(tx: Tx, origin: Origin, application_id: str) -> Application:
    """An application that nobody else changes, nor what is known of its company, until the transaction ends."""
    seen = await _find(tx, origin, application_id)
    await store.lock_subject(tx, seen.tenant, seen.account_id)
    held = await store.find_application(tx, seen.key, lock=True)
    assert held is not None, "applications are not removed"
    return held


async def _decision(tx: Tx, application: Application) -> applications_pb2.DecisionRecord:
    """The decision that the applicant has."""
    found = await store.find_application_decision(tx, (application.tenant, application.decision_id))
    assert found is not None, "what is decided has a decision"
    return applications_pb2.DecisionRecord.FromString(found.record)


async def newest_of_engine(tx: Tx, application: Application) -> applications_pb2.DecisionRecord:
    """What the engine found last: of an application that was built anew there may be nothing."""
    decisions = await store.decisions_of_application(tx, application.key, DECISIONS_SHOWN)
    found = (one.record for one in decisions if one.prepared_by == ENGINE)
    record = next(found, None)
    return applications_pb2.DecisionRecord.FromString(record) if record else wire_applications.no_record(application)


async def _called(tx: Tx, application: Application) -> frozenset[str]:
    """Who called the company back."""
    calls = await store.call_backs_of(tx, application.key, CALLS_MOST)
    return frozenset(who for one in calls for who in identity.subjects_of(one.recorded_by))


async def _told(tx: Tx, listed: Sequence[Application]) -> dict[str, applications_pb2.ApplicationDecision]:
    """Of each application the decision that its applicant has."""
    if not (wanted := [one.decision_id for one in listed if one.decision_id]):
        return {}
    found = await store.application_decisions(tx, listed[0].tenant, wanted)
    return {one.application_id: applications_pb2.DecisionRecord.FromString(one.record).told for one in found.values()}


def _seen(origin: Origin, fact: Fact) -> Fact:
    """A fact as the caller sees it: what is about a person, neither an auditor nor a seller's salesperson reads."""
    return replace(fact, value="") if fact.is_personal and not _reads_persons(origin) else fact


def _asked(origin: Origin, ground: Ground, one: wire_applications.Question) -> wire_applications.Question:
    """A question as the caller sees it."""
    if ground.policy.facts[one.key].personal and not _reads_persons(origin):
        return replace(one, known="", other="")
    return one


def _reads_persons(origin: Origin) -> bool:
    caller = origin.caller
    return caller is None or caller.kind != identity.USER or not caller.roles <= _WITHOUT_PERSONS


def _company(application: Application) -> tuple[str, str]:
    """Whose facts are the application's."""
    return application.tenant, application.account_id


def _check_owner(application: Application, origin: Origin) -> None:
    domain.check_owner(application, identity.subjects_of(application.owner), identity.subjects_of(origin.actor))


def _giver(origin: Origin, given_by: str) -> str:
    """Who gave an answer: whoever calls, or for whom the portal does."""
    if not given_by or given_by == origin.actor:
        return origin.actor
    if origin.caller is not None and origin.caller.kind != identity.SERVICE:
        raise Invalid("fact.given_by", "an answer is of whoever gives it")
    return given_by


def _tell(origin: Origin, application: Application, body: Message) -> Announcement:
    return Announcement(origin, application.account_id, f"application/{application.application_id}", body)
