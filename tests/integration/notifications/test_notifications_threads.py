"""What buyer and seller write to each other, what the seller notes, who hears of it and who has read it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from receivables.common.v1.party_pb2 import Scope
from receivables.notifications.v1 import service_pb2

from deploy.local.trust import person
from services.chassis import access, cleaning
from services.chassis.identity import Part, Principal
from services.notifications import usecases
from tests.callers import token
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, text
from tests.integration.notifications.test_notifications_forgotten import MARK, erase, left
from tests.integration.notifications.test_notifications_people import printing
from tests.unit.notifications.samples import ACCOUNT, TENANT, dispute_opened, invoice, payment, placed

CLEO = person("contact:cleo", TENANT, ACCOUNT, roles=["AP_CLERK"])
BOB = person("contact:bob", TENANT, "globex", roles=["AP_CLERK"])
DIS = person("user:dis", TENANT, roles=["DISPUTE_OWNER"])
BILL = person("user:bill", TENANT, roles=["BILLING"])
FIVE = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # the day's digest


async def ask(office: Office, who: Principal, method: str, **said: Any) -> Any:
    request = getattr(service_pb2, f"{method}Request")(**said)
    return await Gated("notifications", office.stub).ask(who, method, request)


async def write(office: Office, who: Principal, words: str, about: str = "dispute/d1", **more: Any) -> Any:
    answer = await ask(office, who, "AddMessage", about=about, text=words, **more)
    return answer.code if isinstance(answer, Asked) else answer.message


async def thread(office: Office, who: Principal, about: str = "dispute/d1", **page: Any) -> list[tuple[int, str, str]]:
    answer = await ask(office, who, "ListThread", about=about, **page)
    return [(message.nth, message.author, message.text) for message in answer.messages]


async def unread(office: Office, who: Principal, account: str = "") -> dict[str, int]:
    answer = await ask(office, who, "ListUnread", account_id=account)
    return {thread.about: thread.unread for thread in answer.threads}


@pytest.fixture
async def case(office: Office) -> Office:
    """A case on an invoice, the buyer's clerk and the seller's people."""
    await office.register("cleo", "AP_CLERK", name="Cleo Clerk")
    await office.register("bob", "AP_CLERK", account="globex")
    await office.register("dis", "DISPUTE_OWNER", account="", name="Dis Putes")
    await office.register("bill", "BILLING", "SALES", account="")
    await office.follow(invoice(), dispute_opened())
    await office.send()
    return office


async def test_both_sides_write_and_read_and_the_other_hears_of_it_with_the_day(case: Office):
    await write(case, CLEO, "Two boxes were missing.")
    await write(case, DIS, "We look\ninto it.")

    assert await thread(case, CLEO) == await thread(case, DIS)
    assert await thread(case, CLEO) == [
        (1, "contact:cleo", "Two boxes were missing."),
        (2, "user:dis", "We look\ninto it."),
    ]
    [to_dis] = [m for m in await case.messages(contact_id="dis") if m.event_type == "thread_message"]
    [to_cleo] = [m for m in await case.messages(contact_id="cleo") if m.event_type == "thread_message"]
    assert (to_dis.weight, to_dis.what_happened) == ("INFORM", "Acme Ltd wrote: Two boxes were missing.")
    assert (to_cleo.weight, to_cleo.what_happened) == ("INFORM", "Nordwind GmbH wrote: We look into it.")
    assert to_cleo.owner == "dispute team, Nordwind GmbH"
    await case.set_clock(FIVE)
    await case.send()
    assert "We look into it." in text(case.mails("cleo")[-1])
    assert "Two boxes were missing." in text(case.mails("dis")[-1])


async def test_who_is_mentioned_is_asked_at_once(case: Office):
    await write(case, DIS, "Do you have the delivery note?", mentions=["cleo", "bill"])
    await case.send()

    assert "You are mentioned" in text(case.mails("cleo")[-1])
    assert "Do you have the delivery note?" in text(case.mails("bill")[-1])
    [message] = (await ask(case, CLEO, "ListThread", about="dispute/d1")).messages
    assert list(message.mentions) == ["cleo", "bill"]


@pytest.mark.parametrize("mentioned", ["bob", "nobody", "gone", "contact:cleo", "CLEO"])
@pytest.mark.parametrize("who", [CLEO, DIS])
async def test_who_is_nobody_of_the_account_or_of_the_seller_is_not_mentioned(
    case: Office, who: Principal, mentioned: str
):
    """ASVS 8.2.2, 2.2.1: another company's people learn nothing, and the refusal says nothing of them."""
    await case.register("gone", "AP_CLERK")
    await case.register("gone")  # has left

    assert await write(case, who, "Look", mentions=["bill", mentioned]) == "thread.mention_unknown"
    await case.send()
    assert await thread(case, DIS) == []
    assert case.mails("bill") == case.mails("bob") == []


