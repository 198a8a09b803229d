"""Applying for credit in the portal, over HTTP: the pages beside a real credit on real Postgres."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pikepdf
import pytest
from PIL import Image
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.workers import drain
from services.credit.domain.review import Kind
from services.credit.service import SERVICE as CREDIT
from services.portal import store, usecases
from tests.callers import answering, dial, servicers_of
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import GOOD, act, outcome, state, tell
from tests.integration.credit.desk import Desk, Stubs, eur, expire, register, set_clock
from tests.integration.credit.reviewed import propose
from tests.integration.portal.conftest import OURS, TENANT, Pages, opened

ADDRESS = "einkauf@muster.example"
# What the fast track asks of a German company, as somebody types it in English; the agreement is a click.
TYPED: Mapping[str, str] = {
    "fact-register_number": "HRB 1234",
    "fact-register_court": "Aachen",
    "fact-company_name": "Muster GmbH",
    "fact-typical_order": "1,200.00",
    "fact-orders_a_month": "4",
    "fact-requested_amount": "5,000.00",
    "fact-requested_terms": "30",
}
SIGNED = {"fact-agreement": "true"}
ALL = {**TYPED, **SIGNED}


@dataclass
class Applying:
    """The pages, credit behind them, and whoever applies."""

    pages: Pages
    credit: Desk
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, who: str = "", **headers: str) -> httpx.Response:
        """A page."""
        async with self.pages.client(self.cookies.get(who, ""), **OURS, **headers) as browser:
            return await browser.get(path)

    async def text(self, path: str, who: str = "", **headers: str) -> str:
        """What it says."""
        answer = await self.get(path, who, **headers)
        assert answer.status_code == httpx.codes.OK, (path, answer.status_code)
        return said(answer)

    async def send(self, path: str, who: str = "", once: str = "", **more: Any) -> httpx.Response:
        """A form; its fields may have names that are none in Python (`fields`)."""
        fields: dict[str, Any] = {"once": once or uuid4().hex, **more.pop("fields", {})}
        async with self.pages.client(self.cookies.get(who, ""), **OURS, **more.pop("headers", {})) as browser:
            return await browser.post(path, data=fields, **more)

    async def drained(self) -> None:
        """What the portal's jobs do."""
        await drain(self.pages.parts.consumer, [*usecases.applying(self.pages.door), *usecases.works(self.pages.door)])

    async def link(self, address: str = ADDRESS, country: str = "DE") -> str:
        """Ask for a link, and give its page."""
        asked = await self.send("/apply", fields={"address": address, "country": country})
        assert asked.status_code == httpx.codes.OK, said(asked)
        await self.drained()
        return path_of(self.pages.people.links[-1])

    async def begun(self, told: Mapping[str, str] = GOOD, **more: str) -> str:
        """An application that is begun by link, of whose company a register says so much."""
        home = await self.link(**more)
        assert (await self.send(f"{home}/begin")).status_code == httpx.codes.SEE_OTHER
        account = (await self.application()).account_id
        await tell(self.credit, account, told)
        return home

    async def application(self) -> Any:
        """The newest, as credit has it."""
        async with self.pages.parts.database.transaction([TENANT]) as tx:
            row = await tx.row("SELECT application_id FROM applicant WHERE country <> '' ORDER BY expires_at DESC")
        return await act(self.credit, "GetApplication", row.application_id)


def said(answer: httpx.Response) -> str:
    """The words of a page's content."""
    main = re.search("<main.*</main>", answer.text, re.DOTALL)
    assert main is not None, "a page has a content"
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main[0])).split())


def path_of(link: notifications_pb2.SendLinkRequest) -> str:
    return "/" + link.url.split("/", 3)[3]


def photo() -> bytes:
    made = BytesIO()
    Image.new("RGB", (20, 20)).save(made, "JPEG")
    return made.getvalue()


@pytest.fixture
async def applying(open_service: OpenService) -> AsyncIterator[Applying]:
    """Give the pages on a Monday morning; at b1 a finance lead, and one who only orders."""
    async with (
        open_service(CREDIT, clock="test") as parts,
        answering("credit", servicers_of(CREDIT, parts)) as address,
        dial(address, "credit") as channel,
        opened(open_service, credit_address=address) as pages,
    ):
        await set_clock(parts, datetime(2026, 1, 5, 9, tzinfo=UTC))
        await register(parts)
        some = Applying(pages, Desk(parts, Stubs(channel)))
        for who, role, account in (
            ("fay", "FINANCE_LEAD", "b1"),
            ("rob", "REQUESTER", "b1"),
            ("bea", "FINANCE_LEAD", "b2"),
        ):
            pages.people.add(who, role, account=account)
            some.cookies[who] = await pages.session(who)
        yield some


