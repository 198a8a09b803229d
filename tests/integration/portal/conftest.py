"""The portal's pages over HTTP on a real database, beside a notifications that knows some people."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pyotp
import pytest
from pydantic import SecretStr
from receivables.notifications.v1 import events_pb2 as notifications_events
from receivables.notifications.v1 import feedback_pb2
from receivables.notifications.v1 import feedback_pb2_grpc as feedback_grpc
from receivables.notifications.v1 import letters_pb2_grpc as letters_grpc
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.notifications.v1 import service_pb2_grpc as notifications_grpc

from deploy.local import static
from deploy.local.processes import free_port
from services.chassis import http
from services.chassis.service import Parts, Servicer
from services.credit.service import SERVICE as CREDIT
from services.portal import pages, rights, usecases
from services.portal.asks import STUBS
from services.portal.domain.factors import STEP_S
from services.portal.service import SERVICE, door_of
from services.portal.store import Host
from services.portal.usecases import Door
from services.portal.web import Web
from tests.callers import answering, dial, environment, servicers_of
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import Desk, Stubs, set_clock
from tests.integration.portal.letters import Letters

HOST, TENANT = "acme.localhost", "acme"
OURS = {"sec-fetch-site": "same-origin"}


@dataclass
class People(notifications_grpc.NotificationsServiceServicer):
    """Knows who people are, which links they were to be mailed and what comes next for them, and nothing else."""

    known: dict[str, Any] = field(default_factory=dict)
    links: list[notifications_pb2.SendLinkRequest] = field(default_factory=list)
    steps: list[notifications_pb2.FirstStep] = field(default_factory=list)
    answers: list[notifications_pb2.AnswerFirstStepRequest] = field(default_factory=list)
    asked_for_steps: int = 0
    came_in: list[str] = field(default_factory=list)
    changed: list[notifications_pb2.ChangeContactRequest] = field(default_factory=list)
    team: notifications_pb2.GetTeamResponse = field(default_factory=notifications_pb2.GetTeamResponse)
    # Whether who hands over finds it away.
    dies: bool = False
    # What was written about the only thing that anybody writes about; None: nothing is known of it.
    thread: list[notifications_pb2.ThreadMessage] | None = None
    # What was agreed of how long steps take, how long they took, and what is late.
    levels: list[notifications_events.ServiceLevel] = field(default_factory=list)
    promises: notifications_pb2.GetPromisesResponse = field(default_factory=notifications_pb2.GetPromisesResponse)
    journey: notifications_pb2.GetAccountJourneyResponse = field(
        default_factory=notifications_pb2.GetAccountJourneyResponse
    )
    late: list[notifications_pb2.Late] = field(default_factory=list)

    def add(self, contact_id: str, *roles: str, account: str = "b1", email: str = "") -> None:
        """Somebody new."""
        self.known[contact_id] = notifications_pb2.Contact(
            contact_id=contact_id,
            account_id=account,
            name=f"Person {contact_id}",
            email=email or f"{contact_id}@people.example",
            roles=roles,
            language="en",
        )

    async def GetContact(
        self, request: notifications_pb2.GetContactRequest, context: Any
    ) -> notifications_pb2.GetContactResponse:
        """One of them."""
        if request.contact_id not in self.known:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nobody")
        return notifications_pb2.GetContactResponse(contact=self.known[request.contact_id])

    async def ListContacts(
        self, request: notifications_pb2.ListContactsRequest, context: Any
    ) -> notifications_pb2.ListContactsResponse:
        """Those of an account."""
        found = [one for one in self.known.values() if one.account_id == request.account_id]
        return notifications_pb2.ListContactsResponse(contacts=found)

    async def RegisterContact(
        self, request: notifications_pb2.RegisterContactRequest, context: Any
    ) -> notifications_pb2.RegisterContactResponse:
        """Somebody new, as a service registers them."""
        self.add(request.contact_id, *request.roles, account=request.account_id, email=request.email)
        return notifications_pb2.RegisterContactResponse()

    async def SendLink(
        self, request: notifications_pb2.SendLinkRequest, context: Any
    ) -> notifications_pb2.SendLinkResponse:
        """A link to be mailed."""
        self.links.append(request)
        return notifications_pb2.SendLinkResponse()

    async def GetFirstSteps(
        self, request: notifications_pb2.GetFirstStepsRequest, context: Any
    ) -> notifications_pb2.GetFirstStepsResponse:
        """What comes next."""
        self.asked_for_steps += 1
        return notifications_pb2.GetFirstStepsResponse(steps=self.steps)

    async def ChangeContact(
        self, request: notifications_pb2.ChangeContactRequest, context: Any
    ) -> notifications_pb2.ChangeContactResponse:
        """Somebody chooses how they are told."""
        self.changed.append(request)
        return notifications_pb2.ChangeContactResponse(contact=self.known[request.contact_id])

    async def Succeed(
        self, request: notifications_pb2.SucceedRequest, context: Any
    ) -> notifications_pb2.SucceedResponse:
        """Somebody leaves, and another has all that they had."""
        if self.dies:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "dies")
        leaver, successor = self.known[request.contact_id], self.known[request.successor_id]
        successor.roles.extend(leaver.roles)
        del leaver.roles[:]
        leaver.successor_id = request.successor_id
        return notifications_pb2.SucceedResponse(open_asks=2)

    async def GetPeople(
        self, request: notifications_pb2.GetPeopleRequest, context: Any
    ) -> notifications_pb2.GetPeopleResponse:
        """Those of an account, and what it misses."""
        there = [
            notifications_pb2.PersonThere(
                contact=one, influence="USER", silent_days=120 if one.contact_id == "cleo" else 0
            )
            for one in self.known.values()
            if one.account_id == request.account_id
        ]
        missed = [
            notifications_pb2.Missed(what="ROLE", who="RECEIVING"),
            notifications_pb2.Missed(what="SINGLE_CONTACT"),
        ]
        return notifications_pb2.GetPeopleResponse(people=there, missed=missed)

    async def ListAsks(
        self, request: notifications_pb2.ListAsksRequest, context: Any
    ) -> notifications_pb2.ListAsksResponse:
        """What is asked of them."""
        asked = [notifications_pb2.AskedPerson(contact_id="cleo", name="Person cleo", on="2026-03-02")]
        ask = notifications_pb2.Ask(
            about="invoice/i1", asked_for="invoice_issued", role="AP_CLERK", by_when="2026-04-01", asked=asked
        )
        return notifications_pb2.ListAsksResponse(asks=[ask])

    async def GetPicture(
        self, request: notifications_pb2.GetPictureRequest, context: Any
    ) -> notifications_pb2.GetPictureResponse:
        """Whoever's."""
        return notifications_pb2.GetPictureResponse(content=b"\x89PNG", media_type="image/png")

    async def GetTeam(
        self, request: notifications_pb2.GetTeamRequest, context: Any
    ) -> notifications_pb2.GetTeamResponse:
        """Who answers for them."""
        return self.team

    async def ListThread(
        self, request: notifications_pb2.ListThreadRequest, context: Any
    ) -> notifications_pb2.ListThreadResponse:
        """What was written."""
        if self.thread is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nothing")
        return notifications_pb2.ListThreadResponse(messages=self.thread)

    async def AddMessage(
        self, request: notifications_pb2.AddMessageRequest, context: Any
    ) -> notifications_pb2.AddMessageResponse:
        """Somebody writes."""
        if self.thread is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such thread")
        assert self.thread is not None
        nth = len(self.thread) + 1
        self.thread.append(
            notifications_pb2.ThreadMessage(nth=nth, about=request.about, author=request.written_by, text=request.text)
        )
        return notifications_pb2.AddMessageResponse(message=self.thread[-1])

    async def GetServiceLevels(
        self, request: notifications_pb2.GetServiceLevelsRequest, context: Any
    ) -> notifications_pb2.GetServiceLevelsResponse:
        """What is agreed."""
        return notifications_pb2.GetServiceLevelsResponse(levels=self.levels)

    async def SetServiceLevels(
        self, request: notifications_pb2.SetServiceLevelsRequest, context: Any
    ) -> notifications_pb2.SetServiceLevelsResponse:
        """Something else is agreed."""
        self.levels = list(request.levels)
        return notifications_pb2.SetServiceLevelsResponse(version=1)

    async def GetPromises(
        self, request: notifications_pb2.GetPromisesRequest, context: Any
    ) -> notifications_pb2.GetPromisesResponse:
        """What became of promises."""
        return self.promises

    async def GetAccountJourney(
        self, request: notifications_pb2.GetAccountJourneyRequest, context: Any
    ) -> notifications_pb2.GetAccountJourneyResponse:
        """How long steps took."""
        return self.journey

    async def ListLate(
        self, request: notifications_pb2.ListLateRequest, context: Any
    ) -> notifications_pb2.ListLateResponse:
        """What is late."""
        return notifications_pb2.ListLateResponse(late=self.late)

    async def NoteSignIn(
        self, request: notifications_pb2.NoteSignInRequest, context: Any
    ) -> notifications_pb2.NoteSignInResponse:
        """Somebody came into the portal."""
        self.came_in.append(request.contact_id)
        return notifications_pb2.NoteSignInResponse()

    async def AnswerFirstStep(
        self, request: notifications_pb2.AnswerFirstStepRequest, context: Any
    ) -> notifications_pb2.AnswerFirstStepResponse:
        """How a step went."""
        self.answers.append(request)
        return notifications_pb2.AnswerFirstStepResponse()

    async def FindContacts(
        self, request: notifications_pb2.FindContactsRequest, context: Any
    ) -> notifications_pb2.FindContactsResponse:
        """Those with an address."""
        found = [one for one in self.known.values() if one.email == request.email]
        return notifications_pb2.FindContactsResponse(contacts=found)


