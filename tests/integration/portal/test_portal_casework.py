"""Applications and policies at the seller's desk, over HTTP: the pages beside a real credit on real Postgres."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
from receivables.credit.v1 import applications_pb2

from services.credit.domain import underwriting
from services.credit.domain.review import Kind
from tests.integration.credit.applicants import act, give, ready, referred, shown, start, state, submit, tell
from tests.integration.credit.desk import expire, register
from tests.integration.credit.reviewed import propose
from tests.integration.portal.conftest import OURS, TENANT, Casework, an_app, said

PDF = b"%PDF-1.7 annual accounts"
DECLINE: dict[str, Any] = {"outcome": "DECLINED", "reason": ["R01", "R06"], "terms": "30"}
APPROVE: dict[str, Any] = {"outcome": "APPROVED", "limit": "5,000.00", "terms": "30"}


async def test_the_queue_says_whose_it_is_how_much_and_by_when_and_is_taken_up_in_its_row(casework: Casework):
    await referred(casework.credit)
    queue = await casework.text("ada", "/desk/applications")
    for words in ("Muster GmbH", "€5,000.00", "Standard", "Waits for a person", "1/5/26", "Take up"):
        assert words in queue, words
    assert "Take up" not in await casework.text("sal", "/desk/applications")
    assert (await casework.get("sal", "/desk/applications/a1")).status_code == httpx.codes.NOT_FOUND

    taken = await casework.send("ada", "/desk/applications/a1/take-up", **{"from": "queue"})

    assert (taken.status_code, taken.headers["location"]) == (303, "/desk/applications/a1")
    assert "Person ada" in await casework.text("bob", "/desk/applications")
    assert state(await shown(casework.credit)) == "IN_REVIEW"


async def test_of_two_with_the_same_time_left_the_larger_is_first(casework: Casework):
    await referred(casework.credit, requested_amount="2000.00 EUR")
    other = {"register_number": "HRB 999", "contact_email": "b@zwei.example", "iban": "DE02120300000000202051"}
    await ready(casework.credit, "a2", {}, requested_amount="9000.00 EUR", **other)
    await submit(casework.credit, "a2")
    queue = await casework.text("ada", "/desk/applications")
    assert queue.index("€9,000.00") < queue.index("€2,000.00")


async def test_a_case_has_the_evidence_side_by_side(casework: Casework):
    account = (await referred(casework.credit)).account_id
    await tell(casework.credit, account, {"company_name": "Muster AG", "domain_lookalike": "true"})
    await submit(casework.credit)

    case = await casework.text("eve")

    for words in (
        "The limit, term by term",
        "Asked for (binds)",
        "not known",
        "Grade",
        "Registered name differs",
        "Muster AG company register",
        "a domain that looks like a known one",
        "asks for one more proof",
        "the policy",
    ):
        assert words in case, words
    assert "What now?" not in case


async def test_what_is_about_a_person_an_auditor_does_not_read(casework: Casework):
    await referred(casework.credit)
    assert "DE89370400440532013000" in await casework.text("ada")
    case = await casework.text("eve")
    assert "DE89370400440532013000" not in case
    assert "einkauf@muster.example" not in case
    assert "about a person" in case


async def test_one_fact_is_asked_for_and_never_what_is_known(casework: Casework):
    await referred(casework.credit)
    await casework.send("ada", "/desk/applications/a1/take-up")
    page = (await casework.get("ada", "/desk/applications/a1")).text
    askable = re.findall(r'<option value="(\w+)"', page)
    assert "annual_accounts" in askable
    assert not {"company_name", "iban"} & set(askable)

    assert "Choose what is asked for" in said(await casework.send("ada", "/desk/applications/a1/ask", key=""))
    known = await casework.send("ada", "/desk/applications/a1/ask", key="company_name")
    assert (known.status_code, "nothing is asked twice" in said(known)) == (422, True)
    assert (await casework.send("ada", "/desk/applications/a1/ask", key="annual_accounts")).status_code == 303

    case = await casework.text("ada")
    assert "Waits for the applicant" in case
    assert "the promise rests" in case
    assert "annual_accounts" not in re.findall(
        r'<option value="(\w+)"', (await casework.get("ada", "/desk/applications/a1")).text
    )


async def test_a_document_is_downloaded_and_never_shown(casework: Casework):
    await ready(casework.credit)
    await act(
        casework.credit,
        "AddApplicationDocument",
        document_id="d1",
        key="annual_accounts",
        name="accounts.pdf",
        media_type="application/pdf",
        content=PDF,
    )
    assert "Last annual accounts Download" in await casework.text("eve")
    file = await casework.get("eve", "/desk/applications/a1/documents/d1")
    assert file.content == PDF
    assert file.headers["content-disposition"].startswith('attachment; filename="accounts.pdf"')
    assert "sandbox" in file.headers["content-security-policy"]
    for gone in ("/desk/applications/a1/documents/d2", "/desk/applications/a2/documents/d1", "/desk/applications/a2"):
        assert (await casework.get("eve", gone)).status_code == httpx.codes.NOT_FOUND


NO_DECISIONS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "Choose how it is decided."),
    ({"outcome": "REFERRED"}, "Choose how it is decided."),
    (APPROVE | {"limit": "much"}, "That is no number."),
    (APPROVE | {"limit": "0"}, "That is no amount"),
    (APPROVE | {"limit": "1.001"}, "more decimals than its currency"),
    (APPROVE | {"terms": "-1"}, "Days to pay are a whole number up to 365."),
    (APPROVE | {"terms": "9999"}, "Days to pay are a whole number up to 365."),
    (APPROVE | {"outcome": "APPROVED_LOWER"}, "Choose why"),
    (APPROVE | {"outcome": "APPROVED_WITH_CONDITIONS", "reason": "R01"}, "That is no number."),
    (DECLINE | {"reason": ["R01", "R02", "R03", "R04", "R05"]}, "Choose at most four reasons."),
    (DECLINE | {"reason": ["R99"]}, "Choose at most four reasons."),
    (DECLINE | {"reason": []}, "Choose why"),
)


async def test_a_decision_that_makes_no_sense_is_said_beside_its_field(casework: Casework):
    await referred(casework.credit)
    await casework.send("ada", "/desk/applications/a1/take-up")
    for fields, words in NO_DECISIONS:
        answer = await casework.send("ada", "/desk/applications/a1/decide", **fields)
        beside = re.search(f'class="error"[^>]*>[^<]*{re.escape(words)}', unescape(answer.text))
        assert (answer.status_code, bool(beside)) == (422, True), fields
    assert state(await shown(casework.credit)) == "IN_REVIEW"


async def test_whoever_does_not_see_to_it_does_not_decide(casework: Casework):
    await referred(casework.credit)
    await casework.send("ada", "/desk/applications/a1/take-up")
    answer = await casework.send("bob", "/desk/applications/a1/decide", **DECLINE)
    assert (answer.status_code, "Somebody else sees to it" in said(answer)) == (422, True)
    assert "How is it decided?" not in await casework.text("bob")


async def test_a_decline_is_told_with_the_reasons_that_were_chosen_and_appealed_to_another_person(casework: Casework):
    await referred(casework.credit)
    await casework.send("ada", "/desk/applications/a1/take-up")
    assert (await casework.send("ada", "/desk/applications/a1/decide", **DECLINE)).status_code == 303
    told = (await shown(casework.credit)).decision
    assert [reason.code for reason in told.reasons] == ["R01", "R06"]
    assert "We could not match the company with the register." in await casework.text("ada")

    await act(casework.credit, "AppealApplication", why="we have been here since 1990 <script>")

    assert "we have been here since 1990 <script>" in await casework.text("ada")
    assert "<script>" not in (await casework.get("ada", "/desk/applications/a1")).text.partition("<main")[2]
    refused = await casework.send("ada", "/desk/applications/a1/take-up", **{"from": "queue"})
    assert (refused.status_code, "another person than whoever decided" in said(refused)) == (422, True)
    assert (await casework.send("bob", "/desk/applications/a1/take-up")).status_code == 303
    lower: dict[str, Any] = {"outcome": "APPROVED_LOWER", "limit": "1,000.00", "terms": "14", "reason": ["R04"]}
    assert (await casework.send("bob", "/desk/applications/a1/decide", **lower)).status_code == 303
    decided = (await shown(casework.credit)).decision
    assert (decided.limit.minor, decided.terms_days, decided.decided_by) == (100_000, 14, "user:bob")


async def test_two_persons_decide_above_what_the_policy_allows_and_the_first_sees_why_not_alone(casework: Casework):
    await referred(casework.credit)
    await casework.send("ada", "/desk/applications/a1/take-up")
    large = APPROVE | {"limit": "90,000.00"}
    assert (await casework.send("ada", "/desk/applications/a1/decide", **large)).status_code == 303

    mine, theirs = await casework.text("ada"), await casework.text("bob")
    assert "You decided this: another person has to confirm it." in mine
    assert "Confirm it" not in mine
    assert "Confirm it" in theirs
    assert "€90,000.00" in theirs.partition("Waits for a second person Answer")[2]
    refused = await casework.send("ada", "/desk/applications/a1/confirm", answer="yes")
    assert (refused.status_code, "a colleague does" in said(refused)) == (422, True)
    assert (await casework.send("bob", "/desk/applications/a1/confirm", answer="perhaps")).status_code == 422

    assert (await casework.send("bob", "/desk/applications/a1/confirm", answer="back")).status_code == 303
    assert state(await shown(casework.credit)) == "IN_REVIEW"
    await casework.send("ada", "/desk/applications/a1/decide", **large)
    assert (await casework.send("bob", "/desk/applications/a1/confirm", answer="yes")).status_code == 303
    assert (await shown(casework.credit)).decision.limit.minor == 9_000_000


async def test_a_form_that_is_sent_twice_is_one_decision(casework: Casework):
    await referred(casework.credit)
    await casework.send("ada", "/desk/applications/a1/take-up")
    once = uuid4().hex
    answers = [await casework.send("ada", "/desk/applications/a1/decide", once, **DECLINE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    case = await casework.credit.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    assert [one.told.decided_by for one in case.decisions] == ["user:ada", "engine"]


async def test_a_decision_is_replayed_from_its_page(casework: Casework):
    await ready(casework.credit)
    decision = (await submit(casework.credit)).decision
    page = f"/desk/applications/a1?replay={decision.decision_id}"
    assert "it comes out the same" in await casework.text("eve", page)
    assert "Decide again" in await casework.text("eve")


async def test_an_account_lists_its_applications_and_the_desk_counts_what_waits(casework: Casework):
    await register(casework.credit.parts)
    await start(casework.credit, account="b1")
    await give(casework.credit, {"requested_amount": "5000.00 EUR"})
    account = (await casework.get("ada", "/desk/accounts/b1")).text
    assert '<a href="/desk/applications/a1">' in account
    await referred(casework.credit, "a2")
    desk = await casework.text("ada", "/desk")
    assert "Applications to decide 1 Look at them" in desk
    assert "Application to decide Muster GmbH" in desk


async def test_a_form_waits_for_the_factor_that_it_needs_and_is_sent_as_it_was_typed(casework: Casework):
    await referred(casework.credit)
    casework.pages.people.add("cat", "CREDIT", account="")
    cookie, app = await an_app(casework.pages, "cat")
    await casework.hire("cat", "CREDIT", cookie=cookie)
    await casework.send("cat", "/desk/applications/a1/take-up")
    async with casework.pages.parts.database.transaction([TENANT]) as tx:
        await tx.run("UPDATE session SET proven_at = now() - interval '6 minutes' WHERE contact_id = 'cat'")

    waits = await casework.send("cat", "/desk/applications/a1/decide", **DECLINE, why="too young")

    assert waits.status_code == httpx.codes.FORBIDDEN
    assert "What you filled in is kept" in said(waits)
    async with casework.pages.client(cookie, **OURS) as browser:
        wrong = await browser.post("/factor/code", data=hidden(waits) | {"code": "0"})
        assert wrong.status_code == 422
        proved = await browser.post("/factor/code", data=hidden(wrong) | {"code": app.now()})
        assert (proved.status_code, proved.headers["location"]) == (307, "/desk/applications/a1/decide")
        assert state(await shown(casework.credit)) == "IN_REVIEW"
    fields = {name.removeprefix("kept-"): value for name, value in hidden(wrong).items()}
    assert fields["reason"] == DECLINE["reason"]
    async with casework.pages.client(proved.cookies["__Host-session"], **OURS) as browser:
        sent = [await browser.post(proved.headers["location"], data=hidden(wrong)) for _ in range(2)]
    assert [one.status_code for one in sent] == [303, 303]
    newest = (await casework.credit.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))).decisions[0]
    assert ([one.code for one in newest.told.reasons], newest.told.decided_by) == (["R01", "R06"], "user:cat")


async def test_a_file_does_not_wait_for_a_factor_and_is_chosen_again(casework: Casework):
    await casework.hire("cat", "CREDIT", assurance=1)

    waits = await casework.send("cat", "/desk/policy/new", file=("policy.yaml", b"language: 1"))

    assert (waits.status_code, "A file cannot wait" in said(waits)) == (httpx.codes.FORBIDDEN, True)
    assert "goes-on" not in hidden(waits)


def hidden(answer: httpx.Response) -> dict[str, Any]:
    """What goes with a form unseen."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text):
        found.setdefault(name, []).append(unescape(value))
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


