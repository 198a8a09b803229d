"""Events as they travel: CloudEvents in Kafka's binary mode, the payload a bare protobuf message."""

import functools
import re
import secrets
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from services.chassis import bounds, texts, tracing
from services.chassis.database import check_tenant
from services.chassis.identity import Principal
from services.chassis.logs import trace_id
from services.kernel.refusals import Invalid, Refusal, quoted

M = TypeVar("M", bound=Message)
Identity = tuple[str, str, str]  # tenant, source, id: what makes two records one event

RECORD_MAX_BYTES = 8 * 1024 * 1024  # what the topics take: an invoice of 10,000 lines fits
FROM_OUTSIDE = frozenset({"receivables.orders.v1"})  # what others than our services tell, whatever its headers say
SOURCE_MAX = 63  # characters of the name of one who tells us something from outside on a topic of their own
ID_MAX = 200  # characters of an id, a subject or an account: what an index can hold
CAUSE_MAX = SOURCE_MAX + 1 + ID_MAX  # of what names an event as a cause
ACCOUNT_MAX = 128  # of an account that is named from outside, as of every id in a contract
SAID_MAX = 200  # of who says something
UNKNOWN = "system:unknown"
_PERSONS = ("contact", "user")
# A name has blanks, an address an "@": an id has neither.
_WHO = re.compile(r"(contact|user|key|service|system):[^\s@]{1,90}")
_KNOWN = frozenset(
    """ce_specversion ce_id ce_type ce_source ce_subject ce_time content-type ce_tenant ce_actor ce_reason
    ce_idempotencykey ce_sequence ce_causationid traceparent tracestate cost""".split()
)
_SEQUENCE = re.compile(r"[0-9]{1,18}")


class Unreadable(Refusal):
    """An event that this service cannot decode: malformed, of an unknown type or of a newer major version."""


@dataclass(frozen=True, slots=True)
class Origin:
    """On whose word something happens: what every command and every event carries."""

    tenant: str
    # "contact:…", "user:…", "key:…", "service:…", "system:…", or "contact:b for contact:a".
    actor: str
    # What a caller says of why: text of a person, kept where it is needed and never told on. Empty of an event.
    reason: str
    idempotency_key: str
    traceparent: str
    # The event that caused it; empty for a call.
    causation_id: str = ""
    # Who calls, verified; None for an event, a job, and a call that was believed.
    caller: Principal | None = field(default=None, compare=False)

    def within(self, traceparent: str) -> "Origin":
        """The same word, in the span that gave this."""
        return self if traceparent == self.traceparent else replace(self, traceparent=traceparent)


