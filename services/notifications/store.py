"""Remembers people, what they were told and what became of the mail: one function a question, visible SQL."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.days_off import calendar
from services.kernel.orders import Scope
from services.notifications import remembered
from services.notifications.domain import delivery, quotes
from services.notifications.domain.contacts import Contact
from services.notifications.domain.delivery import Answer, State
from services.notifications.domain.preferences import USUAL, Pace, Preferences, Quiet, Topic
from services.notifications.domain.roles import Role
from services.notifications.domain.sellers import Firm, LegalEntity, Policy, Seller
from services.notifications.domain.stories import Story
from services.notifications.domain.teams import Team

Key = tuple[str, str]  # tenant, and an id
MailKey = tuple[str, str, str]  # tenant, contact, key

COUNTED_MAX = 100_000  # of vacancies, and of suspended contacts: more of them need no exact number
DIGEST = "digest"  # the kind of job that makes a tenant's digests of a business day
LETTER = "letter"  # the kind of job that sends a mail; its subject is the mail's first message
FORGET = "forget"  # the kind of job that forgets what a contact was told
_OPEN = "('QUEUED', 'SENT', 'SOFT_BOUNCED')"  # states of a mail that has not come to its end
# The version before this one, which knows no jobs, leaves our mails alone so long by next_try_at; and finds them after
# that, should it be alone again.
_OURS = "interval '10 minutes'"
# A mail that travels with another is nobody's to take up.
_LOOKED_AT = f"CASE WHEN carrier IS NULL THEN now() + {_OURS} ELSE 'infinity' END"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A row of the table message; the fields are its columns."""

    tenant: str
    message_id: str
    contact_id: str
    fact: str
    account_id: str
    event_type: str
    about: str
    case_version: int
    role: str
    weight: str
    language: str
    sender: str
    subject: str
    what_happened: str
    affects: str
    what_we_do: str
    action: str
    action_link: str
    owner: str
    by_when: date
    next_update_at: date
    track_url: str
    why_you: str
    document: str
    told_on: date
    created_at: datetime
    due_at: datetime
    mail_key: str | None
    # The contact with whose mail it travels; None: with its own.
    carrier: str | None = None
    # The trace that its mail is part of.
    traceparent: str = ""
    # No mail of it goes: it stands in the lists alone.
    silent: bool = False


_MESSAGE = Columns(
    "tenant text, message_id text, contact_id text, fact text, account_id text, event_type text, about text,"
    "case_version int, role text, weight text, language text, sender text, subject text, what_happened text,"
    "affects text, what_we_do text, action text, action_link text, owner text, by_when date, next_update_at date,"
    "track_url text, why_you text, document text, told_on date, created_at timestamptz, due_at timestamptz,"
    "mail_key text"
)
_SELLER = Columns(
    "tenant text, seller_id text, version int, name text, time_zone text, holidays text, opens_at text, closes_at text,"
    "language text"
)
_MAIL = Columns(
    "tenant text, contact_id text, key text, due_at timestamptz, message_id text, carrier text, traceparent text"
)
_CASE = Columns("tenant text, about text, version int")
_STORY = Columns("tenant text, fact text, about text, case_version int, account_id text, told jsonb")
_ANSWER = Columns("tenant text, contact_id text, key text, state text, smtp_code int, attempts int, pause_s int")
_fields = attrgetter(
    *(part.name for part in fields(NewMessage) if part.name not in ("carrier", "traceparent", "silent"))
)
# The domain of an address is the same in any case, what stands before it perhaps not (domain/contacts.py, mailbox).
_ADDRESS = "split_part(c.email, '@', 1) || '@' || lower(split_part(c.email, '@', 2))"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Where a story stands in its case, and the token of the case's address."""

    version: int
    token: str


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that is to be sent: its first message, and how many there are."""

    tenant: str
    first: str
    messages: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to send: to whom, and the messages in it."""

    tenant: str
    contact_id: str
    key: str
    due_at: datetime
    # As it was when it was taken up.
    state: State
    # This one included.
    attempts: int
    name: str
    email: str
    language: str
    messages: tuple[Any, ...]
    # What others hear who have the same address: it travels with this mail.
    carried: tuple[Any, ...] = ()
    # The trace that it is part of.
    traceparent: str = ""
    # The unguessable part of the address that takes reports of it; "": it has none.
    token: str = ""
    # The questions that ride in it, by their messages (questions.Rides).
    questions: Mapping[str, Any] = field(default_factory=dict)
    # By which its reader declines what only informs.
    decline_token: str = ""

    @property
    def all_keys(self) -> list[MailKey]:
        """Its own, and those of what travels with it."""
        return [self.mail_key, *dict.fromkeys((row.tenant, row.contact_id, self.key) for row in self.carried)]

    @property
    def mail_key(self) -> MailKey:
        """What tells it from every other mail."""
        return (self.tenant, self.contact_id, self.key)


async def save_contact(tx: Tx, contact: Contact) -> None:
    """Register a person, or replace what was registered; a new registration lifts a suspension, and forgets a complaint."""
    await tx.run(
        """INSERT INTO contact (tenant, contact_id, account_id, name, email, roles, site, cost_centre, purchase_order,
                                language, wants_document)
           VALUES (%s, %s, %s, %s, %s, %s::text[], %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, contact_id) DO UPDATE
             SET account_id = EXCLUDED.account_id, name = EXCLUDED.name, email = EXCLUDED.email, roles = EXCLUDED.roles,
                 site = EXCLUDED.site, cost_centre = EXCLUDED.cost_centre, purchase_order = EXCLUDED.purchase_order,
                 language = EXCLUDED.language, wants_document = EXCLUDED.wants_document, suspended_at = NULL,
                 complained_at = NULL, successor = CASE WHEN EXCLUDED.roles = '{}' THEN contact.successor ELSE '' END""",
        [
            contact.tenant,
            contact.contact_id,
            contact.account_id,
            contact.name,
            contact.email,
            [role.value for role in contact.roles],
            contact.scope.site,
            contact.scope.cost_centre,
            contact.scope.purchase_order,
            contact.language,
            contact.wants_document,
        ],
    )


async def contacts_of(tx: Tx, accounts: Collection[Key]) -> dict[Key, list[Contact]]:
    """The people of these accounts, by id; the account '' are the seller's."""
    rows = await tx.rows(
        """SELECT * FROM contact WHERE (tenant, account_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY tenant, contact_id""",
        columns(accounts),
    )
    found: dict[Key, list[Contact]] = {key: [] for key in accounts}
    for row in rows:
        found[(row.tenant, row.account_id)].append(contact_of(row))
    return found


