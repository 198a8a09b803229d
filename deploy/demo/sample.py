"""Reads a business from CSV files: sellers, buyers, people, orders and what happens, as data and not code."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from receivables.common.v1 import party_pb2
from receivables.orders.v1.events_pb2 import AssetReported

from deploy.demo.orders import Line, Order, Party

FOLDER = Path(__file__).with_name("sample")
FIRST_DAY = date(2026, 3, 2)  # a Monday; the data count business days from it
OPENS = time(8, 0)
CLOSES = time(18, 0)  # after the end of the business day wherever the sellers are; UTC, as all times here


@dataclass(frozen=True, slots=True)
class Seller:
    """A tenant and its one legal entity; the fields are those of RegisterSeller."""

    tenant: str
    seller_id: str
    company: party_pb2.Company
    iban: str
    bic: str
    series_prefix: str
    time_zone: str
    contact_name: str
    contact_phone: str
    contact_email: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer's account at one seller, and what was agreed with it."""

    tenant: str
    account: str
    company: party_pb2.Company
    currency: str
    limit: Decimal
    net_days: int = 30
    invoice_on: str = "SHIPMENT"
    buyer_reference: str = ""
    # How its documents are written; empty: as usual.
    profile: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of a buyer, or of the seller if there is no account."""

    tenant: str
    contact: str
    account: str
    name: str
    email: str
    roles: tuple[str, ...]
    language: str
    wants_document: bool
    site: str


@dataclass(frozen=True, slots=True)
class Application:
    """A company without an account that applies for credit, and what it says of itself."""

    tenant: str
    application: str
    country: str
    currency: str
    # By key, as GiveFacts takes them; a document by the name of its file.
    facts: Mapping[str, str]
    documents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class News:
    """What a seller's people write for buyers before the first day; the fields are those of the desk's form."""

    tenant: str
    kind: str
    roles: tuple[str, ...]
    act: str
    days: int
    fallback: str
    # Title and body by language.
    texts: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of the story; which fields matter depends on `what` (deploy/demo/README.md)."""

    row: int
    tenant: str
    what: str
    about: str
    lines: tuple[tuple[str, str], ...]
    amount: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one instant; everything before it has come to rest."""

    at: datetime
    orders: Sequence[tuple[str, Order]] = ()
    happenings: Sequence[Happening] = ()
    # What the seller knows of things that buyers have.
    assets: Sequence[tuple[str, AssetReported]] = ()


@dataclass(frozen=True, slots=True)
class Business:
    """Everything that is played."""

    sellers: Sequence[Seller]
    buyers: Sequence[Buyer]
    contacts: Sequence[Contact]
    steps: Sequence[Step]
    news: Sequence[News] = ()
    applications: Sequence[Application] = ()

    def seller(self, tenant: str) -> Party:
        """What the tax tables ask about a seller."""
        [company] = [seller.company for seller in self.sellers if seller.tenant == tenant]
        return party(company)

    def buyer(self, tenant: str, account: str) -> Party:
        """What the tax tables ask about a buyer; a shop guesses that one it does not know is at home."""
        for buyer in self.buyers:
            if (buyer.tenant, buyer.account) == (tenant, account):
                return party(buyer.company)
        return self.seller(tenant)


def party(company: party_pb2.Company) -> Party:
    """What the tax tables ask about a company."""
    return Party(company.address.country, company.vat_id)


def load(folder: Path = FOLDER, *, days: int | None = None) -> Business:
    """Read a folder; with `days`, only what happens on the first so many business days."""
    buyers = [_buyer(row) for row in _rows(folder / "buyers.csv")]
    applications = [_application(row) for row in _rows(folder / "applications.csv")]
    currencies = {(buyer.tenant, buyer.account): buyer.currency for buyer in buyers}
    currencies |= {(one.tenant, one.application): one.currency for one in applications}
    items = {row["sku"]: row for row in _rows(folder / "items.csv")}
    end = _at(days + 1, "00:00") if days else datetime.max.replace(tzinfo=UTC)
    orders = [told for told in _orders(_rows(folder / "orders.csv"), items, currencies) if told[0] < end]
    story = (_happening(number, row) for number, row in enumerate(_rows(folder / "story.csv"), 1))
    happenings = [told for told in story if told[0] < end]
    assets = [told for told in _assets(_rows(folder / "assets.csv")) if told[0] < end]
    return Business(
        sellers=[_seller(row) for row in _rows(folder / "sellers.csv")],
        buyers=buyers,
        contacts=[_contact(row) for row in _rows(folder / "contacts.csv")],
        steps=_steps(orders, happenings, assets),
        news=list(_news(_rows(folder / "news.csv"))),
        applications=applications,
    )


def _steps(
    orders: Sequence[tuple[datetime, tuple[str, Order]]],
    happenings: Sequence[tuple[datetime, Happening]],
    assets: Sequence[tuple[datetime, tuple[str, AssetReported]]],
) -> list[Step]:
    """One step an instant, and one at the end of the last day, for what that brings; other days' comes next morning."""
    instants = {at for at, _ in orders} | {at for at, _ in happenings} | {at for at, _ in assets}
    instants.add(datetime.combine(max(instants).date(), CLOSES, UTC))
    return [
        Step(
            at,
            [order for when, order in orders if when == at],
            [what for when, what in happenings if when == at],
            [asset for when, asset in assets if when == at],
        )
        for at in sorted(instants)
    ]


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def _at(day: int, clock: str) -> datetime:
    """The instant of a business day, counted from 1."""
    weeks, rest = divmod(day - 1, 5)
    return datetime.combine(FIRST_DAY + timedelta(weeks=weeks, days=rest), time.fromisoformat(clock), UTC)


