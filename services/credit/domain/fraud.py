"""Features of fraud: what is odd about an application or an order, as facts that a policy's rules read (FEATURES.md).

The caller loads the values; nothing here asks anybody. A feature carries its evidence, which only the desk sees. What is not
known stays unknown: it never makes anybody suspicious.
"""

import hashlib
import hmac
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from services.credit.domain.identity import contacts, names, sanctions
from services.credit.domain.identity.contacts import Email
from services.credit.domain.identity.sanctions import Band, Match

Value = Decimal | bool | str

_PRECISE = Context(prec=28)
_FOUR_PLACES = Decimal("0.0001")
_VELOCITY, _VELOCITY_OF_TAX_IDS = timedelta(hours=24), timedelta(days=7)
_BEFORE_DISPATCH = timedelta(hours=48)
_FIRST_ORDER = timedelta(hours=48)
_EDITING = timedelta(hours=1)  # a file is often written twice while it is made
ORDERS_MOST = 50  # of a buyer's own that are compared with, the newest
_ORDERS_LEAST = 4
_PACE_DAYS, _PACE_KNOWN_DAYS = 14, 60
_RUSH = 2  # so many times sooner than usual
# A median absolute deviation so often is a normal distribution's standard deviation.
_NORMAL = Decimal("1.48")
_SAME_PERSON = 85  # of 100: an initial, a second name, an accent may differ


class MarkKind(StrEnum):
    """What a company gives that no other one should give, in its normal form by `identity`."""

    TAX_ID = "tax_id"
    # With its country (`numbers.of_one_company`).
    REGISTER_NUMBER = "register_number"
    IBAN = "iban"
    PHONE = "phone"
    # The mailbox.
    EMAIL = "email"
    DOMAIN = "domain"
    SHIP_TO = "ship_to"
    # SHA-256 (hex) of the file.
    DOCUMENT = "document"
    # A way to reach somebody who is named as knowing the company: others may name them too.
    REFERENCE = "reference"


# One of these of somebody else is no chance; phones, mailboxes and places are shared by honest people too.
_STRONG = frozenset({MarkKind.TAX_ID, MarkKind.REGISTER_NUMBER, MarkKind.IBAN, MarkKind.DOCUMENT})
# A mailbox is at its domain: both of them are one contact.
_CONTACTS = {MarkKind.PHONE: "phone", MarkKind.EMAIL: "mail", MarkKind.DOMAIN: "mail", MarkKind.SHIP_TO: "place"}


@dataclass(frozen=True, slots=True)
class Mark:
    """What was given, so that it can be found again and not read."""

    kind: MarkKind
    # HMAC-SHA-256 under the tenant's key.
    digest: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """A mark that a company gave."""

    mark: Mark
    subject: str
    seen_at: datetime


class Feature(NamedTuple):
    """A fact by its key, and its evidence."""

    key: str
    # None: not known.
    value: Value | None
    # Where it starts to mean something, as FEATURES.md proposes: "≥ 3".
    threshold: str
    # What was looked at beside it: other companies' ids, a known domain, an amount.
    compared_with: str
    # "marks", "domains", "application", "orders", "sanctions", or the source by its name.
    source: str


class Placed(NamedTuple):
    """An order of the buyer's own."""

    placed_on: date
    # Of one currency, in the same units as what it is compared with.
    amount: Decimal | int


@dataclass(frozen=True, slots=True)
class Reference:
    """Somebody who is named as knowing the company, in normal forms; "": not given."""

    phone: str = ""
    mailbox: str = ""
    domain: str = ""


def marks(key: bytes, given: Iterable[tuple[MarkKind, str]]) -> tuple[Mark, ...]:
    """What was given as marks under a tenant's key, each once; neither what is empty nor a domain at which everybody is."""
    told = dict.fromkeys(
        (kind, text) for kind, text in given if text and not (kind is MarkKind.DOMAIN and contacts.everybodys(text))
    )
    return tuple(Mark(kind, hmac.digest(key, f"{kind}\0{text}".encode(), hashlib.sha256)) for kind, text in told)