@dataclass
class Questions(feedback_grpc.FeedbackServiceServicer):
    """Knows one question by its link, what low answers ask and how an account is, and nothing else."""

    question: feedback_pb2.Question | None = None
    answers: list[feedback_pb2.AnswerQuestionRequest] = field(default_factory=list)
    actions: list[feedback_pb2.Action] = field(default_factory=list)
    closed: list[feedback_pb2.CloseActionRequest] = field(default_factory=list)
    health: feedback_pb2.GetHealthResponse = field(default_factory=feedback_pb2.GetHealthResponse)
    effort: feedback_pb2.GetEffortResponse = field(default_factory=feedback_pb2.GetEffortResponse)

    async def GetQuestion(
        self, request: feedback_pb2.GetQuestionRequest, context: Any
    ) -> feedback_pb2.GetQuestionResponse:
        """The one that there is."""
        if self.question is None or request.token != "known":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no question has this link")
        return feedback_pb2.GetQuestionResponse(question=self.question)

    async def AnswerQuestion(
        self, request: feedback_pb2.AnswerQuestionRequest, context: Any
    ) -> feedback_pb2.AnswerQuestionResponse:
        """Somebody answers it."""
        assert self.question is not None
        self.answers.append(request)
        self.question.answered, self.question.value = True, request.value
        return feedback_pb2.AnswerQuestionResponse(question=self.question)

    async def ListActions(
        self, request: feedback_pb2.ListActionsRequest, context: Any
    ) -> feedback_pb2.ListActionsResponse:
        """All."""
        return feedback_pb2.ListActionsResponse(actions=self.actions)

    async def CloseAction(
        self, request: feedback_pb2.CloseActionRequest, context: Any
    ) -> feedback_pb2.CloseActionResponse:
        """It is done."""
        self.closed.append(request)
        return feedback_pb2.CloseActionResponse()

    async def GetEffort(self, request: feedback_pb2.GetEffortRequest, context: Any) -> feedback_pb2.GetEffortResponse:
        """What threads tell."""
        return self.effort

    async def GetHealth(self, request: feedback_pb2.GetHealthRequest, context: Any) -> feedback_pb2.GetHealthResponse:
        """How every account is."""
        return self.health


