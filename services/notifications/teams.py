"""Remembers who of the seller's people answers for an account, and what they look like (domain/teams.py)."""

import hashlib
from collections.abc import Collection
from datetime import date
from typing import Any

from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.columns import within
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.kernel.refusals import Invalid, NotFound, quoted
from services.notifications import gaps, store
from services.notifications.domain import teams as domain
from services.notifications.domain.contacts import Contact
from services.notifications.domain.rights import Registrar
from services.notifications.domain.teams import Away, Face, Team
from services.notifications.store import Key


async def set_team(tx: Tx, call: Origin, account_id: str, team: Team) -> None:
    """From now on these answer for an account."""
    async with tx.all_accounts():
        people = await store.these_contacts(tx, call.tenant, {team.owner, team.stand_in} - {""})
    domain.check(team, people)
    await _save(tx, (call.tenant, account_id), team, call.actor)
    await _announce(tx, call, account_id, team)
    await gaps.look(tx, (call.tenant, account_id), tx.at)


async def set_before(tx: Tx, event: Event[events_pb2.TeamChanged]) -> None:
    """Write a team as it was told."""
    told = event.body
    team = Team(told.owner_id, told.stand_in_id)
    await _save(tx, (event.tenant, told.account_id), team, event.origin.actor)


async def _save(tx: Tx, account: Key, team: Team, by: str) -> None:
    await tx.run(
        """INSERT INTO team (tenant, account_id, owner, stand_in, set_by, set_at) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, account_id) DO UPDATE
             SET owner = EXCLUDED.owner, stand_in = EXCLUDED.stand_in, set_by = EXCLUDED.set_by, set_at = EXCLUDED.set_at""",
        [*account, team.owner, team.stand_in, by, tx.at],
    )


async def _announce(tx: Tx, call: Origin, account_id: str, team: Team) -> None:
    told = events_pb2.TeamChanged(account_id=account_id, owner_id=team.owner, stand_in_id=team.stand_in)
    await outbox.add(tx, [Announcement(call, account_id, f"team/{account_id}", told)])


async def pass_on(tx: Tx, call: Origin, leaver: str, successor: str) -> None:
    """What somebody of the seller's answered for, their successor does."""
    rows = await tx.rows(
        "SELECT * FROM team WHERE tenant = %s AND (owner = %s OR stand_in = %s) ORDER BY account_id FOR UPDATE",
        [call.tenant, leaver, leaver],
    )
    for row in rows:
        owner = successor if row.owner == leaver else row.owner
        stand_in = successor if row.stand_in == leaver else row.stand_in
        team = Team(owner, "" if stand_in == owner else stand_in)
        await _save(tx, (row.tenant, row.account_id), team, call.actor)
        await _announce(tx, call, row.account_id, team)


async def teams_of(tx: Tx, accounts: Collection[Key]) -> dict[Key, Team]:
    """Who answers for these accounts, where somebody does."""
    rows = await tx.rows(
        "SELECT * FROM team WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])", within(accounts)
    )
    return {(row.tenant, row.account_id): Team(row.owner, row.stand_in) for row in rows}


async def faces(tx: Tx, teams: dict[Key, Team], today: date) -> dict[Key, Face]:
    """Who answers for these accounts today."""
    found: dict[Key, Face] = {}
    for tenant in sorted({tenant for tenant, _ in teams}):
        of = {key: team for key, team in teams.items() if key[0] == tenant}
        members = {one for team in of.values() for one in (team.owner, team.stand_in)} - {""}
        away = await _away(tx, tenant, members, today)
        there = _there(await store.these_contacts(tx, tenant, members | {one.stand_in for one in away}))
        for key, team in of.items():
            if (face := domain.face(team, away, there)) is not None:
                found[key] = face
    return found


async def shown(tx: Tx, account: Key, today: date) -> tuple[Team, Face | None, dict[str, tuple[str, str]]]:
    """An account's team, who of it answers today, and of each the name and the picture's hash."""
    async with tx.all_accounts():
        team = (await teams_of(tx, [account])).get(account, Team())
        face = (await faces(tx, {account: team}, today)).get(account)
        ids = {team.owner, team.stand_in, face.contact_id if face else ""} - {""}
        names = await store.names(tx, account[0], ids)
        rows = await tx.rows(
            "SELECT contact_id, sha256 FROM picture WHERE tenant = %s AND contact_id = ANY (%s::text[])",
            [account[0], list(ids)],
        )
    pictures = {row.contact_id: row.sha256 for row in rows}
    return team, face, {one: (names.get(one, ""), pictures.get(one, "")) for one in ids}


async def set_picture(tx: Tx, key: Key, content: bytes, by: Registrar | None) -> str:
    """What one of the seller's people looks like from now on, or that nobody sees it; return its hash, or ""."""
    person, _ = await store.find_contact(tx, key)
    if person is None:
        raise NotFound("contact.unknown", f"no contact {quoted(key[1])}")
    if person.account_id:
        raise Invalid("picture.of_buyer", "pictures are of the seller's people alone")
    if by is not None:
        by.check_change(person)
    if not content:
        await tx.run("DELETE FROM picture WHERE tenant = %s AND contact_id = %s", key)
        return ""
    kind = domain.media_type(content)
    sha256 = hashlib.sha256(content).hexdigest()
    await tx.run(
        """INSERT INTO picture (tenant, contact_id, sha256, media_type, content) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (tenant, contact_id) DO UPDATE
             SET sha256 = EXCLUDED.sha256, media_type = EXCLUDED.media_type, content = EXCLUDED.content""",
        [*key, sha256, kind, content],
    )
    return sha256


async def picture(tx: Tx, tenant: str, sha256: str) -> Any:
    """One, by its hash; refuses what is none."""
    row = await tx.row(
        "SELECT content, media_type FROM picture WHERE sha256 = %s AND tenant = %s LIMIT 1", [sha256, tenant]
    )
    if row is None:
        raise NotFound("picture.unknown", "there is no such picture")
    return row


async def _away(tx: Tx, tenant: str, people: Collection[str], today: date) -> list[Away]:
    rows = await tx.rows(
        """SELECT contact_id, stand_in, last_day FROM stand_in
            WHERE tenant = %s AND contact_id = ANY (%s::text[]) AND %s BETWEEN first_day AND last_day
            ORDER BY contact_id, last_day""",
        [tenant, sorted(people), today],
    )
    return [Away(row.contact_id, row.stand_in, row.last_day) for row in rows]


def _there(people: dict[str, Contact]) -> dict[str, Contact]:
    return {contact_id: one for contact_id, one in people.items() if one.roles and not one.suspended}
