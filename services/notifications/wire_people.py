"""Translates the map of people, what is asked of them and who answers for an account into the contract."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.notifications.v1 import service_pb2

from services.notifications.domain.asks import Ask
from services.notifications.domain.contacts import Contact
from services.notifications.domain.gaps import Heard
from services.notifications.domain.influence import suggested
from services.notifications.domain.teams import Face, Team
from services.notifications.people import Map
from services.notifications.wire import contact_message


def people(found: Map, at: datetime, *, for_buyer: bool) -> service_pb2.GetPeopleResponse:
    """An account's people; of what the seller's think of them, a buyer is shown nothing."""
    return service_pb2.GetPeopleResponse(
        people=[_person(found, one, at, for_buyer=for_buyer) for one in found.people],
        missed=[
            service_pb2.Missed(what=gap.what.value, who=gap.who, since=_timestamp(since))
            for gap, since in found.missed.items()
            if not for_buyer or gap.what.value in ("ROLE", "SINGLE_CONTACT")
        ],
        elsewhere=[
            service_pb2.SameDomain(domain=domain, account_ids=accounts) for domain, accounts in found.elsewhere.items()
        ],
    )


def _person(found: Map, one: Contact, at: datetime, *, for_buyer: bool) -> service_pb2.PersonThere:
    heard = found.heard.get(one.contact_id, Heard())
    there = service_pb2.PersonThere(contact=contact_message(one), open_asks=found.open_asks.get(one.contact_id, 0))
    if for_buyer:
        return there
    there.influence = one.influence or suggested(one.roles).value
    there.influence_is_set = bool(one.influence)
    there.silent_days = (at - heard.asked_since).days if heard.asked_since else 0
    if heard.at:
        there.heard_at.CopyFrom(_timestamp(heard.at))
    if heard.asked_at:
        there.asked_at.CopyFrom(_timestamp(heard.asked_at))
    return there


def ask(one: Ask, names: Mapping[str, str], *, is_done: bool) -> service_pb2.Ask:
    """What is asked, and of whom."""
    return service_pb2.Ask(
        about=one.about,
        account_id=one.account_id,
        asked_for=one.kind.value,
        role=one.role.value,
        by_when=one.by_when.isoformat(),
        asked=[
            service_pb2.AskedPerson(
                contact_id=asked.contact_id,
                name=names.get(asked.contact_id, ""),
                on=asked.on.isoformat(),
                level=int(asked.level),
            )
            for asked in one.asked
        ],
        done=is_done,
        next_at=_timestamp(one.next_at) if one.next_at and not is_done else None,
    )


def team(of: Team, face: Face | None, known: Mapping[str, tuple[str, str]]) -> service_pb2.GetTeamResponse:
    """Who answers for an account, and who does today."""

    def member(contact_id: str) -> service_pb2.TeamMember | None:
        if not contact_id:
            return None
        name, picture = known.get(contact_id, ("", ""))
        return service_pb2.TeamMember(contact_id=contact_id, name=name, picture=picture)

    return service_pb2.GetTeamResponse(
        owner=member(of.owner),
        stand_in=member(of.stand_in),
        answers=member(face.contact_id) if face else None,
        until=face.until.isoformat() if face and face.until else "",
    )


def asked_ids(asks: Sequence[Ask]) -> set[str]:
    """Who was asked any of these."""
    return {contact_id for one in asks for contact_id in one.contact_ids}


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
