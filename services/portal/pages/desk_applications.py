"""Applications for credit at the seller's desk: the queue by promise, and one case with all that speaks for and against."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import applications_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel import credit_reasons
from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.portal import uploads
from services.portal.asks import Refused, together
from services.portal.domain import applications
from services.portal.domain.people import Guard
from services.portal.pages import desk_notes, threads
from services.portal.pages.desk_names import names_of
from services.portal.web import PAGE, Ask, get, post

LISTS = Guard(frozenset({"CREDIT", "SALES", "SELLER_ADMIN", "AUDITOR"}))
READS = Guard(frozenset({"CREDIT", "SELLER_ADMIN", "AUDITOR"}))
ACTS = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}))
DECIDES = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}), assurance=2, step_up=True)
OUTCOMES = ("APPROVED", "APPROVED_LOWER", "APPROVED_WITH_CONDITIONS", "DECLINED")
REASONS = sorted(credit_reasons.CODES - set(credit_reasons.PRIVATE.values()))
REASONS_MOST = 4
NUMBER_SOURCES = ("REGISTER", "WEBSITE", "DIRECTORY", "OWN_RECORDS")
CALL_OUTCOMES = ("CONFIRMED", "DENIED", "NOT_REACHED")
_TERMS_MOST = 365  # days
_NUMBER_MAX = 100  # characters
# In which a call still shows something.
_CALLING = frozenset({"DRAFT", "REFERRED", "IN_REVIEW", "WAITING_FOR_FACTS"})
_WHY_MAX = 200  # characters


@get("/desk/applications", LISTS)
async def queue(ask: Ask) -> Response:
    """What waits for the seller, least time left first."""
    return await _show_queue(ask)


async def _show_queue(ask: Ask, status: int = 200, refused: str = "") -> Response:
    request = applications_pb2.ListApplicationsRequest(page_size=PAGE, page_token=ask.query("after"))
    page = await ask.of.applications("ListApplications", request)
    now = await ask.now()
    asked = {one.application_id: applications.asked_for(one.facts) for one in page.applications}
    return ask.show(
        "desk_applications.html",
        status,
        rows=sorted(
            page.applications, key=lambda one: (one.latest_by.ToNanoseconds(), -_minor(asked[one.application_id]))
        ),
        next_token=page.next_page_token,
        asked=asked,
        name_of=lambda one: applications.name_of(one.facts) or one.application_id,
        acts_of=lambda one: _acts_of(ask, one),
        names=await names_of(ask, [one.owner for one in page.applications]),
        near=lambda one: applications.nearness(one, now),
        refused=refused,
    )


def _minor(amount: Money | None) -> int:
    return amount.minor if amount is not None else 0


def _acts_of(ask: Ask, application: Any) -> list[str]:
    if not ask.may("applications", "DecideApplication"):
        return []
    return applications.acts(_state(application), is_owner=applications.is_theirs(ask.person, application.owner))


def _state(application: Any) -> str:
    return applications_pb2.ApplicationState.Name(application.state).removeprefix("APPLICATION_STATE_")


@get("/desk/applications/{application}", READS)
async def case(ask: Ask) -> Response:
    """One application: what is known, what was decided and why, and what can be done now."""
    return await _show_case(ask)


async def _show_case(ask: Ask, status: int = 200, **more: Any) -> Response:
    of, application_id = ask.of, ask.path("application")
    shown = await of.applications("GetCase", applications_pb2.GetCaseRequest(application_id=application_id))
    application, about = shown.application, f"application/{application_id}"
    replayed = ask.query("replay")
    asked: dict[str, Any] = {
        "line": of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=application.account_id)),
        "notes": desk_notes.notes_of(of, about),
        "timeline": of.notifications("GetTimeline", notifications_pb2.GetTimelineRequest(about=about)),
        "thread": threads.thread_of(of, about),
    }
    if replayed:
        asked["replay"] = _replay(ask, replayed)
    found = await together(**asked)
    await threads.seen(ask, about, found["thread"])
    newest = shown.decisions[0] if shown.decisions else None
    return ask.show(
        "desk_application.html",
        status,
        shown=shown,
        application=application,
        about=about,
        state=_state(application),
        name=applications.name_of(shown.facts) or application_id,
        asked=applications.asked_for(shown.facts),
        currency=_currency(shown),
        facts=applications.by_key(shown.facts),
        differs=applications.differs,
        newest=newest,
        # The engine's last one: what a person decided has no figures of its own.
        computed=next((one for one in shown.decisions if one.terms), None),
        acts=_acts_of(ask, application),
        is_proposers=shown.HasField("proposed") and applications.is_theirs(ask.person, shown.proposed.told.decided_by),
        near=applications.nearness(application, await ask.now()),
        may_call=ask.may("applications", "RecordCallBack") and _state(application) in _CALLING,
        may_clear=ask.may("applications", "ClearMatch"),
        is_mine=lambda who: applications.is_theirs(ask.person, who),
        number_sources=NUMBER_SOURCES,
        call_outcomes=CALL_OUTCOMES,
        outcomes=OUTCOMES,
        reasons=REASONS,
        chosen=ask.typed_all("reason") if ask.form else [one.code for one in newest.told.reasons] if newest else [],
        typed=ask.typed,
        names=await names_of(ask, _actors(shown)),
        **{"said": "", "replay": None, **found, **more},
    )


def _actors(case: Any) -> Iterator[str]:
    """All who have a part in a case."""
    yield from (case.application.owner, case.appealed_by, case.proposed.told.decided_by)
    yield from (one.told.decided_by for one in case.decisions)
    yield from (fact.given_by for fact in case.facts)


async def _replay(ask: Ask, decision_id: str) -> Any:
    """Whether a decision comes out again as it was written; what is refused is said in its place."""
    request = applications_pb2.ReplayDecisionRequest(decision_id=decision_id[:200])
    try:
        return await ask.of.applications("ReplayDecision", request)
    except Refused as refused:
        return ask.refused(refused)


@get("/desk/applications/{application}/documents/{document}", READS)
async def document(ask: Ask) -> Response:
    """A document that the applicant added, as a file."""
    request = applications_pb2.GetApplicationDocumentRequest(
        application_id=ask.path("application"), document_id=ask.path("document")
    )
    found = await ask.of.applications("GetApplicationDocument", request)
    return uploads.sent(found.name, found.media_type, found.content)


@post("/desk/applications/{application}/take-up", ACTS)
async def take_up(ask: Ask) -> Response:
    """See to it from now on, from its page or from its row."""
    request = applications_pb2.TakeUpApplicationRequest(application_id=ask.path("application"))
    try:
        await ask.of.applications("TakeUpApplication", request, ask.write())
    except Refused as refused:
        if ask.typed("from") == "queue":
            return await _show_queue(ask, 422, ask.refused(refused))
        return await _show_case(ask, 422, said=ask.refused(refused))
    return ask.go(_page(ask))


@post("/desk/applications/{application}/ask", ACTS)
async def ask_for_fact(ask: Ask) -> Response:
    """Ask the applicant for one fact; the promise rests until it comes."""
    try:
        if not (key := ask.typed("key")):
            raise Invalid("form.no_choice", ask.words.say("Choose what is asked for."))
        request = applications_pb2.AskForFactRequest(application_id=ask.path("application"), key=key)
        await ask.of.applications("AskForFact", request, ask.write())
    except (Refused, Invalid) as refused:
        return await _show_case(ask, 422, errors={"key": ask.refused(refused)}, said=ask.refused(refused))
    return ask.go(_page(ask))


@post("/desk/applications/{application}/decide", DECIDES)
async def decide(ask: Ask) -> Response:
    """Approve or decline; where the policy wants two persons it waits for the second."""
    case = await ask.of.applications("GetCase", applications_pb2.GetCaseRequest(application_id=ask.path("application")))
    request = applications_pb2.DecideApplicationRequest(application_id=ask.path("application"))
    errors: dict[str, str] = {}
    outcome = ask.typed("outcome")
    if outcome not in OUTCOMES:
        errors["outcome"] = ask.words.say("Choose how it is decided.")
    else:
        request.outcome = applications_pb2.ApplicationOutcome.Value(f"APPLICATION_OUTCOME_{outcome}")
    if outcome != "DECLINED":
        _read_terms(ask, request, _currency(case), errors)
    if len(reasons := ask.typed_all("reason")) > REASONS_MOST or set(reasons) - set(REASONS):
        errors["reason"] = ask.words.say("Choose at most four reasons.")
    request.reasons.extend(reasons[:REASONS_MOST])
    if not errors:
        try:
            await ask.of.applications("DecideApplication", request, ask.write(ask.line("why")[:_WHY_MAX]))
        except Refused as refused:
            errors[_FIELDS.get(refused.code, "outcome")] = ask.refused(refused)
    if errors:
        return await _show_case(ask, 422, errors=errors, said=next(iter(errors.values())))
    return ask.go(_page(ask))


# Beside which field a refusal stands.
_FIELDS = {"application.reasons": "reason", "application.amount": "limit"}


def _read_terms(
    ask: Ask, request: applications_pb2.DecideApplicationRequest, currency: str, errors: dict[str, str]
) -> None:
    """What is granted: how much, for how long, and what is paid before."""
    for name in ("limit", "deposit") if ask.typed("outcome") == "APPROVED_WITH_CONDITIONS" else ("limit",):
        try:
            exact = ask.amount(name, currency)
            getattr(request, name).CopyFrom(money_pb2.Money(minor=exact.minor, currency=exact.currency))
        except Invalid as refused:
            errors[name] = ask.refused(refused)
    terms = ask.typed("terms")
    if not (
        terms.isascii() and terms.isdigit() and len(terms) < len(str(10 * _TERMS_MOST)) and int(terms) <= _TERMS_MOST
    ):
        errors["terms"] = ask.words.say("Days to pay are a whole number up to %(num)s.", num=_TERMS_MOST)
    else:
        request.terms_days = int(terms)


def _currency(case: Any) -> str:
    """In which the limit will be."""
    if (asked := applications.asked_for(case.facts)) is not None:
        return asked.currency
    return next((str(one.told.limit.currency) for one in case.decisions), "")


@post("/desk/applications/{application}/confirm", DECIDES)
async def confirm(ask: Ask) -> Response:
    """Say yes to what a colleague decided, or send it back."""
    try:
        if (answer := ask.typed("answer")) not in ("yes", "back"):
            raise Invalid("form.no_choice", ask.words.say("Choose to confirm it or to send it back."))
        request = applications_pb2.ConfirmApplicationRequest(
            application_id=ask.path("application"), confirmed=answer == "yes"
        )
        await ask.of.applications("ConfirmApplication", request, ask.write(ask.line("why")[:_WHY_MAX]))
    except (Refused, Invalid) as refused:
        return await _show_case(ask, 422, said=ask.refused(refused))
    return ask.go(_page(ask))


@post("/desk/applications/{application}/call-back", ACTS)
async def record_call_back(ask: Ask) -> Response:
    """Note a call to the company, and with it what it showed."""
    source, said = ask.typed("source"), ask.typed("call")
    try:
        if source not in NUMBER_SOURCES or said not in CALL_OUTCOMES:
            raise Invalid("form.no_choice", ask.words.say("Choose where the number is from, and what was said."))
        request = applications_pb2.RecordCallBackRequest(
            application_id=ask.path("application"),
            number=ask.line("number")[:_NUMBER_MAX],
            source_of_number=applications_pb2.NumberSource.Value(f"NUMBER_SOURCE_{source}"),
            spoke_with=ask.line("spoke")[:_WHY_MAX],
            outcome=applications_pb2.CallBackOutcome.Value(f"CALL_BACK_OUTCOME_{said}"),
            ship_to=ask.typed("place") == "yes",
        )
        await ask.of.applications("RecordCallBack", request, ask.write())
    except (Refused, Invalid) as refused:
        field = {"fact.phone": "number", "application.number_given": "number"}.get(refused.code, "call")
        return await _show_case(ask, 422, errors={field: ask.refused(refused)}, said=ask.refused(refused))
    return ask.go(_page(ask))


@post("/desk/applications/{application}/clear", DECIDES)
async def clear_match(ask: Ask) -> Response:
    """Say that it is somebody else than who stands on a list."""
    request = applications_pb2.ClearMatchRequest(
        application_id=ask.path("application"),
        list=ask.typed("list"),
        entry_id=ask.typed("entry"),
        key=ask.typed("key"),
        name=ask.typed("name"),
    )
    try:
        await ask.of.applications("ClearMatch", request, ask.write(ask.line("why")[:_WHY_MAX]))
    except Refused as refused:
        return await _show_case(ask, 422, said=ask.refused(refused))
    return ask.go(_page(ask))


def _page(ask: Ask) -> str:
    return f"/desk/applications/{quote(ask.path('application'))}"