# F01, F08, F09: what others gave before.


def velocity(own: Collection[Mark], others: Iterable[Seen], now: datetime) -> list[Feature]:
    """Companies that came with the same contact or account within a day, and tax ids within a week; this one included.

    `others` is what every company gave that shares a mark with this one and is not of its group.
    """
    others = list(others)
    by_mark: dict[Mark, set[str]] = defaultdict(set)
    tax_ids: dict[str, set[Mark]] = defaultdict(set)
    own_tax_ids = {mark for mark in own if mark.kind is MarkKind.TAX_ID}
    for seen in others:
        if seen.mark.kind is MarkKind.TAX_ID:
            tax_ids[seen.subject].add(seen.mark)
        if (
            seen.mark in own
            and seen.mark.kind in (MarkKind.PHONE, MarkKind.EMAIL, MarkKind.IBAN)
            and now - seen.seen_at <= _VELOCITY
        ):
            by_mark[seen.mark].add(seen.subject)
    most = max(by_mark.values(), key=len, default=set())
    by_payer: dict[Mark, set[str]] = defaultdict(set)
    for seen in others:
        if (
            seen.mark in own
            and seen.mark.kind in (MarkKind.EMAIL, MarkKind.IBAN)
            and now - seen.seen_at <= _VELOCITY_OF_TAX_IDS
        ):
            by_payer[seen.mark].add(seen.subject)
    together = [own_tax_ids.union(*(tax_ids[subject] for subject in subjects)) for subjects in by_payer.values()]
    ids = max((len(each) for each in together), default=len(own_tax_ids))
    return [
        Feature("applications_same_mark_24h", Decimal(len(most) + 1), "≥ 3", _listed(most), "marks"),
        Feature("tax_ids_same_mark_7d", Decimal(ids), "≥ 2", _listed(set().union(*by_payer.values())), "marks"),
    ]


def duplicates(own: Collection[Mark], others: Iterable[Seen]) -> list[Feature]:
    """What another company gave before; `others` as for `velocity`."""
    strong: dict[MarkKind, set[str]] = defaultdict(set)
    contacts_of: dict[str, set[str]] = defaultdict(set)
    for seen in others:
        if seen.mark not in own:
            continue
        if seen.mark.kind in _STRONG:
            strong[seen.mark.kind].add(seen.subject)
        else:
            contacts_of[seen.subject].add(_CONTACTS[seen.mark.kind])
    closest = max(contacts_of, key=lambda subject: (len(contacts_of[subject]), subject), default="")
    elsewhere = strong.get(MarkKind.IBAN, set())
    return [
        Feature("bank_elsewhere", Decimal(len(elsewhere)), "≥ 1", _listed(elsewhere), "marks"),
        Feature("duplicate_identity", Decimal(len(strong)), "≥ 1", _listed(set().union(*strong.values())), "marks"),
        Feature("duplicate_contact", Decimal(len(contacts_of.get(closest, ()))), "≥ 2", closest, "marks"),
    ]


# F02, F03: mail and websites.


def lookalike(domains: Collection[str], known: Sequence[names.Domains], own: Collection[str]) -> list[Feature]:
    """Whether a domain of the applicant's is taken for a known one that is neither theirs nor of their group."""
    theirs = {domain for domain in domains if not contacts.everybodys(domain)}
    own = {*own, *theirs}
    like = [likeness for domain in theirs for some in known for likeness in some.like(domain, own)]
    homoglyph = next((likeness.domain for likeness in like if likeness.homoglyph), "")
    near = homoglyph or (min(like, key=lambda likeness: (likeness.distance, likeness.domain)).domain if like else "")
    return [
        Feature("domain_lookalike", bool(like), "true", near, "domains"),
        Feature("domain_homoglyph", bool(homoglyph), "true", homoglyph, "domains"),
    ]


