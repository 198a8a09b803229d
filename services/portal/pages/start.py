"""What comes next for a company whose credit line stands: each step with who does it, and the sample invoice to try."""

from typing import Any

from fastapi.responses import Response
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal.asks import Refused, together
from services.portal.domain.people import BUYERS, Guard
from services.portal.pages.threads import seen, thread_of
from services.portal.web import Ask, attachment, get, post

ANSWERS = Guard(frozenset({"AP_CLERK", "AP_MANAGER", "FINANCE_LEAD", "ACCOUNT_ADMIN"}))
SAMPLES = Guard(ANSWERS.roles | {"EDI_IT"})
# Who answers a step beside its role and ACCOUNT_ADMIN.
_ALSO = {"SAMPLE": frozenset({"AP_MANAGER"})}
# Where a step is done, if not on its own page.
PLACES = {
    "COLLEAGUES": "/people",
    "FIRST_ORDER": "/orders/new",
    "SAMPLE": "/start#SAMPLE",
    "WAY_TO_PAY": "/start#WAY_TO_PAY",
}


@get("/start", BUYERS)
async def start(ask: Ask) -> Response:
    """All steps, what can be answered, and what was written about them."""
    return await _show(ask)


@post("/start/answer", ANSWERS)
async def answer(ask: Ask) -> Response:
    """Say how a step went."""
    request = notifications_pb2.AnswerFirstStepRequest(
        account_id=ask.account, code=ask.typed("step"), answer=ask.typed("answer"), why=ask.lines("why")
    )
    try:
        await ask.of.notifications("AnswerFirstStep", request, ask.write())
    except Refused as refused:
        return await _show(ask, 422, {request.code: ask.refused(refused)})
    return ask.go("/start", told=request.code)


@get("/start/sample", SAMPLES)
async def sample(ask: Ask) -> Response:
    """A sample invoice in the agreed format, to try one's own system with."""
    request = invoicing_pb2.SampleInvoiceRequest(account_id=ask.account)
    try:
        found = await ask.of.patiently().invoicing("SampleInvoice", request)
    except Refused as refused:
        return await _show(ask, 422, {"SAMPLE": ask.refused(refused)})
    return attachment(found.content, found.media_type, found.file_name)


async def _show(ask: Ask, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    about, of = f"onboarding/{ask.account}", ask.of
    found = await together(
        steps=of.notifications("GetFirstSteps", notifications_pb2.GetFirstStepsRequest(account_id=ask.account)),
        thread=thread_of(of, about),
    )
    await seen(ask, about, found["thread"])
    return ask.show(
        "start.html",
        status,
        about=about,
        errors=errors or {},
        typed=ask.typed,
        told=ask.query("told"),
        places=PLACES,
        may_answer=lambda step: may_answer(ask, step),
        may_sample=SAMPLES.lets_in(ask.person),
        **found,
    )


def may_answer(ask: Ask, step: Any) -> bool:
    """Whether the reader answers a step."""
    who = {step.role, "ACCOUNT_ADMIN"} | _ALSO.get(step.code, frozenset())
    return bool(step.answers) and ANSWERS.lets_in(ask.person) and bool(who & ask.person.roles)
