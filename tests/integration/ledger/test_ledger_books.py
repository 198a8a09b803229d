"""The database holds the books: whoever writes, nothing that does not add up is committed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors
from receivables.ledger.v1 import events_pb2

from services.chassis.ids import new_id
from services.chassis.migrate import check_role
from services.kernel.money import Money
from services.ledger.domain import entries
from services.ledger.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.ledger.desk import Desk, credited, disputed, issued, moved, registered, resolved

ENTRY = """INSERT INTO entry (tenant, entry_id, account_id, kind, reference, event_id, actor, reason, booked_at, effective_on)
           VALUES ('acme', %(id)s::uuid, 'b1', 'manual', %(id)s::text, %(id)s::text, 'a', 'r', now(), now())"""
ITEM = """INSERT INTO item (tenant, invoice_id, number, match_key, account_id, order_id, final, issued_on, due_on, currency,
                            amount_minor, open_minor)
          VALUES ('acme', 'x', 'X', 'X', 'b1', 'o', true, now(), now(), 'EUR', 100, 100)"""
POSTING = "INSERT INTO posting (tenant, account_id, entry_id, line, chart_account, currency, minor) VALUES "


def postings(*lines: tuple[int, str, int], start: int = 1) -> str:
    return POSTING + ", ".join(
        f"('acme', 'b1', %(id)s::uuid, {n}, {account}, '{currency}', {minor})"
        for n, (account, currency, minor) in enumerate(lines, start)
    )


INVOICE = postings((1100, "EUR", 100), (4000, "EUR", -100))


def write(url: str, *statements: str, tenant: str = "acme", then_serve: str = "") -> None:
    """One transaction as the role of this address."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [tenant])
        entry_id = new_id()
        for statement in statements:
            connection.execute(statement, {"id": entry_id})
        if then_serve:
            connection.execute("SELECT set_config('ar.tenants', %s, true)", [then_serve])


@pytest.fixture(params=["server", "owner"])
def url(request: pytest.FixtureRequest, desk: Desk) -> str:
    """Give the address of the role that serves, then that of the owner."""
    given: Any = desk.parts.settings
    role = given.database_url if request.param == "server" else given.owner_database_url
    return str(role.get_secret_value())


@pytest.mark.parametrize(
    "lines",
    [
        [(1100, "EUR", 11_900), (4000, "EUR", -10_000), (2200, "EUR", -1_899)],
        [(1100, "EUR", 100), (4000, "SEK", -100)],
        [(1100, "EUR", 100), (9001, "EUR", -100)],
        [(1100, "EUR", 100)],
    ],
)
async def test_an_entry_one_cent_off_is_refused(desk: Desk, url: str, lines: list[tuple[int, str, int]]):
    await desk.follow(registered())

    with pytest.raises(errors.CheckViolation, match="does not balance"):
        write(url, ENTRY, ITEM, postings(*lines))


async def test_an_entry_that_balances_with_its_item_is_taken(desk: Desk, url: str):
    await desk.follow(registered())

    write(url, ENTRY, INVOICE, ITEM)

    assert await desk.trial() == {"1100": 100, "4000": -100}


@pytest.mark.parametrize("statements", [(ENTRY, INVOICE), (ITEM,)])
async def test_receivables_without_an_item_or_an_item_without_receivables_is_refused(
    desk: Desk, url: str, statements: tuple[str, ...]
):
    await desk.follow(registered())

    with pytest.raises(errors.CheckViolation, match="account 1100 of acme/b1"):
        write(url, *statements)


async def test_an_item_of_another_account_does_not_count(desk: Desk, url: str):
    await desk.follow(registered(), registered("b2"))

    with pytest.raises(errors.CheckViolation, match="account 1100"):
        write(url, ENTRY, INVOICE, ITEM.replace("'b1'", "'b2'"))


async def test_the_check_at_the_commit_cannot_be_hidden_by_changing_the_tenants(desk: Desk, url: str):
    await desk.follow(registered())

    with pytest.raises(errors.CheckViolation, match="account 1100"):
        write(url, ENTRY, INVOICE, then_serve="other")


async def test_nothing_is_added_to_an_entry_afterwards(desk: Desk, url: str):
    await desk.follow(registered())

    with pytest.raises(errors.CheckViolation, match="nothing can be added"):
        write(url, ENTRY, INVOICE, ITEM, postings((1000, "EUR", 5), (2100, "EUR", -5), start=3))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET minor = minor + 1",
        "DELETE FROM posting",
        "UPDATE entry SET effective_on = '2020-01-01'",
        "DELETE FROM entry",
        "UPDATE allocation SET amount_minor = 1",
        "DELETE FROM allocation",
        "TRUNCATE posting, entry CASCADE",
    ],
)
async def test_what_is_booked_stays(desk: Desk, url: str, statement: str):
    await desk.follow(registered(), issued())
    await desk.pay("p1", 100)

    with pytest.raises((errors.InsufficientPrivilege, errors.CheckViolation)):
        write(url, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE balance SET minor = 0",
        "INSERT INTO balance VALUES ('acme', 'b1', 'SEK', 1100, 1, 1)",
        "UPDATE item SET open_minor = 0",
        "DELETE FROM item",
        "UPDATE payment SET applied_minor = 0",
        "DELETE FROM credit_note",
    ],
)
async def test_the_server_changes_no_figure_that_follows_from_what_is_booked(desk: Desk, statement: str):
    await desk.follow(registered(), issued())
    server: Any = desk.parts.settings.database_url

    with pytest.raises(errors.InsufficientPrivilege):
        write(server.get_secret_value(), statement)


