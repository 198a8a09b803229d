"""Shows an invoice as a page in the terminal."""

from decimal import Decimal
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.documents.cli import files
from services.documents.formats import named
from services.documents.formats.values import places_of, plain
from services.documents.model import Address, Buyer, Contact, Invoice, InvoiceLine, Seller
from services.documents.rules.profiles import PROFILES, claimed

_LINES_MAX = 500  # a page that nobody would read on; `convert --to csv` has them all


def show(file: Path, console: Console | None = None) -> None:
    """Print the page; refuse what is no invoice."""
    format_, invoice = files.read(file)
    (console or Console()).print(page(invoice, named(format_).title))


def page(invoice: Invoice, format_: str) -> RenderableType:
    """The whole page."""
    return Group(
        _head(invoice, format_),
        Columns([_party("Seller", invoice.seller), _party("Buyer", invoice.buyer)], expand=True, equal=True),
        _facts(invoice),
        _lines(invoice),
        Columns([_vat(invoice), _totals(invoice)], expand=True),
        _payment(invoice),
    )


def _text(value: object, style: str = "") -> Text:
    return Text(files.fit(str(value)), style=style)


def _amount(value: Decimal, currency: str) -> str:
    return f"{Decimal(plain(value, places_of(currency))):,f}"


def _head(invoice: Invoice, format_: str) -> RenderableType:
    kind = "Credit note" if invoice.is_credit_note else "Invoice"
    name = claimed(invoice.process.specification)
    claims = PROFILES[name].title if name is not None else invoice.process.specification
    return Group(
        _text(f"{kind} {invoice.number}", "bold"),
        _text(f"{invoice.issue_date}, type {invoice.type_code}, {invoice.currency}; {format_}, {claims}", "dim"),
    )


def _party(title: str, party: Seller | Buyer) -> RenderableType:
    lines: list[str | None] = [party.name, party.trading_name, *_address(party.address)]
    lines += [f"VAT {party.vat_id}" if party.vat_id else None]
    lines += [f"Register {party.legal_id.value}" if party.legal_id else None]
    lines += [f"Address {party.electronic_address.value}" if party.electronic_address else None]
    lines += _contact(party.contact)
    return Panel(_text("\n".join(line for line in lines if line)), title=title)


def _address(address: Address) -> list[str | None]:
    city = " ".join(part for part in (address.country, address.post_code, address.city) if part)
    return [address.line_1, address.line_2, address.line_3, city, address.subdivision]


def _contact(contact: Contact | None) -> list[str | None]:
    return [] if contact is None else [contact.name, contact.telephone, contact.email]


def _facts(invoice: Invoice) -> RenderableType:
    """What is said once, each in a line."""
    period = invoice.period
    said = {
        "Due": invoice.due_date,
        "Terms": (invoice.payment_terms or "").strip() or None,
        "Order": invoice.purchase_order,
        "Buyer reference": invoice.buyer_reference,
        "Contract": invoice.contract,
        "Project": invoice.project,
        "Delivered": invoice.delivery.delivered_on if invoice.delivery else None,
        "Period": f"{period.start or '…'} to {period.end or '…'}" if period else None,
        "Credits or corrects": ", ".join(earlier.number for earlier in invoice.preceding) or None,
    }
    table = Table.grid(padding=(0, 2))
    for name, value in said.items():
        if value is not None:
            table.add_row(_text(name, "dim"), _text(value))
    for note in invoice.notes:
        table.add_row(_text("Note", "dim"), _text(note.text))
    for document in invoice.supporting:
        where = document.attachment.filename if document.attachment else document.location
        table.add_row(_text("Attached", "dim"), _text(f"{document.reference} {where or ''}".strip()))
    return table


def _lines(invoice: Invoice) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, expand=True)
    for title in ("#", "Item"):
        table.add_column(title)
    for title in ("Quantity", "Price", "VAT", "Net"):
        table.add_column(title, justify="right")
    for line in invoice.lines[:_LINES_MAX]:
        table.add_row(*_line(line, invoice.currency))
    if (more := len(invoice.lines) - _LINES_MAX) > 0:
        table.add_row("", _text(f"… and {more} lines more"), "", "", "", "")
    for sign, parts in ((-1, invoice.allowances), (1, invoice.charges)):
        for part in parts:
            name = part.reason or part.reason_code or ("Charge" if sign > 0 else "Allowance")
            vat = _rate(part.vat_category, part.vat_rate)
            table.add_row("", _text(name), "", "", _text(vat), _amount(sign * part.amount, invoice.currency))
    return table


def _line(line: InvoiceLine, currency: str) -> list[RenderableType]:
    item = _text(line.item.name)
    for extra in (line.item.description, line.note):
        if extra:
            item.append(f"\n{files.fit(extra)}", style="dim")
    for sign, parts in (("-", line.allowances), ("+", line.charges)):
        for part in parts:
            reason = files.fit(part.reason or part.reason_code or "")
            item.append(f"\n{sign} {_amount(part.amount, currency)} {reason}", style="dim")
    price = _amount(line.price.net, currency)
    if line.price.base_quantity is not None and line.price.base_quantity != 1:
        price += f" / {plain(line.price.base_quantity)}"
    return [
        _text(line.id),
        item,
        _text(f"{plain(line.quantity)} {line.unit}"),
        price,
        _text(_rate(line.vat.category, line.vat.rate)),
        _amount(line.net_amount, currency),
    ]


def _rate(category: str, rate: Decimal | None) -> str:
    return str(category) if rate is None else f"{category} {plain(rate)} %"


def _vat(invoice: Invoice) -> RenderableType:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("VAT")
    for title in ("Taxable", "Tax"):
        table.add_column(title, justify="right")
    for row in invoice.vat_breakdown:
        name = _text(_rate(row.category, row.rate))
        if reason := row.exemption_reason or row.exemption_code:
            name.append(f"\n{files.fit(reason)}", style="dim")
        table.add_row(name, _amount(row.taxable, invoice.currency), _amount(row.tax, invoice.currency))
    return table


def _totals(invoice: Invoice) -> RenderableType:
    sums, currency = invoice.totals, invoice.currency
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows = {
        "Lines": sums.lines,
        "Allowances": -sums.allowances if sums.allowances is not None else None,
        "Charges": sums.charges,
        "Net": sums.net,
        "VAT": sums.vat,
        "Gross": sums.gross,
        "Paid": -sums.paid if sums.paid is not None else None,
        "Rounding": sums.rounding,
    }
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, _amount(value, currency))
    table.add_row(Text("To pay", style="bold"), _text(f"{_amount(sums.due, currency)} {currency}", "bold"))
    return table


def _payment(invoice: Invoice) -> RenderableType:
    if (how := invoice.payment) is None:
        return Text("")
    lines = [f"Means {how.means} {how.means_text or ''}".strip()]
    lines += [
        f"to {transfer.account} {transfer.bank or ''} {transfer.account_name or ''}" for transfer in how.transfers
    ]
    lines += [f"reference {how.remittance}"] if how.remittance else []
    if how.direct_debit is not None:
        lines.append(
            f"collected by mandate {how.direct_debit.mandate or ''}, creditor {how.direct_debit.creditor_id or ''}"
        )
    return Panel(_text("\n".join(lines)), title="Payment")
