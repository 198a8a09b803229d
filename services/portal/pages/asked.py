"""One question, for whoever has its link in a mail: answered by a click on the page, since scanners of mail open links."""

from typing import Any

from fastapi.responses import Response
from receivables.notifications.v1 import feedback_pb2

from services.portal.asks import Asking, Refused
from services.portal.web import Ask, get, post


@get("/asked/{token}", None)
async def asked(ask: Ask) -> Response:
    """The question, with the answer chosen that the link names."""
    chosen = ask.query("answer")
    return await _show(ask, await _question(ask), chosen=chosen, told=bool(ask.query("told")))


@post("/asked/{token}", None)
async def answer(ask: Ask) -> Response:
    """Answer it, perhaps otherwise than before."""
    question = await _question(ask)
    chosen = ask.typed("answer")
    if not chosen.isdecimal() or int(chosen) not in question.choices:
        return await _show(ask, question, 422, error=ask.words.label("feedback.value"))
    request = feedback_pb2.AnswerQuestionRequest(
        token=ask.path("token"), value=int(chosen), words=ask.lines("words"), expects=ask.lines("expects")
    )
    try:
        await _own(ask).feedback("AnswerQuestion", request, ask.write())
    except Refused as refused:
        return await _show(ask, question, 422, chosen=chosen, error=ask.refused(refused))
    return ask.go(f"/asked/{ask.path('token')}", told="yes")


def _own(ask: Ask) -> Asking:
    """Asked in our own name: the link is the right to answer, whoever is signed in here."""
    return ask.door.asks.own(ask.host.tenant)


async def _question(ask: Ask) -> Any:
    request = feedback_pb2.GetQuestionRequest(token=ask.path("token"))
    return (await _own(ask).feedback("GetQuestion", request)).question


async def _show(
    ask: Ask, question: Any, status: int = 200, *, chosen: str = "", error: str = "", told: bool = False
) -> Response:
    return ask.show(
        "asked.html",
        status,
        question=question,
        chosen=chosen or (str(question.value) if question.answered else ""),
        error=error,
        told=told and question.answered,
        typed=ask.typed,
    )
