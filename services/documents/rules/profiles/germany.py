"""Germany's rules: XRechnung's BR-DE, which Peppol has word for word as DE-R between two in Germany."""

import re
from collections.abc import Iterator, Mapping

from services.documents.model import Address, Invoice, PaymentInstructions, VatCategory
from services.documents.rules.finding import Finding, Severity, fatal

# The names of the rules, by what they ask for: XRechnung's and Peppol's.
XRECHNUNG_NAMES: Mapping[str, str] = {
    **{str(number): f"BR-DE-{number}" for number in range(1, 40)},
    **{f"{number}-{part}": f"BR-DE-{number}-{part}" for number in (23, 24, 25) for part in "ab"},
}
PEPPOL_NAMES: Mapping[str, str] = {
    **{str(number): f"DE-R-{number:03}" for number in range(1, 40)},
    **{f"{number}-{part}": f"DE-R-{number:03}-{at}" for number in (23, 24, 25) for at, part in ((1, "a"), (2, "b"))},
}
_TAXED = frozenset(VatCategory) - {VatCategory.OUTSIDE_SCOPE, VatCategory.SPLIT_PAYMENT}
_TYPE_CODES = frozenset({"326", "380", "384", "389", "381", "875", "876", "877"})
_CASH_DISCOUNT = re.compile(r"#SKONTO#TAGE=[0-9]+#PROZENT=[0-9]+\.[0-9]{2}(#BASISBETRAG=-?[0-9]+\.[0-9]{2})?#")
_TELEPHONE = re.compile(r".*([0-9].*){3,}.*", re.DOTALL)
_EMAIL = re.compile(r"[^@\s]+@([^@.\s]+\.)+[^@.\s]+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Za-z0-9]{0,30}")
_TRANSFERS, _CARDS, _DEBIT = frozenset({"30", "58"}), frozenset({"48", "54", "55"}), "59"
_Rules = Mapping[str, str]


def is_domestic(invoice: Invoice) -> bool:
    """Whether seller and buyer are in Germany."""
    return invoice.seller.address.country == invoice.buyer.address.country == "DE"


def check(invoice: Invoice, rules: _Rules) -> Iterator[Finding]:
    """The rules that both profiles share, under the names of one of them."""
    yield from _document(invoice, rules)
    yield from _seller(invoice, rules)
    yield from _place(invoice.buyer.address, "BG-7/BG-8", ("BT-52", rules["8"]), ("BT-53", rules["9"]))
    if invoice.delivery is not None and invoice.delivery.address is not None:
        yield from _place(invoice.delivery.address, "BG-13/BG-15", ("BT-77", rules["10"]), ("BT-78", rules["11"]))
    if invoice.payment is None:
        yield fatal(rules["1"], "How to pay must be said.", "BG-16")
    else:
        yield from _payment(invoice.payment, rules)
    for index, row in enumerate(invoice.vat_breakdown, start=1):
        if row.rate is None:
            yield fatal(rules["14"], "Each row of the VAT breakdown needs its rate.", f"BG-23[{index}]/BT-119")


def _document(invoice: Invoice, rules: _Rules) -> Iterator[Finding]:
    if not (invoice.buyer_reference or "").strip():
        yield fatal(rules["15"], "The buyer reference (Leitweg-ID) is missing.", "BT-10")
    used = {line.vat.category for line in invoice.lines}
    used |= {part.vat_category for part in (*invoice.allowances, *invoice.charges)}
    known = invoice.seller.vat_id or invoice.seller.tax_id or invoice.tax_representative
    if used & _TAXED and not known:
        yield fatal(rules["16"], "The seller's VAT id, tax number or representative is missing.", "BG-4/BT-31")
    if invoice.type_code not in _TYPE_CODES:
        yield _warning(rules["17"], f"Type {invoice.type_code} is unusual in Germany.", "BT-3")
    if not _is_told_right(invoice.payment_terms or ""):
        yield fatal(rules["18"], "A cash discount is told as #SKONTO#TAGE=…#PROZENT=…# on a line of its own.", "BT-20")
    names = [each.attachment.filename for each in invoice.supporting if each.attachment is not None]
    if len(names) != len(set(names)):
        yield fatal(rules["22"], "Two attached files have the same name.", "BG-24")
    if invoice.type_code == "384" and not invoice.preceding:
        yield _warning(rules["26"], "A corrected invoice should name what it corrects.", "BG-3")