async def test_from_an_empty_page_to_a_limit_on_the_fast_track_in_at_most_nine_typed_fields(applying: Applying):
    home = await applying.begun()
    assert "No document is needed" in await applying.text(home)

    decided = await applying.send(home, fields={**ALL, "do": "submit"})

    assert decided.status_code == httpx.codes.SEE_OTHER, said(decided)
    page = await applying.text(home)
    assert "€5,000.00" in page
    assert "Approved" in page
    assert "Fast" in page
    typed = {"address": ADDRESS, "country": "DE", **TYPED}
    assert len(typed) <= 9


async def test_whoever_accepts_has_an_account_administers_it_and_is_mailed_the_way_in(applying: Applying):
    home = await applying.begun()
    await applying.send(home, fields={**ALL, "do": "submit"})
    accepted = await applying.send(f"{home}/accept")
    assert accepted.status_code == httpx.codes.SEE_OTHER, said(accepted)
    await applying.drained()

    application = await applying.application()
    assert state(application) == "ACCEPTED"
    [first] = [one for one in applying.pages.people.known.values() if one.email == ADDRESS]
    assert (first.account_id, sorted(first.roles)) == (application.account_id, ["ACCOUNT_ADMIN", "FINANCE_LEAD"])
    invitation = applying.pages.people.links[-1]
    assert (invitation.kind, invitation.contact_id) == (notifications_pb2.LINK_KIND_INVITATION, first.contact_id)
    async with applying.pages.client(**OURS) as browser:
        came = await browser.post(path_of(invitation), data={"once": uuid4().hex})
        assert came.headers["location"] == "/"
        line = await browser.get("/credit", headers={"cookie": f"__Host-session={came.cookies['__Host-session']}"})
    assert "€5,000.00" in said(line)
    await applying.send(f"{home}/welcome")
    await applying.drained()
    assert len(applying.pages.people.links) == 3
    async with applying.pages.parts.database.transaction([TENANT]) as tx:
        assert await tx.rows("SELECT FROM applicant WHERE address = %s", [ADDRESS]) == []


async def test_it_is_left_and_resumed_by_its_link_in_any_browser_until_another_link_ends_it(applying: Applying):
    home = await applying.begun()
    await applying.send(home, fields={"fact-company_name": "Muster GmbH", "do": "save"})
    assert 'value="Muster GmbH"' in (await applying.get(home)).text

    again = await applying.link()

    assert (await applying.get(home)).status_code == httpx.codes.NOT_FOUND
    assert 'value="Muster GmbH"' in (await applying.get(again)).text


async def test_the_answer_is_the_same_for_every_address_and_who_asks_often_is_slowed_down(applying: Applying):
    applying.pages.people.add("ann", "AP_CLERK", email="ann@known.example")
    told = set()
    for address in ("ann@known.example", "nobody@new.example"):
        answer = await applying.send("/apply", fields={"address": address, "country": "DE"})
        told.add((answer.status_code, said(answer)))
    assert len(told) == 1
    answers = [
        await applying.send("/apply", fields={"address": "ann@known.example", "country": "DE"}) for _ in range(6)
    ]
    assert [answer.status_code for answer in answers][-1] == httpx.codes.UNPROCESSABLE_ENTITY
    assert "wait two minutes" in said(answers[-1])


@pytest.mark.parametrize(
    ("address", "country", "words"),
    [
        ("no address", "DE", "no address of mail"),
        ("x@y", "DE", "no address of mail"),
        ('"a b"@muster.example', "DE", "no address of mail"),
        ("einkäufer@muster.example", "DE", "no address of mail"),
        ("a" * 300 + "@muster.example", "DE", "no address of mail"),
        (ADDRESS, "", "no country"),
        (ADDRESS, "UK", "no country"),
        (ADDRESS, "<script>", "no country"),
    ],
)
async def test_what_is_no_address_and_no_country_is_said_beside_its_field(
    applying: Applying, address: str, country: str, words: str
):
    answer = await applying.send("/apply", fields={"address": address, "country": country})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert words in said(answer)
    assert "<script>" not in answer.text


