"""Numbers without gap: a series for each seller, kind of document and year, counted in the order of issue."""

from dataclasses import dataclass
from datetime import date

from services.invoicing.domain.parties import Seller
from services.invoicing.domain.statements import Kind

# Stands where the number will: the checks run before there is one (RULES: number last).
PLACEHOLDER = "DRAFT-0000-000000"


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """What is counted by itself (RULES: number last); `code` is the seller's prefix."""

    tenant: str
    seller_id: str
    kind: Kind
    fiscal_year: int
    code: str

    def number(self, nth: int) -> str:
        """The nth document's number (BT-1); six digits at least, so that a year's numbers sort as texts."""
        prefix = self.code if self.kind is Kind.INVOICE else f"{self.code}-C"
        return f"{prefix}-{self.fiscal_year}-{nth:06d}"


def series_of(seller: Seller, kind: Kind, issue_date: date) -> Series:
    """The series in which a document of that day is numbered; the fiscal year is the calendar's."""
    return Series(seller.tenant, seller.seller_id, kind, issue_date.year, seller.series_prefix)
