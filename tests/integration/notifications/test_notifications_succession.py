"""Who leaves hands over: all of it, once, in one transaction; and who answers for an account."""

import pytest
from receivables.common.v1.party_pb2 import Scope
from receivables.notifications.v1 import events_pb2, service_pb2

from services.notifications.rebuild import FOLD
from tests.integration.notifications.office import Office, Refused, text
from tests.unit.notifications.samples import TENANT, an_event, invoice, limit_changed

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


async def succeed(office: Office, leaver: str, successor: str, account: str = "acme") -> int:
    request = service_pb2.SucceedRequest(account_id=account, contact_id=leaver, successor_id=successor)
    return int((await office.call("Succeed", request)).open_asks)


async def roles(office: Office) -> dict[str, list[str]]:
    return {row.contact_id: list(row.roles) for row in await office.rows("SELECT * FROM contact ORDER BY contact_id")}


async def test_a_successor_has_all_that_the_leaver_had_and_is_told_once_what_is_open(office: Office):
    await office.register("cleo", "AP_CLERK", "ACCOUNT_ADMIN", name="Cleo Smith", scope=Scope(site="Hamburg"))
    await office.register("rob", "REQUESTER", scope=Scope(site="Hamburg"))
    scope = Scope(site="Hamburg")
    await office.follow(invoice(1, scope=scope), invoice(2, scope=scope))
    await office.send()

    assert await succeed(office, "cleo", "rob") == 2
    assert await succeed(office, "cleo", "rob") == 0  # said again
    await office.send()

    assert await roles(office) == {"cleo": [], "rob": ["REQUESTER", "AP_CLERK", "ACCOUNT_ADMIN"]}
    [told] = [m for m in await office.messages(contact_id="rob") if m.event_type == "handed_over"]
    assert told.subject == "Handed over to you, still open: 2"
    assert "Cleo Smith leaves" in told.what_happened
    assert "RE-2026-000001" in told.what_happened
    assert "Cleo Smith leaves" in text(office.mails("rob")[-1])
    asked = await office.call("ListAsks", service_pb2.ListAsksRequest(account_id="acme"))
    assert {tuple(one.contact_id for one in ask.asked) for ask in asked.asks} == {("rob",)}
    succeeded = await office.rows("SELECT payload FROM outbox WHERE headers->>'ce_type' LIKE '%%ContactSucceeded'")
    assert [events_pb2.ContactSucceeded.FromString(row.payload) for row in succeeded] == [
        events_pb2.ContactSucceeded(
            contact_id="cleo", account_id="acme", successor_id="rob", roles=["AP_CLERK", "ACCOUNT_ADMIN"]
        )
    ]


async def test_what_waits_for_the_leaver_goes_to_who_has_their_roles_and_nothing_more_to_the_leaver(office: Office):
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.register("pat", "PROCUREMENT")
    await office.follow(limit_changed())
    await succeed(office, "pat", "ada")
    await office.send()

    assert [m.state for m in await office.messages(contact_id="pat")] == ["WITHDRAWN"]
    assert office.mails("pat") == []


@pytest.mark.parametrize(
    ("leaver", "successor", "code"),
    [
        ("cleo", "cleo", "contact.succeeds_oneself"),
        ("cleo", "far", "contact.unknown"),
        ("cleo", "nobody", "contact.unknown"),
        ("left", "cleo", "contact.nothing_to_hand_over"),
    ],
)
async def test_who_cannot_hand_over_or_take_over_is_refused(office: Office, leaver: str, successor: str, code: str):
    await office.register("cleo", "AP_CLERK")
    await office.register("far", "AP_CLERK", account="other")
    await office.register("left", "AP_CLERK")
    await office.register("left", account="acme")

    with pytest.raises(Refused) as refused:
        await succeed(office, leaver, successor)
    assert refused.value.code == code


async def test_a_copy_hands_over_again_by_what_was_told(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("rob", "REQUESTER")
    told = events_pb2.ContactSucceeded(contact_id="cleo", account_id="acme", successor_id="rob", roles=["AP_CLERK"])
    async with office.parts.database.transaction([TENANT]) as tx:
        for _ in range(2):
            await FOLD.own[events_pb2.ContactSucceeded](tx, an_event(told, "contact/cleo"), None)

    assert await roles(office) == {"cleo": [], "rob": ["REQUESTER", "AP_CLERK"]}


async def test_the_owner_answers_by_name_and_while_away_who_stands_in_until_the_day_that_is_said(office: Office):
    await office.register("cleo", "AP_CLERK")
    for who, name in (("sam", "Sam Jones"), ("tia", "Tia Berg")):
        await office.register(who, "SALES", account="", name=name)
    await office.call("SetTeam", service_pb2.SetTeamRequest(account_id="acme", owner_id="sam", stand_in_id="tia"))
    await office.follow(invoice(1))
    await office.send()
    assert "Sam Jones, Nordwind GmbH" in text(office.mail_to("cleo"))

    notice = service_pb2.SendNoticeRequest(
        contact_id="tia",
        kind=service_pb2.NOTICE_KIND_STANDS_IN,
        url="https://x.example/cover",
        other="user:sam",
        roles=["SALES"],
        first="2026-03-02",
        last="2026-03-06",
    )
    await office.call("SendNotice", notice, by="service:portal")
    await office.follow(invoice(2))
    [message] = await office.messages(about="invoice/i2", contact_id="cleo")
    assert message.owner == "Tia Berg, Nordwind GmbH (in the place of Sam Jones until 6 March 2026)"

    picture = (await office.call("SetPicture", service_pb2.SetPictureRequest(contact_id="tia", content=PNG))).picture
    team = await office.call("GetTeam", service_pb2.GetTeamRequest(account_id="acme"))
    assert (team.owner.name, team.answers.name, team.answers.picture, team.until) == (
        "Sam Jones",
        "Tia Berg",
        picture,
        "2026-03-06",
    )
    found = await office.call("GetPicture", service_pb2.GetPictureRequest(picture=picture))
    assert (found.content, found.media_type) == (PNG, "image/png")

    await succeed(office, "sam", "tia", account="")
    team = await office.call("GetTeam", service_pb2.GetTeamRequest(account_id="acme"))
    assert (team.owner.name, team.HasField("stand_in"), team.answers.name) == ("Tia Berg", False, "Tia Berg")


async def test_a_team_is_of_the_sellers_people_and_a_picture_is_one(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("sam", "SALES", account="")
    refused = {}
    for what, method, request in (
        ("buyer", "SetTeam", service_pb2.SetTeamRequest(account_id="acme", owner_id="cleo")),
        ("alone", "SetTeam", service_pb2.SetTeamRequest(account_id="acme", stand_in_id="sam")),
        ("text", "SetPicture", service_pb2.SetPictureRequest(contact_id="sam", content=b"<svg>")),
        ("of a buyer", "SetPicture", service_pb2.SetPictureRequest(contact_id="cleo", content=PNG)),
    ):
        with pytest.raises(Refused) as said:
            await office.call(method, request)
        refused[what] = said.value.code
    assert refused == {
        "buyer": "team.not_ours",
        "alone": "team.without_owner",
        "text": "picture.format",
        "of a buyer": "picture.of_buyer",
    }
