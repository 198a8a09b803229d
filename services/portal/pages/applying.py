"""Applying for credit: asked, saved field by field, decided with its reasons, accepted; signed in, or by a link alone.

What a buyer's person does at /credit/application, whoever applies for a company that is nobody's yet does at /apply by the
link that was mailed to them; a colleague's link opens the facts that they were asked for, and nothing else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.credit.v1 import applications_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel import credit_reasons
from services.kernel.countries import COUNTRIES
from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal
from services.portal import uploads, usecases
from services.portal.asks import Asking, Refused, Unknown, Write, together
from services.portal.domain import applications, applying
from services.portal.domain.applying import DOCUMENT, Field
from services.portal.domain.people import Guard
from services.portal.labels import LABELS
from services.portal.looks import LANGUAGES, language_of
from services.portal.pages.threads import seen, thread_of
from services.portal.web import Ask, get, post

APPLIES = Guard(frozenset({"FINANCE_LEAD", "ACCOUNT_ADMIN"}))
_OWN, _LINK = "/credit/application/{application}", "/apply/{token}"
_ID_CHARACTERS = 32
_SHOWN = 10  # earlier applications


@dataclass(frozen=True, slots=True)
class Case:
    """An application, in whose name it is asked for, and where its pages are."""

    of: Asking
    application: Any
    home: str
    # Who gives an answer, where the portal asks in its own name.
    given_by: str = ""
    # What a colleague was asked for; empty: the whole application is the reader's.
    keys: Sequence[str] = ()

    @property
    def state(self) -> str:
        """Where it stands."""
        return _state(self.application)


def _state(application: Any) -> str:
    return applications_pb2.ApplicationState.Name(application.state).removeprefix("APPLICATION_STATE_")


async def _case(ask: Ask, *, whole: bool = False) -> Case:
    """The application of the address; `whole`: not for a colleague who was asked for single facts."""
    if (reader := ask.let_in) is None:
        name = ask.path("application")
        return Case(ask.of, await _find(ask.of, name), f"/credit/application/{quote(name, safe='')}")
    if reader.keys and whole:
        raise Unknown
    of = ask.door.asks.own(ask.host.tenant)
    return Case(of, await _find(of, reader.application_id), _home_by_link(ask), reader.subject, reader.keys)


async def _find(of: Asking, application_id: str) -> Any:
    request = applications_pb2.GetApplicationRequest(application_id=application_id)
    return (await of.applications("GetApplication", request)).application


def _home_by_link(ask: Ask) -> str:
    return f"/apply/{quote(ask.path('token'), safe='')}"


@get("/credit/application", APPLIES)
async def begin(ask: Ask) -> Response:
    """What is under way, or how to ask for more."""
    request = applications_pb2.ListApplicationsRequest(account_id=ask.person.account_id, page_size=_SHOWN)
    earlier = (await ask.of.applications("ListApplications", request)).applications
    if (under_way := next((one for one in earlier if _state(one) not in applying.ENDED), None)) is not None:
        return ask.go(f"/credit/application/{quote(under_way.application_id, safe='')}")
    return ask.show("application_new.html", earlier=earlier)


@post("/credit/application", APPLIES)
async def start(ask: Ask) -> Response:
    """Open one for the reader's account."""
    write = ask.write()
    name = ask.door.keyed("application", ask.person.tenant, write.key).hex()[:_ID_CHARACTERS]
    request = applications_pb2.StartApplicationRequest(application_id=name, account_id=ask.person.account_id)
    await ask.of.applications("StartApplication", request, write)
    return ask.go(f"/credit/application/{name}")


@get("/apply", None)
async def apply(ask: Ask) -> Response:
    """Where a company that is nobody's yet begins."""
    return _apply_form(ask, country=_territory(ask))


