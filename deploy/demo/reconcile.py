"""Proves the figures from outside: the documents as files, the ledger and credit by SQL and gRPC, must say the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from deploy.demo import papers
from deploy.demo.calls import Services, pages
from deploy.demo.papers import BrokenPaperError, Paper
from deploy.demo.stack import rows
from deploy.local.postgres import DatabaseUrls
from services.kernel.money import Money

PAGE = 1000
CONTROL, BANK, UNAPPLIED, CREDITS, VAT, ROUNDING, HELD = 1100, 1000, 2100, 2110, 2200, 7900, 9000
GIVEN_UP = 6100  # at the end of a case, without a document
NET = (4000, 4010, 4040, 2210)  # revenue, returns, goodwill, and the sales tax that stands as lines of their own

Place = tuple[str, str, str]  # tenant, account, currency


@dataclass(slots=True)
class Said:
    """What the services say of one buyer's account in one currency, in major units; debit is above zero."""

    postings: defaultdict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    open_items: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    applied: Decimal = Decimal(0)
    used: Decimal = Decimal(0)
    held: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as invoicing lists it."""

    tenant: str
    account: str
    number: str


@dataclass(slots=True)
class Evidence:
    """Everything that is compared."""

    papers: Mapping[str, Paper]
    broken: Sequence[str]
    listed: Sequence[Listed]
    said: Mapping[Place, Said]
    # Entries of the ledger whose postings do not add up to zero.
    unbalanced: Sequence[str]
    # Events that a service could not handle because of a defect.
    failed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Result:
    """What was compared, and what differed; nothing should."""

    documents: int
    accounts: int
    differences: Sequence[str]


def reconcile(
    folder: Path, services: Services, databases: Mapping[str, DatabaseUrls], tenants: Sequence[str]
) -> Result:
    """Compare the files of a folder with what the services say now; they must be at rest."""
    evidence = gather(folder, services, databases, tenants)
    return Result(len(evidence.papers), len(evidence.said), list(differences(evidence)))


def differences(evidence: Evidence) -> Iterator[str]:
    """Say everything that does not agree, in words that name it."""
    yield from evidence.broken
    yield from evidence.unbalanced
    yield from evidence.failed
    yield from _files_and_list(evidence)
    yield from _gaps(evidence.papers)
    sums = _papers_by_place(evidence)
    for place in sorted(sums.keys() | evidence.said.keys()):
        found = evidence.said.get(place, Said())
        yield from _account(" ".join(place), sums.get(place, []), found)


def _account(name: str, documents: Sequence[Paper], said: Said) -> Iterator[str]:
    """One account; the sums of a tenant agree when each of its accounts does."""
    total = sum((paper.gross for paper in documents), Decimal(0))
    ledger, credits_ = said.postings, -said.postings[CREDITS]
    rounded = -ledger[ROUNDING]  # in cash: due, and in no total of a document
    owed = total - ledger[GIVEN_UP]
    equations = (
        (
            "documents less 6100",
            owed,
            "1100 + cash applied - 2110",
            ledger[CONTROL] + said.applied - credits_ - rounded,
        ),
        ("documents less 6100", owed, "credit's used + cash received", said.used + said.received - rounded),
        ("net of documents", sum((p.net for p in documents), Decimal(0)), "revenue", -sum(ledger[a] for a in NET)),
        ("tax of documents", sum((p.tax for p in documents), Decimal(0)), "2200", -ledger[VAT]),
        ("1100", ledger[CONTROL], "open items", said.open_items),
        ("1000", ledger[BANK], "cash received", said.received),
        ("2100", -ledger[UNAPPLIED], "cash received - cash applied", said.received - said.applied),
        ("9000", ledger[HELD], "credit's held", said.held),
    )
    for left, ours, right, theirs in equations:
        if ours != theirs:
            yield f"{name}: {left} {ours:,f} is not {right} {theirs:,f} (difference {ours - theirs:,f})"


def _files_and_list(evidence: Evidence) -> Iterator[str]:
    listed = {document.number for document in evidence.listed}
    for number in sorted(listed - evidence.papers.keys()):
        yield f"{number} was issued and has no file"
    for number in sorted(evidence.papers.keys() - listed):
        yield f"{number} is a file and was never issued"


def _gaps(numbers: Iterable[str]) -> Iterator[str]:
    """Each series counts from 1 without a gap; the series is what stands before the last dash."""
    series: defaultdict[str, set[int]] = defaultdict(set)
    for number in numbers:
        prefix, _, counter = number.rpartition("-")
        series[prefix].add(int(counter))
    for prefix, found in sorted(series.items()):
        if gap := sorted(set(range(1, max(found) + 1)) - found):
            yield f"series {prefix} lacks {', '.join(f'{n:06d}' for n in gap[:10])}"


def _papers_by_place(evidence: Evidence) -> dict[Place, list[Paper]]:
    places: defaultdict[Place, list[Paper]] = defaultdict(list)
    for document in evidence.listed:
        if (paper := evidence.papers.get(document.number)) is not None:
            places[(document.tenant, document.account, paper.currency)].append(paper)
    return dict(places)


def gather(folder: Path, services: Services, databases: Mapping[str, DatabaseUrls], tenants: Sequence[str]) -> Evidence:
    """Read the files, ask the services."""
    found, broken = _read_papers(folder)
    said: defaultdict[Place, Said] = defaultdict(Said)
    _ask_ledger(databases["ledger"], tenants, said)
    for tenant in tenants:
        _ask_credit(services, tenant, said)
    return Evidence(
        papers=found,
        broken=broken,
        listed=[document for tenant in tenants for document in listed(services, tenant)],
        said=said,
        unbalanced=[
            f"ledger: entry {entry} of {tenant} is off by {minor} minor units of {currency}"
            for tenant, entry, currency, minor in rows(databases["ledger"], tenants, UNBALANCED)
        ],
        failed=[
            f"{name}: {count} events are parked because of a defect ({code})"
            for name, database in databases.items()
            for code, count in rows(database, tenants, FAILED)
        ],
    )


def listed(services: Services, tenant: str) -> list[Listed]:
    """Every document that invoicing lists for a tenant."""

    def ask(token: str) -> tuple[Iterable[Any], str]:
        request = invoicing_pb2.ListInvoicesRequest(page_size=PAGE, page_token=token)
        answer = services.read(services.invoicing.ListInvoices, request, tenant=tenant)
        return answer.documents, answer.next_page_token

    documents = [d.invoice if d.HasField("invoice") else d.credit_note for d in pages(ask)]
    return [Listed(tenant, document.account_id, document.number) for document in documents]


def _read_papers(folder: Path) -> tuple[dict[str, Paper], list[str]]:
    found, broken = {}, []
    for file in sorted(file for file in folder.iterdir() if file.suffix in papers.SUFFIXES):
        try:
            paper = papers.read(file)
        except BrokenPaperError as error:
            broken.append(str(error))
            continue
        if paper.number != file.stem:
            broken.append(f"{file.name} holds the document {paper.number}")
        found[paper.number] = paper
    return found, broken


# What the ledger wrote, added up by us and not by its triggers.
POSTINGS = """SELECT e.tenant, e.account_id, p.currency, p.chart_account, sum(p.minor)
                FROM posting p JOIN entry e USING (tenant, entry_id) GROUP BY 1, 2, 3, 4"""
ITEMS = "SELECT tenant, account_id, currency, sum(open_minor) FROM item GROUP BY 1, 2, 3"
RECEIVED = "SELECT tenant, account_id, currency, sum(amount_minor) FROM payment GROUP BY 1, 2, 3"
APPLIED = """SELECT i.tenant, i.account_id, i.currency, sum(a.amount_minor)
               FROM allocation a JOIN item i USING (tenant, invoice_id) WHERE a.payment_id IS NOT NULL GROUP BY 1, 2, 3"""
UNBALANCED = """SELECT tenant, entry_id::text, currency, sum(minor) FROM posting
                 GROUP BY tenant, entry_id, currency, chart_account >= 9000 HAVING sum(minor) <> 0"""
FAILED = "SELECT code, count(*) FROM parked WHERE closed_at IS NULL AND reason = 'failed' GROUP BY code"


def _ask_ledger(database: DatabaseUrls, tenants: Sequence[str], said: defaultdict[Place, Said]) -> None:
    ask = partial(rows, database, tenants)
    for tenant, account, currency, chart_account, minor in ask(POSTINGS):
        said[(tenant, account, currency)].postings[chart_account] = _major(minor, currency)
    for tenant, account, currency, minor in ask(ITEMS):
        said[(tenant, account, currency)].open_items = _major(minor, currency)
    for tenant, account, currency, minor in ask(RECEIVED):
        said[(tenant, account, currency)].received = _major(minor, currency)
    for tenant, account, currency, minor in ask(APPLIED):
        said[(tenant, account, currency)].applied = _major(minor, currency)


def _ask_credit(services: Services, tenant: str, said: defaultdict[Place, Said]) -> None:
    def ask(token: str) -> tuple[Iterable[Any], str]:
        request = credit_pb2.ListAccountsRequest(page_size=PAGE, page_token=token)
        answer = services.read(services.credit.ListAccounts, request, tenant=tenant)
        return answer.accounts, answer.next_page_token

    for account in pages(ask):
        place = said[(tenant, account.account_id, account.limit.currency)]
        place.used = _major(account.used.minor, account.used.currency)
        place.held = _major(account.held.minor, account.held.currency)


def _major(minor: Any, currency: str) -> Decimal:
    return Money(int(minor), currency).decimal