def _seller(row: Mapping[str, str]) -> Seller:
    company = _company(row)
    company.legal_id = row["legal_id"]
    names = "tenant seller_id iban bic series_prefix time_zone contact_name contact_phone contact_email"
    return Seller(company=company, **{name: row[name] for name in names.split()})


def _buyer(row: Mapping[str, str]) -> Buyer:
    return Buyer(
        tenant=row["tenant"],
        account=row["account"],
        company=_company(row),
        currency=row["currency"],
        limit=Decimal(row["limit"]),
        net_days=int(row["net_days"]),
        invoice_on=row["invoice_on"],
        buyer_reference=row["buyer_reference"],
        profile=row["profile"],
        format=row["format"],
    )


def _company(row: Mapping[str, str]) -> party_pb2.Company:
    return party_pb2.Company(
        name=row["name"],
        vat_id=row["vat_id"],
        address=party_pb2.Address(
            street=row["street"], city=row["city"], post_code=row["post_code"], country=row["country"]
        ),
        electronic_address=row["electronic_address"],
        electronic_address_scheme=row["electronic_address_scheme"],
    )


def _contact(row: Mapping[str, str]) -> Contact:
    return Contact(
        tenant=row["tenant"],
        contact=row["contact"],
        account=row["account"],
        name=row["name"],
        email=row["email"],
        roles=tuple(row["roles"].split()),
        language=row["language"],
        wants_document=row["wants_document"] == "yes",
        site=row["site"],
    )


def _application(row: Mapping[str, str]) -> Application:
    tenant, application, country, currency, *keys = row
    said = {key: row[key] for key in keys if row[key]}
    documents = {key: value for key, value in said.items() if value.endswith(".pdf")}
    facts = {key: value for key, value in said.items() if key not in documents}
    return Application(row[tenant], row[application], row[country], row[currency], facts, documents)


def _news(rows: Sequence[Mapping[str, str]]) -> Iterator[News]:
    """One for each group of rows: the first row says all but the texts."""
    for _, group in groupby(rows, key=lambda row: (row["tenant"], row["news"])):
        texts = list(group)
        first = texts[0]
        yield News(
            tenant=first["tenant"],
            kind=first["kind"],
            roles=tuple(first["roles"].split()),
            act=first["act"],
            days=int(first["days"]),
            fallback=first["language"],
            texts={row["language"]: (row["title"], row["body"]) for row in texts},
        )


def _orders(
    rows: Sequence[Mapping[str, str]],
    items: Mapping[str, Mapping[str, str]],
    currencies: Mapping[tuple[str, str], str],
) -> Iterator[tuple[datetime, tuple[str, Order]]]:
    for (tenant, _, _), group in groupby(rows, key=lambda row: (row["tenant"], row["order"], row["version"])):
        lines = list(group)
        first = lines[0]
        at = _at(int(first["day"]), first["at"])
        # An unknown buyer orders in the currency of the first buyer of that seller.
        currency = currencies.get((tenant, first["account"])) or next(
            c for (t, _), c in currencies.items() if t == tenant
        )
        order = Order(
            order_id=first["order"],
            version=int(first["version"]),
            account_id=first["account"],
            currency=currency,
            placed_on=at.date(),
            promised_ship_on=at.date() + timedelta(days=int(first["promised_in_days"])),
            lines=[_line(row, items[row["sku"]], currency) for row in lines],
            site=first["site"],
            purchase_order=first["purchase_order"],
        )
        yield at, (tenant, order)


def _line(row: Mapping[str, str], item: Mapping[str, str], currency: str) -> Line:
    return Line(
        line_id=row["line"],
        sku=row["sku"],
        name=item["name"],
        quantity=Decimal(row["quantity"]),
        unit_price=Decimal(item[currency]),
        unit=item["unit"],
        tax_class=item["tax_class"],
        asset_id=row["asset"],
    )


def _assets(rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[datetime, tuple[str, AssetReported]]]:
    """What is told of an asset at one instant: a row for each reading."""
    for (day, clock, tenant, _), group in groupby(
        rows, key=lambda row: [row[n] for n in ("day", "at", "tenant", "asset")]
    ):
        readings = list(group)
        first, at = readings[0], _at(int(day), clock)
        told = AssetReported(
            asset_id=first["asset"],
            account_id=first["account"],
            serial_number=first["serial_number"],
            name=first["name"],
            in_service_since=first["in_service_since"],
            next_visit_on=first["next_visit_on"],
            scope=party_pb2.Scope(site=first["site"]),
        )
        told.reported_at.FromDatetime(at)
        for row in readings:
            told.readings.add(name=row["reading"], value=row["value"], unit=row["unit"]).taken_at.FromDatetime(at)
        yield at, (tenant, told)


def _happening(number: int, row: Mapping[str, str]) -> tuple[datetime, Happening]:
    lines = tuple(_pair(pair) for pair in row["lines"].split())
    happening = Happening(number, row["tenant"], row["what"], row["about"], lines, row["amount"], row["text"])
    return _at(int(row["day"]), row["at"]), happening


def _pair(text: str) -> tuple[str, str]:
    line, _, quantity = text.partition(":")
    return line, quantity