async def lock_house(tx: Tx, house: Key) -> None:
    """Let nobody else take people away from an account until the transaction ends."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('people/' || %s || '/' || %s, 0))", house)


async def list_contacts(tx: Tx, house: Key, page: Page) -> list[Contact]:
    """The people of an account, by id; of the seller where the account is ''."""
    rows = await tx.rows(
        f"""SELECT * FROM contact WHERE tenant = %s AND account_id = %s AND erased_at IS NULL
                                     {"AND contact_id > %s" if page.after else ""}
             ORDER BY contact_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [*house, *(page.after or ())],
    )
    return [contact_of(row) for row in rows]


async def contacts_at(tx: Tx, tenant: str, email: str) -> list[Contact]:
    """Who has this address, in small letters, whatever theirs is written in; at most a hundred."""
    rows = await tx.rows(
        "SELECT * FROM contact WHERE tenant = %s AND lower(email) = %s AND erased_at IS NULL ORDER BY contact_id LIMIT 100",
        [tenant, email],
    )
    return [contact_of(row) for row in rows]


async def these_contacts(tx: Tx, tenant: str, contact_ids: Collection[str]) -> dict[str, Contact]:
    """These people, by id, whoever they are by now."""
    rows = await tx.rows(
        "SELECT * FROM contact WHERE tenant = %s AND contact_id = ANY (%s::text[])", [tenant, list(contact_ids)]
    )
    return {row.contact_id: contact_of(row) for row in rows}


async def change_contact(tx: Tx, key: Key, language: str, *, wants_document: bool, preferences: Preferences) -> None:
    """What a person may change of itself."""
    quiet = preferences.quiet
    await tx.run(
        """UPDATE contact SET language = %s, wants_document = %s, time_zone = %s, quiet_from = %s, quiet_to = %s,
                              paces = %s::jsonb
            WHERE tenant = %s AND contact_id = %s AND erased_at IS NULL""",
        [
            language,
            wants_document,
            preferences.time_zone,
            quiet.begins if quiet else None,
            quiet.ends if quiet else None,
            json.dumps({topic.value: pace.value for topic, pace in preferences.paces.items()}),
            *key,
        ],
    )


async def addresses(tx: Tx, contacts: Collection[Key]) -> dict[Key, str]:
    """Where these contacts' mail goes; locked, so that nobody corrects it just now."""
    rows = await tx.rows(
        """SELECT tenant, contact_id, email FROM contact
            WHERE (tenant, contact_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY tenant, contact_id FOR UPDATE""",
        columns(contacts),
    )
    return {(row.tenant, row.contact_id): row.email for row in rows}


async def suspend(tx: Tx, contact: Key) -> Contact | None:
    """Send nothing more to this contact; return it, or nothing if it was suspended before."""
    row = await tx.row(
        """UPDATE contact SET suspended_at = %s WHERE tenant = %s AND contact_id = %s AND suspended_at IS NULL
           RETURNING *""",
        [tx.at, *contact],
    )
    return contact_of(row) if row else None


async def complain(tx: Tx, contact: Key) -> Contact | None:
    """Send what only informs no more to this contact; return it, or nothing if it complained before."""
    row = await tx.row(
        """UPDATE contact SET complained_at = %s
            WHERE tenant = %s AND contact_id = %s AND complained_at IS NULL AND erased_at IS NULL RETURNING *""",
        [tx.at, *contact],
    )
    return contact_of(row) if row else None


async def decline(tx: Tx, contact: Key, *, declined: bool) -> None:
    """Send what only informs no more to this contact, or send it again."""
    await tx.run(
        """UPDATE contact SET declined_at = CASE WHEN %s THEN coalesce(declined_at, %s) END
            WHERE tenant = %s AND contact_id = %s AND erased_at IS NULL""",
        [declined, tx.at, *contact],
    )


async def of_decline_token(tx: Tx, token: str) -> Contact | None:
    """Whose news somebody declines by this token; nobody's of a tenant that the transaction does not serve."""
    row = await tx.row("SELECT * FROM contact WHERE decline_token = %s AND erased_at IS NULL", [token])
    return contact_of(row) if row else None


async def find_contact(tx: Tx, key: Key) -> tuple[Contact | None, bool]:
    """A person who is registered, and whether there is, or was, one by that id."""
    row = await tx.row("SELECT * FROM contact WHERE tenant = %s AND contact_id = %s", key)
    return (contact_of(row) if row and row.erased_at is None else None), row is not None


async def names(tx: Tx, tenant: str, contact_ids: Collection[str]) -> dict[str, str]:
    """How these are called, whom the transaction sees; who is forgotten by nothing."""
    rows = await tx.rows(
        "SELECT contact_id, name FROM contact WHERE tenant = %s AND contact_id = ANY (%s::text[])",
        [tenant, list(contact_ids)],
    )
    return {row.contact_id: row.name for row in rows}


async def account_of(tx: Tx, key: Key) -> str:
    """Whose person a contact is, or was; '' are the seller's."""
    row = await tx.row("SELECT account_id FROM contact WHERE tenant = %s AND contact_id = %s", key)
    return str(row.account_id)


async def erase_contact(tx: Tx, key: Key, account_id: str) -> None:
    """From now on the id means nobody, whether it meant somebody here or not; no link lets it in, no notice reaches it."""
    await tx.run("DELETE FROM link WHERE tenant = %s AND contact_id = %s", key)
    await tx.run("DELETE FROM notice WHERE tenant = %s AND contact_id = %s", key)
    await tx.run("DELETE FROM picture WHERE tenant = %s AND contact_id = %s", key)
    await tx.run("DELETE FROM stand_in WHERE tenant = %s AND (contact_id = %s OR stand_in = %s)", [*key, key[1]])
    await tx.run(
        """INSERT INTO contact (tenant, contact_id, account_id, name, email, roles, site, cost_centre, purchase_order,
                                language, wants_document, suspended_at, erased_at)
           VALUES (%s, %s, %s, '', '', '{}', '', '', '', 'en', false, %s, %s)
           ON CONFLICT (tenant, contact_id) DO UPDATE
             SET name = '', email = '', roles = '{}', site = '', cost_centre = '', purchase_order = '', language = 'en',
                 wants_document = false, time_zone = '', quiet_from = NULL, quiet_to = NULL, paces = '{}',
                 heard_at = NULL, successor = '', influence = '', suspended_at = EXCLUDED.suspended_at, erased_at = EXCLUDED.erased_at""",
        [*key, account_id, tx.at, tx.at],
    )


