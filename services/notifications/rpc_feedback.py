"""The gRPC door of what people say of what they lived through, and what is done about it."""

from datetime import date

from receivables.notifications.v1 import feedback_pb2, feedback_pb2_grpc

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write
from services.notifications import effort, feedback, wire, wire_feedback
from services.notifications.feedback import Feedback
from services.notifications.usecases import Desk


class FeedbackService(Door, feedback_pb2_grpc.FeedbackServiceServicer):
    """Translates and delegates."""

    def __init__(self, database: Database, consumer: Consumer, desk: Desk) -> None:
        super().__init__(database, consumer)
        self._feedback = Feedback(desk)

    @read
    async def GetQuestion(
        self, tx: Tx, call: Origin, request: feedback_pb2.GetQuestionRequest
    ) -> feedback_pb2.GetQuestionResponse:
        """The question of a link."""
        shown = await feedback.find(tx, call.tenant, request.token)
        return feedback_pb2.GetQuestionResponse(question=wire_feedback.question(shown, tx.at))

    @write
    async def AnswerQuestion(
        self, tx: Tx, call: Origin, request: feedback_pb2.AnswerQuestionRequest
    ) -> feedback_pb2.AnswerQuestionResponse:
        """Whoever has the link answers."""
        shown = await self._feedback.answer(
            tx, call, request.token, request.value, words=request.words, expects=request.expects
        )
        return feedback_pb2.AnswerQuestionResponse(question=wire_feedback.question(shown, tx.at))

    @read
    async def ListActions(
        self, tx: Tx, call: Origin, request: feedback_pb2.ListActionsRequest
    ) -> feedback_pb2.ListActionsResponse:
        """What low answers ask of the caller's roles, the most urgent first; or all of one account's."""
        if request.account_id:
            asked = page(request, str)
            rows = await feedback.of_account(tx, call.tenant, request.account_id, asked)
            token = asked.next_token(rows, lambda row: (row.question_id,))
        else:
            asked = page(request, int, date.fromisoformat, str)
            rows = await feedback.waiting(tx, call.tenant, asked, owners=wire.owners(call))
            token = asked.next_token(rows, lambda row: (str(row.urgency), row.due.isoformat(), row.question_id))
        return feedback_pb2.ListActionsResponse(actions=map(wire_feedback.action, rows), next_page_token=token)

    @write
    async def CloseAction(
        self, tx: Tx, call: Origin, request: feedback_pb2.CloseActionRequest
    ) -> feedback_pb2.CloseActionResponse:
        """It is done."""
        row = await self._feedback.close(tx, call, request.question_id, request.cause, request.said)
        return feedback_pb2.CloseActionResponse(action=wire_feedback.action(row))

    @read
    async def GetHealth(
        self, tx: Tx, call: Origin, request: feedback_pb2.GetHealthRequest
    ) -> feedback_pb2.GetHealthResponse:
        """How well an account is."""
        return wire_feedback.health(await feedback.health(tx, call.tenant, request.account_id))

    @read
    async def GetEffort(
        self, tx: Tx, call: Origin, _request: feedback_pb2.GetEffortRequest
    ) -> feedback_pb2.GetEffortResponse:
        """What it costs people to get somewhere."""
        now, before = await effort.of_periods(tx, call.tenant)
        return feedback_pb2.GetEffortResponse(now=wire_feedback.efforts(now), before=wire_feedback.efforts(before))
