"""The portal's pages over the real services, at a million invoices of one tenant: what a reader waits for.

The stock is that of `tests/prove/volume`; its people sign in by mail, and read one page after the other as a browser
without script would. One in ten of all rows is the large buyer's, who has paid all but what it had in the last forty days;
the small buyer has fifty.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

import psycopg
from psycopg.conninfo import make_conninfo

from deploy.demo.calls import Services
from deploy.demo.desk import Desk
from deploy.demo.sample import Contact
from deploy.demo.stack import SERVICES, Stack
from deploy.demo.visit import NotAsWantedError, Visit, wait_for
from tests.benchmark import business, report
from tests.benchmark.effort import Effort
from tests.benchmark.report import Section
from tests.benchmark.stand import FellOverError, Ground, ground
from tests.prove.volume import stock

TENANT = "acme"
OVERVIEW_MS, PAGE_MS = 150, 100  # p95, at most
ROUNDS, WARM_ROUNDS = 60, 5
QUICK_ROWS = 2_000
# A hundred thousand open items of one buyer are for the proofs of volume: who reads pages pays.
_PAID = "UPDATE item SET open_minor = 0 WHERE tenant = %s AND account_id = 'b0' AND issued_on < current_date - 40"
# All that a page shows is asked for whoever has these roles.
_BUYERS = ("ACCOUNT_ADMIN", "PROCUREMENT", "AP_MANAGER")
_SELLERS = ("CREDIT", "BILLING", "CASH_APP", "DISPUTE_OWNER", "SALES", "SELLER_ADMIN")
READERS = {
    "large buyer": Contact(TENANT, "reader-b0", "b0", "Rea", "rea@b0.example", _BUYERS, "en", False, ""),
    "small buyer": Contact(TENANT, "reader-b7", "b7", "Rob", "rob@b7.example", _BUYERS, "en", False, ""),
    "seller": Contact(TENANT, "reader", "", "Ria", "ria@acme.example", _SELLERS, "en", False, ""),
}
KNOWN = {"large buyer": 100, "small buyer": 7}  # the number of a row of theirs
PAGES = {
    "buyer": (
        "/",
        "/orders",
        "/orders/{order}",
        "/orders/new",
        "/invoices",
        "/invoices?q={number}",
        "/invoices/{number}",
        "/disputes",
        "/pay",
        "/balance",
        "/credit",
        "/people",
        "/messages",
        "/profile",
    ),
    "seller": (
        "/desk",
        "/desk/credit",
        "/desk/billing",
        "/desk/cash",
        "/desk/disputes",
        "/desk/accounts",
        "/desk/accounts/b0",
        "/desk/accounts/b7",
    ),
}


def pages(effort: Effort) -> Section:
    """The wait for each page, by who reads it."""
    with ground(effort.say) as on, _portal(on, effort) as (stack, base):
        found: dict[str, Mapping[str, Sequence[float]]] = {}
        for who, contact in READERS.items():
            effort.say(f"Pages as the {who} reads them")
            row = KNOWN.get(who, 0)
            paths = [path.format(order=f"o{row}", number=f"OLD-{row}") for path in PAGES["buyer" if row else "seller"]]
            found[who] = _read(base, on.servers.mail_folder, contact.email, paths, effort)
        stack.check()
    rows = QUICK_ROWS if effort.quick else stock.ROWS
    text = (
        f"{report.conditions(effort)}. {rows:,} invoices of one tenant, a tenth of them the large buyer's, those of the"
        f" last forty days open; one reader"
        f" at a time, {ROUNDS} times each page. Aim: p95 at most {PAGE_MS} ms, the overview {OVERVIEW_MS} ms."
    )
    return Section("pages", "The portal's pages", f"{text}\n\n{_table(found)}")


def _table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    rows = []
    for who, waits in found.items():
        for path, seconds in waits.items():
            cuts = quantiles(seconds, n=20, method="inclusive")
            rows.append([who, f"`{path}`", f"{cuts[9] * 1000:.0f}", f"{cuts[18] * 1000:.0f}"])
    return report.table(["reader", "page", "p50, ms", "p95, ms"], rows)


def _read(base: str, mails: Path, address: str, paths: Sequence[str], effort: Effort) -> Mapping[str, Sequence[float]]:
    """All pages in turn, again and again."""
    waits: dict[str, list[float]] = {path: [] for path in paths}
    rounds, warm = (2, 1) if effort.quick else (ROUNDS, WARM_ROUNDS)
    try:
        with Visit(base, mails, address) as visit:
            for nth in range(warm + rounds):
                for path in paths:
                    began = time.perf_counter()
                    visit.page(path)
                    if nth >= warm:
                        waits[path].append(time.perf_counter() - began)
    except NotAsWantedError as error:
        raise FellOverError(str(error)) from None
    return waits


@contextmanager
def _portal(on: Ground, effort: Effort) -> Iterator[tuple[Stack, str]]:
    """All services with the stock, and the portal's address."""
    settings = {"AR_CLOCK": "system", "AR_LOG_LEVEL": "WARNING"}
    rows = QUICK_ROWS if effort.quick else stock.ROWS

    def fill(service: str, database: str) -> None:
        if service in SERVICES:
            effort.say(f"Filling the database of {service} with {rows:,} rows of each thing")
            at = make_conninfo(on.servers.admin_database_url, dbname=database)
            stock.fill(at, service, rows)
            if service == "ledger":
                with psycopg.connect(at) as ledger:
                    ledger.execute(_PAID, [TENANT])

    with ExitStack() as opened:
        effort.say("Starting six services")
        stack = opened.enter_context(
            Stack(on.servers, on.folder, prefix="bench_pages", say=lambda _: None, settings=settings, stock=fill)
        )
        services = opened.enter_context(Services(stack.addresses, stack.issuers))
        desk = Desk(services, TENANT)
        desk.register_seller(business.seller())
        for contact in READERS.values():
            desk.register_contact(contact)
        base = stack.open_portal(TENANT, "Acme", f"{TENANT}.localhost")
        wait_for(base)
        yield stack, base
