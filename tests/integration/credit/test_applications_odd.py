"""What an application shows of itself: look-alike domains, listed names, references, files, a group; and how step-ups end."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from receivables.credit.v1 import applications_pb2, events_pb2

from deploy.local.trust import person
from services.chassis.access import IDENTITY
from services.credit import lookout
from services.credit.domain.looks import Shown
from services.credit.lookout import ListFiles, Lookout
from services.credit.service import SERVICE
from services.kernel.refusals import Refusal
from tests.callers import token
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import (
    ANSWERS,
    APPLICANT,
    GOOD,
    act,
    give,
    outcome,
    ready,
    shown,
    start,
    state,
    submit,
    tell,
    track,
)
from tests.integration.credit.conftest import served
from tests.integration.credit.desk import Desk, Refused, bodies, eur, expire, register, set_clock

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
LISTED = "Kvarn Bröd Export AB"
UN = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST><ENTITIES><ENTITY><DATAID>1</DATAID><FIRST_NAME>{name}</FIRST_NAME>
<REFERENCE_NUMBER>XX.1</REFERENCE_NUMBER></ENTITY></ENTITIES></CONSOLIDATED_LIST>"""
CONFIRMED = applications_pb2.CALL_BACK_OUTCOME_CONFIRMED
REGISTER = applications_pb2.NUMBER_SOURCE_REGISTER
FREE_MAIL = "muster.einkauf@gmail.com"


@pytest.fixture
async def listed(open_service: OpenService, tmp_path: Path) -> AsyncIterator[Desk]:
    """Give credit with a list that has one entry."""
    path = tmp_path / "un.xml"
    path.write_text(UN.format(name=LISTED), encoding="utf-8")
    async with open_service(SERVICE, clock="test", credit_sanctions=[path]) as parts, served(parts) as desk:
        await set_clock(parts, MONDAY)
        yield desk


async def case(desk: Desk, application_id: str = "a1") -> Any:
    return await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id=application_id))


async def struck(desk: Desk, application_id: str = "a1") -> dict[str, Any]:
    """The signals of the newest decision, by rule."""
    return {one.rule: one for one in (await case(desk, application_id)).decisions[0].signals}