async def test_a_policy_with_a_mistake_is_said_beside_its_line_and_kept_nowhere(casework: Casework):
    text = underwriting.default().text.replace("when: grade == 'E'", "when: grad == 'E'")
    line = next(nth for nth, one in enumerate(text.split("\n"), 1) if "grad ==" in one)

    answer = await casework.send("ada", "/desk/policy/new", text=text)

    assert answer.status_code == 422
    assert f"{line} - {{id: grade_e, when: grad == 'E'" in said(answer)
    assert "did you mean grade?" in said(answer)
    assert "The text has 1 mistake: nothing was kept." in said(answer)
    assert "grad == &#39;E&#39;" in answer.text.partition("<textarea")[2]
    assert "Nobody has proposed anything yet" in await casework.text("ada", "/desk/policy")


async def test_a_mistake_is_said_in_the_readers_language_with_what_it_is_about(casework: Casework):
    text = underwriting.default().text.replace("when: grade == 'E'", "when: grad == 'E'")
    casework.pages.people.known["ada"].language = "de"

    answer = said(await casework.send("ada", "/desk/policy/new", text=text))

    assert "Diese Angabe gibt es nicht. grad Gemeint ist vielleicht: grade" in answer
    assert "did you mean" not in answer


NO_POLICIES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"text": " \n "}, "Write a text, or choose a file."),
    ({"text": "x" * 200_001}, "A policy has at most 200,000 characters."),
    ({"file": ("p.yaml", b"\xff\xfe\x00x")}, "The file is no text: save it in UTF-8."),
    ({"text": "\t"}, "Write a text, or choose a file."),
    ({"text": "nothing: here"}, "nothing was kept"),
    ({"text": "- &a [*a]"}, "nothing was kept"),
)


