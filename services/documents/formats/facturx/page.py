"""What the page says, as texts in the reader's language; the template only lays them out."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from stdnum import iban

from services.documents.formats.facturx import logo as logos
from services.documents.formats.facturx import qr
from services.documents.formats.values import places_of
from services.documents.model import (
    Address,
    Contact,
    DocumentAllowance,
    DocumentCharge,
    Invoice,
    InvoiceLine,
    PaymentInstructions,
    Period,
    Seller,
    VatBreakdown,
    VatCategory,
)
from services.documents.words import Words, language_of

Row = tuple[str, str]
_TEXT_MAX = 2000  # of one text on the page; the XML has all of it


@dataclass(frozen=True, slots=True)
class Page:
    """How the page shall look: the language (by the buyer's country if not said), a logo, more fonts.

    The logo is an SVG. The fonts at hand show Latin, Greek and Cyrillic; `fonts` are folders with
    others, for names in Chinese, Japanese or Korean.
    """

    language: str | None = None
    logo: bytes | None = None
    fonts: tuple[Path, ...] = ()


def content(invoice: Invoice, page: Page) -> dict[str, Any]:
    """The page's data; refuse a language that is none (`document.unknown_language`)."""
    return _Content(invoice, Words(page.language or language_of(invoice.buyer.address.country))).whole(page.logo)


class _Content:
    """One page in one language."""

    def __init__(self, invoice: Invoice, words: Words) -> None:
        self._invoice, self._words = invoice, words
        self._places = places_of(invoice.currency)

    def whole(self, logo: bytes | None) -> dict[str, Any]:
        invoice, words = self._invoice, self._words
        issued = invoice.issue_date
        payment = list(self._payment())
        return {
            "language": words.language,
            "words": {key: words[key] for key in ("page", "pages", "bill_to", "payment", "scan")},
            "title": words.get(f"type_{invoice.type_code}")
            or words["credit_note" if invoice.is_credit_note else "invoice"],
            "number": _cut(invoice.number),
            "date": [issued.year, issued.month, issued.day],
            "logo": "" if logo is None else logos.text(logo),
            "seller": self._seller(invoice.seller),
            "buyer": {"name": _cut(invoice.buyer.name), "lines": self._buyer()},
            "facts": [[name, _cut(value)] for name, value in self._facts()],
            "others": list(self._others()),
            "columns": [words[key] for key in ("position", "item", "quantity", "price", "vat", "amount")],
            "lines": [*map(self._line, invoice.lines), *self._adjustments()],
            "vat": {
                "columns": [words[key] for key in ("vat", "taxable", "tax")],
                "rows": [self._vat(row) for row in invoice.vat_breakdown],
            },
            "totals": list(self._totals()),
            "remarks": [_cut(remark) for remark in self._remarks()],
            "payment": [[name, _cut(value)] for name, value in payment],
            "qr": qr.svg(invoice) if payment else "",
        }

    def _money(self, value: Decimal) -> str:
        return self._words.amount(value, self._places)

    def _seller(self, seller: Seller) -> dict[str, Any]:
        contact = seller.contact or Contact()
        return {
            "name": _cut(seller.name),
            "address": [_cut(part) for part in self._address(seller.address)],
            "footer": [
                _said(seller.name, seller.trading_name, seller.legal_information),
                _said(contact.name, self._with("phone", contact.telephone), contact.email),
                _said(
                    self._with("vat_id", seller.vat_id),
                    self._with("tax_id", seller.tax_id),
                    self._with("register", seller.legal_id.value if seller.legal_id else None),
                ),
            ],
        }

    def _with(self, key: str, value: str | None) -> str | None:
        return None if value is None else f"{self._words[key]} {value}"

    def _address(self, address: Address) -> list[str]:
        city = " ".join(part for part in (address.post_code, address.city) if part)
        return _said(
            address.line_1,
            address.line_2,
            address.line_3,
            city,
            address.subdivision,
            self._words.country(address.country),
        )

    def _buyer(self) -> list[str]:
        buyer = self._invoice.buyer
        contact = buyer.contact.name if buyer.contact else None
        return _said(buyer.trading_name, contact, *self._address(buyer.address), self._with("vat_id", buyer.vat_id))

    def _facts(self) -> Iterator[Row]:
        """What is said once, each with its name."""
        invoice, words = self._invoice, self._words
        delivered = invoice.delivery.delivered_on if invoice.delivery else None
        known_as = invoice.buyer.identifier
        for key, value in (
            ("number", invoice.number),
            ("issued", words.day(invoice.issue_date)),
            ("due_on", words.day(invoice.due_date) if invoice.due_date else None),
            ("delivered", words.day(delivered) if delivered else None),
            ("period", self._period(invoice.period)),
            ("preceding", self._preceding()),
            ("customer", known_as.value if known_as else None),
            ("buyer_reference", invoice.buyer_reference),
            ("order", invoice.purchase_order),
            ("sales_order", invoice.sales_order),
            ("contract", invoice.contract),
            ("project", invoice.project),
            ("tender", invoice.tender),
            ("object", invoice.object_id.value if invoice.object_id else None),
            ("despatch", invoice.despatch_advice),
            ("receiving", invoice.receiving_advice),
            ("accounting", invoice.buyer_accounting),
        ):
            if value:
                yield words[key], value

    def _period(self, period: Period | None) -> str | None:
        if period is None:
            return None
        return " – ".join(self._words.day(day) if day else "…" for day in (period.start, period.end))

    def _preceding(self) -> str | None:
        words = self._words
        return "\n".join(
            earlier.number + (f" {words['of']} {words.day(earlier.issue_date)}" if earlier.issue_date else "")
            for earlier in self._invoice.preceding
        )

    def _others(self) -> Iterator[dict[str, Any]]:
        """Who else has to do with it, and where the goods went."""
        invoice, words = self._invoice, self._words
        if (delivery := invoice.delivery) is not None and (delivery.address or delivery.party_name):
            where = self._address(delivery.address) if delivery.address else []
            yield {"title": words["ship_to"], "lines": _said(delivery.party_name, *where)}
        if (payee := invoice.payee) is not None:
            legal = self._with("register", payee.legal_id.value if payee.legal_id else None)
            yield {"title": words["payee"], "lines": _said(payee.name, legal)}
        if (agent := invoice.tax_representative) is not None:
            lines = _said(agent.name, *self._address(agent.address), self._with("vat_id", agent.vat_id))
            yield {"title": words["representative"], "lines": lines}

    def _line(self, line: InvoiceLine) -> dict[str, Any]:
        words, price = self._words, line.price
        cost = self._money(price.net)
        if price.base_quantity is not None and price.base_quantity != 1:
            cost += f"\n{words['per']} {words.number(price.base_quantity)} {words.unit(price.base_unit or line.unit)}"
        return {
            "id": _cut(line.id),
            "name": _cut(line.item.name),
            "details": [_cut(detail) for detail in self._details(line)],
            "quantity": f"{words.number(line.quantity)} {words.unit(line.unit)}",
            "price": cost,
            "vat": self._rate(line.vat.category, line.vat.rate),
            "amount": self._money(line.net_amount),
        }

    def _details(self, line: InvoiceLine) -> Iterator[str]:
        words, item, price = self._words, line.item, line.price
        yield from (part for part in (item.description, line.note) if part)
        numbers = (
            self._with("article", item.sellers_id),
            self._with("your_article", item.buyers_id),
            f"GTIN {item.standard_id.value}" if item.standard_id else None,
            f"{words['origin']} {words.country(item.origin_country)}" if item.origin_country else None,
            f"{words['order']} {line.order_line}" if line.order_line else None,
            f"{words['accounting']} {line.buyer_accounting}" if line.buyer_accounting else None,
            f"{words['object']} {line.object_id.value}" if line.object_id else None,
        )
        if told := " · ".join(part for part in numbers if part):
            yield told
        if item.attributes:
            yield " · ".join(f"{each.name}: {each.value}" for each in item.attributes)
        if period := self._period(line.period):
            yield period
        if price.gross is not None and price.discount:
            yield f"{words['list_price']} {self._money(price.gross)}, -{self._money(price.discount)}"
        for key, sign, parts in (("allowance", -1, line.allowances), ("charge", 1, line.charges)):
            for part in parts:
                yield f"{part.reason or words[key]}: {self._money(sign * part.amount)}"

    def _adjustments(self) -> Iterator[dict[str, Any]]:
        """Allowances and charges of the document, as rows below its lines."""
        parts: list[DocumentAllowance | DocumentCharge] = [*self._invoice.allowances, *self._invoice.charges]
        for part in parts:
            is_charge = isinstance(part, DocumentCharge)
            percent = f"{self._words.number(part.percentage)} %" if part.percentage is not None else ""
            yield {
                "id": "",
                "name": _cut(part.reason or self._words["charge" if is_charge else "allowance"]),
                "details": [],
                "quantity": "",
                "price": percent,
                "vat": self._rate(part.vat_category, part.vat_rate),
                "amount": self._money(part.amount if is_charge else -part.amount),
            }

    def _rate(self, category: VatCategory, rate: Decimal | None) -> str:
        if rate is None:
            return "–"
        return f"{self._words.number(rate)} %" + (
            "" if rate or category is VatCategory.ZERO_RATED else f" ({category})"
        )

    def _vat(self, row: VatBreakdown) -> dict[str, str]:
        # The law wants it said in the reader's language; what the seller says of it stands beside.
        reasons = dict.fromkeys((self._words.get(f"exempt_{row.category}"), row.exemption_reason))
        return {
            "name": self._rate(row.category, row.rate),
            "reason": _cut("; ".join(reason for reason in reasons if reason)),
            "taxable": self._money(row.taxable),
            "tax": self._money(row.tax),
        }

    def _totals(self) -> Iterator[Row]:
        sums, words, currency = self._invoice.totals, self._words, self._invoice.currency
        has_parts = sums.allowances is not None or sums.charges is not None
        for key, value in (
            ("lines_total", sums.lines if has_parts else None),
            ("allowances_total", -sums.allowances if sums.allowances is not None else None),
            ("charges_total", sums.charges),
            ("net_total", sums.net),
            ("vat_total", sums.vat),
            ("gross_total", sums.gross),
            ("paid", -sums.paid if sums.paid is not None else None),
            ("rounding", sums.rounding),
        ):
            if value is not None:
                yield words[key], self._money(value)
        if sums.vat_accounting is not None and self._invoice.vat_currency is not None:
            accounting = words.amount(sums.vat_accounting, places_of(self._invoice.vat_currency))
            yield f"{words['vat_accounting']} {self._invoice.vat_currency}", accounting
        key = "credited" if self._invoice.is_credit_note else "due"
        yield words[key], f"{currency} {self._money(sums.due)}"

    def _remarks(self) -> Iterator[str]:
        invoice = self._invoice
        if terms := (invoice.payment_terms or "").strip():
            yield terms
        yield from (note.text for note in invoice.notes)
        if invoice.supporting:
            named = (
                " ".join(part for part in (each.reference, each.description, each.location) if part)
                for each in invoice.supporting
            )
            yield f"{self._words['attachments']}: {', '.join(named)}"

    def _payment(self) -> Iterator[Row]:
        """How the buyer pays, if there is something to pay."""
        payment, words, due = self._invoice.payment, self._words, self._invoice.totals.due
        if payment is None or due <= 0 or self._invoice.is_credit_note:
            return
        yield words["due"], f"{self._invoice.currency} {self._money(due)}"
        if self._invoice.due_date is not None:
            yield words["due_on"], words.day(self._invoice.due_date)
        yield from self._accounts(payment)
        if payment.card is not None:
            yield words["card"], f"… {payment.card.number[-4:]}"
        if payment.means_text:
            yield words["payment"], payment.means_text
        yield words["reference"], payment.remittance or self._invoice.number

    def _accounts(self, payment: PaymentInstructions) -> Iterator[Row]:
        words, debit = self._words, payment.direct_debit
        if debit is not None and debit.mandate is not None:
            yield words["mandate"], f"{debit.mandate}\n{words['collected']}"
            if debit.creditor_id is not None:
                yield words["creditor"], debit.creditor_id
            if debit.debited_account is not None:
                yield words["debited"], _account(debit.debited_account)
        for transfer in payment.transfers:
            owner = transfer.account_name or (self._invoice.payee or self._invoice.seller).name
            yield words["to"], owner
            yield ("IBAN" if iban.is_valid(transfer.account) else words["account"]), _account(transfer.account)
            if transfer.bank is not None:
                # A bank in the United States has no BIC that a buyer needs, but a number of nine digits.
                yield (words["routing"] if transfer.bank.isdecimal() else "BIC"), transfer.bank


def _account(number: str) -> str:
    """An IBAN in groups of four, as people read it."""
    return iban.format(number) if iban.is_valid(number) else number


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def _said(*texts: str | None) -> list[str]:
    return [_cut(text) for text in texts if text]