@dataclass
class Pages:
    """A seller's pages, and who may be let in."""

    parts: Parts[Any]
    door: Door
    people: People
    questions: Questions
    letters: Letters
    port: int

    async def session(self, contact_id: str, *, assurance: int = 2, **more: Any) -> str:
        """The cookie of somebody who is in."""
        person = usecases.person_of(TENANT, self.people.known[contact_id])
        return await usecases.begin(
            self.door, replace(person, assurance=assurance), agent="test", assurance=assurance, **more
        )

    @asynccontextmanager
    async def client(self, cookie: str = "", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody's, which follows no redirect."""
        cookies = {"__Host-session": cookie} if cookie else {}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            cookies=cookies,
            headers={"host": HOST, **headers},
            timeout=20,
            verify=False,  # in plain text there is nothing to verify
        ) as client:
            yield client


async def an_app(pages: Pages, contact_id: str) -> tuple[str, pyotp.TOTP]:
    """Enrol an app; return the session's cookie, and the app."""
    async with pages.client(await pages.session(contact_id, assurance=1), **OURS) as browser:
        page = (await browser.get("/factor/new")).text
        sealed = re.search(r'name="sealed" value="([^"]+)"', page)
        secret = re.search(r"<code>([A-Z2-7]+)</code>", page)
        assert sealed is not None and secret is not None
        app = pyotp.TOTP(secret[1])
        # The step before: the one of now is for the test.
        code = app.at(datetime.now(UTC) - timedelta(seconds=STEP_S))
        added = await browser.post("/factor/new/app", data={"sealed": sealed[1], "code": code})
        assert added.status_code == 303, added.text
    return added.cookies["__Host-session"], app