async def test_what_is_no_policy_is_said(casework: Casework):
    for fields, words in NO_POLICIES:
        answer = await casework.send("ada", "/desk/policy/new", **fields)
        assert (answer.status_code, words in said(answer)) == (422, True), words


async def test_a_policy_decides_once_another_person_has_seen_what_changes(casework: Casework):
    before = underwriting.default()
    text = before.text.replace("below: 1.25, points: 9", "below: 1.25, points: 8")
    file = ("policy.yaml", text.replace("\n", "\r\n").encode())
    proposed = await casework.send("ada", "/desk/policy/new", file=file)
    assert proposed.status_code == 303
    page = proposed.headers["location"]
    policy_id = page.rpartition("/")[2]

    mine, theirs = await casework.text("ada", page), await casework.text("bob", page)
    assert "You proposed this: another person has to activate it." in mine
    for words in ("- - {below: 1.25, points: 9}", "+ - {below: 1.25, points: 8}", "Activate it"):
        assert words in theirs, words
    refused = await casework.send("ada", f"{page}/activate")
    assert (refused.status_code, "another person has to activate it" in said(refused)) == (422, True)
    assert before.policy_id[:12] != policy_id[:12]
    assert "The policy that holds until you set your own." in await casework.text("eve", "/desk/policy")

    assert (await casework.send("bob", f"{page}/activate")).status_code == 303

    now = await casework.text("eve", "/desk/policy")
    assert "Proposed by Person ada, activated by Person bob" in now
    assert "Decides now" in now
    assert (await casework.get("eve", "/desk/policy.yaml")).text == text
    assert (await casework.send("bob", f"{page}/activate")).status_code == 422
    assert (await casework.get("eve", "/desk/policy/0000")).status_code == httpx.codes.NOT_FOUND
    assert (await casework.get("sal", "/desk/policy")).status_code == httpx.codes.NOT_FOUND


