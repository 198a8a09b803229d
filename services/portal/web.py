"""The HTTP door: who asks, may they, and what every answer has; a page itself is a function and a template.

    @get("/invoices", READS)                              # who may open it is declared, and checked here alone
    async def invoices(ask: Ask) -> Response:
        found = await ask.of.invoicing("ListInvoices", …)     # in the reader's name; what is another's is Unknown
        return ask.show("invoices.html", documents=found.documents)

A form is a form: it works without script, and is answered by 303, or by 422 with what was typed. Its random id becomes
the idempotency key of what it does, so that a form sent twice is one act.
"""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis import http
from services.chassis import metrics as common_metrics
from services.chassis.logs import log
from services.kernel.money import Money
from services.kernel.refusals import Invalid, NotFound, Refusal
from services.portal import metrics, rights, store, usecases
from services.portal.asks import Asking, Away, NeedsFactor, Refused, Unknown, Write
from services.portal.domain.effort import FORMS, spent
from services.portal.domain.people import STEP_UP_S, Guard, Person
from services.portal.labels import LABELS
from services.portal.looks import Looks, Words, statics
from services.portal.places import PLACES
from services.portal.store import Applicant, Host, Session
from services.portal.usecases import Door

SESSION, BROWSER, LANGUAGE = "__Host-session", "__Host-browser", "__Host-language"
BODY_MAX = 9_000_000  # bytes of a request: a file of at most 8 MB, and the rest of its form
BODY_MAX_OF_NOBODY = 64_000  # the same of a form for which nobody must be signed in
FIELDS_MAX = 2_000
HOSTS_S = 10.0  # between two looks at whose hosts are whose
UNKNOWN_S = 1.0  # the same while somebody asks for a host that nobody knows: it may be new
PAGE = 25  # rows
YEAR_S = 31_536_000

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = (
    ("content-security-policy", CSP),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
_SAFE = frozenset({"GET", "HEAD"})
_TRIES = ("sign_in.", "factor.", "provider.", "approval.not_yours")  # refusals of whom somebody may be
# The id of a form: to whom its page was shown, and what nobody guesses.
_ONCE = re.compile(r"[A-Za-z0-9_.-]{16,64}", re.ASCII)
_WHOSE = re.compile(r"for[0-9a-f]{8}-")


@dataclass(frozen=True, slots=True)
class Route:
    """An address, who may open it (None: anybody, signed in or not), and what answers."""

    method: str
    path: str
    guard: Guard | None
    answer: Callable[["Ask"], Awaitable[Response]]
    # What comes is no form of a page of ours, and says for itself who sends it.
    from_elsewhere: bool = False
    # For whom the link in its address lets in, and for nobody else.
    by_link: bool = False


ROUTES: list[Route] = []
Endpoint = Callable[["Ask"], Awaitable[Response]]
# What answers a form that needs a second factor; one page sets it.
_ASKS_FACTOR: list[Endpoint] = []
# Beside what a form brings, of one that waited for a factor: where it was going, and how its own fields are called.
GOES_ON, KEPT = "goes-on", "kept-"


def get(path: str, guard: Guard | None, *, by_link: bool = False) -> Callable[[Endpoint], Endpoint]:
    """A page."""
    return _route("GET", path, guard, by_link=by_link)


def post(
    path: str, guard: Guard | None, *, from_elsewhere: bool = False, by_link: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """What a form sends; or, where it is said so, a program elsewhere."""
    return _route("POST", path, guard, from_elsewhere=from_elsewhere, by_link=by_link)


def _route(
    method: str, path: str, guard: Guard | None, *, from_elsewhere: bool = False, by_link: bool = False
) -> Callable[[Endpoint], Endpoint]:
    def add(answer: Endpoint) -> Endpoint:
        ROUTES.append(Route(method, path, guard, answer, from_elsewhere, by_link))
        return answer

    return add


def asks_factor(answer: Endpoint) -> Endpoint:
    """What is answered to a form that needs a second factor: it asks for one, and keeps what was typed."""
    _ASKS_FACTOR.append(answer)
    return answer


@dataclass
class Ask:
    """One request: who asks, what for, and how it is answered."""

    request: Request
    door: Door
    looks: Looks
    host: Host
    route: Route
    session: Session | None = None
    signed_in: Person | None = None
    form: FormData = field(default_factory=FormData)
    # Cookies that the answer sets.
    cookies: list[tuple[str, str, int]] = field(default_factory=list)
    # A clerk who looks at the page of the person who seems to be signed in.
    seen_by: Person | None = None
    # Whom the link in the address lets in, where the route is for such.
    let_in: Applicant | None = None

    @property
    def applicant(self) -> Applicant:
        """Who came by a link; there is one wherever the route is for such."""
        assert self.let_in is not None, "a route by link has somebody whom it lets in"
        return self.let_in

    @property
    def person(self) -> Person:
        """Who asks; there is one wherever the route has a guard."""
        assert self.signed_in is not None, "a route with a guard has somebody who is signed in"
        return self.signed_in

    @property
    def of(self) -> Asking:
        """Questions to the other services, in the reader's name."""
        if self.seen_by is not None:
            return self.door.asks.looking(self.seen_by, self.person)
        return self.door.asks.of(self.person)

    @property
    def account(self) -> str:
        """The buyer's account; of the seller's people, the one that the page names, or all ("")."""
        return self.person.account_id or self.query("account")

    @property
    def words(self) -> Words:
        """What the reader's language says."""
        return self.looks.words(self.language)

    @property
    def language(self) -> str:
        """The reader's language: theirs, else what the browser prefers."""
        if chosen := self.request.cookies.get(LANGUAGE):
            return chosen
        if self.signed_in is not None:
            return self.signed_in.language
        return self.request.headers.get("accept-language", "en").split(",")[0].split(";")[0].strip()

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A value of the address' question, or ""."""
        return self.request.query_params.get(name, "")

    def typed(self, name: str) -> str:
        """What stands in a field of the form, without blanks around it; "" where there is none."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def lines(self, name: str) -> str:
        """What was written in a field of several lines."""
        return self.typed(name).replace("\r\n", "\n").replace("\r", "\n")

    def line(self, name: str) -> str:
        """What was written in a field, on one line."""
        return " ".join(self.typed(name).split())

    def typed_all(self, name: str) -> list[str]:
        """All values of a field that may come several times."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def file(self, name: str) -> UploadFile | None:
        """A file that the form brings; None without one."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def write(self, reason: str = "") -> Write:
        """What a call that writes is known by: the form's own id."""
        once = self.typed("once")
        if not _ONCE.fullmatch(once):
            raise Invalid("form.once_missing", "this form was not made by us: open the page again")
        return Write(once, reason)

    def write_also(self, part: str, reason: str = "") -> Write:
        """The same for one of several calls of a form; which, somebody may have typed."""
        key = part if _ONCE.fullmatch(part) else usecases.hash_of(part).hex()
        return Write(f"{self.write().key} {key}", reason)

    def named(self, kind: str) -> str:
        """What the form makes is called so, however often it is sent: "hold-0a1b…"."""
        return f"{kind}-{hashlib.sha256(self.write().key.encode()).hexdigest()[:16]}"

    def write_of(self, key: str) -> Write:
        """The same for what is known by its content, whichever form brings it: a file, a row of one."""
        self.write()
        return Write(key)

    async def now(self) -> datetime:
        """The instant by the business clock."""
        async with self.door.database.transaction([self.host.tenant], within=2.0) as tx:
            return tx.at

    async def today(self) -> date:
        """The day by the business clock."""
        return (await self.now()).date()

    @property
    def at(self) -> Session:
        """The session; there is one wherever the route has a guard."""
        assert self.session is not None, "a route with a guard has a session"
        return self.session

    def keep(self, cookie: str) -> None:
        """The session goes on, or begins, by this cookie."""
        self.cookies.append((SESSION, cookie, store.SESSION_HOURS * 3600))

    @property
    def network(self) -> str:
        """Where the browser is, as far as tries are counted by it."""
        return http.network_of(self.request.client.host) if self.request.client else ""

    @property
    def whose(self) -> str:
        """By what a form is known to be of a page that was shown to who reads now, and as whom."""
        reader = self.seen_by or self.signed_in
        said = f"{reader.contact_id} {reader.on_behalf_of}" if reader else ""
        return f"for{usecases.hash_of(said).hex()[:8]}-"

    @property
    def agent(self) -> str:
        """What the browser calls itself."""
        return self.request.headers.get("user-agent", "")

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page."""
        common: dict[str, Any] = {
            "ask": self,
            "person": self.signed_in,
            "seller": self.host.name,
            "here": self.request.url.path,
            "once": self.whose + usecases.new_secret(),
            "errors": {},
        }
        page = self.looks.draw(template, self.language, common | values)
        return HTMLResponse(page, status)

    def go(self, path: str, **query: str) -> Response:
        """Answer a form that was carried out: the browser goes on to a page of ours."""
        return RedirectResponse(path + (f"?{urlencode(query)}" if query else ""), HTTPStatus.SEE_OTHER)

    def go_on(self, path: str) -> Response:
        """Answer a factor that was shown: the form that waited for it is sent again, else the browser goes on to a page."""
        if waits := self.typed(GOES_ON):
            return RedirectResponse(inside(waits), HTTPStatus.TEMPORARY_REDIRECT)
        return self.go(path)

    def back(self) -> str:
        """The page from which a form came, if it is one of ours."""
        referer, origin = self.request.headers.get("referer", ""), usecases.origin_of(self.host.host)
        return inside(referer.removeprefix(origin)) if referer.startswith(f"{origin}/") else "/"

    def refused(self, refused: Refused | Refusal) -> str:
        """A refusal in the reader's words; where there are none for the code of another service, that it is one."""
        code, words = refused.code, getattr(refused, "words", "") or getattr(refused, "message", "")
        if code.startswith(_TRIES):
            self.tried(code)
        if code in LABELS:
            return self.words.label(code)
        if isinstance(refused, Refused) and self.words.html != "en":
            return self.words.say("That was refused (%(code)s).", code=code)
        return words

    def tried(self, code: str) -> None:
        """Somebody tried what is not theirs, or failed to show who they are: an operator can see from where, and what."""
        who = self.signed_in.subject if self.signed_in else ""
        log.warning("not let in", code=code, route=self.route.path, subject=who, network=self.network)

    def may(self, contract: str, method: str) -> bool:
        """Whether the reader has a role for a method of a service."""
        return rights.may(self.person, contract, method)

    def may_move(self, action: str) -> bool:
        """The same for one action of a case."""
        return rights.may_move(self.person, action)

    def amount(self, name: str, currency: str) -> Money:
        """An amount above zero that somebody typed in their language's way; raises Invalid."""
        amount = self.words.typed_money(self.typed(name), currency)
        if amount.minor <= 0:
            raise Invalid("form.no_amount", "that is no amount")
        return amount

    def places(self) -> list[tuple[str, str]]:
        """Where the reader can go from every page: address and words."""
        return [(path, self.words.say(text)) for path, text, guard in PLACES if guard.lets_in(self.person)]

    def link(self, **changes: str) -> str:
        """This page's address with other values in its question; "" takes one away."""
        query = {name: value for name, value in {**self.request.query_params, **changes}.items() if value}
        return self.request.url.path + (f"?{urlencode(query)}" if query else "")


class Web:
    """The pages of all sellers, as an ASGI application."""

    def __init__(self, door: Door, *, static_dir: Any) -> None:
        self._door = door
        self._files, names = statics(static_dir)
        self._looks = Looks(names)
        self._hosts: dict[str, Host] = {}
        self._hosts_read = float("-inf")
        self._app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        self._app.add_api_route("/static/{name}", self._static, methods=["GET", "HEAD"], include_in_schema=False)
        for route in ROUTES:
            self._app.add_api_route(
                route.path, self._answering(route), methods=[route.method], include_in_schema=False, response_model=None
            )
        self._app.add_exception_handler(HTTPException, self._no_such_page)

    @property
    def asgi(self) -> ASGIApp:
        """With what every answer has, errors included."""
        return Outermost(self._app)

    def _answering(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            began = time.perf_counter()
            response = await self._answer(route, request)
            metrics.answered(route, response.status_code, time.perf_counter() - began)
            return response

        return answer

    async def _answer(self, route: Route, request: Request) -> Response:
        host = await self._host(request)
        if host is None:
            return Response("no seller's portal is at this host\n", HTTPStatus.MISDIRECTED_REQUEST)
        ask = Ask(request, self._door, self._looks, host, route)
        try:
            response = await self._let_in_or_ask(ask)
            await _note_effort(ask, response)
        except Exception as error:  # noqa: BLE001 - whatever it is, it has a page, and ours alone count as defects
            response = self._failed(ask, error)
        for name, value, age in ask.cookies:
            response.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite="lax")
        return response

    async def _let_in_or_ask(self, ask: Ask) -> Response:
        try:
            return await self._let_in(ask)
        except NeedsFactor:
            if ask.request.method in _SAFE:
                return ask.go("/factor", next=ask.link())
            ask.form = ask.form or await _form_of(ask)
            return await _ASKS_FACTOR[0](ask)

    async def _let_in(self, ask: Ask) -> Response:
        if cookie := ask.request.cookies.get(SESSION):
            found = await usecases.who_is_in(self._door, ask.host, cookie)
            if found is not None:
                ask.session, ask.signed_in = found
        guard = ask.route.guard
        if guard is not None:
            if ask.signed_in is None or ask.session is None:
                goes_to = ask.link() if ask.request.method in _SAFE else "/"
                return ask.go("/sign-in", next=goes_to)
            if not guard.lets_in(ask.signed_in):
                ask.tried("page.not_theirs")
                raise Unknown
            if guard.assurance > ask.session.assurance or (
                guard.step_up and not usecases.is_fresh(ask.session, STEP_UP_S)
            ):
                raise NeedsFactor
        if ask.route.by_link:
            try:
                ask.let_in = await usecases.applicant_of(ask.door, ask.host.tenant, ask.path("token"))
            except NotFound as refused:
                ask.tried(refused.code)
                raise
        if ask.request.method not in _SAFE:
            ask.form = await _form_of(ask)
        return await ask.route.answer(ask)

    def _failed(self, ask: Ask, error: Exception) -> Response:
        match error:
            case Unknown() | NotFound():
                return ask.show("unknown.html", HTTPStatus.NOT_FOUND)
            case Refused() | Refusal():
                common_metrics.REFUSED.labels(error.code).inc()
                return ask.show(
                    "refused.html", HTTPStatus.UNPROCESSABLE_ENTITY, why=ask.refused(error), goes_to=ask.back()
                )
            case Away():
                return ask.show("away.html", HTTPStatus.SERVICE_UNAVAILABLE, service=error.service)
            case HTTPException():
                return ask.show("refused.html", error.status_code, why=str(error.detail), goes_to="/")
            case ClientDisconnect():
                return Response("", HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        log.exception("page failed", path=ask.route.path, exc_info=error)
        return ask.show("failed.html", HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _no_such_page(self, request: Request, _error: Exception) -> Response:
        host = await self._host(request)
        status = getattr(_error, "status_code", HTTPStatus.NOT_FOUND)
        if host is None:
            return Response("no seller's portal is at this host\n", HTTPStatus.MISDIRECTED_REQUEST)
        nowhere = Route("GET", request.url.path, None, cast(Any, None))
        return Ask(request, self._door, self._looks, host, nowhere).show("unknown.html", status)

    async def _static(self, name: str) -> Response:
        file = self._files.get(name)
        if file is None:
            return Response("no such file\n", HTTPStatus.NOT_FOUND)
        kept = {"cache-control": f"public, max-age={YEAR_S}, immutable"}
        return Response(file.content, media_type=file.media_type, headers=kept)

    async def _host(self, request: Request) -> Host | None:
        """Whose portal this is, by the name in the address."""
        name, now = request.headers.get("host", ""), time.monotonic()
        if now - self._hosts_read > (HOSTS_S if name in self._hosts else UNKNOWN_S):
            database = self._door.database
            async with database.transaction(await database.tenants(), within=2.0) as tx:
                self._hosts = {host.host: host for host in await store.hosts(tx)}
            self._hosts_read = now
        return self._hosts.get(name)


async def _note_effort(ask: Ask, response: Response) -> None:
    """Count what a buyer's form cost that was carried out, by its case: as the address has it, or where the browser goes on to."""
    is_sent = response.status_code in (HTTPStatus.SEE_OTHER, HTTPStatus.OK) and ask.request.method not in _SAFE
    is_buyers = ask.let_in is not None or (ask.signed_in is not None and ask.signed_in.is_buyer)
    if not is_sent or not is_buyers or (form := FORMS.get(ask.route.path)) is None:
        return
    _, opened, goes_on = response.headers.get("location", "").partition("?")[0].partition("/disputes/")
    names = ask.request.path_params
    case_id = names.get("application") or names.get("case") or (goes_on if opened else "")
    if ask.let_in is not None:
        case_id = ask.let_in.application_id
    files = sum(isinstance(value, UploadFile) and bool(value.filename) for value in ask.form.values())
    said = {name: value for name, value in ask.form.multi_items() if isinstance(value, str)}
    try:
        if case_id:
            await usecases.note_effort(ask.door, ask.host.tenant, form, case_id[:128], spent(form, said, files))
    except Exception as error:  # noqa: BLE001 - what was done is done, counted or not
        log.warning("effort not counted", kind=type(error).__name__)


_PATH_MAX = 2_000


def inside(path: str) -> str:
    """A page of ours, or the overview: whoever makes a link to us does not send people elsewhere."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and len(path) <= _PATH_MAX else "/"


async def _form_of(ask: Ask) -> FormData:
    """What a form brings: texts that can be kept, of a page that was shown to who sends it."""
    headers = ask.request.headers
    if ask.route.guard is None and ask.let_in is None and int(headers.get("content-length", "0")) > BODY_MAX_OF_NOBODY:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "that is too large")
    if "charset" in (kind := headers.get("content-type", "").casefold()) and not _UTF8.search(kind):
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a form is written in UTF-8")
    form = await ask.request.form(max_fields=FIELDS_MAX, max_files=5)
    for name, value in form.multi_items():
        if not (_is_text(name) and _is_text((value.filename or "") if isinstance(value, UploadFile) else value)):
            raise HTTPException(HTTPStatus.BAD_REQUEST, "there is a character in it that no text has")
    if form.get(GOES_ON) == ask.link():  # it waited for a factor, and is itself again
        own = [(name, value) for name, value in form.multi_items() if name.startswith(KEPT)]
        form = FormData([(name.removeprefix(KEPT), value) for name, value in own])
    once = form.get("once")
    if ask.route.guard is not None and isinstance(once, str) and _WHOSE.match(once) and not once.startswith(ask.whose):
        raise Invalid("form.anothers", "this page was shown to somebody else: open it again")
    return form


_UTF8 = re.compile(r'charset="?utf-?8"?\s*(;|$)')


def _is_text(said: str) -> bool:
    """Whether a database and a contract can hold it."""
    return "\0" not in said and not any("\ud800" <= c <= "\udfff" for c in said)


class Outermost:
    """What holds for every answer, whatever made it: its headers; who may send forms; how large they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            return
        said = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        headers = dict(said)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name, value) for name, value in message["headers"] if name.lower() not in _OURS]
                kept = {name.lower() for name, _ in given}
                ours = list(_ENCODED if b"content-security-policy" not in kept else _ENCODED[1:])
                if b"cache-control" not in kept:
                    ours.append((b"cache-control", b"no-store"))
                message["headers"] = [*given, *ours]
            await send(message)

        refusal = _refusal(scope, said, headers)
        await (self._app if refusal is None else refusal)(scope, receive, send_with_headers)


def _refusal(scope: Scope, said: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> Response | None:
    """What is answered to a request that no page is asked for; None: one is."""
    if sum(name == "host" for name, _ in said) > 1 or "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return Response("that makes no sense\n", HTTPStatus.BAD_REQUEST)
    if scope["method"] not in _SAFE and not (_is_ours(headers) or _is_from_elsewhere(scope)):
        log.warning("a form was not sent from a page of ours")
        return Response("this form was not sent from a page of ours\n", HTTPStatus.FORBIDDEN)
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return Response("say how long it is\n", HTTPStatus.LENGTH_REQUIRED)
    if len(length) > len(str(BODY_MAX)) or int(length) > BODY_MAX:
        return Response("that is too large\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return None


_ENCODED = tuple((name.encode(), value.encode()) for name, value in HEADERS)
_OURS = frozenset({b"server", b"x-powered-by"})


def _is_from_elsewhere(scope: Scope) -> bool:
    """Whether it is for an address that a program of somebody else's may call."""
    return scope["method"] == "POST" and any(
        compile_path(route.path)[0].match(scope["path"]) for route in ROUTES if route.from_elsewhere
    )


def _is_ours(headers: Mapping[str, str]) -> bool:
    """Whether a form comes from a page of ours: as the browser says, or by the page's origin where it says nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin", "") == usecases.origin_of(headers.get("host", ""))


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """A file that the browser keeps and never shows as a page of ours."""
    name = "".join(c for c in name if c.isprintable() and c not in '"\\') or "file"
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"
    headers = {"content-disposition": disposition, "content-security-policy": "default-src 'none'; sandbox"}
    return Response(content, media_type=media_type, headers=headers)


# What a spreadsheet takes for a formula's beginning, at that of a cell: also of one that begins at another's separator.
_FORMULA = re.compile('(^|[,;\t\r\n"])(?=[=+\\-@\t\r\n\0＝＋－＠])')


def csv_of(head: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> Response:
    """A table as CSV (UTF-8 with a BOM, semicolons), in which no text is taken for a formula."""
    lines = [";".join(_cell(cell) for cell in row) for row in (head, *rows)]
    return attachment(("\ufeff" + "\r\n".join(lines) + "\r\n").encode(), "text/csv; charset=utf-8", name)


def _cell(text: str) -> str:
    if not _is_number(text):
        text = _FORMULA.sub(r"\1'", text)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ';"\r\n') else text


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "").replace(",", "").isdigit()