async def test_a_buyers_person_mentions_the_sellers_people_too(case: Office):
    assert (await write(case, CLEO, "Look", mentions=["bill"])).nth == 1
    await case.send()
    assert "You are mentioned" in text(case.mails("bill")[-1])


@pytest.mark.parametrize("about", ["invoice/RE-2026-000001", "invoice/i1", "order/o7", "payment/p1", "dispute/d1"])
async def test_there_is_a_thread_about_whatever_is_known(case: Office, about: str):
    await case.follow(placed("o7"), payment())

    message = await write(case, CLEO, "Hello", about)

    assert message.about == about.replace("RE-2026-000001", "i1")
    heard = {m.contact_id for m in await case.messages(about=message.about) if m.event_type == "thread_message"}
    assert heard == ({"dis"} if about == "dispute/d1" else {"bill"})


async def test_what_is_anothers_or_not_known_has_no_thread_in_the_same_words(case: Office):
    await write(case, CLEO, "Hello")
    of_north = replace(CLEO, parts=(Part("north"),))

    for method, said in (
        ("ListThread", {}),
        ("AddMessage", {"text": "Hello"}),
        ("MarkRead", {"nth": 1}),
    ):
        unknown = await ask(case, BOB, method, about="dispute/xx", **said)
        for who in (BOB, of_north, replace(CLEO, tenant="other"), replace(DIS, accounts=frozenset({"globex"}))):
            refused = await ask(case, who, method, about="dispute/d1", **said)
            assert isinstance(refused, Asked)
            assert (refused.status, refused.code) == (unknown.status, "subject.unknown")
            assert refused.words.replace("d1", "xx") == unknown.words
    assert await unread(case, BOB, "globex") == {}
    assert await unread(case, of_north, ACCOUNT) == {}
    assert await thread(case, CLEO) == [(1, "contact:cleo", "Hello")]


async def test_people_of_a_part_write_about_it(office: Office):
    north = Scope(site="north")
    await office.register("cleo", "AP_CLERK", scope=north)
    await office.register("dora", "AP_CLERK", scope=Scope(site="south"))
    await office.register("bill", "BILLING", account="")
    await office.follow(invoice(scope=north))

    message = await write(office, replace(CLEO, parts=(Part("north"),)), "Hello", "invoice/i1")
    await write(office, BILL, "Good day", "invoice/i1", mentions=["dora"])

    assert message.nth == 1
    heard = {m.contact_id for m in await office.messages() if m.event_type == "thread_message"}
    assert heard == {"bill", "cleo"}


async def test_a_buyer_reads_the_sellers_name_and_the_seller_who_it_was(case: Office):
    await write(case, CLEO, "Hello")
    await write(case, DIS, "Good day")

    for who, names in ((CLEO, ["Cleo Clerk", "Nordwind GmbH"]), (DIS, ["Cleo Clerk", "Dis Putes"])):
        answer = await ask(case, who, "ListThread", about="dispute/d1")
        assert [message.author_name for message in answer.messages] == names