@post("/apply", None)
async def ask_to_apply(ask: Ask) -> Response:
    """Mail a link: the answer is the same whoever has that address."""
    address, country = ask.typed("address"), ask.typed("country")
    try:
        await usecases.ask_to_apply(ask.door, ask.host, address, country, network=ask.network, language=_language(ask))
    except Invalid as refused:
        field = "country" if refused.code.startswith("country.") else "address"
        return _apply_form(ask, 422, address=address, country=country, errors={field: ask.refused(refused)})
    return _apply_form(ask, sent=True)


def _apply_form(ask: Ask, status: int = 200, **values: Any) -> Response:
    names = ask.words.locale.territories
    countries = sorted(((code, str(names.get(code, code))) for code in COUNTRIES), key=lambda one: one[1].casefold())
    shown = {"address": "", "country": "", "sent": False, "errors": {}} | values
    return ask.show("apply.html", status, countries=[("", ask.words.say("Choose")), *countries], **shown)


def _territory(ask: Ask) -> str:
    """The country that the browser's language names ("en-GB"), or ""."""
    named = ask.language.replace("_", "-").rpartition("-")[2]
    return named if named in COUNTRIES else ""


def _language(ask: Ask) -> str:
    """In which language a mail to a stranger is written: that of the page."""
    return language if (language := language_of(ask.language)) in LANGUAGES else "en"


@get(_LINK, None, by_link=True)
async def show_by_link(ask: Ask) -> Response:
    """The application of a link; before it is begun, a button: scanners of mail open links."""
    if ask.applicant.is_reader:
        return ask.show("apply_address.html", home=_home_by_link(ask), address=ask.applicant.address, done=False)
    try:
        case = await _case(ask)
    except Unknown:
        return ask.show("apply_begin.html", home=_home_by_link(ask))
    return await _show(ask, case)


@get(_OWN, APPLIES)
async def show(ask: Ask) -> Response:
    """An application of the reader's account."""
    return await _show(ask, await _case(ask))


@post(f"{_LINK}/begin", None, by_link=True)
async def begin_by_link(ask: Ask) -> Response:
    """Open the application."""
    if ask.applicant.keys or not ask.applicant.address:
        raise Unknown
    await usecases.start(ask.door, ask.host.tenant, ask.applicant, ask.write())
    return ask.go(_home_by_link(ask))


@post(f"{_LINK}/confirm", None, by_link=True)
async def confirm_address(ask: Ask) -> Response:
    """Whoever was mailed this link reads mail at that address."""
    reader = ask.applicant
    if not reader.is_reader:
        raise Unknown
    try:
        await usecases.confirm_address(ask.door, ask.host.tenant, reader.application_id, reader.address, reader.subject)
    except Refused as refused:
        if refused.code != "application.closed":  # it is over, and nothing is missing any more
            raise
    return ask.show("apply_address.html", home=_home_by_link(ask), address=reader.address, done=True)


@post(f"{_OWN}/address", APPLIES)
@post(f"{_LINK}/address", None, by_link=True)
async def ask_reader(ask: Ask) -> Response:
    """Mail whoever reads the application's address a link by which they say so."""
    case = await _case(ask, whole=True)
    try:
        await usecases.ask_reader(ask.door, ask.host, case.application, network=ask.network, language=_language(ask))
    except (Refused, Refusal) as refused:
        return await _show(ask, case, 422, said=ask.refused(refused))
    return ask.go(case.home, told="address")


@post(f"{_OWN}/ship-to", Guard(frozenset({"ACCOUNT_ADMIN"})))
async def confirm_ship_to(ask: Ask) -> Response:
    """Goods go where the application says."""
    case = await _case(ask, whole=True)
    request = applications_pb2.ConfirmShipToRequest(application_id=case.application.application_id)
    try:
        await case.of.applications("ConfirmShipTo", request, ask.write())
    except Refused as refused:
        return await _show(ask, case, 422, said=ask.refused(refused))
    return ask.go(case.home, told="ship-to")


