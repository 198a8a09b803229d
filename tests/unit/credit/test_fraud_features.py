"""Each feature of fraud by itself: what it counts, what it leaves alone, and what it says when it does not know."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.credit.domain import fraud
from services.credit.domain.fraud import Feature, Mark, MarkKind, Placed, Reference, Seen
from services.credit.domain.identity import contacts, names
from services.credit.domain.identity.sanctions import Match

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TODAY = NOW.date()
KEY = b"k" * 32
FEATURES = Path(fraud.__file__).with_name("FEATURES.md")


def mark(kind: MarkKind, text: str) -> Mark:
    return fraud.marks(KEY, [(kind, text)])[0]


def seen(kind: MarkKind, text: str, subject: str, hours: float = 1) -> Seen:
    return Seen(mark(kind, text), subject, NOW - timedelta(hours=hours))


def number(feature: Feature) -> Decimal:
    assert isinstance(feature.value, Decimal)
    return feature.value


def values(features: list[Feature]) -> dict[str, fraud.Value | None]:
    return {feature.key: feature.value for feature in features}


PHONE, TAX_ID, IBAN, MAIL = (
    mark(MarkKind.PHONE, "+493012345678"),
    mark(MarkKind.TAX_ID, "DE136695976"),
    mark(MarkKind.IBAN, "DE89370400440532013000"),
    mark(MarkKind.EMAIL, "jo@acme.de"),
)
OWN = (PHONE, TAX_ID, IBAN, MAIL)


def test_a_mark_is_found_again_and_cannot_be_read():
    assert mark(MarkKind.PHONE, "+493012345678") == PHONE
    assert fraud.marks(b"z" * 32, [(MarkKind.PHONE, "+493012345678")])[0] != PHONE
    assert mark(MarkKind.IBAN, "+493012345678").digest != PHONE.digest
    assert len(PHONE.digest) == 32


def test_what_is_not_given_and_where_everybody_has_mail_is_no_mark():
    given = [
        (MarkKind.PHONE, ""),
        (MarkKind.DOMAIN, "gmail.com"),
        (MarkKind.DOMAIN, "acme.de"),
        (MarkKind.DOMAIN, "acme.de"),
    ]

    assert [each.kind for each in fraud.marks(KEY, given)] == [MarkKind.DOMAIN]


def test_companies_with_one_phone_within_a_day_are_counted():
    others = [
        seen(MarkKind.PHONE, "+493012345678", "b"),
        seen(MarkKind.PHONE, "+493012345678", "c"),
        seen(MarkKind.PHONE, "+493012345678", "d", 25),
    ]

    feature = fraud.velocity(OWN, others, NOW)[0]

    assert feature == Feature("applications_same_mark_24h", Decimal(3), "≥ 3", "b, c", "marks")


def test_different_marks_of_different_companies_do_not_add_up():
    others = [seen(MarkKind.PHONE, "+493012345678", "b"), seen(MarkKind.EMAIL, "jo@acme.de", "c")]

    assert values(fraud.velocity(OWN, others, NOW))["applications_same_mark_24h"] == 2


def test_tax_ids_that_come_with_one_account_within_a_week_are_counted():
    others = [
        seen(MarkKind.IBAN, "DE89370400440532013000", "b", 100),
        seen(MarkKind.TAX_ID, "SE556036079301", "b", 100),
        seen(MarkKind.IBAN, "DE89370400440532013000", "c", 200),
        seen(MarkKind.TAX_ID, "FR83404833048", "c", 200),
    ]

    assert values(fraud.velocity(OWN, others, NOW))["tax_ids_same_mark_7d"] == 2


def test_alone_there_is_one_application_and_one_tax_id():
    assert values(fraud.velocity(OWN, [], NOW)) == {"applications_same_mark_24h": 1, "tax_ids_same_mark_7d": 1}
    assert values(fraud.velocity((), [], NOW)) == {"applications_same_mark_24h": 1, "tax_ids_same_mark_7d": 0}


def test_an_account_of_another_company_is_a_duplicate_and_a_phone_is_one_contact():
    others = [
        seen(MarkKind.IBAN, "DE89370400440532013000", "b"),
        seen(MarkKind.PHONE, "+493012345678", "c"),
        seen(MarkKind.EMAIL, "jo@acme.de", "d"),
    ]

    features = fraud.duplicates(OWN, others)

    assert values(features) == {"bank_elsewhere": 1, "duplicate_identity": 1, "duplicate_contact": 1}
    assert features[1].compared_with == "b"


def test_two_contacts_of_one_other_company_count_and_a_mailbox_and_its_domain_are_one():
    own = (*OWN, mark(MarkKind.DOMAIN, "acme.de"))
    mail = [seen(MarkKind.EMAIL, "jo@acme.de", "b"), seen(MarkKind.DOMAIN, "acme.de", "b")]

    assert values(fraud.duplicates(own, mail))["duplicate_contact"] == 1
    assert values(fraud.duplicates(own, [*mail, seen(MarkKind.PHONE, "+493012345678", "b")]))["duplicate_contact"] == 2


def test_what_others_gave_otherwise_counts_for_nothing():
    others = [seen(MarkKind.TAX_ID, "SE556036079301", "b"), seen(MarkKind.PHONE, "+46812345678", "b")]

    assert values(fraud.duplicates(OWN, others)) == {
        "bank_elsewhere": 0,
        "duplicate_identity": 0,
        "duplicate_contact": 0,
    }


KNOWN = names.Domains(["nordholm-tools.se", "acme.de", "acme.com"])


@pytest.mark.parametrize(
    ("domains", "own", "near", "homoglyph", "compared_with"),
    [
        (["nordho1m-tools.se"], [], True, True, "nordholm-tools.se"),
        (["nordholn-tools.se"], [], True, False, "nordholm-tools.se"),
        (["acme.fr"], [], True, False, "acme.com"),
        (["acme.fr"], ["acme.de", "acme.com"], False, False, ""),
        (["acme.com", "acme.de"], [], False, False, ""),
        (["nordlicht.de"], [], False, False, ""),
        ([], [], False, False, ""),
    ],
)
def test_a_domain_near_to_a_known_one_is_told_with_that_one(
    domains: list[str], own: list[str], near: bool, homoglyph: bool, compared_with: str
):
    features = fraud.lookalike(domains, [KNOWN], own)

    assert values(features) == {"domain_lookalike": near, "domain_homoglyph": homoglyph}
    assert features[0].compared_with == compared_with


@pytest.mark.parametrize(
    ("address", "website", "group", "differs"),
    [
        ("jo@acme.de", "acme.de", [], False),
        ("jo@acme-mail.de", "acme.de", [], True),
        ("jo@acme-group.com", "acme.de", ["acme-group.com"], False),
        ("jo@gmail.com", "acme.de", [], None),
        ("jo@acme.de", "", [], None),
    ],
)
def test_an_address_at_another_domain_than_the_websites_is_told(
    address: str, website: str, group: list[str], differs: bool | None
):
    assert values(fraud.mail(contacts.email(address), website, group))["email_domain_differs"] is differs


@pytest.mark.parametrize(
    ("place", "known", "new"),
    [("DE 1", ["DE 1", "DE 2"], False), ("DE 3", ["DE 1"], True), ("", ["DE 1"], None), ("DE 3", [], None)],
)
def test_a_place_is_new_if_others_are_known(place: str, known: list[str], new: bool | None):
    assert fraud.ship_to(place, known).value is new


@pytest.mark.parametrize(
    ("hours_after_approval", "late"),
    [(None, False), (-24, False), (1, True), (60, True)],
)
def test_a_place_or_an_account_that_changes_after_the_approval_is_told(hours_after_approval: float | None, late: bool):
    changed = None if hours_after_approval is None else NOW + timedelta(hours=hours_after_approval)

    told = values(fraud.changes(changed, changed, NOW, NOW + timedelta(days=10)))

    assert told == {"ship_to_changed": late, "bank_changed": late}


def test_a_change_a_day_before_dispatch_is_told_even_before_the_approval():
    told = values(fraud.changes(NOW - timedelta(hours=1), None, NOW, NOW + timedelta(hours=20)))

    assert told == {"ship_to_changed": True, "bank_changed": False}


def test_an_account_held_by_somebody_else_is_hardly_alike():
    assert number(fraud.bank_holder("Müller & Söhne GmbH", "MUELLER SOEHNE", "payee_check")) >= Decimal("0.80")
    assert number(fraud.bank_holder("Müller & Söhne GmbH", "Vadrik Tolmanov", "payee_check")) < Decimal("0.60")
    assert fraud.bank_holder("Müller & Söhne GmbH", "", "payee_check").value is None


def placed(*amounts: int, every: int = 20, last: int = 5) -> list[Placed]:
    """Orders of such amounts, the last one so many days ago."""
    return [
        Placed(TODAY - timedelta(days=last + every * at), Decimal(amount))
        for at, amount in enumerate(reversed(amounts))
    ]


def test_the_spread_is_the_buyers_own():
    even = [Decimal(amount) for amount in (1000, 1000, 1000, 1000)]
    lumpy = [Decimal(amount) for amount in (100, 300, 1000, 3000, 9000)]

    assert fraud.spread(even) == Decimal(2000)
    assert (fraud.spread(lumpy) or 0) > Decimal(100_000)
    assert fraud.spread(even[:3]) is None
    assert fraud.spread([*even, Decimal(0)]) is None


def test_an_order_is_seen_beside_the_buyers_own_orders():
    features = values(fraud.orders(TODAY, Decimal(5000), placed(1000, 1000, 1000, 1000, 1000), True))

    assert features == {
        "order_size_ratio": Decimal("2.5000"),
        "order_to_median": Decimal("5.0000"),
        "order_pace_ratio": Decimal("0.6667"),
        "dormant_days": 5,
        "order_contact_known": True,
    }


def test_orders_that_come_much_faster_than_ever_are_a_pace():
    steady = placed(*[1000] * 8, every=15, last=20)
    burst = [Placed(TODAY - timedelta(days=day), Decimal(1000)) for day in (1, 2, 3, 4, 5)]

    [as_ever] = (each for each in fraud.orders(TODAY, Decimal(1000), steady, True) if each.key == "order_pace_ratio")
    [faster] = (
        each for each in fraud.orders(TODAY, Decimal(1000), [*steady, *burst], True) if each.key == "order_pace_ratio"
    )

    assert number(as_ever) < 1 < number(faster)


def test_of_a_new_buyer_little_is_known():
    assert set(values(fraud.orders(TODAY, Decimal(5000), [], None)).values()) == {None}
    few = values(fraud.orders(TODAY, Decimal(5000), placed(1000, 1000), None))
    assert (few["order_size_ratio"], few["order_pace_ratio"], few["order_to_median"]) == (None, None, Decimal(5))


@pytest.mark.parametrize(("mean", "most"), [("0", 2), ("0.1", 2), ("1", 4), ("4", 9), ("20", 31), ("50", 67)])
def test_chance_alone_makes_no_more_in_ninety_nine_of_a_hundred_spans(mean: str, most: int):
    assert fraud.most_likely(Decimal(mean)) == most


def flag(key: str, value: bool) -> Feature:
    return Feature(key, value, "true", "", "shop")


def test_signals_of_a_bust_out_are_counted():
    sized = fraud.orders(TODAY, Decimal(5000), placed(1000, 1000, 1000, 1000, 1000), True)

    signals, led = fraud.bust_out(
        [*sized, flag("order_rush", True), flag("order_resaleable", False), fraud.ship_to("DE 3", ["DE 1"])]
    )

    assert signals == Feature(
        "bust_out_signals", Decimal(3), "≥ 2", "order_size_ratio ship_to_new order_rush", "orders"
    )
    assert led == Feature("bust_out_led", True, "true", "order_size_ratio", "orders")


def test_without_orders_before_nothing_goes_bust():
    first = [*fraud.orders(TODAY, Decimal(5000), [], None), flag("order_rush", True), flag("order_resaleable", True)]

    assert values(fraud.bust_out(first)) == {"bust_out_signals": None, "bust_out_led": None}


@pytest.mark.parametrize(
    ("hours", "before", "limit", "share"),
    [(1, False, 1000, "0.9000"), (49, False, 1000, "0"), (1, True, 1000, "0"), (1, False, 0, None)],
)
def test_a_first_order_soon_after_the_approval_is_seen_beside_the_limit(
    hours: float, before: bool, limit: int, share: str | None
):
    value = fraud.first_order(Decimal(900), Decimal(limit), NOW, NOW + timedelta(hours=hours), before).value

    assert value == (Decimal(share) if share is not None else None)


def test_references_that_are_the_applicant_or_another_ones_are_told():
    own = Reference("+493012345678", "jo@acme.de", "acme.de")
    wholesaler, friend, twin = (
        Reference(domain="grossist.de"),
        Reference(phone="+46812345678"),
        Reference(mailbox="x@acme.de", domain="acme.de"),
    )

    told = values(fraud.references(own, [wholesaler, friend, twin], {"b": [wholesaler], "c": [wholesaler, friend]}))

    assert told == {"reference_is_own": 1, "references_in_common": 2}
    assert values(fraud.references(own, [wholesaler], {"b": [wholesaler]})) == {
        "reference_is_own": 0,
        "references_in_common": 1,
    }
    assert values(
        fraud.references(
            Reference(mailbox="a@gmail.com", domain="gmail.com"),
            [Reference(mailbox="b@gmail.com", domain="gmail.com")],
            {},
        )
    ) == {
        "reference_is_own": 0,
        "references_in_common": 0,
    }


def test_the_best_of_the_lists_counts():
    matches = [Match(84, "EU", "1", "X", None), Match(97, "UN", "2", "Y", True)]

    assert values(fraud.sanctioned(matches)) == {"sanctions_score": 97, "sanctions_band": "block"}
    assert fraud.sanctioned(matches)[0].compared_with == "UN 2"
    assert values(fraud.sanctioned([])) == {"sanctions_score": 0, "sanctions_band": "none"}
    assert values(fraud.sanctioned(None)) == {"sanctions_score": None, "sanctions_band": None}


@pytest.mark.parametrize(
    ("created", "modified", "edited"),
    [
        ("2026-03-01T10:00", "2026-03-01T10:00", False),
        ("2026-03-01T10:00", "2026-06-01T10:00", True),
        ("2026-06-01T10:00", "2026-06-01T10:20", False),  # printed, signed, scanned later
        (None, "2026-06-01T10:00", None),
        ("2026-03-01T10:00", None, None),
    ],
)
def test_a_file_changed_after_the_day_of_issue_is_told(created: str | None, modified: str | None, edited: bool | None):
    at = [datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None for text in (created, modified)]

    assert fraud.document(date(2026, 3, 1), *at).value is edited


@pytest.mark.parametrize(
    ("name", "officers", "not_officer"),
    [
        ("Jo Meyer", ["Meyer, Jo", "Kim Weber"], False),
        ("Jo Meyer", ["Kim Weber"], True),
        ("Jo Meyer", [], None),
        ("", ["Kim Weber"], None),
    ],
)
def test_a_signer_is_one_of_the_officers(name: str, officers: list[str], not_officer: bool | None):
    assert fraud.signer(name, officers, "registry").value is not_officer


def test_every_feature_stands_in_the_table():
    told = {line.split("`")[1] for line in FEATURES.read_text().splitlines() if line.startswith("| `")}
    made = [
        *fraud.velocity((), [], NOW),
        *fraud.duplicates((), []),
        *fraud.lookalike([], [KNOWN], []),
        *fraud.mail(contacts.email("a@b.de"), "", []),
        fraud.ship_to("", []),
        *fraud.changes(None, None, NOW, NOW),
        fraud.bank_holder("", "", ""),
        *fraud.orders(TODAY, Decimal(1), [], None),
        fraud.rush(None, []),
        fraud.resaleable([], []),
        *fraud.bust_out([]),
        fraud.first_order(Decimal(1), Decimal(1), NOW, NOW, False),
        *fraud.references(Reference(), [], {}),
        *fraud.sanctioned(None),
        fraud.document(TODAY, None, None),
        fraud.signer("", [], ""),
    ]
    from_sources = FEATURES.read_text().rpartition("Which are told by a source")[2].split("`")[1::2]

    assert len({feature.key for feature in made}) == len(made)
    assert told == {feature.key for feature in made} | set(from_sources)