async def test_a_thread_is_listed_a_page_at_a_time(case: Office):
    for n in range(5):
        await write(case, CLEO, f"{n}")

    pages, said = [], ""
    while True:
        answer = await ask(case, DIS, "ListThread", about="dispute/d1", page_size=2, page_token=said)
        pages.append([message.text for message in answer.messages])
        if not (said := answer.next_page_token):
            break

    assert pages == [["0", "1"], ["2", "3"], ["4"]]


async def test_what_was_not_seen_is_unread_until_it_is_read(case: Office):
    await write(case, CLEO, "One")
    await case.set_clock(FIVE)
    await write(case, CLEO, "Two", "invoice/i1")
    await write(case, CLEO, "Three", "invoice/i1")

    assert list(await unread(case, DIS)) == ["invoice/i1", "dispute/d1"]  # the newest first
    assert await unread(case, DIS) == {"invoice/i1": 2, "dispute/d1": 1}
    assert await unread(case, DIS, "globex") == {}
    assert await unread(case, CLEO, ACCOUNT) == {}
    await ask(case, DIS, "MarkRead", about="invoice/i1", nth=1)
    assert (await unread(case, DIS))["invoice/i1"] == 1
    await ask(case, DIS, "MarkRead", about="invoice/i1", nth=99)  # there are two
    await ask(case, DIS, "MarkRead", about="invoice/i1", nth=0)  # nobody unreads
    assert await unread(case, DIS) == {"dispute/d1": 1}
    await write(case, DIS, "Four")  # who writes has read
    assert await unread(case, DIS) == {}
    assert await unread(case, CLEO, ACCOUNT) == {"dispute/d1": 1}
    assert await unread(case, BILL) == {"invoice/i1": 2, "dispute/d1": 2}
    await write(case, CLEO, "Five", "invoice/i1")
    assert await unread(case, DIS) == {"invoice/i1": 1}


async def test_unread_threads_are_listed_a_page_at_a_time(case: Office):
    await case.follow(*(invoice(n) for n in range(2, 6)))
    for n in range(1, 6):
        await write(case, CLEO, "Hello", f"invoice/i{n}")

    pages, said = [], ""
    while True:
        answer = await ask(case, BILL, "ListUnread", page_size=2, page_token=said)
        pages.append([thread.about for thread in answer.threads])
        if not (said := answer.next_page_token):
            break

    assert pages == [["invoice/i5", "invoice/i4"], ["invoice/i3", "invoice/i2"], ["invoice/i1"]]


async def test_a_thread_says_up_to_where_its_reader_has_seen_it(case: Office):
    await write(case, CLEO, "One")
    await write(case, CLEO, "Two")

    assert [(await ask(case, who, "ListThread", about="dispute/d1")).seen for who in (CLEO, DIS)] == [2, 0]
    await ask(case, DIS, "MarkRead", about="dispute/d1", nth=1)
    assert (await ask(case, DIS, "ListThread", about="dispute/d1")).seen == 1


async def test_one_mentions_whom_one_sees_and_who_may_see_it_too(case: Office):
    await case.register("dora", "AP_CLERK", name="Dora")
    await case.register("south", "AP_CLERK", scope=Scope(site="south"))
    await case.register("gone", "AP_CLERK")
    await case.register("gone")
    await case.register("lost", "AP_CLERK")
    await case.rows("UPDATE contact SET suspended_at = now() WHERE contact_id = 'lost' RETURNING 1")

    async def may(who: Principal) -> list[tuple[str, bool]]:
        answer = await ask(case, who, "ListThread", about="dispute/d1")
        return [(one.name, one.is_seller) for one in answer.mentionable]

    assert await may(CLEO) == [("Dora", False)]
    assert await may(DIS) == [("Person bill", True), ("Cleo Clerk", False), ("Dora", False)]