def _is_told_right(terms: str) -> bool:
    """Lines that begin with # are cash discounts, each ended by a line break."""
    lines = re.split(r"\r?\n", terms)
    told = [line for line in lines if " ".join(line.split()).startswith("#")]
    return all(_CASH_DISCOUNT.fullmatch(" ".join(line.split())) for line in told) and not (
        told and lines[-1].strip().startswith("#")
    )


def _seller(invoice: Invoice, rules: _Rules) -> Iterator[Finding]:
    yield from _place(invoice.seller.address, "BG-4/BG-5", ("BT-37", rules["3"]), ("BT-38", rules["4"]))
    if (contact := invoice.seller.contact) is None:
        yield fatal(rules["2"], "Whom to ask at the seller is missing.", "BG-4/BG-6")
        return
    for name, number, value in (
        ("5", "BT-41", contact.name),
        ("6", "BT-42", contact.telephone),
        ("7", "BT-43", contact.email),
    ):
        if not (value or "").strip():
            yield fatal(rules[name], "The seller's contact must be complete.", f"BG-4/BG-6/{number}")
    if contact.telephone and not _TELEPHONE.fullmatch(contact.telephone):
        yield _warning(rules["27"], "A telephone number has three digits at least.", "BG-4/BG-6/BT-42")
    if contact.email and not _EMAIL.fullmatch(contact.email.strip()):
        yield _warning(rules["28"], "This is no e-mail address.", "BG-4/BG-6/BT-43")


def _place(address: Address, place: str, city: tuple[str, str], code: tuple[str, str]) -> Iterator[Finding]:
    """City and post code, each with its term and the rule that asks for it."""
    for value, (number, rule) in ((address.city, city), (address.post_code, code)):
        if not (value or "").strip():
            yield fatal(rule, "City and post code must be told.", f"{place}/{number}")


def _payment(payment: PaymentInstructions, rules: _Rules) -> Iterator[Finding]:
    """Each means of payment has its own group, and no other."""
    debit = payment.direct_debit
    mandate = debit is not None and (debit.mandate is not None or debit.debited_account is not None)
    groups = {"23": bool(payment.transfers), "24": payment.card is not None, "25": mandate}
    wanted = "23" if payment.means in _TRANSFERS else "24" if payment.means in _CARDS else "25"
    if payment.means in _TRANSFERS | _CARDS | {_DEBIT}:
        if not groups[wanted]:
            yield fatal(rules[f"{wanted}-a"], f"Means {payment.means} needs its own group.", "BG-16")
        if any(there for name, there in groups.items() if name != wanted):
            yield fatal(rules[f"{wanted}-b"], f"Means {payment.means} has a group of another.", "BG-16")
    if payment.means == "58" and not all(_is_iban(transfer.account) for transfer in payment.transfers):
        yield _warning(rules["19"], "A SEPA transfer goes to an IBAN.", "BG-16/BG-17/BT-84")
    if mandate and debit is not None:
        if debit.creditor_id is None:
            yield fatal(rules["30"], "A direct debit needs the creditor id.", "BG-16/BG-19/BT-90")
        if debit.debited_account is None:
            yield fatal(rules["31"], "A direct debit needs the debited account.", "BG-16/BG-19/BT-91")
        elif payment.means == _DEBIT and not _is_iban(debit.debited_account):
            yield _warning(rules["20"], "A SEPA debit is from an IBAN.", "BG-16/BG-19/BT-91")


def _is_iban(value: str) -> bool:
    account = "".join(value.split())
    if not _IBAN.fullmatch(account):
        return False
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def _warning(rule: str, message: str, place: str) -> Finding:
    return Finding(rule, Severity.WARNING, message, place)
