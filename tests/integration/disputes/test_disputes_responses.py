"""What buyers' systems say of invoices: through the door and over a channel, once, in order, whoever comes at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
from receivables.channels.v1 import service_pb2_grpc as channels
from receivables.disputes.v1 import events_pb2, responses_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from deploy.local.channel import Folder, setting
from services.chassis.workers import drain
from services.disputes import channel
from services.disputes.domain import responses
from services.disputes.service import fetcher_of
from tests.integration.disputes.desk import Desk, OpenDesk, Refused, issued
from tests.records import a_record
from tests.unit.disputes.spoken import said

STATUS = events_pb2.BuyerStatus


def written(status: str, message_id: str = "m1", invoice: str = "N-i1", **changes: Any) -> bytes:
    return responses.write(said(status, message_id=message_id, invoice_number=invoice, **changes))


async def read(desk: Desk, status: str, message_id: str = "m1", by: str = "key:edi", **changes: Any) -> Any:
    request = responses_pb2.ReadResponseRequest(content=written(status, message_id, **changes))
    return await desk.call("ReadResponse", request, by=by)


async def listed(desk: Desk, invoice: str = "N-i1") -> Any:
    return (await desk.call("ListResponses", responses_pb2.ListResponsesRequest(invoice=invoice))).responses


async def code(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


async def test_a_rejection_opens_a_case_of_all_and_its_words_are_the_cases(desk: Desk):
    answer = await read(desk, "RE", reasons=("PRI",), actions=("CNP",), words="42 was agreed")

    case = answer.dispute
    assert (case.reason_code, case.amount.minor, case.description) == ("PRC_UNIT", 19_990, "42 was agreed")
    assert (answer.response.dispute_id, answer.response.opened) == (case.dispute_id, True)
    told = await desk.told()
    assert [kind for kind, _ in told] == ["DisputeOpened", "DisputeMoved", "ResponseReceived"]
    assert told[-1][1].status == STATUS.BUYER_STATUS_REJECTED
    assert "agreed" not in str(told)


async def test_what_is_said_in_the_course_of_things_opens_nothing_and_is_where_the_invoice_stands(desk: Desk):
    for nth, status in enumerate(("AB", "IP", "AP", "PD")):
        answer = await read(desk, status, f"m{nth}", effective_on=date(2026, 3, 10))
        assert answer.response.dispute_id == ""

    [newest, *_] = await listed(desk)
    assert (newest.status, newest.effective_on, newest.nth) == (STATUS.BUYER_STATUS_PAID, "2026-03-10", 4)
    assert await desk.rows("SELECT FROM dispute") == []


async def test_the_same_message_again_changes_nothing_and_another_by_its_name_is_refused(desk: Desk):
    first = await read(desk, "UQ", words="where is it?")
    again = await read(desk, "UQ", words="where is it?")

    assert again.response == first.response
    assert again.dispute.dispute_id == first.dispute.dispute_id
    assert len(await listed(desk)) == 1
    assert await code(read(desk, "RE")) == "response.message_reused"


async def test_a_reply_to_a_case_that_is_open_is_an_update_of_it(desk: Desk):
    asked = (await read(desk, "UQ", "m1")).dispute
    rejected = await read(desk, "RE", "m2", words="we will not pay")

    assert (rejected.dispute.dispute_id, rejected.response.opened) == (asked.dispute_id, False)
    assert [one.words for one in await listed(desk)] == ["we will not pay", ""]
    assert len(await desk.rows("SELECT FROM dispute")) == 1


async def test_where_all_is_contested_already_a_rejection_is_an_update_of_that_case(desk: Desk):
    case = await desk.open(cents=19_990)

    assert (await read(desk, "RE")).dispute.dispute_id == case.dispute_id


async def test_a_query_ends_when_the_buyer_accepts_and_a_condition_does_not(desk: Desk):
    await desk.follow(issued("i2"))
    asked = (await read(desk, "UQ", "m1")).dispute
    conditional = (await read(desk, "CA", "m1", invoice="N-i2")).dispute

    assert (await read(desk, "AP", "m2")).dispute.state == events_pb2.STATE_WITHDRAWN
    assert (await read(desk, "AP", "m2", invoice="N-i2")).dispute.state == events_pb2.STATE_ACKNOWLEDGED
    assert {asked.dispute_id, conditional.dispute_id} == {
        row.dispute_id for row in await desk.rows("SELECT * FROM dispute")
    }


async def test_a_late_message_does_not_undo_what_was_decided(desk: Desk):
    await read(desk, "AP", "m2")

    assert await code(read(desk, "IP", "m1")) == "response.out_of_order"
    assert await code(read(desk, "RE", "m3")) == "response.out_of_order"
    assert await code(read(desk, "AB", "m1", invoice="N-none")) == "response.unknown_invoice"
    assert await code(desk.call("ReadResponse", responses_pb2.ReadResponseRequest(content=b"<x/>"))) == (
        "response.not_a_response"
    )


async def test_two_at_once_open_one_case(desk: Desk):
    answers = await asyncio.gather(*(read(desk, "RE", f"m{nth}") for nth in range(4)))

    assert len({answer.dispute.dispute_id for answer in answers}) == 1
    assert sorted(answer.response.nth for answer in answers) == [1, 2, 3, 4]
    assert [answer.response.opened for answer in answers].count(True) == 1


async def test_what_a_person_wrote_is_forgotten_with_them_and_the_codes_stay(desk: Desk):
    await read(desk, "RE", by="contact:ann", words="call me, Ann")
    erased = notifications_pb2.ContactErased(contact_id="ann", account_id="b1")
    await desk.follow(a_record(erased, account="b1", subject="contact/ann"))

    [one] = await listed(desk)
    assert (one.words, list(one.reasons)) == ("", ["QTY"])


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Path, str]]:
    """A folder of acme's as a channel, and its address."""
    (tmp_path / "acme").mkdir()
    server = grpc.aio.server()
    channels.add_ChannelServiceServicer_to_server(Folder(tmp_path, None), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield tmp_path / "acme", f"127.0.0.1:{port}"
    await server.stop(None)


async def test_what_a_channel_brings_is_kept_once_and_what_nobody_can_read_stays_there(
    served: tuple[Path, str], open_desk: OpenDesk
):
    folder, address = served
    async with open_desk(disputes_channel=setting(address, ["acme"])) as desk:
        await desk.follow(issued())
        fetcher = fetcher_of(desk.parts)
        assert fetcher is not None
        (folder / "a.xml").write_bytes(written("AB", "m1"))
        (folder / "b.xml").write_bytes(b"<rubbish/>")
        (folder / "c.xml").write_bytes(written("RE", "m2"))

        await fetched(desk, fetcher)
        # As if it had died before it was acknowledged, and one put back that can be read by now.
        (folder / "taken" / "c.xml").rename(folder / "c.xml")
        (folder / "refused" / "b.xml").unlink()
        assert [one.code for one in await unread(desk)] == ["response.not_a_response"]
        (folder / "b.xml").write_bytes(written("RE", "m3"))
        await fetched(desk, fetcher)

        assert await unread(desk) == []
        assert [one.nth for one in await listed(desk)] == [3, 2, 1]
        assert len(await desk.rows("SELECT FROM dispute")) == 1
        assert sorted(file.name for file in (folder / "taken").iterdir()) == ["a.xml", "b.xml", "c.xml"]
        assert (folder / "refused" / "b.code").read_text() == "response.not_a_response"
        await fetcher.close()


async def fetched(desk: Desk, fetcher: channel.Fetcher) -> None:
    """As after the pause between two looks."""
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE job SET next_try_at = now()")
    await drain(desk.parts.consumer, [channel.work(fetcher)])


async def unread(desk: Desk) -> list[Any]:
    return list((await desk.call("ListUnreadResponses", responses_pb2.ListUnreadResponsesRequest())).responses)
