"""The proof sees every difference it was made for, and none where there is none."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.demo.papers import BrokenPaperError, Paper, read
from deploy.demo.reconcile import Evidence, Listed, Said, differences

PLACE = ("albion", "A-1", "GBP")


def a_paper(number: str, net: str, tax: str) -> Paper:
    return Paper(number, "GBP", Decimal(net), Decimal(tax), Decimal(net) + Decimal(tax))


def evidence() -> Evidence:
    """Two invoices of 120 and 60, one of them paid with 10 too much, and 12 credited after it was paid."""
    papers = [a_paper("AL-000001", "100", "20"), a_paper("AL-000002", "50", "10"), a_paper("AL-C-000001", "-10", "-2")]
    postings = {1100: "60", 1000: "130", 2100: "-10", 2110: "-12", 4000: "-150", 4010: "10", 2200: "-28", 9000: "7"}
    said = Said(
        postings=defaultdict(Decimal, {account: Decimal(amount) for account, amount in postings.items()}),
        open_items=Decimal(60),
        received=Decimal(130),
        applied=Decimal(120),
        used=Decimal(38),
        held=Decimal(7),
    )
    return Evidence(
        papers={paper.number: paper for paper in papers},
        broken=[],
        listed=[Listed("albion", "A-1", paper.number) for paper in papers],
        said={PLACE: said},
        unbalanced=[],
        failed=[],
    )


def test_books_that_agree_show_no_difference() -> None:
    assert list(differences(evidence())) == []


def test_sales_tax_and_rounding_have_their_places() -> None:
    found = evidence()
    postings = found.said[PLACE].postings
    postings[4000], postings[2210] = Decimal(-138), Decimal(-12)
    postings[1100], postings[7900] = Decimal("60.02"), Decimal("-0.02")
    found.said[PLACE].open_items, found.said[PLACE].used = Decimal("60.02"), Decimal("38.02")

    assert list(differences(found)) == []


def test_a_missing_file_is_a_gap_a_loss_and_a_wrong_sum() -> None:
    found = evidence()
    found.papers = {number: paper for number, paper in found.papers.items() if number != "AL-000001"}

    assert [text for text in differences(found) if "GBP: documents" in text] == [
        "albion A-1 GBP: documents less 6100 48 is not 1100 + cash applied - 2110 168 (difference -120)",
        "albion A-1 GBP: documents less 6100 48 is not credit's used + cash received 168 (difference -120)",
    ]
    assert "AL-000001 was issued and has no file" in list(differences(found))
    assert "series AL lacks 000001" in list(differences(found))


def test_a_file_that_was_never_issued_is_a_difference() -> None:
    found = evidence()
    found.listed = found.listed[:-1]

    assert "AL-C-000001 is a file and was never issued" in list(differences(found))


@pytest.mark.parametrize("account", [1000, 1100, 2100, 2110, 2200, 2210, 4000, 4010, 7900, 9000])
def test_one_posting_a_cent_off_is_a_difference_whatever_its_account(account: int) -> None:
    found = evidence()
    found.said[PLACE].postings[account] += Decimal("0.01")

    assert list(differences(found))


@pytest.mark.parametrize("name", ["open_items", "received", "applied", "used", "held"])
def test_a_service_that_is_a_cent_off_is_a_difference(name: str) -> None:
    found = evidence()
    setattr(found.said[PLACE], name, getattr(found.said[PLACE], name) + Decimal("0.01"))

    assert list(differences(found))


def test_accounts_that_are_wrong_by_the_same_amount_do_not_hide_each_other() -> None:
    found = evidence()
    found.said = {PLACE: found.said[PLACE], ("albion", "A-2", "GBP"): Said(open_items=Decimal(5))}
    found.said[PLACE].open_items -= 5

    assert len(list(differences(found))) == 2


def test_events_that_failed_are_a_difference() -> None:
    assert list(differences(replace(evidence(), failed=["ledger: 1 event failed"]))) == ["ledger: 1 event failed"]


INVOICE = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>AL-000001</cbc:ID><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>GBP</cbc:DocumentCurrencyCode>
  <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount>{net}</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount>{gross}</cbc:TaxInclusiveAmount></cac:LegalMonetaryTotal>
  {lines}
</Invoice>"""
LINE = """<cac:InvoiceLine><cbc:LineExtensionAmount>{net}</cbc:LineExtensionAmount><cac:Item>
  <cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent></cac:ClassifiedTaxCategory>
  </cac:Item></cac:InvoiceLine>"""


def a_file(folder: Path, net: str, gross: str, *lines: tuple[str, str]) -> Path:
    file = folder / "AL-000001.xml"
    written = "".join(LINE.format(net=amount, rate=rate) for amount, rate in lines)
    file.write_text(INVOICE.format(net=net, gross=gross, lines=written))
    return file


def test_tax_is_rounded_once_for_each_rate(tmp_path: Path) -> None:
    # A line at a time it would be 3 x 0.02 = 0.06.
    paper = read(a_file(tmp_path, "0.36", "0.43", ("0.12", "20"), ("0.12", "20"), ("0.12", "20")))

    assert (paper.net, paper.tax, paper.gross) == (Decimal("0.36"), Decimal("0.07"), Decimal("0.43"))


def test_a_document_that_does_not_add_up_is_told(tmp_path: Path) -> None:
    with pytest.raises(BrokenPaperError, match="the lines come to"):
        read(a_file(tmp_path, "10.00", "12.00", ("9.99", "20")))
    with pytest.raises(BrokenPaperError, match="tax by rate"):
        read(a_file(tmp_path, "10.00", "12.01", ("10.00", "20")))


def test_a_file_that_is_no_document_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.xml"
    file.write_text("<a/>")
    with pytest.raises(BrokenPaperError, match="is no invoice"):
        read(file)
    file.write_text(INVOICE.format(net="1.00", gross="", lines=""))
    with pytest.raises(BrokenPaperError, match="lacks"):
        read(file)
    file.write_text("no xml")
    with pytest.raises(BrokenPaperError, match="is no XML"):
        read(file)
