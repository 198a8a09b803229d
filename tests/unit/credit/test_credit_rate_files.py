"""Files of rates, as banks and people have them."""

from datetime import date
from decimal import Decimal

import pytest

from services.credit import rate_files
from services.credit.domain.rates import Rate
from services.kernel.refusals import Invalid

ECB = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
  <gesmes:subject>Reference rates</gesmes:subject>
  <Cube><Cube time="2026-01-05"><Cube currency="USD" rate="1.08"/><Cube currency="SEK" rate="11.25"/></Cube></Cube>
</gesmes:Envelope>"""


def test_a_table_and_the_central_banks_file_say_the_same():
    table = b"day,base,quote,rate\n2026-01-05,EUR,USD,1.08\n2026-01-05, EUR ,SEK,11.25\n"

    assert rate_files.read(table) == rate_files.read(ECB)
    assert rate_files.read(ECB)[1] == Rate("EUR", "SEK", date(2026, 1, 5), Decimal("11.25"))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "rate.file"),
        (b"day,base,quote,rate\n", "rate.file"),
        (b"base,quote,day,rate\nEUR,SEK,2026-01-05,1\n", "rate.file"),
        (b"day,base,quote,rate\n2026-01-05,EUR,SEK\n", "rate.file"),
        (b"day,base,quote,rate\n2026-01-05,EUR,SEK,1e3\n", "number.malformed"),
        (b"day,base,quote,rate\n5.1.2026,EUR,SEK,1\n", "date.malformed"),
        (b"<Envelope", "rate.file"),
        (b"\xff", "rate.file"),
        (b"day,base,quote,rate\n" + b"1" * 200_000, "rate.file"),
    ],
)
def test_what_is_no_file_of_rates_is_refused(content: bytes, code: str):
    with pytest.raises(Invalid) as refused:
        rate_files.read(content)
    assert refused.value.code == code
