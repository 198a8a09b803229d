"""The seller's desk: what waits for the reader, worst first."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import Response
from receivables.credit.v1 import applications_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import feedback_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal.asks import Asking, together
from services.portal.domain import applications, cases
from services.portal.domain.people import SELLERS
from services.portal.domain.waiting import Waiting, worst_first
from services.portal.pages import desk_disputes
from services.portal.web import PAGE, Ask, get

_LOOKED_AT = 100  # of each kind
# Who sees to what; an auditor and an administrator see all of it.
_ALL = {"AUDITOR", "SELLER_ADMIN"}
_DECIDE = _ALL | {"CREDIT"}
_BILL = _ALL | {"BILLING"}
_MATCH = _ALL | {"CASH_APP", "COLLECTOR"}
_ANSWER = _ALL | {"DISPUTE_OWNER"}
_DELIVER = _ALL | {"BILLING", "SALES", "COLLECTOR"}
_REACH = _ALL | {"SALES"}
_KNOW = {"LOGISTICS", "QUALITY", "SALES"}
_SEE_TO = _ALL | {"CREDIT", "BILLING", "DISPUTE_OWNER", "SALES", "LOGISTICS"}


@get("/desk", SELLERS)
async def desk(ask: Ask) -> Response:
    """Everything that waits for somebody with the reader's roles."""
    found = await together(**_questions(ask.of, ask.person.roles))
    today = await ask.today()
    waiting = worst_first([thing for kind, read in _READS.items() for thing in read(found.get(kind))])
    counts = {
        kind: (len(read(found[kind])), bool(getattr(found[kind], "next_page_token", "")))
        for kind, read in _READS.items()
        if found.get(kind) not in (None, False)
    }
    missing = [kind for kind, answer in found.items() if answer is None]
    return ask.show(
        "desk_home.html",
        waiting=waiting[:PAGE],
        more=len(waiting) - PAGE,
        counts=counts,
        missing=missing,
        near=lambda promised: cases.nearness(promised, today),
        links=_LINKS,
    )


_LINKS = {
    "application": "/desk/applications",
    "referred": "/desk/credit",
    "case": "/desk/disputes",
    "held": "/desk/billing",
    "undelivered": "/desk/delivery",
    "unreachable": "/desk/delivery",
    "unapplied": "/desk/cash",
    "announced": "/desk/cash",
    "unread": "/desk",
    "first_step": "/desk",
    "feedback": "/desk/feedback",
}


def _questions(of: Asking, roles: Any) -> Mapping[str, Awaitable[Any]]:
    asked: dict[str, Awaitable[Any]] = {
        "unread": of.notifications("ListUnread", notifications_pb2.ListUnreadRequest(page_size=_LOOKED_AT))
    }
    if roles & _DECIDE:
        asked["application"] = of.applications(
            "ListApplications", applications_pb2.ListApplicationsRequest(page_size=_LOOKED_AT)
        )
        asked["referred"] = of.credit("ListReferred", credit_pb2.ListReferredRequest(page_size=_LOOKED_AT))
    if roles & _ANSWER:
        asked["case"] = desk_disputes.waiting(of, cases.OURS)
    elif roles & _KNOW:
        asked["case"] = desk_disputes.of_state(of, "AWAITING_INTERNAL", "", _LOOKED_AT, "")
    if roles & _BILL:
        asked["held"] = of.invoicing("ListHeld", invoicing_pb2.ListHeldRequest(page_size=_LOOKED_AT))
    if roles & _DELIVER:
        asked["undelivered"] = of.notifications(
            "ListUndelivered", notifications_pb2.ListUndeliveredRequest(page_size=_LOOKED_AT)
        )
    if roles & (_REACH | _BILL):
        asked["first_step"] = of.notifications(
            "ListFirstSteps", notifications_pb2.ListFirstStepsRequest(page_size=_LOOKED_AT)
        )
    if roles & _SEE_TO:
        asked["feedback"] = of.feedback("ListActions", feedback_pb2.ListActionsRequest(page_size=_LOOKED_AT))
    if roles & _REACH:
        asked["unreachable"] = of.notifications(
            "ListUnreachable", notifications_pb2.ListUnreachableRequest(page_size=_LOOKED_AT)
        )
    if roles & _MATCH:
        asked["unapplied"] = of.ledger(
            "ListPayments", ledger_pb2.ListPaymentsRequest(unapplied_only=True, page_size=_LOOKED_AT)
        )
        asked["announced"] = of.ledger(
            "ListAnnouncements", ledger_pb2.ListAnnouncementsRequest(expected_only=True, page_size=_LOOKED_AT)
        )
    return asked