@pytest.mark.parametrize(
    ("payment", "invoice", "minor", "broken"),
    [("big", "i1", 11_401, "item_not_below_zero"), ("small", "i2", 1, "payment_not_overspent")],
)
async def test_no_allocation_exceeds_its_item_or_its_payment(
    desk: Desk, url: str, payment: str, invoice: str, minor: int, broken: str
):
    await desk.follow(registered())
    await desk.pay("big", 30_000)  # before there is anything to pay
    await desk.follow(issued("i1"), issued("i2"))
    await desk.pay("small", 500, "RE-i1")

    with pytest.raises(errors.CheckViolation) as refused:
        write(
            url,
            f"""INSERT INTO allocation (tenant, allocation_id, invoice_id, payment_id, amount_minor, evidence, nth,
                                        effective_on)
                VALUES ('acme', %(id)s::uuid, '{invoice}', '{payment}', {minor}, 'oldest_due', 9, now())""",
        )
    assert refused.value.diag.constraint_name == broken


async def test_a_broken_entry_parks_its_event_and_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    honest = entries.invoice_issued

    def off(invoice: Any, cause: Any) -> Any:
        entry = honest(invoice, cause)
        if invoice.invoice_id == "i2":  # balanced, but 1100 is a cent above what the item says
            receivables, revenue, vat = entry.postings
            more = entries.Posting(receivables.account, receivables.amount + Money(1, "EUR"))
            less = entries.Posting(revenue.account, revenue.amount - Money(1, "EUR"))
            return replace(entry, postings=(more, less, vat))
        return entry

    monkeypatch.setattr(entries, "invoice_issued", off)
    await desk.follow(registered(), issued("i1"), issued("i2"), issued("i3"))

    assert [(reason, code) for reason, code, _ in await desk.parked()] == [("failed", "defect.CheckViolation")]
    assert (await desk.trial())["1100"] == 2 * 11_900
    assert [told.invoice_id for _, _, told in await desk.told()] == ["i1", "i3"]


async def test_the_serving_role_is_held_by_row_level_security(open_service: OpenService):
    async with open_service(SERVICE) as parts, parts.database.pool.connection() as connection:
        await check_role(connection)


async def test_two_tenants_never_see_each_others(desk: Desk):
    await desk.follow(registered(), issued(net=100, tax=0))
    await desk.follow(registered(tenant="blue"), issued(tenant="blue", net=7, tax=0))

    assert await desk.trial() == {"1100": 100, "4000": -100}
    assert await desk.trial(tenant="blue") == {"1100": 7, "4000": -7}
    assert await desk.items(tenant="blue") == {"i1": (7, 0)}
    for table in ("account", "entry", "posting", "balance", "item", "payment", "credit_note", "allocation", "dispute"):
        rows = await desk.rows(f"SELECT DISTINCT tenant FROM {table}", tenant="blue")
        assert {row.tenant for row in rows} <= {"blue"}


WHICH = st.integers(0, 4)
CURRENCY = st.sampled_from(["EUR", "SEK"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("invoice"), WHICH, st.integers(0, 5_000), CURRENCY),
        st.tuples(st.just("credit"), WHICH, st.integers(1, 3_000), st.integers(0, 3)),
        st.tuples(st.just("payment"), st.integers(1, 8_000), WHICH, CURRENCY),
        st.tuples(st.just("dispute"), WHICH, st.integers(1, 900), st.integers(0, 2)),
        st.tuples(
            st.just("move"),
            WHICH,
            st.integers(0, 2),
            st.sampled_from(["REJECTED", "APPEALED", "WITHDRAWN", "RESOLVED"]),
        ),
    ),
    min_size=5,
    max_size=25,
)


# What each event adds to or takes from where the account stands; an item that was paid is told beside its CashApplied.
MOVES = {
    "ItemOpened": [("open", 1)],
    "ItemReduced": [("open", -1)],
    "CreditKept": [("credits", 1)],
    "PaymentReceived": [("unapplied", 1)],
    "CashApplied": [("unapplied", -1), ("open", -1)],
}