@post(f"{_LINK}/anew", None, by_link=True)
async def begin_anew(ask: Ask) -> Response:
    """After one that has ended, another one by the same link."""
    case = await _case(ask, whole=True)
    if case.state in applying.ENDED and ask.applicant.address:
        await usecases.apply_anew(ask.door, ask.host.tenant, ask.applicant)
    return ask.go(case.home)


@post(f"{_LINK}/welcome", None, by_link=True)
async def welcome(ask: Ask) -> Response:
    """Mail the first person of a new account the way in, again."""
    case = await _case(ask, whole=True)
    if case.state == "ACCEPTED":
        await usecases.welcome_again(ask.door, ask.host.tenant, ask.applicant, network=ask.network)
    return ask.go(case.home, told="welcome")


@post(_OWN, APPLIES)
@post(_LINK, None, by_link=True)
async def answer(ask: Ask) -> Response:
    """Save what was typed, and ask for the decision where that button was used."""
    case = await _case(ask)
    application, errors = await _save(ask, case)
    if errors:
        return await _show(ask, _now(case, application), 422, errors=errors)
    if ask.typed("do") != "submit" or case.keys:
        return ask.go(case.home, told="saved")
    try:
        await _prove_address(ask, application)
        submitted = await _submit(case, ask.write_also("submit"))
    except Refused as refused:
        lacks = ask.words.say("This is still missing.")
        missing = applying.missing(application) if refused.code == "application.incomplete" else []
        return await _show(
            ask, _now(case, application), 422, said=ask.refused(refused), errors=dict.fromkeys(missing, lacks)
        )
    if "email_verified" in submitted.steps and await _is_reader_asked(ask, submitted):
        return ask.go(case.home, told="address")
    return ask.go(case.home)


async def _prove_address(ask: Ask, application: Any) -> None:
    """Who came in by a link that was mailed to the application's address reads mail there."""
    address, write = usecases.contact_email(application), usecases.confirm_address
    if (reader := ask.let_in) is not None:
        if address.casefold() == reader.address.casefold() and address:
            await write(ask.door, ask.host.tenant, application.application_id, reader.address, reader.subject)
    elif ask.at.proved_address and ask.door.keyed("address", address.casefold()) == ask.at.proved_address:
        await write(ask.door, ask.host.tenant, application.application_id, address, ask.person.subject)


async def _is_reader_asked(ask: Ask, application: Any) -> bool:
    """Mail the address at once what confirms it; who had too many mails sent has the button for it."""
    try:
        return bool(
            await usecases.ask_reader(ask.door, ask.host, application, network=ask.network, language=_language(ask))
        )
    except Refusal:
        return False


@post(f"{_OWN}/field", APPLIES)
@post(f"{_LINK}/field", None, by_link=True)
async def answer_one(ask: Ask) -> Response:
    """Save one field as it is given, where there is script; its page goes on as it stands."""
    case, only = await _case(ask), ask.typed("only")
    _, errors = await _save(ask, case, only)
    return ask.show("application_field.html", 422 if errors else 200, key=only, error=errors.get(only, ""))


async def _save(ask: Ask, case: Case, only: str = "") -> tuple[Any, dict[str, str]]:
    """Save what is new in a form, or in one field of it; return the application after it, and what is wrong with which.

    What is not new is not said again: sent twice it is saved once, and a page may save the same field many times.
    """
    ask.write()
    given, errors = {}, {}
    for field in applying.fields(case.application, case.keys):
        if field.kind == DOCUMENT or only not in ("", field.key):
            continue
        try:
            said = _said(ask, field, case.application.currency)
        except Invalid as refused:
            errors[field.key] = ask.refused(refused)
            continue
        if said and said != field.given:
            given[field.key] = said
    if not given:
        return case.application, errors
    saved = await _give(case, given, Write(usecases.new_secret()))
    return saved.application, errors | {one.key: ask.refused(Refused(one.code, one.message)) for one in saved.refused}


