"""What the business came to: figures from the public topics and calls, as pages for people and JSON for programs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from deploy.demo import applied
from deploy.demo.calls import Services, pages
from deploy.demo.feed import Fact
from deploy.demo.reconcile import Result
from deploy.demo.stack import rows
from deploy.local.postgres import DatabaseUrls
from services.kernel.money import Money

PAGE = 1000
MONEY = ("credited", "paid", "open", "disputed", "unapplied")
OUTCOMES = {
    credit_pb2.OUTCOME_APPROVED: "approved",
    credit_pb2.OUTCOME_REFERRED: "referred",
    credit_pb2.OUTCOME_DECLINED: "declined",
}
# A mail is one piece of paper; a digest holds several messages. Who gets a document without a role is an AP clerk's.
MESSAGES = """SELECT message.tenant, coalesce(nullif(role, ''), 'DOCUMENT'), count(*) FROM message GROUP BY 1, 2"""
MAILS = """SELECT tenant, state, count(*) FROM mail
            WHERE EXISTS (SELECT FROM message WHERE message.tenant = mail.tenant
                             AND message.contact_id = mail.contact_id AND message.mail_key = mail.key) GROUP BY 1, 2"""
WRITTEN = "SELECT tenant, channel, count(*) FROM thread_message GROUP BY 1, 2"
PARKED = "SELECT reason, code, count(*) FROM parked WHERE closed_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2"

Figures = dict[str, Any]


@dataclass(slots=True)
class Documents:
    """Invoices, or credit notes, of one seller and currency; amounts in minor units."""

    count: int = 0
    net: int = 0
    tax: int = 0
    gross: int = 0

    def add(self, body: Any) -> None:
        """One more."""
        self.count += 1
        self.net += body.net_minor
        self.tax += body.tax_minor
        self.gross += body.gross_minor


@dataclass(slots=True)
class Seller:
    """One seller's business in one currency; amounts in minor units."""

    orders: set[str] = field(default_factory=set)
    decisions: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in OUTCOMES.values()})
    invoices: Documents = field(default_factory=Documents)
    credit_notes: Documents = field(default_factory=Documents)
    received: int = 0
    paid: int = 0
    open: int = 0
    disputed: int = 0

    def figures(self, currency: str) -> Figures:
        """The same as plain values, amounts in major units."""
        return {
            "orders": len(self.orders),
            "decisions": {outcome: dict(sorted(reasons.items())) for outcome, reasons in self.decisions.items()},
            "invoices": _documents(self.invoices, currency),
            "credit_notes": _documents(self.credit_notes, currency),
            "received": _major(self.received, currency),
            "paid": _major(self.paid, currency),
            "unapplied": _major(self.received - self.paid, currency),
            "credited": _major(self.credit_notes.gross, currency),
            "open": _major(self.open, currency),
            "disputed": _major(self.disputed, currency),
        }


def figures(
    facts: Sequence[Fact], services: Services, databases: Mapping[str, DatabaseUrls], tenants: Sequence[str]
) -> Figures:
    """Everything that summary.json holds, but for what only the player and the reconciliation know."""
    sellers: defaultdict[tuple[str, str], Seller] = defaultdict(Seller)
    numbers: defaultdict[str, set[str]] = defaultdict(set)
    refused: Counter[str] = Counter()
    for fact in facts:
        if fact.body is not None and fact.tenant in tenants:
            _note(fact, sellers, numbers, refused)
    for tenant in tenants:
        _ask_open(services, tenant, sellers)
    return {
        "sellers": {
            tenant: {c: seller.figures(c) for (t, c), seller in sorted(sellers.items()) if t == tenant}
            for tenant in tenants
        },
        "series": {series: _series(found) for series, found in sorted(numbers.items())},
        "applications": applied.applications(facts, tenants),
        "groups": applied.groups(services, tenants),
        "refused_events": dict(sorted(refused.items())),
        "messages": _by_tenant(rows(databases["notifications"], tenants, MESSAGES)),
        "mails": _by_tenant(rows(databases["notifications"], tenants, MAILS)),
        "written": _by_tenant(rows(databases["notifications"], tenants, WRITTEN)),
        "parked": {name: _parked(database, tenants) for name, database in databases.items()},
    }


def _note(
    fact: Fact,
    sellers: defaultdict[tuple[str, str], Seller],
    numbers: defaultdict[str, set[str]],
    refused: Counter[str],
) -> None:
    body: Any = fact.body
    match fact.name:
        case "OrderPlaced":
            sellers[(fact.tenant, body.currency)].orders.add(body.order_id)
        case "CreditDecided":
            decisions = sellers[(fact.tenant, body.amount.currency)].decisions
            decisions[OUTCOMES[body.outcome]][" ".join(body.reasons)] += 1
        case "InvoiceIssued":
            sellers[(fact.tenant, body.currency)].invoices.add(body)
            numbers[body.number.rpartition("-")[0]].add(body.number)
        case "CreditNoteIssued":
            sellers[(fact.tenant, body.currency)].credit_notes.add(body)
            numbers[body.number.rpartition("-")[0]].add(body.number)
        case "PaymentReceived":
            sellers[(fact.tenant, body.amount.currency)].received += body.amount.minor
        case "CashApplied":
            sellers[(fact.tenant, body.amount.currency)].paid += body.amount.minor
        case "CashUnapplied":
            sellers[(fact.tenant, body.amount.currency)].paid -= body.amount.minor
        case "OrderRefused" | "ShipmentRefused":
            refused[body.code] += 1
        case "DocumentHeld":
            refused.update(finding.rule for finding in body.findings)