class Player:
    """Plays steps at a desk, each its own batch, and keeps count of what must come out."""

    def __init__(self, desk: Desk, tenant: str) -> None:
        self.desk = desk
        self.tenant = tenant
        self.payments = 0
        self.invoices: dict[str, tuple[int, str]] = {}
        self.notes: dict[str, tuple[int, str]] = {}
        self.cash = {"EUR": 0, "SEK": 0}

    async def invoice(self, which: int, minor: int, currency: str) -> None:
        if self.invoices.setdefault(f"i{which}", (minor, currency)) == (minor, currency):
            await self.desk.follow(issued(f"i{which}", minor, 0, currency=currency, tenant=self.tenant))

    async def credit(self, which: int, minor: int, note: int) -> None:
        _, currency = self.invoices.get(f"i{which}", (0, ""))
        key = f"c{which}-{note}"
        if currency and self.notes.setdefault(key, (minor, currency)) == (minor, currency):
            await self.desk.follow(credited(f"i{which}", minor, 0, note=key, currency=currency, tenant=self.tenant))

    async def payment(self, minor: int, which: int, currency: str) -> None:
        if currency not in {"EUR", *(c for _, c in self.invoices.values())}:
            return
        self.payments += 1
        await self.desk.pay(f"p{self.payments}", minor, f"RE-i{which}", currency=currency, tenant=self.tenant)
        self.cash[currency] += minor

    async def dispute(self, which: int, minor: int, case: int) -> None:
        if self.invoices.get(f"i{which}", (0, ""))[1] == "EUR":
            await self.desk.follow(disputed(f"d{which}-{case}", minor, invoice=f"i{which}", tenant=self.tenant))

    async def move(self, which: int, case: int, to: str) -> None:
        if self.invoices.get(f"i{which}", (0, ""))[1] != "EUR":
            return
        make: Callable[..., Any] = resolved if to == "RESOLVED" else lambda d, **k: moved(to, d, 500, **k)
        await self.desk.follow(make(f"d{which}-{case}", invoice=f"i{which}", tenant=self.tenant))

    def billed(self, currency: str) -> int:
        issued_minor = sum(minor for minor, c in self.invoices.values() if c == currency)
        return issued_minor - sum(minor for minor, c in self.notes.values() if c == currency)

    async def check(self, currency: str) -> None:
        trial = await self.desk.trial(currency, tenant=self.tenant)
        where = f"currency = '{currency}'"
        [items] = await self.desk.rows(
            f"SELECT coalesce(sum(open_minor), 0) AS n, min(open_minor) AS least FROM item WHERE {where}", self.tenant
        )
        [paid] = await self.desk.rows(
            f"""SELECT coalesce(sum(applied_minor), 0) AS applied, bool_and(applied_minor = (SELECT coalesce(sum(a.amount_minor), 0)
                  FROM allocation a WHERE a.payment_id = payment.payment_id)) AS agrees FROM payment WHERE {where}""",
            self.tenant,
        )
        assert trial.get("1100", 0) == items.n
        assert items.least is None or items.least >= 0
        assert paid.agrees is not False
        assert trial.get("1000", 0) == self.cash[currency]
        assert -trial.get("2100", 0) == self.cash[currency] - paid.applied
        assert trial.get("1100", 0) + paid.applied + trial.get("2110", 0) == self.billed(currency)

    async def check_told(self) -> None:
        """Every event says where the account stands after all that was told before it, and itself."""
        stands: Counter[tuple[str, str]] = Counter()
        told = [(kind, m) for kind, _, m in await self.desk.told(self.tenant)]
        for kind, m in told:
            currency = m.amount.currency
            for name, sign in MOVES[kind]:
                if kind != "ItemReduced" or m.by == events_pb2.REDUCTION_CREDITED:
                    stands[currency, name] += sign * m.amount.minor
            for standing in m.after:
                for name in ("open", "unapplied", "credits"):
                    part = getattr(standing, name)
                    assert part.minor == stands[part.currency, name], (kind, name)
        if told:
            after = {s.open.currency: s for s in told[-1][1].after}
            for currency, balance in (await self.desk.account(tenant=self.tenant)).items():
                assert {n: getattr(after[currency], n).minor for n in ("open", "unapplied", "credits")} == {
                    n: balance[n] for n in ("open", "unapplied", "credits")
                }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_happens_the_books_of_the_database_add_up(desk: Desk, steps: list[tuple[Any, ...]]):
    player = Player(desk, f"t-{new_id()}")  # the database is shared by the examples, a tenant is not
    await desk.follow(registered(tenant=player.tenant))
    for name, *arguments in steps:
        await getattr(player, name)(*arguments)

    assert await desk.parked() == []
    for currency in ("EUR", "SEK"):
        await player.check(currency)
    await player.check_told()
    unbalanced = await desk.rows(
        "SELECT FROM posting GROUP BY entry_id, currency, chart_account >= 9000 HAVING sum(minor) <> 0", player.tenant
    )
    assert unbalanced == []