def _said(ask: Ask, field: Field, currency: str) -> str:
    """What somebody says to a field, as the contract has it: what they typed, else which of two values they chose."""
    if not (typed := ask.lines(f"fact-{field.key}")):
        return {"known": field.known, "other": field.other}.get(ask.typed(f"keep-{field.key}"), "")
    match field.kind:
        case "money":
            return str(ask.words.typed_money(typed, currency))
        case "count" | "days" | "ratio":
            return f"{ask.words.typed(typed):f}"
    return typed


async def _give(case: Case, given: Mapping[str, str], write: Write) -> Any:
    request = applications_pb2.GiveFactsRequest(
        application_id=case.application.application_id,
        facts=[applications_pb2.Fact(key=key, value=value) for key, value in given.items()],
        given_by=case.given_by,
    )
    return await case.of.applications("GiveFacts", request, write)


async def _submit(case: Case, write: Write) -> Any:
    request = applications_pb2.SubmitApplicationRequest(application_id=case.application.application_id)
    # Sources are asked meanwhile.
    return (await case.of.patiently().applications("SubmitApplication", request, write)).application


@post(f"{_OWN}/documents", APPLIES)
@post(f"{_LINK}/documents", None, by_link=True)
async def add_document(ask: Ask) -> Response:
    """A photo or a PDF for one fact, made anew before anybody opens it."""
    case, key, write = await _case(ask), ask.typed("key"), ask.write()
    if not any(one.key == key for one in applying.documents(applying.fields(case.application, case.keys))):
        raise Unknown
    try:
        if (file := ask.file("file")) is None:
            raise Invalid("upload.missing", "no file was chosen")
        if ask.let_in is not None:
            await usecases.count_file(ask.door, ask.host.tenant, ask.let_in)
        made = await uploads.clean(file)
        request = applications_pb2.AddApplicationDocumentRequest(
            application_id=case.application.application_id,
            document_id=usecases.hash_of(f"{write.key} {key}").hex()[:_ID_CHARACTERS],
            key=key,
            name=made.name,
            media_type=made.media_type,
            content=made.content,
            issued_on=_day_of(ask, "issued"),
        )
        for name, at in (("file_written_at", made.written_at), ("file_changed_at", made.changed_at)):
            if at is not None:
                getattr(request, name).FromDatetime(at)
        await case.of.patiently().applications("AddApplicationDocument", request, write)
    except (Refused, Refusal) as refused:
        return await _show(ask, case, 422, errors={key: ask.refused(refused)})
    return ask.go(case.home, told="saved")


def _day_of(ask: Ask, name: str) -> str:
    """A day that was chosen, or ""; raises Invalid."""
    if not (typed := ask.typed(name)):
        return ""
    try:
        return date.fromisoformat(typed).isoformat()
    except ValueError:
        raise Invalid("fact.value", "that is no day") from None


@get(f"{_OWN}/files/{{document}}", APPLIES)
@get(f"{_LINK}/files/{{document}}", None, by_link=True)
async def show_document(ask: Ask) -> Response:
    """A document of the application, to be kept by the browser."""
    case = await _case(ask, whole=True)
    request = applications_pb2.GetApplicationDocumentRequest(
        application_id=case.application.application_id, document_id=ask.path("document")
    )
    found = await case.of.applications("GetApplicationDocument", request)
    return uploads.sent(found.name, found.media_type, found.content)


@post(f"{_OWN}/accept", APPLIES)
@post(f"{_LINK}/accept", None, by_link=True)
async def accept(ask: Ask) -> Response:
    """Take what was decided, or an offer as it stands."""
    case = await _case(ask, whole=True)
    request = applications_pb2.AcceptApplicationRequest(
        application_id=case.application.application_id, offer_id=ask.typed("offer")
    )
    try:
        await case.of.applications("AcceptApplication", request, ask.write())
    except Refused as refused:
        return await _show(ask, case, 422, said=ask.refused(refused))
    if ask.let_in is not None:
        await usecases.welcome(ask.door, ask.host.tenant, ask.let_in)
    return ask.go(case.home)