@dataclass(frozen=True, slots=True)
class Event(Generic[M]):
    """A fact that another service announced, decoded."""

    id: str
    type: str
    subject: str
    # The buyer's account (the second half of the key).
    account_id: str
    at: datetime
    origin: Origin
    body: M
    # Contiguous per topic and account; None from the shop, of which none can be expected.
    sequence: int | None = None
    # Who numbers it: one of the tenant's shops, one of our services; may be empty.
    source: str = ""

    @property
    def tenant(self) -> str:
        """The seller's organisation."""
        return self.origin.tenant

    @property
    def identity(self) -> Identity:
        """What makes two records one event: whoever numbers, numbers within their tenant."""
        return (self.tenant, self.source, self.id)


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as it came."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]
    # When the broker has it from, in seconds (Unix time); not part of the record's meaning.
    timestamp: float = field(default=0.0, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Roughly what it takes in memory, in bytes: payload, key and headers."""
        return len(self.value or b"") + len(self.key or b"") + sum(map(len, self.headers.values()))


@functools.lru_cache(4096)  # the same few, again and again
def who(said: str) -> str:
    """Who says something, by ids alone: topics are kept for ever, and may name nobody by more than that."""
    ids = said.split(" for ")
    if len(ids) > 2:
        return UNKNOWN
    return " for ".join(one if one.isprintable() and _WHO.fullmatch(one) else UNKNOWN for one in ids)


def is_who(said: str) -> bool:
    """Whether it names somebody, and by no more than an id."""
    return who(said) == said


def new_traceparent() -> str:
    """For what nobody outside began: a part of what is being done, or else a new trace (W3C Trace Context).

    Empty while traces are recorded and nothing is being done: the first span begins the trace.
    """
    return tracing.current() if tracing.is_on() else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_of(said: str) -> str:
    """The trace that a caller or an event names, to be gone on with; a new one where it names none that is one."""
    return said if trace_id(said) else new_traceparent()


def text_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Kafka headers as text that a database can keep; what is no UTF-8, and NUL, stays readable."""
    return {_storable(name): _storable((value or b"").decode("utf-8", "backslashreplace")) for name, value in headers}


def _storable(text: str) -> str:
    return text.replace("\0", "\\x00") if "\0" in text else text


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a record's headers what is kept where it waits: whatever else somebody wrote there, or in these, is nobody's."""
    known = {name: text for name, text in headers.items() if name in _KNOWN}
    if "ce_actor" in known:
        known["ce_actor"] = who(known["ce_actor"][: SAID_MAX + 1])
    if "ce_reason" in known:
        known["ce_reason"] = ""
    return known


def topic_of(message: type[Message]) -> str:
    """The topic on which a message travels is the package of its contract."""
    return str(message.DESCRIPTOR.file.package)


@functools.lru_cache(1000)
def contract_of(topic: str) -> str:
    """The contract whose events travel on a topic, which is its name, or begins that of one source's own topic."""
    contract, _, source = topic.rpartition(".")
    return contract if contract in FROM_OUTSIDE and source else topic


def source_of(topic: str) -> str:
    """Who outside has that topic for their own ("webshop" of "receivables.orders.v1.webshop"); empty if nobody."""
    return topic.removeprefix(contract_of(topic)).removeprefix(".")


def cause_id(topic: str, event_id: str) -> str:
    """The id by which others name an event as their cause; each source numbers by itself."""
    source = source_of(topic)
    return f"{source}/{event_id}" if source else event_id


def identity_of(record: Record) -> Identity:
    """What makes two records one event, as far as their headers say it.

    On a topic of one source's own it is the topic that says whose event it is: no other can take its events' ids.
    """
    headers = record.headers
    source = record.topic if source_of(record.topic) else headers.get("ce_source", "")
    return headers.get("ce_tenant", ""), source, headers.get("ce_id", "")


def encode(
    body: Message, *, event_id: str, subject: str, at: datetime, origin: Origin, source: str, sequence: int | None
) -> dict[str, str]:
    """The headers of an event (CloudEvents 1.0, Kafka protocol binding)."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": str(body.DESCRIPTOR.full_name),
        "ce_source": source,
        "ce_subject": subject,
        "ce_time": _written(at),
        "content-type": "application/protobuf",
        "ce_tenant": origin.tenant,
        "ce_actor": who(origin.actor),
        "ce_reason": "",
        "ce_idempotencykey": origin.idempotency_key,
        "traceparent": origin.traceparent,
    }
    if origin.causation_id:
        headers["ce_causationid"] = origin.causation_id
    if sequence is not None:
        headers["ce_sequence"] = str(sequence)
    return headers


@functools.lru_cache(64)  # all events of a transaction happen at one time
def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def decode(record: Record, types: Mapping[str, type[Message]], wanted: Container[str] | None = None) -> Event[Any]:
    """Read a record as an event of one of the known types; raise Unreadable with a stable code otherwise.

    Of types that are not `wanted` the body stays unread, and empty: whoever follows one small event of a topic does not
    read the large ones beside it.
    """
    headers = record.headers
    at = _check_headers(record)
    tenant, account_id = _key(record)
    if (message := types.get(headers["ce_type"])) is None:
        raise Unreadable("event.type_unknown", f"{quoted(headers['ce_type'])} is not a type of this topic's version")
    if record.value is None:
        raise Unreadable("event.payload_missing", "an event has a payload, be it empty")
    try:
        body = message.FromString(record.value) if wanted is None or headers["ce_type"] in wanted else message()
    except DecodeError:
        raise Unreadable("event.payload_malformed", f"the payload is no {headers['ce_type']}") from None
    sequence = _sequence(record)
    # Of ours, which a version before this may have told longer, it is cut; of others it is looked at (`check_outsider`).
    said_max = None if sequence is None else SAID_MAX
    return Event(
        id=headers["ce_id"],
        type=headers["ce_type"],
        subject=headers["ce_subject"],
        account_id=account_id,
        at=at,
        origin=Origin(
            tenant=tenant,
            actor=_actor(record),
            reason="",  # which versions before this one told
            idempotency_key=headers.get("ce_idempotencykey", "")[:said_max] or headers["ce_id"],
            traceparent=trace_of(headers.get("traceparent", "")),
            causation_id=cause_id(record.topic, headers["ce_id"]),
        ),
        body=body,
        source=identity_of(record)[1],
        sequence=sequence,
    )


def _actor(record: Record) -> str:
    """Who did it. A source is believed that it is itself, and for whom it says that it acts; nobody else's word."""
    said = who(record.headers.get("ce_actor", "")[: SAID_MAX + 1])
    if not (source := source_of(record.topic)):
        return said
    person = said.rpartition(" for ")[2]
    return f"key:{source} for {person}" if person.partition(":")[0] in _PERSONS else f"key:{source}"


def check_outsider(event: Event[Any]) -> None:
    """Refuse an event of somebody outside that says more or other than its contract allows, in its headers or its body."""
    bounds.check(event.body)
    bounds.check_text("ce_id", event.id, texts.ID, ID_MAX)
    bounds.check_text("ce_subject", event.subject, texts.ID, ID_MAX)
    bounds.check_text("the account in the key", event.account_id, texts.ID, ACCOUNT_MAX)
    bounds.check_text("ce_idempotencykey", event.origin.idempotency_key, texts.ID, ID_MAX)


def tellable(event: Event[M]) -> Event[M]:
    """The event as far as it can be told: a refusal of what is too much repeats none of it."""
    origin = event.origin
    return replace(
        event,
        subject=texts.cleaned(event.subject, texts.ID, ID_MAX),
        account_id=texts.cleaned(event.account_id, texts.ID, ACCOUNT_MAX),
        origin=replace(
            origin,
            causation_id=texts.cleaned(origin.causation_id, texts.ID, CAUSE_MAX),
            idempotency_key=texts.cleaned(origin.idempotency_key, texts.ID, ID_MAX),
        ),
        body=bounds.cleaned(event.body),
    )


def _sequence(record: Record) -> int | None:
    """The event's number, which only our own have, whatever the headers of others say."""
    said = "" if contract_of(record.topic) in FROM_OUTSIDE else record.headers.get("ce_sequence", "")
    return int(said) if _SEQUENCE.fullmatch(said) else None


def _check_headers(record: Record) -> datetime:
    """Refuse headers that are missing or make no sense; return the time."""
    headers = record.headers
    if missing := [h for h in ("ce_id", "ce_type", "ce_subject", "ce_tenant") if not headers.get(h)]:
        raise Unreadable("event.header_missing", f"without {', '.join(missing)}")
    if long := [h for h in ("ce_id", "ce_source", "ce_subject") if len(headers.get(h, "")) > ID_MAX]:
        raise Unreadable("event.header_malformed", f"more than {ID_MAX} characters: {', '.join(long)}")
    if not texts.fits(source := headers.get("ce_source", ""), texts.ID, ID_MAX):
        raise Unreadable("event.header_malformed", f"ce_source has what cannot be seen: {quoted(source)}")
    if not source_of(record.topic) and source_of(source):
        raise Unreadable("event.header_malformed", f"ce_source is another's topic: {quoted(source)}")
    try:
        check_tenant(headers["ce_tenant"])
        at = datetime.fromisoformat(headers.get("ce_time") or "1970-01-01T00:00:00+00:00")
    except (Invalid, ValueError) as error:
        raise Unreadable("event.header_malformed", str(error)) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _key(record: Record) -> tuple[str, str]:
    """The tenant and the account of the key."""
    try:
        tenant, _, account_id = (record.key or b"").decode("utf-8").partition("/")
    except UnicodeDecodeError:
        tenant, account_id = "", ""
    if tenant != record.headers["ce_tenant"] or not account_id or not texts.fits(account_id, texts.ID, ID_MAX):
        raise Unreadable("event.key_malformed", "the key must be tenant/account, of the tenant in the headers")
    return tenant, account_id