async def withdraw_waiting(tx: Tx, contact: Key) -> None:
    """Send nothing of what waits for a contact's next digest: it stands in the lists alone."""
    waits = "tenant = %s AND contact_id = %s AND mail_key IS NULL"
    if not (await tx.row(f"SELECT EXISTS (SELECT FROM message WHERE {waits}) AS waits", contact)).waits:  # noqa: S608 - constant text
        return
    key = f"withdrawn/{new_id()}"
    await tx.run(
        """INSERT INTO mail (tenant, contact_id, key, due_at, state, next_try_at)
           VALUES (%s, %s, %s, %s, 'WITHDRAWN', 'infinity')""",
        [*contact, key, tx.at],
    )
    await tx.run(f"UPDATE message SET mail_key = %s WHERE {waits}", [key, *contact])  # noqa: S608 - constant text


async def withdraw(tx: Tx, contact: Key) -> list[Any]:
    """Send nothing more of what waits for a contact; return the messages of it."""
    waiting = await tx.rows(
        "SELECT * FROM message WHERE tenant = %s AND contact_id = %s AND mail_key IS NULL ORDER BY message_id", contact
    )
    await withdraw_waiting(tx, contact)
    rows = await tx.rows(
        f"""UPDATE mail SET state = 'WITHDRAWN', carrier = NULL, next_try_at = 'infinity'
             WHERE tenant = %s AND contact_id = %s AND state IN {_OPEN} RETURNING tenant, contact_id, key""",  # noqa: S608 - constant text
        contact,
    )
    mailed = (await messages_in(tx, [_key(row) for row in rows])).values()
    return [*waiting, *(row for found in mailed for row in found)]


async def taken(tx: Tx, key: MailKey) -> tuple[Mail | None, bool]:
    """A mail that the next hop took, locked; and whether it is still under way. Not of who is nobody any more."""
    row = await tx.row(
        """SELECT mail.*, contact.name, contact.email, contact.language FROM mail JOIN contact USING (tenant, contact_id)
            WHERE mail.tenant = %s AND mail.contact_id = %s AND mail.key = %s AND contact.erased_at IS NULL
              FOR UPDATE OF mail""",
        key,
    )
    if row is None or row.state != State.ACCEPTED:
        return None, row is not None and row.state not in (State.HARD_BOUNCED, State.WITHDRAWN)
    carried = (await _carried(tx, [key])).get(key, [])
    whole = await messages_in(tx, [key, *carried])
    mail = Mail(
        tenant=row.tenant,
        contact_id=row.contact_id,
        key=row.key,
        due_at=row.due_at,
        state=State(row.state),
        attempts=row.attempts,
        name=row.name,
        email=row.email,
        language=row.language,
        messages=tuple(whole[key]),
        carried=tuple(message for each in carried for message in whole[each]),
    )
    return mail, False


async def came_back(tx: Tx, mail: Mail, smtp_code: int) -> None:
    """A mail that was taken came back, with all that travelled with it."""
    keys = mail.all_keys
    await tx.run(
        """UPDATE mail SET state = %s, smtp_code = %s
            WHERE (tenant, contact_id, key) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
              AND tenant = ANY (%s::text[]) AND contact_id = ANY (%s::text[]) AND key = ANY (%s::text[])""",
        [delivery.move(mail.state, Answer.NEVER).value, smtp_code, *columns(keys, 3), *within(keys, 3)],
    )


_WORDLESS = """subject = '', what_happened = '', affects = '', what_we_do = '', action = '', action_link = '', owner = '',
               track_url = '', why_you = ''"""


async def forget_messages(tx: Tx, contact: Key, most: int) -> bool:
    """Forget the words of some of what a contact was told; whether there may be more.

    And of its facts what versions before this one kept there of people's words.
    """
    rows = await tx.rows(
        f"""UPDATE message SET {_WORDLESS}, forgotten_at = %s
             WHERE tenant = %s AND message_id IN (SELECT message_id FROM message
                                                   WHERE tenant = %s AND contact_id = %s AND forgotten_at IS NULL LIMIT %s)
            RETURNING fact""",  # noqa: S608 - constant text
        [tx.at, contact[0], *contact, most],
    )
    await tx.run(
        """UPDATE story SET told = jsonb_set(told, '{details}', told -> 'details' || written.empty)
             FROM (SELECT fact, jsonb_object_agg(name, '') AS empty
                     FROM story CROSS JOIN unnest(ARRAY['missing', 'remittance', 'sees_to_it']) AS detail (name)
                    WHERE tenant = %s AND fact = ANY (%s::text[])
                      AND told -> 'details' ->> name <> '' AND strpos(told -> 'details' ->> name, %s) = 0
                    GROUP BY fact) AS written
            WHERE story.tenant = %s AND story.fact = written.fact""",
        [contact[0], [row.fact for row in rows], quotes.mark("")[0], contact[0]],
    )
    return len(rows) == most


# Contacts that were erased lately, and were told something meanwhile by who had found them before.
_TOLD_MEANWHILE: LiteralString = """SELECT tenant, 'forget', 'contact/' || contact_id, '', 1 FROM contact c
    WHERE suspended_at > %s - interval '1 day' AND erased_at IS NOT NULL
      AND EXISTS (SELECT FROM (SELECT forgotten_at FROM message m
                                WHERE m.tenant = c.tenant AND m.contact_id = c.contact_id
                                ORDER BY message_id DESC LIMIT 100) AS last WHERE forgotten_at IS NULL)"""


async def find_erased(tx: Tx, word: Origin) -> int:
    """Have those forgotten once more who were told something while they were erased; return how many."""
    return await jobs.find(tx, word, _TOLD_MEANWHILE, [tx.at])


