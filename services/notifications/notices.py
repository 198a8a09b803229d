"""Mails of what happened in the portal that concerns somebody: at once, one by one, and kept no longer than until they went.

A notice is no message of a story (RULES: the message): nothing happened in the business, and it concerns its reader alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from receivables.notifications.v1 import service_pb2

from services.chassis import jobs
from services.chassis.columns import columns
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.contracts import money
from services.kernel.calendars import day
from services.kernel.refusals import Invalid, NotFound, quoted
from services.notifications import asks, store
from services.notifications.at_once import Mails
from services.notifications.domain.contacts import Contact
from services.notifications.domain.roles import Role
from services.notifications.letters import notice as letter
from services.notifications.links import URL
from services.notifications.store import Key

NOTICE = "notice"  # the kind of job
AGAIN_S = 300.0
GOOD_DAYS = 7  # after which nobody need hear of it any more
_PREFIX = "NOTICE_KIND_"

# What each kind says beside whom it is for and where it leads.
SAYS: Mapping[str, frozenset[str]] = {
    "ORDER_WAITS": frozenset({"by", "amount", "last"}),
    "ORDER_APPROVED": frozenset({"by", "amount", "order_id"}),
    "ORDER_REFUSED": frozenset({"by", "amount"}),
    "ORDER_NOT_PLACED": frozenset({"by", "amount"}),
    "ORDER_EXPIRED": frozenset({"amount"}),
    "ORDER_WAITS_FOR_NOBODY": frozenset({"amount", "last"}),
    "APPROVER_WANTED": frozenset({"by", "amount", "last"}),
    "APPROVER_WANTED_AT": frozenset({"company", "amount", "last"}),
    "STANDS_IN": frozenset({"other", "roles", "first", "last"}),
    "STANDS_IN_NO_MORE": frozenset({"by", "other"}),
    "COVERED": frozenset({"other", "roles", "first", "last"}),
    "COVERED_NO_MORE": frozenset({"by", "other"}),
    "FACTOR_ADDED": frozenset({"factor"}),
    "FACTOR_REMOVED": frozenset({"factor"}),
    "FACTORS_RESET": frozenset({"by"}),
    "NEW_PROVIDER": frozenset({"provider"}),
}
_ALWAYS = frozenset({"contact_id", "kind", "url"})


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened, to whom it is said, and in whose name."""

    tenant: str
    notice_id: str
    # One of SAYS.
    kind: str
    url: str
    person: Contact
    seller: str
    # What its sentences say, persons and companies by their names.
    values: Mapping[str, Any]


async def send_later(tx: Tx, call: Origin, request: service_pb2.SendNoticeRequest) -> None:
    """Have somebody mailed what happened."""
    _check(request)
    person, _ = await store.find_contact(tx, (call.tenant, request.contact_id))
    if person is None:
        raise NotFound("contact.unknown", f"no contact {quoted(request.contact_id)}")
    notice_id = new_id()
    await tx.run(
        "INSERT INTO notice (tenant, notice_id, contact_id, request, asked_at) VALUES (%s, %s, %s, %s, now())",
        [call.tenant, notice_id, request.contact_id, request.SerializeToString()],
    )
    await jobs.add(tx, [Job(NOTICE, f"notice/{notice_id}", call)])
    await _know_stand_ins(tx, call.tenant, request)


async def _know_stand_ins(tx: Tx, tenant: str, request: service_pb2.SendNoticeRequest) -> None:
    """Who stands in for somebody is asked in their place, too."""
    away = request.other.partition(":")[2]
    match _kind(request):
        case "STANDS_IN":
            first, last = day(request.first, what="first"), day(request.last, what="last")
            await asks.know_stand_in(tx, tenant, away, request.contact_id, roles=request.roles, first=first, last=last)
        case "STANDS_IN_NO_MORE":
            await asks.forget_stand_in(tx, tenant, away, request.contact_id)


def _check(request: service_pb2.SendNoticeRequest) -> None:
    """Refuse what is no notice: one says what its kind says, no less and no more."""
    kind = _kind(request)
    if kind not in SAYS:
        raise Invalid("notice.kind", "say what kind of notice it is")
    said = {named.name for named, _ in request.ListFields()} - _ALWAYS
    if said != SAYS[kind]:
        raise Invalid("notice.malformed", f"a notice of {kind} says {', '.join(sorted(SAYS[kind]))}")
    if not URL.match(request.url):
        raise Invalid("notice.malformed", "a page begins with https://")
    _values(request)


def _kind(request: service_pb2.SendNoticeRequest) -> str:
    known = service_pb2.NoticeKind.DESCRIPTOR.values_by_number.get(request.kind)
    return known.name.removeprefix(_PREFIX) if known else ""


def _values(request: service_pb2.SendNoticeRequest) -> dict[str, Any]:
    """What is said, as the sentences take it; persons not named yet."""
    return {named.name: _value(named, value) for named, value in request.ListFields() if named.name not in _ALWAYS}


def _value(named: FieldDescriptor, value: Any) -> Any:
    match named.name:
        case "first" | "last":
            return day(value, what=named.name)
        case "amount":
            return money(value)
        case "factor" if value not in service_pb2.Factor.values():
            raise Invalid("notice.malformed", "no factor of that kind is known")
        case "factor":
            return service_pb2.Factor.Name(value)
        case "roles" if not set(Role).issuperset(value):
            raise Invalid("notice.malformed", "no role of that name is known")
        case "roles":
            return list(value)
        case _:
            return value


async def _letters(tx: Tx, keys: Collection[Key]) -> dict[Key, Notice]:
    """Notices that are of some use still, of people who are still there; of the others nothing goes."""
    rows = await tx.rows(
        """SELECT tenant, notice_id, contact_id, request FROM notice
            WHERE (tenant, notice_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
              AND asked_at > now() - make_interval(days => %s)""",
        [*columns(keys), GOOD_DAYS],
    )
    firms = await store.firms(tx, {row.tenant for row in rows})
    found: dict[Key, Notice] = {}
    for row in rows:
        person, _ = await store.find_contact(tx, (row.tenant, row.contact_id))
        if person is None or not person.roles or person.suspended:
            continue
        request = service_pb2.SendNoticeRequest.FromString(row.request)
        seller = firms[row.tenant].seller().name
        values = _values(request)
        for field in {"by", "other"} & values.keys():
            values[field] = await _name(tx, person, values[field], seller)
        if account := values.get("company"):
            values["company"] = (await store.company_names(tx, [(row.tenant, account)])).get(
                (row.tenant, account), account
            )
        found[(row.tenant, row.notice_id)] = Notice(
            row.tenant, row.notice_id, _kind(request), request.url, person, seller, values
        )
    return found


async def _name(tx: Tx, reader: Contact, subject: str, seller: str) -> str:
    """How somebody is called, whom the reader may know by name; of the other side, the seller's company."""
    known, _ = await store.find_contact(tx, (reader.tenant, subject.partition(" for ")[0].partition(":")[2]))
    return known.name if known is not None and known.account_id == reader.account_id else seller


MAILS = Mails(NOTICE, _letters, lambda one, sender, domain: letter.write(one, sender=sender, domain=domain), AGAIN_S)