async def test_a_cut_is_confirmed_from_its_row_beside_how_the_account_has_paid(casework: Casework):
    await register(casework.credit.parts)
    await propose(casework.credit.parts, "r1", Kind.CUT, 50_000)
    queue = await casework.text("ada", "/desk/reviews")
    for words in ("b1", "€1,000.00", "€500.00", "Paid very late", "Settled invoices: 9", "Overdue: €42.00"):
        assert words in queue, words
    assert "Leave it" not in await casework.text("sal", "/desk/reviews")
    assert "77,777" in queue  # of their group: whoever is bound to accounts is not told
    assert "below the present limit" in said(
        await casework.send("ada", "/desk/reviews/r1", choice="confirm", limit="2,000.00", currency="EUR")
    )
    # More than the policy grants: another person.
    milder = {"choice": "confirm", "limit": "800.00", "currency": "EUR", "at_once": "1"}
    assert (await casework.send("ada", "/desk/reviews/r1", **milder)).status_code == 303
    assert "another person than who prepared it" in said(await casework.send("ada", "/desk/reviews/r1", **milder))

    confirmed = await casework.send("bob", "/desk/reviews/r1", choice="confirm", at_once="1", currency="EUR")

    assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/desk/reviews")
    assert "Nothing waits" in await casework.text("ada", "/desk/reviews")
    await expire(casework.credit.parts)
    assert (await casework.credit.account("b1")).limit.minor == 80_000