@post(f"{_OWN}/offer", APPLIES)
@post(f"{_LINK}/offer", None, by_link=True)
async def choose_offer(ask: Ask) -> Response:
    """Give what an offer asks for, where a click says it, and have it decided again."""
    case = await _case(ask, whole=True)
    offers = case.application.decision.offers
    offer = next((one for one in offers if one.offer_id == ask.typed("offer") and applying.is_clicked(one)), None)
    try:
        if offer is None:
            raise Invalid("application.unknown_offer", "that offer is not there any more")
        await _give(case, _changes(offer), ask.write())
        await _submit(case, ask.write_also("submit"))
    except (Refused, Refusal) as refused:
        return await _show(ask, case, 422, said=ask.refused(refused))
    return ask.go(case.home)


def _changes(offer: Any) -> dict[str, str]:
    """What is said by taking an offer."""
    changes = {
        "amount": ("requested_amount", str(Money(offer.limit.minor, offer.limit.currency))),
        "terms": ("requested_terms", str(offer.terms_days)),
        "direct_debit": ("direct_debit", "true"),
        "deposit": ("deposit_offered", str(Money(offer.deposit.minor, offer.deposit.currency or offer.limit.currency))),
    }
    return dict(changes[lever] for lever in offer.levers)


@post(f"{_OWN}/appeal", APPLIES)
@post(f"{_LINK}/appeal", None, by_link=True)
async def appeal(ask: Ask) -> Response:
    """Have another person look at it."""
    case = await _case(ask, whole=True)
    request = applications_pb2.AppealApplicationRequest(
        application_id=case.application.application_id, why=ask.lines("why")
    )
    try:
        await case.of.applications("AppealApplication", request, ask.write())
    except Refused as refused:
        return await _show(ask, case, 422, errors={"why": ask.refused(refused)})
    return ask.go(case.home)


@post(f"{_OWN}/withdraw", APPLIES)
@post(f"{_LINK}/withdraw", None, by_link=True)
async def withdraw(ask: Ask) -> Response:
    """It is not wanted any more."""
    case = await _case(ask, whole=True)
    request = applications_pb2.WithdrawApplicationRequest(application_id=case.application.application_id)
    try:
        await case.of.applications("WithdrawApplication", request, ask.write())
    except Refused as refused:
        return await _show(ask, case, 422, said=ask.refused(refused))
    return ask.go(case.home)


@post(f"{_OWN}/colleague", APPLIES)
@post(f"{_LINK}/colleague", None, by_link=True)
async def ask_colleague(ask: Ask) -> Response:
    """Ask somebody who knows better for single facts."""
    case = await _case(ask, whole=True)
    askable = {field.key for field in applying.fields(case.application) if not field.is_tick}
    try:
        await usecases.ask_colleague(
            ask.door,
            ask.host,
            ask.write(),
            application_id=case.application.application_id,
            address=ask.typed("address"),
            keys=sorted(askable & set(ask.typed_all("fact"))),
            by=ask.let_in.address if ask.let_in is not None else ask.person.subject,
            network=ask.network,
            language=_language(ask),
        )
    except Refusal as refused:
        field = "facts" if refused.code == "apply.no_facts" else "colleague"
        return await _show(ask, case, 422, errors={field: ask.refused(refused)})
    return ask.go(case.home, told="asked")


@post(f"{_LINK}/message", None, by_link=True)
async def write(ask: Ask) -> Response:
    """Write to the seller about the application, by whoever applies and is no contact yet."""
    case = await _case(ask, whole=True)
    if text := ask.lines("message"):
        request = notifications_pb2.AddMessageRequest(
            about=f"application/{case.application.application_id}", text=text, written_by=case.given_by
        )
        await case.of.notifications("AddMessage", request, ask.write())
    return ask.go(f"{case.home}#thread")


