"""Step-ups that are completed: an address that is read, a call back, a place that is confirmed, a match that is none.

After each what is referred is decided again by itself (RULES: step-ups).
"""

from collections.abc import Mapping
from dataclasses import replace

from receivables.credit.v1 import applications_pb2, events_pb2

from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.credit import store, wire_applications
from services.credit.domain import applications as domain
from services.credit.domain import facts as known_facts
from services.credit.domain import looks, step_ups
from services.credit.domain.applications import Application
from services.credit.domain.facts import Fact
from services.credit.domain.step_ups import CALLS_MOST, SAID_BEFORE_MOST, CallBack
from services.credit.domain.underwriting import Track
from services.credit.usecases import facts, features
from services.credit.usecases.applications import hold, newest_of_engine, policy_of, wait_for_engine
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted


async def confirm_address(tx: Tx, origin: Origin, application_id: str, address: str, given_by: str) -> None:
    """Somebody showed that they read mail to an address: known by it is that of the application's contact, if it is that one."""
    application = await _open(tx, origin, application_id)
    known = known_facts.known(await store.facts_of(tx, application.tenant, application.account_id))
    counts = known["contact_email"].counts(tx.at) if "contact_email" in known else None
    if counts is None or not step_ups.is_same_address(counts.value, address):
        return
    await _show(tx, replace(origin, actor=given_by or origin.actor), application, {step_ups.EMAIL_VERIFIED: "true"})


async def confirm_ship_to(tx: Tx, origin: Origin, application_id: str) -> None:
    """The buyer says that goods go where the application says."""
    application = await _open(tx, origin, application_id)
    await _show(tx, origin, application, {step_ups.SHIP_TO_CONFIRMED: "true"})


async def record_call_back(tx: Tx, origin: Origin, request: applications_pb2.RecordCallBackRequest) -> None:
    """Somebody of the seller called the company: known by it is whether it applied, and perhaps where goods go."""
    application = await _open(tx, origin, request.application_id)
    if application.state is domain.State.DECIDED:
        raise Conflict("application.closed", "it is decided: nothing waits for a call")
    domain.check_caller(identity.subjects_of(application.started_by), identity.subjects_of(origin.actor))
    if not (request.source_of_number and request.outcome and request.spoke_with.strip()):
        raise Invalid(
            "application.call_incomplete", "a call has a number's source, somebody who answered and an outcome"
        )
    if len(await store.call_backs_of(tx, application.key, CALLS_MOST)) >= CALLS_MOST:
        raise Conflict("application.too_many_calls", f"an application has at most {CALLS_MOST} calls")
    standing = await store.facts_of(tx, application.tenant, application.account_id)
    said = [fact.value for fact in standing if fact.is_given]
    said += await store.said_before(tx, application.tenant, application.account_id, SAID_BEFORE_MOST)
    call = CallBack(
        call_back_id=new_id(),
        application_id=application.application_id,
        account_id=application.account_id,
        number=step_ups.check_number(request.number, application.country, said),
        number_source=wire_applications.word_of(applications_pb2.NumberSource, request.source_of_number),
        spoke_with=request.spoke_with.strip(),
        outcome=wire_applications.word_of(applications_pb2.CallBackOutcome, request.outcome),
        ship_to=request.ship_to,
        recorded_by=origin.actor,
        recorded_at=tx.at,
    )
    await store.add_call_back(tx, application.tenant, call)
    recorded = events_pb2.CallBackRecorded(
        application_id=application.application_id,
        account_id=application.account_id,
        call_back_id=call.call_back_id,
        source_of_number=request.source_of_number,
        outcome=request.outcome,
        ship_to=request.ship_to,
    )
    await outbox.add(tx, [_tell(origin, application, recorded)])
    await _show(tx, origin, application, call.tells())


async def clear_match(tx: Tx, origin: Origin, request: applications_pb2.ClearMatchRequest) -> bool:
    """Somebody of the company is somebody else than an entry of a list; return whether that counts by now."""
    application = await _open(tx, origin, request.application_id)
    people = identity.subjects_of(origin.actor)
    domain.check_decider(identity.subjects_of(application.started_by), people)
    look = await features.kept_look(tx, application)
    wanted = (request.list, request.entry_id, request.key)
    matches = [one for one in (look.matches if look else ()) if request.name in ("", one.name)]
    alike = [one for one in matches if (*one.pair[:2], one.key) == wanted]
    if not alike:
        raise NotFound("application.unknown_match", f"no match with {quoted(request.entry_id)}")
    earlier = {one.pair: one for one in await store.cleared_of(tx, application.tenant, application.account_id)}
    # Of several names of one fact that are like the same entry, each is cleared by itself.
    found = next((one for one in alike if one.pair not in earlier or earlier[one.pair].cleared_at is None), alike[0])
    before = earlier.get(found.pair)
    track = wire_applications.track((await newest_of_engine(tx, application)).told.track)
    said = looks.clear(
        found.pair,
        before,
        origin.actor,
        people,
        identity.subjects_of(before.found_by) if before is not None else frozenset(),
        needs_two=track is Track.ENHANCED,
        at=tx.at,
    )
    if said == before:
        return said.cleared_at is not None
    await store.clear(tx, application.tenant, application.account_id, said)
    listed, entry_id, name = said.pair
    cleared = events_pb2.MatchCleared(
        application_id=application.application_id,
        account_id=application.account_id,
        list=listed,
        entry_id=entry_id,
        name=name,
        cleared=said.cleared_at is not None,
    )
    await outbox.add(tx, [_tell(origin, application, cleared)])
    if said.cleared_at is not None:
        await wait_for_engine(tx, origin, application)
    return said.cleared_at is not None


async def _open(tx: Tx, origin: Origin, application_id: str) -> Application:
    application = await hold(tx, origin, application_id)
    domain.check_answerable(application)
    return application


async def _show(tx: Tx, origin: Origin, application: Application, told: Mapping[str, str]) -> None:
    """Keep what was shown, unless it is known already, and have the engine look again."""
    provenance = known_facts.CLERK if origin.actor.startswith("user:") else known_facts.APPLICANT
    policy = await policy_of(tx, application.tenant)
    known = known_facts.known(await store.facts_of(tx, application.tenant, application.account_id))
    fresh = [
        Fact(key, value, provenance, origin.actor, tx.at, facts.valid_until(policy.facts[key], tx))
        for key, value in told.items()
        if key in policy.facts
        and not (
            key in known and (counts := known[key].counts(tx.at)) and counts.is_valid(tx.at) and counts.value == value
        )
    ]
    if fresh:
        await facts.keep(tx, origin, application, fresh)
        await wait_for_engine(tx, origin, application)


def _tell(
    origin: Origin, application: Application, body: events_pb2.CallBackRecorded | events_pb2.MatchCleared
) -> Announcement:
    return Announcement(origin, application.account_id, f"application/{application.application_id}", body)