async def test_a_call_is_noted_at_the_desk_and_what_it_showed_stands_beside_the_case(casework: Casework):
    await ready(casework.credit, contact_email="muster@gmail.com", reference_1="Huber, +49 30 901820")
    await submit(casework.credit)
    form = {
        "number": "+49 30 901820",
        "source": "REGISTER",
        "spoke": "Frau Muster",
        "call": "CONFIRMED",
        "place": "yes",
    }
    page = "/desk/applications/a1/call-back"
    assert "Note a call to the company" in await casework.text("ada")
    assert "The applicant gave that number" in said(await casework.send("ada", page, **form))
    assert "Choose where the number is from" in said(await casework.send("ada", page, number="+49 89 23300"))

    noted = await casework.send("ada", page, **form | {"number": "+49 89 23300"})

    assert noted.status_code == httpx.codes.SEE_OTHER, said(noted)
    case = await casework.text("bob")
    for words in ("+498923300", "the company register", "Frau Muster", "they applied, the place of delivery too"):
        assert words in case, words
    assert "Note a call to the company" not in await casework.text("eve")


async def test_a_name_on_a_list_is_found_to_be_somebody_else_by_two_persons(casework: Casework):
    await ready(casework.credit)
    await submit(casework.credit)
    application = await shown(casework.credit)
    record = applications_pb2.DecisionRecord(
        told=applications_pb2.ApplicationDecision(track=applications_pb2.TRACK_ENHANCED)
    )
    match = applications_pb2.Match(
        key="company_name", list="UN", entry_id="XX.1", listed="Musta Ltd", score=88, name="d" * 64
    )
    look = applications_pb2.Look(matches=[match])
    async with casework.credit.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE application_look SET look = %s", [look.SerializeToString()])
        await tx.run("UPDATE application_decision SET record = %s", [record.SerializeToString()])
    assert application.account_id
    entry = {"list": "UN", "entry": "XX.1", "key": "company_name"}
    case = await casework.text("ada")
    for words in ("Names on lists of sanctions", "UN XX.1", "Musta Ltd", "88", "It is somebody else"):
        assert words in case, words
    assert "It is somebody else" not in await casework.text("eve")

    await casework.send("ada", "/desk/applications/a1/clear", **entry)
    assert "Waits for a second person" in await casework.text("ada")
    await casework.send("bob", "/desk/applications/a1/clear", **entry)

    assert "somebody else user:ada, user:bob" in await casework.text("eve")