def _track(decision: Any) -> str:
    return applications_pb2.Track.Name(decision.track).removeprefix("TRACK_")


def _now(case: Case, application: Any) -> Case:
    return Case(case.of, application, case.home, case.given_by, case.keys)


async def _show(
    ask: Ask, case: Case, status: int = 200, *, said: str = "", errors: Mapping[str, str] | None = None
) -> Response:
    application, state = case.application, case.state
    found = applying.fields(application, case.keys) if state in applying.ANSWERABLE else []
    decision = application.decision if application.HasField("decision") and not case.keys else None
    by = decision.decided_by if decision else ""
    outcome = applications_pb2.ApplicationOutcome.Name(decision.outcome) if decision else ""
    about = f"application/{application.application_id}"
    written = await _written(case, about) if not case.keys else {}
    if ask.let_in is None:
        await seen(ask, about, written.get("thread"))
    return ask.show(
        "application.html",
        status,
        application=application,
        state=state,
        home=case.home,
        is_colleague=bool(case.keys),
        by_link=ask.let_in is not None,
        about=about,
        reader=ask.let_in.subject if ask.let_in is not None else ask.person.subject,
        **{"thread": False, "timeline": False, **written},
        groups=applying.grouped(found),
        documents=applying.documents(found),
        missing=applying.missing(application, case.keys),
        decision=decision,
        is_approved=outcome.removeprefix("APPLICATION_OUTCOME_") in applying.APPROVED,
        reasons=[ask.words.reason(for_the_applicant(one)) for one in decision.reasons] if decision else [],
        because=_because(ask, decision.track_because) if decision else [],
        track=ask.words.named(_track(decision), "track") if decision else "",
        conditions=", ".join(ask.words.named(one, "lever") for one in decision.conditions) if decision else "",
        steps=applying.steps(application) if not case.keys else [],
        address=usecases.contact_email(application),
        place=applying.place(application),
        may_confirm_place=ask.let_in is None and ask.may("applications", "ConfirmShipTo"),
        may_submit=state in applying.SUBMITTABLE and not (state == "DECIDED" and by != "engine"),
        is_taken=applying.is_taken,
        is_clicked=applying.is_clicked,
        wanted=applying.wanted,
        currency=application.currency,
        filled=lambda field: ask.typed(f"fact-{field.key}") or _filled(ask, field),
        help_of=lambda key: ask.words.label(f"help {key}") if f"help {key}" in LABELS else "",
        typed=ask.typed,
        chosen=ask.typed_all("fact"),
        said=said,
        told=ask.query("told"),
        errors=errors or {},
    )


async def _written(case: Case, about: str) -> dict[str, Any]:
    """How far an application is, and what was written about it."""
    return await together(
        timeline=case.of.notifications("GetTimeline", notifications_pb2.GetTimelineRequest(about=about)),
        thread=thread_of(case.of, about),
    )


def _filled(ask: Ask, field: Field) -> str:
    """What was given, as it stands in a field."""
    if (amount := applications.amount(field.given)) is not None:
        return ask.words.plain(amount)
    return ask.words.number(field.given) if field.given and field.kind in ("count", "days", "ratio") else field.given


def for_the_applicant(reason: Any) -> Any:
    """A reason without the group's figures: whether the reader may see them, nobody knows here."""
    code = credit_reasons.PRIVATE.get(reason.code, reason.code)
    return applications_pb2.Reason(code=code, figures=reason.figures)


def _because(ask: Ask, codes: Collection[str]) -> list[str]:
    """Why it is on its track, as far as there are words: a seller's own policy may name what nobody translated."""
    said = {code: ask.words.named(code, "because") for code in codes}
    return list(dict.fromkeys(words for code, words in said.items() if words != code.replace("_", " ")))