def _ask_open(services: Services, tenant: str, sellers: defaultdict[tuple[str, str], Seller]) -> None:
    def ask(token: str) -> tuple[Iterable[Any], str]:
        request = ledger_pb2.ListOpenItemsRequest(page_size=PAGE, page_token=token)
        answer = services.read(services.ledger.ListOpenItems, request, tenant=tenant)
        return answer.items, answer.next_page_token

    for item in pages(ask):
        seller = sellers[(tenant, item.open.currency)]
        seller.open += item.open.minor
        seller.disputed += item.disputed.minor


def _documents(documents: Documents, currency: str) -> Figures:
    amounts = {name: _major(getattr(documents, name), currency) for name in ("net", "tax", "gross")}
    return {"count": documents.count, **amounts}


def _series(numbers: set[str]) -> Figures:
    return {"count": len(numbers), "first": min(numbers), "last": max(numbers)}


def _major(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).decimal:f}"


def _by_tenant(found: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for tenant, name, count in sorted(found):
        counts[tenant][name] = count
    return dict(counts)


def _parked(database: DatabaseUrls, tenants: Sequence[str]) -> dict[str, dict[str, int]]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for reason, code, count in rows(database, tenants, PARKED):
        counts[reason][code] = count
    return dict(counts)


def show(console: Console, found: Figures) -> None:
    """Print the pages."""
    _show_decisions(console, found)
    _show_applications(console, found)
    _show_money(console, found)
    _show_counts(console, found)


def show_result(console: Console, result: Result) -> None:
    """Print what the reconciliation says."""
    if result.differences:
        console.print(f"\n[bold red]{len(result.differences)} differences[/]")
        for difference in result.differences:
            console.print(f"  {difference}", style="red", markup=False, highlight=False)
    else:
        console.print(
            f"\n[bold green]Reconciled from outside[/]: {result.documents} documents and {result.accounts} accounts"
            " agree with the ledger and with credit, numbers without gap"
        )


def _show_decisions(console: Console, found: Figures) -> None:
    table = _table("Orders and decisions", "seller", "orders >", "approved", "referred", "declined")
    for tenant, currency, figure in _sellers(found):
        told = (_counts(figure["decisions"][outcome]) for outcome in OUTCOMES.values())
        table.add_row(f"{tenant} {currency}", str(figure["orders"]), *told)
    console.print(table)


def _show_applications(console: Console, found: Figures) -> None:
    table = _table("Applications", "application", "track", "answer", "limit >", "hours >", "promise", "why")
    for tenant, applications in found["applications"].items():
        for name, figure in applications.items():
            for answer in figure["answers"]:
                why = " ".join(answer["reasons"])
                names = ("track", "outcome", "limit", "hours", "promise")
                table.add_row(f"{tenant} {name}", *(answer[column] for column in names), why)
            if figure["signals"] or figure["wanted"]:
                told = [*figure["signals"], *(f"asked for {key}" for key in figure["wanted"])]
                table.add_row(f"{tenant} {name}", figure["track"], figure["state"], "", "", "", ", ".join(told))
    if table.row_count:
        console.print(table)
    groups = _table("Groups", "group", "limit >", "used >", "held >")
    for tenant, nodes in found["groups"].items():
        for name, node in nodes.items():
            groups.add_row(f"{tenant} {name} {node['currency']}", *(_shown(node[n]) for n in ("limit", "used", "held")))
    if groups.row_count:
        console.print(groups)


def _show_money(console: Console, found: Figures) -> None:
    documents = _table("Documents", "seller", *(f"{name} >" for name in ("invoices", "net", "tax", "gross")))
    money = _table("Money", "seller", *(f"{name} >" for name in MONEY))
    for tenant, currency, figure in _sellers(found):
        invoices = figure["invoices"]
        amounts = (_shown(invoices[name]) for name in ("net", "tax", "gross"))
        documents.add_row(f"{tenant} {currency}", str(invoices["count"]), *amounts)
        money.add_row(f"{tenant} {currency}", *(_shown(figure[name]) for name in MONEY))
    series = _table("Numbers", "series", "documents >", "first", "last")
    for name, figure in found["series"].items():
        series.add_row(name, str(figure["count"]), figure["first"], figure["last"])
    for table in (documents, money, series):
        console.print(table)


def _show_counts(console: Console, found: Figures) -> None:
    mail = _table("Messages by role, their mails, and what was written back", "seller", "messages", "mails", "written")
    for tenant, roles in found["messages"].items():
        mail.add_row(tenant, _counts(roles), *(_counts(found[told].get(tenant, {})) for told in ("mails", "written")))
    console.print(mail)
    parked = _table("Refused and parked", "where", "reason", "what")
    for service, reasons in found["parked"].items():
        for reason, codes in reasons.items():
            parked.add_row(service, reason, _counts(codes))
    if refusals := found.get("refused_calls"):
        parked.add_row("calls", "refused", _counts(refusals))
    if parked.row_count:
        console.print(parked)
    if lines := found.get("lines"):
        console.print(f"\nThe file was read as: {found['file']}", highlight=False)
        table = _table("Lines of the file", "outcome", "lines >", "reasons")
        for outcome, counts in lines.items():
            table.add_row(outcome, str(sum(counts.values())), _counts({k: v for k, v in counts.items() if k}))
        console.print(table)


def _sellers(found: Figures) -> list[tuple[str, str, Figures]]:
    return [
        (tenant, currency, figure)
        for tenant, currencies in found["sellers"].items()
        for currency, figure in currencies.items()
    ]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _shown(amount: str) -> str:
    return f"{Decimal(amount):,f}"


def _table(title: str, *columns: str) -> Table:
    """A column whose name ends with ">" holds numbers."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
    )
    for column in columns:
        justify: JustifyMethod = "right" if column.endswith(">") else "left"
        table.add_column(column.removesuffix(" >"), justify=justify, overflow="fold")
    return table