def mail(email: Email, website: str, group: Collection[str]) -> list[Feature]:
    """What an address tells beside the website's domain ("": there is none) and the domains of the group."""
    differs = email.domain != website and email.domain not in group if website and not email.free else None
    return [
        Feature("email_free", email.free, "true", email.domain, "application"),
        Feature("email_disposable", email.disposable, "true", email.domain, "application"),
        Feature("email_role", email.role, "true", email.mailbox.partition("@")[0], "application"),
        Feature("email_domain_differs", differs, "true", website, "application"),
    ]


# F06, F07: places and changes.


def ship_to(place: str, known: Collection[str]) -> Feature:
    """Whether goods go where the company is not known to be (`places.place`); unknown while nothing is known of it."""
    new = place not in known if place and known else None
    return Feature("ship_to_new", new, "true", _listed(known), "orders")


def changes(
    ship_to_changed_at: datetime | None, bank_changed_at: datetime | None, approved_at: datetime, dispatch_at: datetime
) -> list[Feature]:
    """Whether the place of delivery or the bank account of an order changed after its approval, or within 48 hours of dispatch."""
    return [
        Feature(
            key,
            _late(changed_at, approved_at, dispatch_at),
            "true",
            changed_at.isoformat() if changed_at else "",
            "orders",
        )
        for key, changed_at in (("ship_to_changed", ship_to_changed_at), ("bank_changed", bank_changed_at))
    ]


def bank_holder(company: str, holder: str, source: str) -> Feature:
    """How alike the names of a company and of its account's holder are; the source tells whose account it is."""
    value = Decimal(names.alike(company, holder)) / 100 if holder else None
    return Feature("bank_holder_similarity", value, "< 0.80", holder, source)


# F10, F11, F15: orders beside the buyer's own.


def orders(
    now: date, amount: Decimal, own: Sequence[Placed], contact_known: bool | None, *, decimals: int = 0
) -> list[Feature]:
    """How an order's size, pace and contact fit the buyer's own orders before it, the newest fifty of them.

    Amounts in units of which one is shown with so many decimals: whole cents are 2.
    """
    before = sorted(own, key=attrgetter("placed_on"))[-ORDERS_MOST:]
    amounts = [placed.amount for placed in before]
    middle = _median(amounts) if before else None
    # What is no more than twice the median is usual whatever the lumps: nothing else is computed then.
    is_plain = middle is not None and len(before) >= _ORDERS_LEAST and min(amounts) > 0 and amount <= 2 * middle
    usual = 2 * middle if is_plain and middle is not None else spread(amounts)
    quiet = (now - before[-1].placed_on).days if before else None
    size = _four(amount / usual) if usual else None
    return [
        Feature("order_size_ratio", size, "> 1", f"{usual.scaleb(-decimals):.2f}" if usual else "", "orders"),
        Feature(
            "order_to_median",
            _four(amount / middle) if middle else None,
            "> 2",
            f"{middle.scaleb(-decimals):.2f}" if middle else "",
            "orders",
        ),
        _pace(now, before),
        Feature(
            "dormant_days",
            Decimal(quiet) if quiet is not None else None,
            "> 365",
            str(before[-1].placed_on) if before else "",
            "orders",
        ),
        Feature("order_contact_known", contact_known, "false", "", "orders"),
    ]


def spread(amounts: Sequence[Decimal | int]) -> Decimal | None:
    """The largest amount that is still usual: the median times what lognormal orders vary by; unknown below four orders.

    At least twice the median, however alike the orders were so far.
    """
    if len(amounts) < _ORDERS_LEAST or min(amounts) <= 0:
        return None
    middle = _middle(amounts)
    # Which of them are in the middle doubles tell well enough; how far these are apart is computed.
    near = float(middle)
    apart = [abs(math.log(amount / near)) for amount in map(float, amounts)]
    ranked = sorted(range(len(apart)), key=apart.__getitem__)
    half = len(ranked) // 2
    deviation = _middle([_apart(amounts[nth], middle) for nth in ranked[half - 1 + len(ranked) % 2 : half + 1]])
    lumps = _PRECISE.exp(_PRECISE.multiply(3 * _NORMAL, _PRECISE.ln(deviation)))
    return _median(amounts) * max(lumps, Decimal(2))


