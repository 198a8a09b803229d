"""A bank statement as a file: each row a payment, or the reason why it is none."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.kernel.calendars import day
from services.kernel.money import Money, exponent
from services.kernel.refusals import Invalid, Refusal, quoted
from services.ledger.domain.payments import Payment

BYTES_MAX = 4 * 1024 * 1024
ROWS_MAX = 50_000
HEADER = ("reference", "account", "value_date", "amount", "currency", "remittance")

_AMOUNT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,20})?")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file, from 1 for the first below the header."""

    number: int
    reference: str
    payment: Payment | Refusal


def read(content: bytes, tenant: str) -> list[Row]:
    """Read a file; refuse it whole if it is no such file, else say of each row what is wrong with it."""
    if len(content) > BYTES_MAX:
        raise Invalid("statement.too_large", f"a statement has at most {BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("statement.not_utf8", f"the statement is not UTF-8 (byte {error.start})") from None
    records = _records(text)
    header = next(records, [])
    if isinstance(header, Refusal) or tuple(name.strip() for name in header) != HEADER:
        raise Invalid("statement.header", f"the first line must be {','.join(HEADER)}")
    rows = []
    for number, fields in enumerate(records, 1):
        if number > ROWS_MAX:
            raise Invalid("statement.too_many_rows", f"a statement has at most {ROWS_MAX} rows")
        rows.append(_row(number, fields, tenant))
    return rows


def _records(text: str) -> Iterator[list[str] | Refusal]:
    """The records of the file, empty lines apart."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                # Whatever follows an open quote is inside it: no row can be trusted.
                raise Invalid("statement.quote_open", "a quoted field does not end") from None
            yield Invalid("statement.row_malformed", f"the row is no CSV: {error}")
            continue
        if fields is None:
            return
        if fields:
            yield fields


def _row(number: int, fields: Sequence[str] | Refusal, tenant: str) -> Row:
    if isinstance(fields, Refusal):
        return Row(number, "", fields)
    reference = fields[0].strip()
    try:
        return Row(number, reference, _payment(fields, tenant))
    except Refusal as refusal:
        return Row(number, reference, refusal)


def _payment(fields: Sequence[str], tenant: str) -> Payment:
    if len(fields) != len(HEADER):
        raise Invalid("statement.row_malformed", f"a row has {len(HEADER)} fields, this one {len(fields)}")
    reference, account, value_date, amount, currency, remittance = (field.strip() for field in fields)
    return Payment(
        tenant=tenant,
        payment_id=reference,
        account_id=account,
        amount=_money(amount, currency),
        value_on=day(value_date, what="value_date"),
        remittance=remittance,
    ).check()


def _money(text: str, currency: str) -> Money:
    """An amount with a decimal point and no more decimals than its currency has."""
    decimals = exponent(currency)
    if not _AMOUNT.fullmatch(text):
        raise Invalid("payment.amount_malformed", f"not an amount such as 1234.50: {quoted(text)}")
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        raise Invalid("payment.too_many_decimals", f"{currency} has {decimals} decimals: {quoted(text)}")
    return Money(int(whole + fraction.ljust(decimals, "0")), currency)