@pytest.fixture
async def house_of_pages(open_service: OpenService) -> AsyncIterator[Pages]:
    """Give the pages of a seller; of all services only notifications answers, and says nothing but who people are."""
    async with opened(open_service) as house:
        yield house


@asynccontextmanager
async def opened(open_service: OpenService, **others: str) -> AsyncIterator[Pages]:
    """The pages of a seller beside that notifications, and others where these answer (`credit_address="host:port"`)."""
    people = People()  # type: ignore[abstract] # it is asked for people alone
    servicer = Servicer(
        "receivables.notifications.v1.NotificationsService",
        notifications_grpc.add_NotificationsServiceServicer_to_server,
        people,
    )
    questions = Questions()
    of_feedback = Servicer(
        "receivables.notifications.v1.FeedbackService", feedback_grpc.add_FeedbackServiceServicer_to_server, questions
    )
    letters = Letters()
    of_letters = Servicer(
        "receivables.notifications.v1.LetterService", letters_grpc.add_LetterServiceServicer_to_server, letters
    )
    pages.load()
    port = free_port()
    async with (
        answering("notifications", [servicer, of_feedback, of_letters]) as address,
        open_service(
            SERVICE,
            portal_secret=SecretStr("x" * 32),
            provider_addresses="any",
            **{f"{rights.service_of(name)}_address": address for name in STUBS} | others,
            identity_key=environment(SERVICE.name)["AR_IDENTITY_KEY"],
        ) as parts,
    ):
        door = door_of(parts)
        await usecases.add_host(parts.database, Host(HOST, TENANT, "Acme Ltd"))
        web = Web(door, static_dir=static.install())
        async with http.door(web.asgi, host="127.0.0.1", port=port, proxies=1):
            yield Pages(parts, door, people, questions, letters, port)
        await door.asks.close()


@dataclass
class Casework:
    """The desk's pages, credit behind them, and who works there."""

    pages: Pages
    credit: Desk
    _cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, who: str, path: str) -> httpx.Response:
        """A page as somebody sees it."""
        async with self.pages.client(self._cookies[who], **OURS) as browser:
            return await browser.get(path)

    async def text(self, who: str, path: str = "/desk/applications/a1") -> str:
        """What it says."""
        answer = await self.get(who, path)
        assert answer.status_code == httpx.codes.OK, path
        return said(answer)

    async def send(self, who: str, path: str, once: str = "", **fields: Any) -> httpx.Response:
        """A form that somebody sends from one of the pages."""
        async with self.pages.client(self._cookies[who], **OURS) as browser:
            whose = re.search(r'name="once" value="(for[0-9a-f]{8}-)', (await browser.get("/desk/applications")).text)
            assert whose is not None, "each page has a form"
            files = {"file": fields.pop("file")} if "file" in fields else None
            return await browser.post(path, data={"once": whose[1] + (once or uuid4().hex), **fields}, files=files)

    async def hire(self, who: str, *roles: str, cookie: str = "", **session: Any) -> None:
        """Somebody of the seller, who is in."""
        self.pages.people.add(who, *roles, account="")
        self._cookies[who] = cookie or await self.pages.session(who, **session)


def said(answer: httpx.Response) -> str:
    """The words of a page's content."""
    main = re.search("<main.*</main>", answer.text, re.DOTALL)
    assert main is not None, "a page has a content"
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main[0])).split())


@pytest.fixture
async def casework(open_service: OpenService) -> AsyncIterator[Casework]:
    """Give the desk on a Monday morning, with two clerks of credit, an auditor and one of sales."""
    async with (
        open_service(CREDIT, clock="test") as parts,
        answering("credit", servicers_of(CREDIT, parts)) as address,
        dial(address, "credit") as channel,
        opened(open_service, credit_address=address) as pages,
    ):
        await set_clock(parts, datetime(2026, 1, 5, 9, tzinfo=UTC))
        desk = Casework(pages, Desk(parts, Stubs(channel)))
        for who, role in (("ada", "CREDIT"), ("bob", "CREDIT"), ("eve", "AUDITOR"), ("sal", "SALES")):
            await desk.hire(who, role)
        yield desk
