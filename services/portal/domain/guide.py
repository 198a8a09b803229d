"""What comes next, said once to whoever meets something for the first time: as data (RULES: guidance)."""

from collections.abc import Mapping
from dataclasses import dataclass


def _(text: str) -> str:
    return text


ORDER, INVOICE, DISPUTE, PAYMENT = "order", "invoice", "dispute", "payment"


@dataclass(frozen=True, slots=True)
class Guide:
    """What is said at the first of something, each a text of the catalogue."""

    # What is before the reader.
    title: str
    # What comes next, one after the other.
    comes: tuple[str, ...]
    # What makes it go well.
    tip: str


GUIDES: Mapping[str, Guide] = {
    ORDER: Guide(
        _("Your first order here"),
        (
            _("We check the credit for it, in most cases at once."),
            _("It ships by the day that was agreed. You hear before that if the day cannot be kept."),
            _("The invoice comes once everything has shipped, to whoever pays invoices at your company."),
        ),
        _(
            "Put your purchase order on each order: it stands on the invoice, and your accounts payable find it without asking."
        ),
    ),
    INVOICE: Guide(
        _("Your first invoice from us"),
        (
            _("You have time until the day it is due. What you contest before that is not due until it is settled."),
            _("Pay by transfer with the reference that is shown under Pay: then we know at once what it is for."),
            _("Once the money is with us, the invoice shows as paid and your credit line is free again."),
        ),
        _("If something is wrong, say so here at the line: it takes a minute, and the rest can be paid in time."),
    ),
    DISPUTE: Guide(
        _("Your first case with us"),
        (
            _("A person looks at it. By when you have an answer stands on this page."),
            _("If we need something from you, we ask once and say exactly what. Until you answer, our time rests."),
            _("If you are right, a credit note follows; if you see it otherwise, somebody else looks at it again."),
        ),
        _("A photo or the delivery note says more than a long text: add it below, and the answer comes sooner."),
    ),
    PAYMENT: Guide(
        _("Your first payment to us"),
        (
            _("Choose what you pay and say so: we tell you account, amount and reference for your bank."),
            _("A transfer usually reaches us on the next business day."),
            _("It is then set against exactly what you chose, and the invoices show as paid."),
        ),
        _("Use the reference as it is: without it somebody has to find out what the money is for."),
    ),
}