async def refusal(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


async def decide_again(desk: Desk) -> None:
    await expire(desk.parts)


def call_back(**said: Any) -> dict[str, Any]:
    usual = {"number": "+49 30 901820", "source_of_number": REGISTER, "spoke_with": "Frau Muster", "outcome": CONFIRMED}
    return usual | said


async def test_a_domain_that_reads_like_another_companys_steps_up_and_a_call_back_clears_it(desk: Desk):
    await ready(desk, "known", contact_email="einkauf@nordholm.de", register_number="HRB 77")
    await ready(desk, contact_email="einkauf@nordho1m.de")

    seen = await submit(desk)

    assert (state(seen), list(seen.steps)) == ("REFERRED", ["call_back_done"])
    signal = (await struck(desk))["F02"]
    assert (signal.compared_with, signal.source) == ("nordholm.de", "domains")
    await act(desk, "RecordCallBack", by="user:ada", **call_back())
    await decide_again(desk)
    decided = await shown(desk)
    assert (state(decided), outcome(decided), decided.decision.decided_by) == ("DECIDED", "APPROVED", "engine")
    assert "F02" in await struck(desk)  # what was seen stays as evidence


async def test_domains_of_a_group_are_one_companys(desk: Desk):
    await register(desk.parts, "b1")
    await register(desk.parts, "b2")
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run(
            """INSERT INTO node (tenant, node_id, kind, parent_id, path, currency, limit_minor)
               VALUES ('acme', 'g', 'GROUP', '', '{g}', 'EUR', 1000000), ('acme', 'p', 'PARENT', 'g', '{g,p}', 'EUR', 1000000)"""
        )
        await tx.run("UPDATE account SET path = CASE account_id WHEN 'b1' THEN '{g,p}'::text[] ELSE '{g}' END")
    for account, mail in (("b1", "anna@nordholm.de"), ("b2", "anna@nordho1m.de")):
        await start(desk, account, account=account, by="user:sam")
        await tell(desk, account, GOOD)
        await give(desk, ANSWERS | {"contact_email": mail, "iban": "DE89370400440532013000"}, account, by="user:sam")
        await submit(desk, account, by="user:sam")

    assert not await struck(desk, "b2")


async def test_a_listed_name_goes_to_two_persons_and_no_word_says_why(listed: Desk):
    await ready(listed, company_name="Kvarnbröd Export")

    seen = await submit(listed)

    assert (state(seen), track(seen)) == ("REFERRED", "ENHANCED")
    assert {one.code for one in seen.decision.reasons} & {"R11"}
    assert "sanction" not in str(seen).lower()
    assert LISTED not in str(seen)
    [match] = (await case(listed)).matches
    assert (match.list, match.entry_id, match.listed, match.key) == ("UN", "XX.1", LISTED, "company_name")
    assert match.score >= 80


async def test_a_match_that_two_persons_cleared_stays_cleared_for_that_name(listed: Desk):
    await ready(listed, company_name="Kvarnbröd Export")
    await submit(listed)
    entry = {"list": "UN", "entry_id": "XX.1", "key": "company_name"}

    async def clear(by: str) -> bool:
        request = applications_pb2.ClearMatchRequest(application_id="a1", **entry)
        return bool((await listed.call("ClearMatch", request, by=by)).cleared)

    assert not await clear("user:ada")
    assert await refusal(clear("user:ada")) == "application.four_eyes"
    assert await clear("user:bo")
    await decide_again(listed)

    decided = await shown(listed)
    assert (state(decided), outcome(decided)) == ("DECIDED", "APPROVED")
    [match] = (await case(listed)).matches
    assert (match.cleared, match.found_by, match.confirmed_by) == (True, "user:ada", "user:bo")
    told = await bodies(listed.parts, events_pb2.MatchCleared)
    assert [one.cleared for one in told] == [False, True]
    assert "Kvarn" not in str(told)
    await give(listed, {"company_name": LISTED})
    again = await submit(listed)
    assert (state(again), track(again)) == ("REFERRED", "ENHANCED")


async def test_of_two_owners_who_are_like_one_entry_each_is_cleared_by_itself(listed: Desk):
    await ready(listed, owners="Kvarn Bröd Export AB 50 %, Kvarn Brod Exports 50 %")
    await submit(listed)
    await act(listed, "TakeUpApplication", by="user:ada")
    before = [one.name for one in (await case(listed)).matches]
    assert len(set(before)) == 2
    for name in reversed(before):
        for by in ("user:ada", "user:bo"):
            entry = {"list": "UN", "entry_id": "XX.1", "key": "owners", "name": name}
            request = applications_pb2.ClearMatchRequest(application_id="a1", **entry)
            await listed.call("ClearMatch", request, by=by)
            seen = {one.name: (one.cleared, one.found_by, one.confirmed_by) for one in (await case(listed)).matches}
            assert seen[name] == (by == "user:bo", "user:ada", "user:bo" if by == "user:bo" else "")
    request.name = "0" * 64
    assert await refusal(listed.call("ClearMatch", request)) == "application.unknown_match"


async def test_what_is_no_match_of_the_application_is_not_cleared(listed: Desk):
    await ready(listed)
    await submit(listed)
    request = applications_pb2.ClearMatchRequest(application_id="a1", list="UN", entry_id="XX.1", key="company_name")

    assert await refusal(listed.call("ClearMatch", request)) == "application.unknown_match"


async def test_owners_and_signers_are_looked_for_too(listed: Desk):
    await ready(listed, owners="Erika Muster 40 %, Kvarn Bröd Export AB 60 %", signer="Max Muster, Prokurist")

    await submit(listed)

    assert [one.key for one in (await case(listed)).matches] == ["owners"]


async def test_a_reference_that_is_the_applicant_and_two_that_another_named_are_seen(desk: Desk):
    own = "Muster Zulieferer, vertrieb@muster.example"
    await ready(desk, reference_1=own, reference_2="Stahl AG +49 30 901820")
    await submit(desk)
    assert (await struck(desk))["F12"].feature == "reference_is_own"

    friends: dict[str, Any] = {"reference_1": "Huber, huber@huber-stahl.de", "reference_2": "Maier GmbH, +49 89 23300"}
    await ready(desk, "a2", register_number="HRB 2", contact_email="a@zweite.example", **friends)
    await submit(desk, "a2")
    assert "F12" not in await struck(desk, "a2")
    await ready(desk, "a3", register_number="HRB 3", contact_email="a@dritte.example", **friends)
    await submit(desk, "a3")
    assert (await struck(desk, "a3"))["F12"].feature == "references_in_common"


async def test_a_file_that_was_edited_and_a_signer_whom_the_register_does_not_know_are_seen(desk: Desk):
    await ready(desk, signer="Max Fremd, Prokurist")
    account = (await shown(desk)).account_id
    await tell(desk, account, {"officers": "Erika Muster; Jan Beispiel"})
    request = applications_pb2.AddApplicationDocumentRequest(
        application_id="a1",
        document_id="d1",
        key="annual_accounts",
        name="accounts.pdf",
        media_type="application/pdf",
        content=b"%PDF-1.7",
        issued_on="2025-06-01",
    )
    request.file_written_at.FromDatetime(datetime(2025, 5, 30, 9, tzinfo=UTC))
    request.file_changed_at.FromDatetime(datetime(2025, 12, 30, 9, tzinfo=UTC))
    await desk.call("AddApplicationDocument", request, by=APPLICANT)

    await submit(desk)

    assert (await struck(desk))["F14"].feature == "document_edited"
    ground = {one.feature for one in (await case(desk)).decisions[0].signals}
    assert ground == {"document_edited"}


async def test_free_mail_is_verified_by_whoever_reads_it_and_by_nobody_else(desk: Desk):
    await ready(desk, contact_email=FREE_MAIL)
    seen = await submit(desk)
    assert (state(seen), list(seen.steps)) == ("REFERRED", ["email_verified"])

    claimed = await give(desk, {"email_verified": "true"})
    assert [one.code for one in claimed.refused] == ["fact.unknown"]
    await act(desk, "ConfirmAddress", address="somebody@else.example")
    await decide_again(desk)
    assert state(await shown(desk)) == "REFERRED"

    await act(desk, "ConfirmAddress", address="Muster.Einkauf@gmail.com")
    await decide_again(desk)

    decided = await shown(desk)
    assert (state(decided), outcome(decided)) == ("DECIDED", "APPROVED")


async def test_another_address_has_to_be_verified_anew(desk: Desk):
    await ready(desk, contact_email=FREE_MAIL)
    await act(desk, "ConfirmAddress", address=FREE_MAIL)
    await give(desk, {"contact_email": "other@gmail.com"})

    assert list((await submit(desk)).steps) == ["email_verified"]


async def test_a_place_of_delivery_is_confirmed_by_the_buyers_administrator(desk: Desk):
    await register(desk.parts)
    await start(desk, account="b1", by="user:sam")
    await tell(desk, "b1", GOOD | {"ship_to_kind": "mail_drop"})
    await give(desk, ANSWERS, by="user:sam")
    seen = await submit(desk, by="user:sam")
    assert list(seen.steps) == ["ship_to_confirmed"]

    await act(desk, "ConfirmShipTo", by="contact:cleo")
    await decide_again(desk)

    assert state(await shown(desk)) == "DECIDED"


async def test_a_call_back_is_nobodys_who_started_it_and_whoever_called_does_not_decide(desk: Desk):
    await register(desk.parts)
    await start(desk, account="b1", by="user:sam")
    await give(desk, ANSWERS | {"contact_phone": "030 901820"}, by="user:sam")
    await submit(desk, by="user:sam")
    assert await refusal(act(desk, "RecordCallBack", by="user:sam", **call_back())) == "application.four_eyes"
    assert await refusal(act(desk, "RecordCallBack", by="user:ada", **call_back())) == "application.number_given"
    await give(desk, {"contact_phone": "+49 40 428280"}, by="user:sam")  # what was said once was said
    assert await refusal(act(desk, "RecordCallBack", by="user:ada", **call_back())) == "application.number_given"
    assert await refusal(act(desk, "RecordCallBack", by="user:ada", **call_back(number="12"))) == "fact.phone"
    wordless = call_back(number="+49 89 23300", spoke_with=" ")
    assert await refusal(act(desk, "RecordCallBack", by="user:ada", **wordless)) == "application.call_incomplete"

    await act(desk, "RecordCallBack", by="user:ada", **call_back(number="+49 89 23300"))

    await act(desk, "TakeUpApplication", by="user:ada")
    approve: dict[str, Any] = {
        "outcome": applications_pb2.APPLICATION_OUTCOME_APPROVED,
        "limit": eur(1_000_00),
        "terms_days": 30,
    }
    assert await refusal(act(desk, "DecideApplication", by="user:ada", **approve)) == "application.four_eyes"
    [recorded] = await bodies(desk.parts, events_pb2.CallBackRecorded)
    assert "23300" not in str(recorded)
    assert "Muster" not in str(recorded)
    [call] = (await case(desk)).call_backs
    assert (call.number, call.spoke_with, call.recorded_by) == ("+498923300", "Frau Muster", "user:ada")
    # An auditor reads that somebody was called, and not who.
    who = token(person("user:aud", "acme", roles=["AUDITOR"]), "credit")
    request = applications_pb2.GetCaseRequest(application_id="a1")
    [seen] = (await desk.stub.GetCase(request, metadata=((IDENTITY, who),))).call_backs
    assert (seen.number, seen.spoke_with, seen.outcome) == ("", "", CONFIRMED)


async def test_whoever_sells_reads_that_something_is_known_of_a_person_and_not_what(desk: Desk):
    await ready(desk, contact_email=FREE_MAIL)
    request = applications_pb2.GetApplicationRequest(application_id="a1")

    for roles, reads in ((["SALES"], False), (["SALES", "AUDITOR"], False), (["SALES", "CREDIT"], True)):
        who = token(person("user:sam", "acme", roles=roles), "credit")
        seen = (await desk.stub.GetApplication(request, metadata=((IDENTITY, who),))).application

        values = {fact.key: fact.value for fact in seen.facts}
        assert bool(values["contact_email"]) == bool(values["register_number"]) == reads
        assert values["company_name"] == "Muster GmbH"


def test_a_file_that_is_no_list_ends_the_start_with_its_name(tmp_path: Path):
    path = tmp_path / "list.xml"
    path.write_text("<html/>", encoding="utf-8")

    with pytest.raises(SystemExit, match=r"^AR_CREDIT_SANCTIONS: .*list\.xml: the file is none of the lists"):
        lookout.warm([path], None)


async def test_a_list_that_changes_is_read_again_and_one_that_breaks_leaves_what_was_there(tmp_path: Path):
    path = tmp_path / "un.xml"
    path.write_text(UN.format(name=LISTED), encoding="utf-8")
    files = ListFiles([path])
    lists = files.lists()
    assert lists is not None
    assert lists.screen(LISTED)

    path.write_text(UN.format(name="Somebody Else Entirely"), encoding="utf-8")
    await files.look()
    lists = files.lists()
    assert lists is not None
    assert not lists.screen(LISTED)
    path.write_text("<no", encoding="utf-8")
    os.utime(path, (1, 1))
    await files.look()
    assert files.lists() is lists
    with pytest.raises(Refusal):
        files.read()


async def test_domains_are_known_before_anybody_waits_and_what_is_forgotten_is_known_no_more(desk: Desk):
    now = [0.0]
    watch = Lookout(ListFiles([]), frozenset({"famous.com"}), now=lambda: now[0])
    company = Shown((), "DE", ("nordho1m.de", "farnous.com"), frozenset(), "acme/x", frozenset())
    await ready(desk, "known", contact_email="einkauf@nordholm.de")
    await decide_again(desk)

    async def near() -> set[str]:
        look = await watch.look(lambda: desk.parts.database.transaction(["acme"]), "acme", company)
        return {one.compared_with for one in look.features if one.key == "domain_homoglyph"} - {""}

    assert await near() <= {"nordholm.de", "famous.com"}
    assert await near()
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE fact SET value = '' WHERE key = 'contact_email'")
    company = Shown((), "DE", ("nordho1m.de",), frozenset(), "acme/x", frozenset())
    assert await near() == {"nordholm.de"}
    now[0] += lookout.ANEW_S
    keeping = asyncio.create_task(watch.keep(desk.parts.database))
    async with asyncio.timeout(30):
        while await near():
            await asyncio.sleep(0.05)
    keeping.cancel()