async def test_nonsense_stands_beside_its_field_with_its_words_and_the_rest_is_saved(applying: Applying):
    home = await applying.begun()
    wrong = {
        **ALL,
        "fact-typical_order": "many",
        "fact-orders_a_month": "1.2.3",
        "fact-requested_terms": "30000000000",
        "fact-register_number": "<b>no</b>",
    }

    answer = await applying.send(home, fields={**wrong, "do": "submit"})

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    for key in ("typical_order", "orders_a_month"):
        assert re.search(f'id="e-{key}">[^<]*no number', answer.text), key
    assert 'value="many"' in answer.text
    assert "<b>no</b>" not in answer.text
    given = {fact.key for fact in (await applying.application()).facts}
    assert "company_name" in given
    assert not given & {"typical_order", "orders_a_month"}


async def test_what_is_still_missing_is_marked_where_the_decision_is_asked_for(applying: Applying):
    home = await applying.begun()
    answer = await applying.send(home, fields={"fact-company_name": "Muster GmbH", "do": "submit"})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.text.count("This is still missing.") == 7
    assert state(await applying.application()) == "DRAFT"


async def test_each_field_is_saved_as_it_is_given_and_a_form_sent_twice_is_one_act(applying: Applying):
    home = await applying.begun()
    saved = await applying.send(f"{home}/field", fields={"only": "company_name", **ALL})
    assert (saved.status_code, saved.text.strip()) == (200, '<span class="good">Saved</span>')
    assert {fact.key for fact in (await applying.application()).facts} == {"company_name", "contact_email"}
    refused = await applying.send(f"{home}/field", fields={"only": "typical_order", "fact-typical_order": "x"})
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY

    answers = [await applying.send(home, once="o" * 32, fields={**ALL, "do": "submit"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    async with applying.credit.parts.database.transaction([TENANT]) as tx:
        assert (await tx.row("SELECT count(*) AS n FROM application_decision")).n == 1
    taken = [await applying.send(f"{home}/accept", once="p" * 32) for _ in range(2)]
    assert [answer.status_code for answer in taken] == [303, 303]
    async with applying.pages.parts.database.transaction([TENANT]) as tx:
        cost = await tx.row("SELECT process, clicks, fields, uploads FROM effort")
    assert (cost.process, cost.clicks, cost.uploads) == ("application", 6, 0)  # each click counts, whatever came of it
    assert set(cost.fields) == set(TYPED)


async def test_amounts_are_read_as_the_readers_language_writes_them(applying: Applying):
    home = await applying.begun()
    german = {**ALL, "fact-typical_order": "1.200,50", "fact-orders_a_month": "0,5", "fact-requested_amount": "5.000"}
    answer = await applying.send(home, fields={**german, "do": "save"}, headers={"accept-language": "de"})
    assert answer.status_code == httpx.codes.SEE_OTHER, said(answer)
    facts = {fact.key: fact.value for fact in (await applying.application()).facts}
    assert (facts["typical_order"], facts["orders_a_month"]) == ("1200.50 EUR", "0.5")
    assert "Ihr Unternehmen" in await applying.text(home, **{"accept-language": "de"})


async def test_a_conflict_is_a_choice_of_two_and_a_value_that_is_known_a_click(applying: Applying):
    home = await applying.begun()
    await applying.send(home, fields={**ALL, "do": "save"})
    await tell(applying.credit, (await applying.application()).account_id, {"company_name": "Muster AG"})
    page = await applying.text(home)
    assert "two say different things" in page
    assert "Muster AG company register" in page

    await applying.send(home, fields={"keep-company_name": "other", "do": "save"})

    assert "two say different things" not in await applying.text(home)
    assert {fact.key: fact.value for fact in (await applying.application()).facts}["company_name"] == "Muster AG"


async def test_a_colleague_sees_and_answers_what_they_were_asked_for_and_nothing_else(applying: Applying):
    home = await applying.begun()
    await applying.send(home, fields={"fact-company_name": "Muster GmbH", "do": "save"})
    asked = await applying.send(
        f"{home}/colleague", fields={"address": "lager@muster.example", "fact": ["orders_a_month", "typical_order"]}
    )
    assert asked.status_code == httpx.codes.SEE_OTHER, said(asked)
    await applying.drained()
    link = applying.pages.people.links[-1]
    assert (link.kind, link.address, link.invited_by) == (
        notifications_pb2.LINK_KIND_FACTS,
        "lager@muster.example",
        ADDRESS,
    )
    theirs = path_of(link)
    page = await applying.get(theirs)
    assert re.findall(r'name="fact-(\w+)"', page.text) == ["typical_order", "orders_a_month"]
    assert "Muster" not in said(page)

    await applying.send(theirs, fields={"fact-orders_a_month": "4", "fact-company_name": "Other", "do": "submit"})

    facts = {fact.key: fact for fact in (await applying.application()).facts}
    assert (facts["company_name"].value, facts["orders_a_month"].value) == ("Muster GmbH", "4")
    assert facts["orders_a_month"].given_by != facts["company_name"].given_by
    for act_ in ("accept", "appeal", "withdraw", "colleague", "anew", "welcome", "begin", "offer"):
        assert (await applying.send(f"{theirs}/{act_}", fields={"why": "x"})).status_code == 404, act_
    refused = await applying.send(f"{home}/colleague", fields={"address": "nobody"})
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_a_persons_words_to_a_document_are_its_file_made_anew(applying: Applying):
    home = await applying.begun({})
    await applying.send(home, fields={**ALL, "do": "submit"})
    page = await applying.text(home)
    assert "A person looks at it" in page
    assert "at the latest by" in page
    assert "Last annual accounts" in page

    for content, status in ((b"%PDF-1.7 no", 422), (photo(), 303)):
        answer = await applying.send(
            f"{home}/documents", fields={"key": "annual_accounts"}, files={"file": ("a.jpg", content, "image/jpeg")}
        )
        assert answer.status_code == status, said(answer)
    shown = await applying.get(home)
    file = re.search(rf'href="({home}/files/\w+)"', shown.text)
    assert file is not None, said(shown)
    sent = await applying.get(file[1])
    assert sent.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in sent.headers["content-security-policy"]
    nothing = await applying.send(f"{home}/documents", fields={"key": "annual_accounts"})
    assert nothing.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert (await applying.send(f"{home}/documents", fields={"key": "company_name"})).status_code == 404


async def test_what_waits_says_why_and_another_way_is_decided_at_once_by_a_click(applying: Applying):
    home = await applying.begun()
    more = {**ALL, "fact-requested_amount": "60,000.00", "fact-typical_order": "20,000.00"}
    await applying.send(home, fields={**more, "do": "submit"})
    page = await applying.text(home)
    assert (state(await applying.application()), outcome(await applying.application())) == ("REFERRED", "REFERRED")
    for words in ("A person looks at it", "a person looks at each amount of this size", "€60,000.00", "Other ways"):
        assert words in page, words
    assert "a smaller amount €25,000.00" in page
    nowhere = await applying.send(f"{home}/offer", fields={"offer": "of-nobody"})
    assert (nowhere.status_code, "That offer is not there any more" in said(nowhere)) == (422, True)

    chosen = await applying.send(f"{home}/offer", fields={"offer": "amount"})

    assert chosen.status_code == httpx.codes.SEE_OTHER, said(chosen)
    assert state(await applying.application()) == "DECIDED"
    assert "€25,000.00" in await applying.text(home)
    assert (await applying.send(f"{home}/accept")).status_code == httpx.codes.SEE_OTHER


async def test_whoever_applies_by_a_link_writes_to_the_seller_and_reads_what_is_answered(applying: Applying):
    home = await applying.begun()
    applying.pages.people.thread = []

    await applying.send(f"{home}/message", fields={"message": "Is there anything else?"})
    applying.pages.people.thread.append(
        notifications_pb2.ThreadMessage(nth=2, author="user:carl", author_name="Acme Ltd", text="No, thank you.")
    )

    [asked, _] = applying.pages.people.thread
    assert (asked.about.partition("/")[0], asked.author.partition(":")[0]) == ("application", "contact")
    shown = await applying.text(home)
    assert "Is there anything else?" in shown
    assert "No, thank you." in shown


async def test_what_was_declined_or_given_is_appealed_with_words_and_withdrawn(applying: Applying):
    home = await applying.begun()
    await applying.send(home, fields={**ALL, "do": "submit"})
    silent = await applying.send(f"{home}/appeal", fields={"why": " "})
    assert (silent.status_code, "Say what we should look at again." in said(silent)) == (422, True)
    assert (await applying.send(f"{home}/appeal", fields={"why": "We grow."})).status_code == 303
    assert "Another person looks at it" in await applying.text(home)
    assert (await applying.send(f"{home}/withdraw")).status_code == 303
    assert "over" in await applying.text(home)
    late = await applying.send(f"{home}/accept")
    assert late.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert (await applying.send(f"{home}/anew")).status_code == 303
    assert "Begin" in await applying.text(home)


async def test_a_finance_lead_asks_for_more_and_is_asked_only_for_what_is_not_known(applying: Applying):
    begun = await applying.send("/credit/application", "fay")
    home = begun.headers["location"]
    page = await applying.text(home, "fay")
    assert "Registered name" not in page
    assert (await applying.get("/credit/application", "fay")).headers["location"] == home
    assert "Ask for more credit" in await applying.text("/credit", "fay")
    assert "Ask for more credit" not in await applying.text("/credit", "rob")
    given = {"fact-contact_email": "fay@buyer.example", **ALL}

    answer = await applying.send(home, "fay", fields={**given, "do": "submit"})

    assert answer.status_code == httpx.codes.SEE_OTHER, said(answer)
    application = await act(applying.credit, "GetApplication", home.rpartition("/")[2])
    assert state(application) in ("DECIDED", "REFERRED")


async def test_anothers_application_and_a_token_of_nobodys_are_alike_not_there(applying: Applying):
    home = (await applying.send("/credit/application", "fay")).headers["location"]
    link = await applying.begun()
    async with applying.pages.client(**OURS) as browser:
        nowhere = said(await browser.get("/nowhere"))
    for path, who in (
        (home, "bea"),
        (home, "rob"),
        ("/credit/application/nobodys", "fay"),
        ("/apply/of-nobody", ""),
        (f"{link}x", ""),
        (f"{link}/files/of-nobody", ""),
    ):
        answer = await applying.get(path, who)
        assert (answer.status_code, said(answer)) == (404, nowhere), path
    for act_ in ("", "/field", "/documents", "/accept", "/appeal", "/withdraw", "/colleague", "/offer"):
        assert (await applying.send(f"{home}{act_}", "bea")).status_code == 404, act_
        assert (await applying.send(f"/apply/of-nobody{act_}")).status_code == 404, act_
    assert (await applying.get(home)).headers["location"].startswith("/sign-in")


async def test_a_link_is_over_after_thirty_days_and_is_forgotten(applying: Applying):
    home = await applying.begun()
    async with applying.pages.parts.database.transaction([TENANT]) as tx:
        await tx.run("UPDATE applicant SET expires_at = now() - interval '1 second'")
    assert (await applying.get(home)).status_code == httpx.codes.NOT_FOUND
    async with applying.pages.parts.database.transaction([TENANT]) as tx:
        await store.forget_outdated(tx, TENANT)
        assert await tx.rows("SELECT FROM applicant") == []


async def test_what_nobody_must_be_signed_in_for_takes_a_file_by_link_alone(applying: Applying):
    large = {"address": ADDRESS, "country": "DE", "more": "x" * 70_000}
    assert (await applying.send("/apply", fields=large)).status_code == 413


async def test_while_credit_is_away_the_page_says_so_and_nothing_is_lost(house_of_pages: Pages):
    async with house_of_pages.client(**OURS) as browser:
        await browser.post("/apply", data={"once": uuid4().hex, "address": ADDRESS, "country": "DE"})
        await drain(house_of_pages.parts.consumer, list(usecases.applying(house_of_pages.door)))
        home = path_of(house_of_pages.people.links[-1])
        for answer in (await browser.get(home), await browser.post(f"{home}/begin", data={"once": uuid4().hex})):
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert "Nothing is lost" in said(answer)


async def test_a_raise_is_taken_in_one_click_by_whoever_may_and_nobody_sees_a_cut_that_is_not_confirmed(
    applying: Applying,
):
    await propose(applying.credit.parts, "r1", Kind.RAISE, 125_000)
    offered = await applying.text("/credit", "fay")
    assert "Take €1,250.00" in offered
    assert "€1,000.00" in offered
    assert "Take €1,250.00" not in await applying.text("/credit", "rob")
    assert (await applying.send("/credit/reviews/r1", "rob")).status_code == httpx.codes.NOT_FOUND
    assert (await applying.send("/credit/reviews/r1", "bea")).status_code == httpx.codes.NOT_FOUND

    taken = await applying.send("/credit/reviews/r1", "fay")

    assert (taken.status_code, taken.headers["location"]) == (303, "/credit")
    assert (await applying.credit.account("b1")).limit == eur(125_000)
    assert "Take" not in await applying.text("/credit", "fay")
    assert "has ended" in said(await applying.send("/credit/reviews/r1", "fay"))
    await propose(applying.credit.parts, "r2", Kind.CUT, 50_000)
    assert "€500.00" not in await applying.text("/credit", "fay")


async def test_whoever_came_by_a_link_has_their_own_address_confirmed_by_that(applying: Applying):
    home = await applying.begun(address="muster.einkauf@gmail.com")

    await applying.send(home, fields={**ALL, "fact-contact_email": "muster.einkauf@gmail.com", "do": "submit"})

    application = await applying.application()
    assert (list(application.steps), state(application)) == ([], "DECIDED")


async def test_another_address_is_mailed_a_button_and_by_its_click_the_application_is_decided(applying: Applying):
    home = await applying.begun()
    await applying.send(home, fields={**ALL, "fact-contact_email": "muster.einkauf@gmail.com", "do": "submit"})
    page = await applying.text(f"{home}?told=address")
    assert "We sent a mail to muster.einkauf@gmail.com" in page
    await applying.drained()
    link = applying.pages.people.links[-1]
    assert (link.kind, link.address) == (notifications_pb2.LINK_KIND_ADDRESS, "muster.einkauf@gmail.com")
    theirs = path_of(link)
    assert "Confirm your address" in await applying.text(theirs)
    assert state(await applying.application()) == "REFERRED"  # opening a link, as scanners of mail do, confirms nothing
    assert (await applying.send(f"{home}/confirm")).status_code == httpx.codes.NOT_FOUND
    for act_ in ("/accept", "/withdraw", "/address", "/colleague", "/begin"):
        assert (await applying.send(f"{theirs}{act_}")).status_code == httpx.codes.NOT_FOUND, act_

    confirmed = await applying.send(f"{theirs}/confirm")

    assert "your address is confirmed" in said(confirmed)
    await expire(applying.credit.parts)
    assert state(await applying.application()) == "DECIDED"
    assert "€5,000.00" in await applying.text(home)


async def test_who_is_signed_in_by_mail_has_that_address_confirmed_and_an_administrator_the_place(applying: Applying):
    applying.pages.people.add("adi", "ACCOUNT_ADMIN", email="adi.muster@gmail.com")
    applying.cookies["adi"] = await applying.pages.session(
        "adi", proved_address=applying.pages.door.keyed("address", "adi.muster@gmail.com")
    )
    home = (await applying.send("/credit/application", "adi")).headers["location"]
    await tell(applying.credit, "b1", GOOD | {"ship_to_kind": "mail_drop"})
    mail = {"fact-contact_email": "adi.muster@gmail.com"}
    await applying.send(home, "adi", fields={**ALL, **mail, "do": "submit"})
    page = await applying.text(home, "adi")
    assert "Confirm where goods go" in page
    assert "Confirm your address" not in page

    await applying.send(f"{home}/ship-to", "adi")
    await expire(applying.credit.parts)

    assert "€5,000.00" in await applying.text(home, "adi")


async def test_when_a_file_was_changed_and_the_day_it_tells_go_with_it(applying: Applying):
    home = await applying.begun({})
    await applying.send(home, fields={**ALL, "do": "submit"})
    made = BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.docinfo["/CreationDate"] = "D:20250530090000Z"
        pdf.docinfo["/ModDate"] = "D:20251230110000+02'00'"
        pdf.save(made)
    added = await applying.send(
        f"{home}/documents",
        fields={"key": "annual_accounts", "issued": "2025-06-01"},
        files={"file": ("a.pdf", made.getvalue())},
    )
    assert added.status_code == httpx.codes.SEE_OTHER, said(added)

    async with applying.credit.parts.database.transaction([TENANT]) as tx:
        row = await tx.row("SELECT written_at, changed_at, issued_on FROM application_document")
    assert (row.written_at, row.changed_at) == (
        datetime(2025, 5, 30, 9, tzinfo=UTC),
        datetime(2025, 12, 30, 9, tzinfo=UTC),
    )
    assert str(row.issued_on) == "2025-06-01"