def _apart(amount: Decimal | int, other: Decimal) -> Decimal:
    """How many times the larger is the smaller."""
    return _PRECISE.divide(Decimal(max(amount, other)), Decimal(min(amount, other)))


def rush(days: int | None, usual: Sequence[int]) -> Feature:
    """Whether goods are to go in less than half of the days that this buyer's orders usually have; unknown below four orders."""
    middle = sorted(usual)[len(usual) // 2] if len(usual) >= _ORDERS_LEAST else None
    value = None if days is None or middle is None else days * _RUSH < middle
    return Feature("order_rush", value, "true", "" if middle is None else str(middle), "orders")


def resaleable(categories: Collection[str], resold: Collection[str]) -> Feature:
    """Whether an order has goods of which the seller says that they are sold again anywhere; unknown where it says nothing."""
    found = sorted({category for category in categories if category.casefold() in resold})
    return Feature("order_resaleable", bool(found) if resold and categories else None, "true", _listed(found), "orders")


def bust_out(features: Iterable[Feature]) -> list[Feature]:
    """How many of size, pace, a new place, rush and resaleable goods meet in an order of a buyer who ordered before.

    Whether size or pace is among them: only these two are seen beside the buyer's own.
    """
    known = {feature.key: feature.value for feature in features}
    led = [key for key in ("order_size_ratio", "order_pace_ratio") if _above_one(known.get(key))]
    struck = led + [key for key in ("ship_to_new", "order_rush", "order_resaleable") if known.get(key) is True]
    ordered_before = known.get("dormant_days") is not None
    return [
        Feature(
            "bust_out_signals", Decimal(len(struck)) if ordered_before else None, "≥ 2", " ".join(struck), "orders"
        ),
        Feature("bust_out_led", bool(led) if ordered_before else None, "true", " ".join(led), "orders"),
    ]


def first_order(
    amount: Decimal, limit: Decimal, approved_at: datetime, placed_at: datetime, ordered_before: bool
) -> Feature:
    """How much of a limit that was just granted the first order takes."""
    early = not ordered_before and placed_at - approved_at <= _FIRST_ORDER
    share = None if limit <= 0 else _four(amount / limit) if early else Decimal(0)
    return Feature("first_order_share", share, "> 0.80", f"{limit:.2f}", "orders")


# F12: references.


def references(
    own: Reference, named: Sequence[Reference], others: Mapping[str, Collection[Reference]]
) -> list[Feature]:
    """References that are the applicant themselves, and most that one other applicant named too.

    `others` is what those named who share one with this applicant and are not of its group.
    """
    own_ways = _ways(own)
    themselves = [reference for reference in named if _ways(reference) & own_ways]
    common = {
        subject: sum(1 for reference in named if any(_ways(reference) & _ways(other) for other in theirs))
        for subject, theirs in others.items()
    }
    closest = max(common, key=lambda subject: (common[subject], subject), default="")
    return [
        Feature("reference_is_own", Decimal(len(themselves)), "≥ 1", "", "application"),
        Feature(
            "references_in_common",
            Decimal(common.get(closest, 0)),
            "≥ 2",
            closest if common.get(closest) else "",
            "marks",
        ),
    ]


# F13, F14: lists and documents.


def sanctioned(matches: Iterable[Match] | None) -> list[Feature]:
    """The best score of the company and its persons among the lists; None: there are no lists."""
    if matches is None:
        return [
            Feature("sanctions_score", None, "≥ 80", "", "sanctions"),
            Feature("sanctions_band", None, "near", "", "sanctions"),
        ]
    best = max(matches, key=lambda match: match.score, default=None)
    listed = f"{best.source} {best.entry_id}" if best else ""
    band = best.band if best else Band.NONE
    return [
        Feature("sanctions_score", Decimal(best.score if best else 0), f"≥ {sanctions.NEAR}", listed, "sanctions"),
        Feature("sanctions_band", band.value, Band.NEAR.value, listed, "sanctions"),
    ]


def document(issued_on: date | None, created_at: datetime | None, modified_at: datetime | None) -> Feature:
    """Whether a document's file was changed after it was made and after the day of issue that it tells; a late scan was not.

    Unknown where one of the three is.
    """
    edited = None
    if issued_on is not None and created_at is not None and modified_at is not None:
        edited = modified_at - created_at > _EDITING and modified_at.date() > issued_on
    return Feature("document_edited", edited, "true", modified_at.isoformat() if modified_at else "", "document")


def signer(name: str, officers: Collection[str], source: str) -> Feature:
    """Whether whoever signs is none of the officers that a register tells; unknown where it tells none."""
    alike = any(names.alike(name, officer) >= _SAME_PERSON for officer in officers)
    return Feature("signer_not_officer", not alike if name and officers else None, "true", _listed(officers), source)


def _above_one(value: Value | None) -> bool:
    return isinstance(value, Decimal) and value > 1


def _late(changed_at: datetime | None, approved_at: datetime, dispatch_at: datetime) -> bool:
    return changed_at is not None and (changed_at > approved_at or dispatch_at - changed_at <= _BEFORE_DISPATCH)


def _ways(reference: Reference) -> set[str]:
    domain = "" if contacts.everybodys(reference.domain) else reference.domain
    return {way for way in (reference.phone, reference.mailbox, domain) if way}


def _pace(now: date, before: Sequence[Placed]) -> Feature:
    """Orders of the last two weeks, this one included, beside what the buyer's own pace before them makes likely."""
    start = now - timedelta(days=_PACE_DAYS)
    earlier = [placed for placed in before if placed.placed_on <= start]
    days = (start - earlier[0].placed_on).days if earlier else 0
    if len(earlier) < _ORDERS_LEAST or days < _PACE_KNOWN_DAYS:
        return Feature("order_pace_ratio", None, "> 1", "", "orders")
    likely = most_likely(Decimal(len(earlier) * _PACE_DAYS) / days)
    recent = len(before) - len(earlier) + 1
    return Feature("order_pace_ratio", _four(Decimal(recent) / likely), "> 1", str(likely), "orders")


@lru_cache(4096)
def most_likely(mean: Decimal) -> int:
    """The 99th percentile of Poisson, at least 2: chance alone makes more in one of a hundred spans."""
    count, term = 0, _PRECISE.exp(-mean)
    total = term
    while total < Decimal("0.99"):
        count += 1
        term = _PRECISE.divide(_PRECISE.multiply(term, mean), Decimal(count))
        total += term
    return max(count, 2)


def _median(values: Sequence[Decimal | int]) -> Decimal:
    ordered = sorted(values)
    half = len(ordered) // 2
    return Decimal(ordered[half]) if len(ordered) % 2 else Decimal(ordered[half - 1] + ordered[half]) / 2


def _middle(values: Sequence[Decimal | int]) -> Decimal:
    """What has the median of the logarithms."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return Decimal(ordered[half])
    return _PRECISE.sqrt(_PRECISE.multiply(Decimal(ordered[half - 1]), Decimal(ordered[half])))


def _four(ratio: Decimal) -> Decimal:
    return ratio.quantize(_FOUR_PLACES, context=_PRECISE)


def _listed(subjects: Collection[str]) -> str:
    """As many as anybody looks at."""
    return ", ".join(sorted(subjects)[:5]) + (f" and {len(subjects) - 5} more" if len(subjects) > 5 else "")