async def test_notes_are_the_sellers_and_no_call_of_a_buyers_returns_them(case: Office):
    noted = await ask(case, DIS, "AddNote", about="dispute/d1", text="They always say so.")
    await write(case, CLEO, "Hello")

    listed = await ask(case, BILL, "ListNotes", about="dispute/d1")
    assert [(note.nth, note.author, note.text) for note in listed.notes] == [(1, "user:dis", "They always say so.")]
    assert noted.note.about == "dispute/d1"
    for method, said in (("ListNotes", {}), ("AddNote", {"text": "n"})):
        assert (await ask(case, CLEO, method, about="dispute/d1", **said)).code == "access.kind"
    assert await thread(case, CLEO) == [(1, "contact:cleo", "Hello")]
    assert "They always" not in str(await ask(case, CLEO, "ListMessages", account_id=ACCOUNT, contact_id="cleo"))
    elsewhere = replace(DIS, accounts=frozenset({"globex"}))
    assert (await ask(case, elsewhere, "ListNotes", about="dispute/d1")).code == "subject.unknown"
    # A note is nothing to read for the buyer, nor unread for anybody.
    await ask(case, DIS, "AddNote", about="invoice/i1", text="n")
    assert await unread(case, BILL) == {"dispute/d1": 1}


@pytest.mark.parametrize("words", ["", "  \n "])
async def test_nothing_is_no_message(case: Office, words: str):
    assert await write(case, CLEO, words) == "thread.empty"
    assert (await ask(case, DIS, "AddNote", about="dispute/d1", text=words)).code == "thread.empty"
    assert await write(case, CLEO, "x" * 4001) == "text.too_long"


async def test_who_is_forgotten_leaves_no_word_on_any_table_topic_or_line(office: Office):
    await office.register("cleo", "AP_CLERK", name=f"Cleo {MARK}", email=f"{MARK}@acme.example")
    await office.register("dis", "DISPUTE_OWNER", account="", name=f"Dis {MARK}", email=f"dis{MARK}@x.example")
    await office.follow(dispute_opened())
    with printing() as lines:
        await write(office, CLEO, f"{MARK} saw it", mentions=["dis"])
        await write(office, replace(CLEO, subject="contact:ann", on_behalf_of="contact:cleo"), f"for {MARK}")
        await write(office, DIS, f"{MARK} will see", mentions=["cleo"])
        await ask(office, DIS, "AddNote", about="dispute/d1", text=f"{MARK} is difficult")
        await office.send()
        # Beside who they are: what they wrote, once.
        assert {row.partition(":")[0] for row in await left(office)} == {"contact", "thread_message", "note"}
        assert f"{MARK} saw it" in text(office.mails(f"dis{MARK}")[-1])

        for name in ("cleo", "dis"):
            await erase(office, name)
        await office.send()

    assert await left(office) == []
    assert MARK not in lines.getvalue().lower()
    assert [said for _, _, said in await thread(office, BILL)] == ["", "", ""]
    assert [note.text for note in (await ask(office, BILL, "ListNotes", about="dispute/d1")).notes] == [""]


async def test_the_same_message_again_is_one(case: Office):
    request = service_pb2.AddMessageRequest(about="dispute/d1", text="Hello")
    metadata = ((access.IDENTITY, token(CLEO, "notifications")), ("ar-idempotency-key", str(uuid4())))

    answers = [await case.stub.AddMessage(request, metadata=metadata) for _ in range(2)]

    assert [answer.message.nth for answer in answers] == [1, 1]
    assert [answer.message.text for answer in answers] == ["Hello", ""]  # words are in no answer that is kept
    assert len(await thread(case, CLEO)) == 1


async def test_what_was_written_is_kept_as_long_as_what_was_told(case: Office):
    await write(case, CLEO, "Hello")
    await ask(case, DIS, "AddNote", about="dispute/d1", text="n")
    await case.set_clock(datetime(2030, 3, 2, 9, tzinfo=UTC))
    await write(case, CLEO, "Still there?", "invoice/i1")

    await case.set_clock(datetime(2045, 1, 2, 9, tzinfo=UTC))
    await cleaning.clean(case.parts.database, usecases.forget_outdated)

    for table in ("thread_message", "note", "thread", "reader", "journey"):
        assert await case.rows(f"SELECT FROM {table}") == [], table