def _applications(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "application",
            applications.name_of(one.facts) or one.application_id,
            "",  # it may have none yet
            applications_pb2.Track.Name(one.track),
            f"/desk/applications/{quote(one.application_id)}",
            (asked.minor, asked.currency) if (asked := applications.asked_for(one.facts)) is not None else None,
            one.latest_by.ToDatetime().date().isoformat() if one.HasField("latest_by") else "",
            one.submitted_at.ToDatetime(tzinfo=UTC) if one.HasField("submitted_at") else None,
        )
        for one in (found.applications if found else ())
    ]


def _referred(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "referred",
            decision.order_id,
            decision.account_id,
            decision.reasons[0] if decision.reasons else "",
            f"/desk/credit/orders/{quote(decision.order_id)}",
            (decision.amount.minor, decision.amount.currency),
            promised=decision.lapses_at.ToDatetime().date().isoformat() if decision.HasField("lapses_at") else "",
        )
        for decision in (found.decisions if found else ())
    ]


def _cases(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "case",
            case.number,
            case.account_id,
            case.reason_code,
            f"/desk/disputes/{case.number}",
            (case.amount.minor, case.amount.currency),
            case.answer_by,
            case.opened_at.ToDatetime(tzinfo=UTC),
        )
        for case in (found.disputes if found else ())
    ]


def _held(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "held",
            draft.order_id,
            draft.account_id,
            _first_rule(draft.findings),
            f"/desk/billing?{urlencode({'account': draft.account_id})}",
        )
        for draft in (found.drafts if found else ())
    ]


def _first_rule(findings: Sequence[Any]) -> str:
    return f"{findings[0].rule}: {findings[0].message}"[:120] if findings else ""


def _undelivered(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "undelivered",
            one.number or one.document,
            one.account_id,
            one.state,
            "/desk/delivery",
            promised=one.by_when,
            since=one.told_at.ToDatetime(tzinfo=UTC),
        )
        for one in (found.messages if found else ())
    ]


def _unreachable(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "unreachable",
            one.contact.name or one.contact.contact_id,
            one.contact.account_id,
            "HARD_BOUNCED",
            "/desk/delivery",
            since=one.since.ToDatetime(tzinfo=UTC),
        )
        for one in (found.contacts if found else ())
    ]


def _unapplied(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "unapplied",
            payment.payment_id,
            payment.account_id,
            "",
            f"/desk/cash/payments/{quote(payment.payment_id)}",
            (payment.unapplied.minor, payment.unapplied.currency),
            since=_start(payment.value_date),
        )
        for payment in (found.payments if found else ())
    ]


def _announced(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "announced",
            said.reference,
            said.account_id,
            "",
            "/desk/cash",
            (said.amount.minor, said.amount.currency),
            said.expected_on,
            said.announced_at.ToDatetime(tzinfo=UTC),
        )
        for said in (found.announcements if found else ())
    ]


def _first_steps(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "first_step",
            f"step {step.code}",
            step.account_id,
            f"waits {step.reason}",
            f"/desk/accounts/{quote(step.account_id)}#first-steps",
            since=step.waits_since.ToDatetime(tzinfo=UTC),
        )
        for step in (found.steps if found else ())
    ]


def _answers(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "feedback",
            f"topic {action.topic}",
            action.account_id,
            f"action {action.state}",
            "/desk/feedback",
            promised=action.due,
            since=action.opened_at.ToDatetime(tzinfo=UTC),
        )
        for action in (found.actions if found else ())
    ]


def _unread(found: Any) -> list[Waiting]:
    return [
        Waiting(
            "unread",
            thread.about,
            thread.account_id,
            "",
            _path_of(thread.about),
            since=thread.last_at.ToDatetime(tzinfo=UTC),
        )
        for thread in (found.threads if found else ())
    ]


_READS = {
    "application": _applications,
    "referred": _referred,
    "case": _cases,
    "held": _held,
    "undelivered": _undelivered,
    "unreachable": _unreachable,
    "unapplied": _unapplied,
    "announced": _announced,
    "unread": _unread,
    "first_step": _first_steps,
    "feedback": _answers,
}


def _path_of(about: str) -> str:
    kind, _, name = about.partition("/")
    places = {
        "order": "/orders",
        "invoice": "/invoices",
        "dispute": "/desk/disputes",
        "payment": "/desk/cash/payments",
        "application": "/desk/applications",
        "onboarding": "/desk/accounts",
    }
    return f"{places.get(kind, '/desk')}/{quote(name)}"


def _start(day: str) -> datetime | None:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) if day else None