async def count_erased(tx: Tx) -> int:
    """How many of them have no job yet."""
    return await jobs.count_found(tx, _TOLD_MEANWHILE, [tx.at])


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Remove some of the messages of before a day, with their mails; return how many. Facts stay: they are told once."""
    rows = await tx.rows(
        """DELETE FROM message WHERE tenant = %s AND message_id IN (
             SELECT message_id FROM (SELECT message_id, created_at FROM message WHERE tenant = %s
                                      ORDER BY message_id LIMIT %s) AS oldest WHERE created_at < %s)
           RETURNING contact_id, mail_key""",
        [tenant, tenant, most, before],
    )
    await tx.run(
        """DELETE FROM mail WHERE tenant = %s
              AND (contact_id, key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
              AND NOT EXISTS (SELECT FROM message m WHERE m.tenant = mail.tenant AND m.contact_id = mail.contact_id
                                 AND m.mail_key = mail.key)""",
        [tenant, *columns([(row.contact_id, row.mail_key) for row in rows if row.mail_key])],
    )
    return len(rows)


async def save_companies(tx: Tx, names: Mapping[Key, str]) -> None:
    """Know how these buyers are called."""
    await tx.run(
        """INSERT INTO company (tenant, account_id, name)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS new (tenant, account_id, name)
            ORDER BY tenant, account_id
           ON CONFLICT (tenant, account_id) DO UPDATE SET name = EXCLUDED.name""",
        [*columns(names), list(names.values())],
    )


async def company_names(tx: Tx, accounts: Collection[Key]) -> dict[Key, str]:
    """How these buyers are called, as far as known."""
    rows = await tx.rows(
        """SELECT * FROM company WHERE (tenant, account_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        columns(accounts),
    )
    return {(row.tenant, row.account_id): row.name for row in rows}


async def companies(tx: Tx, accounts: Collection[Key]) -> tuple[dict[Key, str], dict[Key, Team]]:
    """How these buyers are called, as far as known, and who answers for them, where somebody does."""
    rows = await tx.rows(
        """SELECT company.*, team.owner, team.stand_in FROM company LEFT JOIN team USING (tenant, account_id)
            WHERE (company.tenant, company.account_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        columns(accounts),
    )
    names = {(row.tenant, row.account_id): row.name for row in rows}
    return names, {(row.tenant, row.account_id): Team(row.owner, row.stand_in) for row in rows if row.owner}


async def save_sellers(tx: Tx, told: Mapping[Key, LegalEntity]) -> None:
    """Know what these legal entities told of themselves; what was told later, by its version, counts."""
    rows = [astuple(told[key]) for key in sorted(told)]
    await tx.run(
        f"""INSERT INTO seller AS s ({_SELLER.names}) SELECT * FROM {_SELLER.rows} AS new
            ON CONFLICT (tenant, seller_id) DO UPDATE
              SET version = EXCLUDED.version, name = EXCLUDED.name, time_zone = EXCLUDED.time_zone,
                  holidays = EXCLUDED.holidays, opens_at = EXCLUDED.opens_at, closes_at = EXCLUDED.closes_at,
                  language = EXCLUDED.language
            WHERE s.version <= EXCLUDED.version""",  # noqa: S608 - our own columns
        [_SELLER.pack(rows)],
    )


async def firms(tx: Tx, tenants: Collection[str]) -> dict[str, Firm]:
    """These tenants: their legal entities, and when their people are told."""
    wanted = sorted(tenants)
    rows = await tx.rows(f"SELECT {_SELLER.names} FROM seller WHERE tenant = ANY(%s)", [wanted])  # noqa: S608 - our own columns
    sellers: dict[str, dict[str, Seller]] = {tenant: {} for tenant in wanted}
    for row in rows:
        told = LegalEntity(*row)
        sellers[told.tenant][told.seller_id] = Seller.of(told, calendar(told.time_zone, told.holidays))
    policies = {
        row.tenant: Policy(row.version, row.digest_at)
        for row in await tx.rows(
            """SELECT newest.* FROM unnest(%s::text[]) AS wanted (tenant)
                CROSS JOIN LATERAL (SELECT * FROM policy WHERE policy.tenant = wanted.tenant
                                     ORDER BY version DESC LIMIT 1) AS newest""",
            [wanted],
        )
    }
    return {tenant: Firm(sellers[tenant], policies.get(tenant)) for tenant in wanted}


async def lock_policy(tx: Tx, tenant: str) -> None:
    """Let nobody else of this tenant set a policy until the transaction ends."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('policy/' || %s, 0))", [tenant])


async def add_policy(tx: Tx, tenant: str, policy: Policy, by: str) -> None:
    """Keep another version of a tenant's policy."""
    await tx.run(
        "INSERT INTO policy (tenant, version, digest_at, set_by, set_at) VALUES (%s, %s, %s, %s, %s)",
        [tenant, policy.version, policy.digest_at, by, tx.at],
    )


async def save_order_scopes(tx: Tx, scopes: Mapping[Key, Scope]) -> None:
    """Remember which part of the company these orders are for."""
    await tx.run(
        """INSERT INTO order_scope (tenant, order_id, site, cost_centre, purchase_order)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
               AS new (tenant, order_id, site, cost_centre, purchase_order)
            ORDER BY tenant, order_id
           ON CONFLICT (tenant, order_id) DO UPDATE
             SET site = EXCLUDED.site, cost_centre = EXCLUDED.cost_centre, purchase_order = EXCLUDED.purchase_order""",
        [
            *columns(scopes),
            [scope.site for scope in scopes.values()],
            [scope.cost_centre for scope in scopes.values()],
            [scope.purchase_order for scope in scopes.values()],
        ],
    )


async def order_scopes(tx: Tx, orders: Collection[Key]) -> dict[Key, Scope]:
    """Which part of the company these orders are for, where one was named."""
    rows = await tx.rows(
        "SELECT * FROM order_scope WHERE (tenant, order_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        columns(orders),
    )
    return {(row.tenant, row.order_id): Scope(row.site, row.cost_centre, row.purchase_order) for row in rows}


async def save_disputes(tx: Tx, cases: Mapping[Key, tuple[str, str]]) -> None:
    """Remember why these cases were opened, and what people call them; one that had no number gets it."""
    await tx.run(
        """INSERT INTO dispute_reason AS d (tenant, dispute_id, reason_code, number)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
               AS new (tenant, dispute_id, reason_code, number)
            ORDER BY tenant, dispute_id
           ON CONFLICT (tenant, dispute_id) DO UPDATE SET number = EXCLUDED.number
            WHERE d.number = '' AND EXCLUDED.number <> ''""",
        [*columns(cases), *map(list, zip(*cases.values(), strict=True))],
    )


async def recode_disputes(tx: Tx, cases: Mapping[Key, tuple[str, str]]) -> None:
    """Remember for which reasons these cases run now, and what people call them."""
    await tx.run(
        """INSERT INTO dispute_reason AS d (tenant, dispute_id, reason_code, number)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
               AS new (tenant, dispute_id, reason_code, number)
            ORDER BY tenant, dispute_id
           ON CONFLICT (tenant, dispute_id) DO UPDATE
             SET reason_code = EXCLUDED.reason_code, number = coalesce(nullif(EXCLUDED.number, ''), d.number)""",
        [*columns(cases), *map(list, zip(*cases.values(), strict=True))],
    )


async def disputes(tx: Tx, cases: Collection[Key]) -> dict[Key, tuple[str, str]]:
    """Why these cases were opened, and what people call them."""
    rows = await tx.rows(
        "SELECT * FROM dispute_reason WHERE (tenant, dispute_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        columns(cases),
    )
    return {(row.tenant, row.dispute_id): (row.reason_code, row.number) for row in rows}


async def open_vacancies(tx: Tx, vacancies: Collection[tuple[str, str, Role]]) -> set[tuple[str, str, Role]]:
    """Note that nobody holds these roles (tenant, account, role); return those that were not noted yet."""
    wanted = sorted(vacancies)
    rows = await tx.rows(
        """INSERT INTO vacancy (tenant, account_id, role, since)
           SELECT *, %s::timestamptz FROM unnest(%s::text[], %s::text[], %s::text[])
           ON CONFLICT DO NOTHING RETURNING tenant, account_id, role""",
        [tx.at, *([v[i] for v in wanted] for i in range(2)), [v[2].value for v in wanted]],
    )
    return {(row.tenant, row.account_id, Role(row.role)) for row in rows}


async def close_vacancies(tx: Tx, contact: Contact) -> None:
    """Somebody holds these roles now."""
    await tx.run(
        "DELETE FROM vacancy WHERE tenant = %s AND account_id = %s AND role = ANY(%s)",
        [contact.tenant, contact.account_id, [role.value for role in contact.roles]],
    )


async def known_facts(tx: Tx, facts: Collection[Key]) -> set[Key]:
    """Which of these facts were told already."""
    rows = await tx.rows(
        "SELECT tenant, fact FROM story WHERE (tenant, fact) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        columns(facts),
    )
    return {(row.tenant, row.fact) for row in rows}


async def open_cases(tx: Tx, stories: Sequence[Story]) -> list[CaseFile]:
    """Give each story its version of its case, in order; the cases are locked until the transaction ends."""
    counts = Counter((story.tenant, story.about) for story in stories)
    wanted = sorted(counts)
    rows = await tx.rows(
        f"""INSERT INTO case_file AS c (tenant, about, version) SELECT * FROM {_CASE.rows} AS new
            ON CONFLICT (tenant, about) DO UPDATE SET version = c.version + EXCLUDED.version
            RETURNING tenant, about, token, version""",  # noqa: S608 - our own columns
        [_CASE.pack((*key, counts[key]) for key in wanted)],
    )
    last = {(row.tenant, row.about): row.version - counts[(row.tenant, row.about)] for row in rows}
    tokens = {(row.tenant, row.about): row.token for row in rows}
    files = []
    for story in stories:
        key = (story.tenant, story.about)
        last[key] += 1
        files.append(CaseFile(last[key], tokens[key]))
    return files


async def add_stories(tx: Tx, stories: Sequence[Story], cases: Sequence[CaseFile]) -> None:
    """Keep facts that are told."""
    await tx.run(
        f"INSERT INTO story ({_STORY.names}, told_at) SELECT new.*, %s::timestamptz FROM {_STORY.rows} AS new",  # noqa: S608 - our own columns
        [
            tx.at,
            _STORY.pack(
                (story.tenant, story.fact, story.about, case.version, story.account_id, remembered.pack(story))
                for story, case in zip(stories, cases, strict=True)
            ),
        ],
    )


async def lock_stories(tx: Tx, facts: Collection[Key]) -> list[tuple[Story, CaseFile]]:
    """Facts to tell again, with their cases locked, so that two who tell them again do not tell one person twice."""
    rows = await tx.rows(
        """SELECT s.*, c.token FROM story s JOIN case_file c USING (tenant, about)
            WHERE (s.tenant, s.fact) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY s.tenant, s.about, s.case_version FOR UPDATE OF c""",
        columns(facts),
    )
    return [(remembered.unpack(row), CaseFile(row.case_version, row.token)) for row in rows]


async def who_was_told(tx: Tx, facts: Collection[Key]) -> set[tuple[str, str, str]]:
    """Who was told of these facts: tenant, fact, contact."""
    rows = await tx.rows(
        """SELECT tenant, fact, contact_id FROM message
            WHERE (tenant, fact) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        columns(facts),
    )
    return {(row.tenant, row.fact, row.contact_id) for row in rows}


async def add_messages(tx: Tx, messages: Sequence[NewMessage], word: Origin) -> None:
    """Queue messages: those that go at once each with its mail and the job of sending it, the others for the digest.

    Of what is silent no mail goes.
    """
    at_once = [m for m in messages if m.mail_key is not None and not m.silent]
    if silent := [m for m in messages if m.silent]:
        await tx.run(
            f"""INSERT INTO mail (tenant, contact_id, key, due_at, state, next_try_at)
                SELECT tenant, contact_id, key, due_at, 'WITHDRAWN', 'infinity' FROM {_MAIL.rows} AS new""",  # noqa: S608 - our own columns
            [_MAIL.pack((m.tenant, m.contact_id, m.mail_key, m.due_at, m.message_id, None, "") for m in silent)],
        )
    if at_once:
        mails = _MAIL.pack(
            (m.tenant, m.contact_id, m.mail_key, m.due_at, m.message_id, m.carrier, m.traceparent) for m in at_once
        )
        await tx.run(
            f"""INSERT INTO mail (tenant, contact_id, key, due_at, state, next_try_at, carrier)
                SELECT tenant, contact_id, key, due_at, 'QUEUED', {_LOOKED_AT}, carrier FROM {_MAIL.rows} AS new""",  # noqa: S608 - our own columns
            [mails],
        )
        send = f"""SELECT tenant, '{LETTER}', 'message/' || message_id, '', 1, traceparent FROM {_MAIL.rows} AS new
                    WHERE carrier IS NULL"""  # noqa: S608 - our own columns
        await jobs.add_found(tx, word, send, [mails], traced=True)
    await tx.run(
        f"INSERT INTO message ({_MESSAGE.names}) SELECT * FROM {_MESSAGE.rows} AS new",  # noqa: S608 - our own columns
        [_MESSAGE.pack(map(_fields, messages))],
    )


async def find_digests(tx: Tx, word: Origin) -> int:
    """Make a job for each tenant of those whose messages have waited longest for a digest; return how many."""
    return await jobs.find(
        tx,
        word,
        f"""SELECT DISTINCT tenant, '{DIGEST}', 'day', '', 1
              FROM (SELECT tenant FROM message WHERE mail_key IS NULL AND due_at <= %s ORDER BY due_at LIMIT 5000) AS d""",  # noqa: S608
        [tx.at],
    )


async def gather_digests(tx: Tx, persons: int, messages: int) -> tuple[list[Due], list[tuple[str, datetime]]]:
    """Make one mail of each person's messages for a business day that has ended: of some persons, the first found.

    Who has one address and one language gets one mail: the first of them carries what the others hear. Looks at so many
    messages. Returns the mails, and whose digests were due when and had been made before: what came too late for those.
    """
    rows = await tx.rows(
        f"""WITH first AS (
             SELECT tenant, contact_id, due_at FROM message WHERE mail_key IS NULL AND due_at <= %s
              ORDER BY due_at LIMIT %s
           ), asked AS (
             SELECT DISTINCT tenant, contact_id, due_at,
                    'digest/' || to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI') AS key
               FROM first ORDER BY due_at, tenant, contact_id LIMIT %s
           ), due AS (
             SELECT DISTINCT a.tenant, o.contact_id, a.due_at, a.key, {_ADDRESS} AS address, c.language
               FROM asked a JOIN contact c USING (tenant, contact_id)
              CROSS JOIN LATERAL (SELECT o.contact_id FROM contact o
                                   WHERE o.tenant = a.tenant AND o.language = c.language
                                     AND {_ADDRESS.replace("c.", "o.")} = {_ADDRESS}
                                     AND EXISTS (SELECT FROM message m
                                                  WHERE m.tenant = a.tenant AND m.contact_id = o.contact_id
                                                    AND m.mail_key IS NULL AND m.due_at = a.due_at)) o
           ), carried AS (
             SELECT tenant, contact_id, due_at, key,
                    first_value(contact_id) OVER (PARTITION BY tenant, due_at, address, language ORDER BY contact_id)
                      AS carrier
               FROM due WHERE NOT EXISTS (SELECT FROM mail WHERE mail.tenant = due.tenant
                                             AND mail.contact_id = due.contact_id AND mail.key = due.key)
           ), made AS (
             INSERT INTO mail (tenant, contact_id, key, due_at, state, next_try_at, carrier)
             SELECT tenant, contact_id, key, due_at, 'QUEUED', {_LOOKED_AT}, carrier
               FROM (SELECT tenant, contact_id, key, due_at, nullif(carrier, contact_id) AS carrier FROM carried) AS c
              ORDER BY tenant, contact_id, key
             ON CONFLICT DO NOTHING RETURNING tenant, contact_id, key, due_at, coalesce(carrier, contact_id) AS carrier
           ), gathered AS (
             UPDATE message SET mail_key = made.key FROM made
              WHERE message.tenant = made.tenant AND message.contact_id = made.contact_id
                AND message.due_at = made.due_at AND message.mail_key IS NULL
             RETURNING message.tenant, message.contact_id, message.due_at, message.message_id, made.carrier
           )
           SELECT due.tenant, due.due_at, coalesce(carrier, due.contact_id) AS carrier,
                  min(message_id) FILTER (WHERE carrier = due.contact_id) AS first, count(message_id) AS n
             FROM due LEFT JOIN gathered USING (tenant, contact_id, due_at)
            GROUP BY 1, 2, 3""",  # noqa: S608 - constant text
        [tx.at, messages, persons],
    )
    made = [Due(row.tenant, row.first, row.n) for row in rows if row.first]
    return made, sorted({(row.carrier, row.due_at) for row in rows if not row.n})


async def postpone(tx: Tx, contact_ids: Collection[str], was_due_at: datetime, due_at: datetime) -> None:
    """Leave what missed these persons' digest to their next one: a person gets at most one a day."""
    await tx.run(
        """UPDATE message SET due_at = %s FROM mail
            WHERE message.mail_key IS NULL AND message.due_at = %s AND message.contact_id = ANY (%s::text[])
              AND mail.tenant = message.tenant AND mail.contact_id = message.contact_id
              AND mail.due_at = message.due_at AND mail.key LIKE 'digest/%%'""",
        [due_at, was_due_at, list(contact_ids)],
    )


async def left_by_others(tx: Tx, most: int) -> list[Due]:
    """Take over mails that are due and nobody's job: the version before this one wrote them, and does not send them now."""
    rows = await tx.rows(
        f"""WITH left_over AS MATERIALIZED (
              SELECT tenant, contact_id, key FROM mail
               WHERE state IN {_OPEN} AND due_at <= %s AND next_try_at <= now()
                 AND NOT EXISTS (SELECT FROM message m JOIN job j ON j.tenant = m.tenant AND j.kind = '{LETTER}'
                                                                 AND j.subject = 'message/' || m.message_id
                                  WHERE m.tenant = mail.tenant AND m.contact_id = mail.contact_id AND m.mail_key = mail.key)
               ORDER BY next_try_at LIMIT %s FOR UPDATE SKIP LOCKED
            ), ours AS (
              UPDATE mail SET claim = NULL, next_try_at = now() + {_OURS} FROM left_over o
               WHERE mail.tenant = o.tenant AND mail.contact_id = o.contact_id AND mail.key = o.key
              RETURNING mail.tenant, mail.contact_id, mail.key
            )
            SELECT m.tenant, min(m.message_id) AS first, count(*) AS n FROM ours JOIN message m
                ON m.tenant = ours.tenant AND m.contact_id = ours.contact_id AND m.mail_key = ours.key
             GROUP BY m.tenant, m.contact_id, m.mail_key""",  # noqa: S608 - constant text
        [tx.at, most],
    )
    return [Due(row.tenant, row.first, row.n) for row in rows]


async def have_sent(tx: Tx, mails: Collection[Due], word: Origin) -> int:
    """Have these sent, each by a job of its own."""
    await jobs.add(
        tx, [Job(LETTER, f"message/{m.first}", replace(word, tenant=m.tenant), cost=m.messages) for m in mails]
    )
    return len(mails)


async def open_mails(tx: Tx, firsts: Collection[Key]) -> tuple[dict[Key, Mail], set[Key]]:
    """The mails in which these are the first messages (tenant, id), but for those that have come to their end.

    Those apart that the version before this one is sending just now.
    """
    # Each by its key, and put together here: joined there, a plan that was made on young tables reads them whole.
    said = await tx.rows(
        "SELECT * FROM message WHERE tenant = ANY (%s::text[]) AND message_id = ANY (%s::text[])",
        within(firsts),
    )
    of = {(row.tenant, row.contact_id, row.mail_key): row for row in said if (row.tenant, row.message_id) in firsts}
    rows = await _open(tx, of.keys())
    others = await _keep_to_us(tx, [_key(row) for row in rows if row.is_near])
    carried = await _carried(tx, [_key(row) for row in rows])
    whole = await messages_in(
        tx,
        [
            *(_key(row) for row in rows if row.key.startswith("digest/")),
            *(key for keys in carried.values() for key in keys),
        ],
    )
    mails = {
        (row.tenant, of[_key(row)].message_id): Mail(
            tenant=row.tenant,
            contact_id=row.contact_id,
            key=row.key,
            due_at=row.due_at,
            state=State(row.state),
            attempts=row.attempts + 1,
            name=row.name,
            email=row.email,
            language=row.language,
            messages=tuple(whole.get(_key(row), [of[_key(row)]])),
            carried=tuple(message for key in carried.get(_key(row), ()) for message in whole[key]),
            token=row.token or "",
            decline_token=row.decline_token,
        )
        for row in rows
        if _key(row) not in others
    }
    return mails, {(row.tenant, of[_key(row)].message_id) for row in rows if _key(row) in others}


async def _open(tx: Tx, mails: Collection[MailKey]) -> list[Any]:
    """Those of these mails that have not come to their end, each with whom it is for."""
    keys = within(mails, 3)
    rows = await tx.rows(
        f"""SELECT mail.tenant, mail.contact_id, mail.key, mail.due_at, mail.state, mail.attempts, mail.token,
                   contact.name, contact.email, contact.language, contact.decline_token,
                   mail.next_try_at < now() + interval '2 minutes' AS is_near
              FROM mail JOIN contact USING (tenant, contact_id)
             WHERE mail.tenant = ANY (%s::text[]) AND mail.contact_id = ANY (%s::text[]) AND mail.key = ANY (%s::text[])
               AND contact.tenant = ANY (%s::text[]) AND contact.contact_id = ANY (%s::text[])
               AND contact.erased_at IS NULL AND mail.state IN {_OPEN}""",  # noqa: S608 - constant text
        [*keys, *keys[:2]],
    )
    return [row for row in rows if _key(row) in mails]


async def _carried(tx: Tx, mails: Collection[MailKey]) -> dict[MailKey, list[MailKey]]:
    """What travels with these mails."""
    if not mails:
        return {}
    rows = await tx.rows(
        """SELECT tenant, contact_id, key, carrier FROM mail
            WHERE tenant = ANY (%s::text[]) AND carrier = ANY (%s::text[]) AND key = ANY (%s::text[])
            ORDER BY tenant, contact_id, key""",
        within(mails, 3),
    )
    found: dict[MailKey, list[MailKey]] = {}
    for row in rows:
        found.setdefault((row.tenant, row.carrier, row.key), []).append(_key(row))
    return {key: found[key] for key in mails if key in found}


async def let_go(tx: Tx, contact: Key) -> list[Due]:
    """Have what travels with a contact's mail, or of it with another's, travel by itself: its address is another now."""
    rows = await tx.rows(
        f"""WITH own AS (
              UPDATE mail SET carrier = NULL, next_try_at = now() + {_OURS}
               WHERE tenant = %s AND carrier IS NOT NULL AND (carrier = %s OR contact_id = %s) AND state IN {_OPEN}
              RETURNING tenant, contact_id, key
            )
            SELECT m.tenant, min(m.message_id) AS first, count(*) AS n FROM own JOIN message m
                ON m.tenant = own.tenant AND m.contact_id = own.contact_id AND m.mail_key = own.key
             GROUP BY m.tenant, m.contact_id, m.mail_key""",  # noqa: S608 - constant text
        [contact[0], contact[1], contact[1]],
    )
    return [Due(row.tenant, row.first, row.n) for row in rows]


async def at_the_same_address(tx: Tx, contacts: Collection[Key]) -> set[Key]:
    """Those who have the address of one of these, they themselves among them."""
    rows = await tx.rows(
        f"""SELECT DISTINCT o.tenant, o.contact_id FROM contact c JOIN contact o
                ON o.tenant = c.tenant AND {_ADDRESS.replace("c.", "o.")} = {_ADDRESS}
             WHERE (c.tenant, c.contact_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",  # noqa: S608 - constant text
        columns(contacts),
    )
    return {(row.tenant, row.contact_id) for row in rows}


async def _keep_to_us(tx: Tx, mails: Collection[MailKey]) -> set[MailKey]:
    """Put off when the version before this one may take these up; return those that it is sending just now."""
    if not mails:
        return set()
    ours = await tx.rows(
        f"""UPDATE mail SET claim = NULL, next_try_at = now() + {_OURS}
             WHERE (tenant, contact_id, key) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
               AND tenant = ANY (%s::text[]) AND contact_id = ANY (%s::text[]) AND key = ANY (%s::text[])
               AND (claim IS NULL OR next_try_at <= now())
            RETURNING tenant, contact_id, key""",  # noqa: S608 - constant text
        [*columns(mails, 3), *within(mails, 3)],
    )
    return set(mails) - {(row.tenant, row.contact_id, row.key) for row in ours}


async def messages_in(tx: Tx, mails: Collection[MailKey]) -> dict[MailKey, list[Any]]:
    """The messages of these mails, oldest first."""
    if not mails:
        return {}
    rows = await tx.rows(
        """SELECT * FROM message
            WHERE (tenant, contact_id, mail_key) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
              AND tenant = ANY (%s::text[]) AND contact_id = ANY (%s::text[]) AND mail_key = ANY (%s::text[])
            ORDER BY message_id""",
        [*columns(mails, 3), *within(mails, 3)],
    )
    found: dict[MailKey, list[Any]] = {key: [] for key in mails}
    for row in rows:
        found[(row.tenant, row.contact_id, row.mail_key)].append(row)
    return found


async def finish(tx: Tx, answers: Sequence[tuple[Mail, delivery.Handed]]) -> set[MailKey]:
    """Write what came of mails; return those that had not come to their end meanwhile."""
    rows = await tx.rows(
        f"""UPDATE mail SET state = new.state, smtp_code = new.smtp_code, claim = NULL, attempts = new.attempts,
                  next_try_at = CASE WHEN carrier IS NULL THEN now() + new.pause_s * interval '1 second' + {_OURS}
                                     ELSE 'infinity' END
             FROM {_ANSWER.rows} AS new
            WHERE mail.tenant = new.tenant AND mail.contact_id = new.contact_id AND mail.key = new.key
              AND mail.tenant = ANY (%s::text[]) AND mail.contact_id = ANY (%s::text[]) AND mail.key = ANY (%s::text[])
              AND mail.state IN {_OPEN}
           RETURNING mail.tenant, mail.contact_id, mail.key""",  # noqa: S608 - our own columns
        [
            _ANSWER.pack(
                (
                    *key,
                    delivery.handed_over(mail.state, handed.answer).value,
                    handed.code,
                    mail.attempts,
                    delivery.pause_s(mail.attempts),
                )
                for mail, handed in answers
                for key in mail.all_keys
            ),
            *within([key for mail, _ in answers for key in mail.all_keys], 3),
        ],
    )
    return {_key(row) for row in rows}


async def leave_to_people(tx: Tx, mails: Collection[MailKey]) -> None:
    """Nobody takes these up by himself: their jobs failed, and say when they are tried again, or are parked."""
    await tx.run(
        """UPDATE mail SET next_try_at = 'infinity'
            WHERE (tenant, contact_id, key) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))""",
        columns(mails, 3),
    )


async def give_up(tx: Tx, contact: Key, smtp_code: int) -> list[MailKey]:
    """End every mail to a contact whose address is dead, gathering first what waits for a digest; return them."""
    key = f"dead/{new_id()}"
    await tx.run(
        "INSERT INTO mail (tenant, contact_id, key, due_at, state) VALUES (%s, %s, %s, %s, 'QUEUED')",
        [*contact, key, tx.at],
    )
    await tx.run(
        "UPDATE message SET mail_key = %s WHERE tenant = %s AND contact_id = %s AND mail_key IS NULL", [key, *contact]
    )
    # Whoever is handing such a mail over just now gets an answer of its own.
    rows = await tx.rows(
        f"""UPDATE mail SET state = %s, smtp_code = %s
            WHERE tenant = %s AND contact_id = %s AND state IN ('QUEUED', 'SOFT_BOUNCED')
              AND NOT EXISTS (SELECT FROM message m JOIN job j ON j.tenant = m.tenant AND j.kind = '{LETTER}'
                                                              AND j.subject = 'message/' || m.message_id
                               WHERE m.tenant = mail.tenant AND m.contact_id = mail.contact_id AND m.mail_key = mail.key
                                 AND j.leased_until >= now())
           RETURNING tenant, contact_id, key""",  # noqa: S608 - constant text
        [State.HARD_BOUNCED.value, smtp_code, *contact],
    )
    return [_key(row) for row in rows]


async def count_due(tx: Tx) -> int:
    """Digests and mails that should go now and whose job nobody does yet; of very many, not all.

    One that was tried in vain some times is waited for no longer, and one that is left to people not at all.
    """
    row = await tx.row(
        f"""SELECT (SELECT count(*) FROM (SELECT FROM message WHERE mail_key IS NULL AND due_at <= %(at)s LIMIT %(most)s) AS d)
                 + (SELECT count(*) FROM (
                      SELECT FROM mail
                       WHERE state IN {_OPEN} AND due_at <= %(at)s AND attempts < %(patience)s AND next_try_at < 'infinity'
                         AND NOT EXISTS (SELECT FROM message m JOIN job j ON j.tenant = m.tenant AND j.kind = '{LETTER}'
                                                                         AND j.subject = 'message/' || m.message_id
                                          WHERE m.tenant = mail.tenant AND m.contact_id = mail.contact_id
                                            AND m.mail_key = mail.key AND j.next_try_at <= now())
                       LIMIT %(most)s) AS l) AS n""",  # noqa: S608 - constant text
        {"at": tx.at, "patience": delivery.PATIENCE_ATTEMPTS, "most": jobs.COUNTED_MAX},
    )
    return int(row.n)


async def list_messages(tx: Tx, tenant: str, page: Page, *, account_id: str, contact_id: str, about: str) -> list[Any]:
    """What was told to whom, newest first; empty filters let everything through."""
    asked = {"account_id": account_id, "contact_id": contact_id, "about": about}
    wanted = {column: value for column, value in asked.items() if value}
    only = "".join(f" AND {column} = %s" for column in wanted) + (" AND message_id < %s" if page.after else "")
    return await tx.rows(
        f"""SELECT m.*, coalesce(mail.state, 'QUEUED') AS state
              FROM (SELECT * FROM message WHERE tenant = %s{only} ORDER BY message_id DESC LIMIT {page.most}) AS m
              LEFT JOIN mail ON mail.tenant = m.tenant AND mail.contact_id = m.contact_id AND mail.key = m.mail_key
             ORDER BY m.message_id DESC""",  # noqa: S608 - our own columns
        [tenant, *wanted.values(), *(page.after or ())],
    )


async def messages_by_state(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """How many of these messages stand where; WAITING for a digest that is not gathered yet."""
    return await tx.rows(
        f"""SELECT coalesce(mail.state, 'WAITING'), count(*)
              FROM (SELECT tenant, contact_id, mail_key FROM message WHERE {span.where("tenant", "message_id")}) AS message
              LEFT JOIN mail ON (mail.tenant, mail.contact_id, mail.key)
                              = (message.tenant, message.contact_id, message.mail_key) GROUP BY 1""",  # noqa: S608 - constant text
        span.params,
    )


async def trouble(tx: Tx) -> Any:
    """The age in seconds of the oldest mail that is due and not taken, roles that nobody holds, contacts cut off."""
    return await tx.row(
        """SELECT (SELECT coalesce(extract(epoch FROM %(at)s - min(due_at)), 0) FROM mail
                    WHERE state IN ('QUEUED', 'SENT', 'SOFT_BOUNCED') AND due_at <= %(at)s) AS unsent_s,
                  (SELECT count(*) FROM (SELECT FROM vacancy LIMIT %(most)s) AS counted) AS vacant,
                  (SELECT count(*) FROM (SELECT FROM contact WHERE suspended_at IS NOT NULL AND erased_at IS NULL
                                             LIMIT %(most)s) AS counted)
                    AS suspended""",
        {"at": tx.at, "most": COUNTED_MAX},
    )


def contact_of(row: Any) -> Contact:
    """A person, of a row."""
    return Contact(
        tenant=row.tenant,
        contact_id=row.contact_id,
        account_id=row.account_id,
        name=row.name,
        email=row.email,
        roles=tuple(Role(name) for name in row.roles),
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        language=row.language,
        wants_document=row.wants_document,
        suspended=row.suspended_at is not None,
        complained=row.complained_at is not None,
        preferences=_preferences(row),
        successor=row.successor,
        heard_at=row.heard_at,
        influence=row.influence,
        declined=row.declined_at is not None,
    )


def _preferences(row: Any) -> Preferences:
    """What somebody chose; the same for all who chose nothing."""
    if not (row.time_zone or row.quiet_from is not None or row.paces):
        return USUAL
    quiet = Quiet(row.quiet_from, row.quiet_to) if row.quiet_from is not None else None
    return Preferences(row.time_zone, quiet, {Topic(topic): Pace(pace) for topic, pace in row.paces.items()})


def _key(row: Any) -> MailKey:
    return (row.tenant, row.contact_id, row.key)
