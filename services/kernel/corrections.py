"""What is right instead of what an invoice said, as a case found it."""

from dataclasses import dataclass
from decimal import Decimal

from services.kernel.orders import Address


@dataclass(frozen=True, slots=True)
class CorrectedLine:
    """What is right instead of what a line said; None and '': as invoiced."""

    line_id: str
    # 0: the line is left out.
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    tax_class: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is right instead of what an invoice said; what is not named stays as it was."""

    lines: tuple[CorrectedLine, ...] = ()
    # BT-10 and BT-13.
    buyer_reference: str = ""
    purchase_order: str = ""
    ship_to: Address | None = None
    # Until the corrected invoice is due, from its issue.
    net_days: int | None = None
