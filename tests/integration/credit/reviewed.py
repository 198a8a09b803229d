"""Limits that were looked at again, as the engine leaves them to people."""

from datetime import UTC, datetime
from typing import Any

from services.chassis.service import Parts
from services.credit import store
from services.credit.domain.review import VALID, Kind, Review, State
from services.credit.domain.underwriting import Reason
from services.kernel.money import Money

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


async def propose(parts: Parts[Any], review_id: str, kind: Kind, minor: int, **changes: Any) -> None:
    """Have another limit than 1,000 euros wait for an answer: with a reason that not everybody may know the figures of."""
    figures = (("used", "77777.00 EUR"), ("limit", "88888.00 EUR"))
    known: dict[str, Any] = {
        "tenant": "acme",
        "account_id": "b1",
        "current": Money(100_000, "EUR"),
        "valid_until": NOW + VALID,
    }
    known |= changes
    one = Review(
        **known,
        review_id=review_id,
        kind=kind,
        state=State.OPEN,
        causes=("late_payment",) if kind is Kind.CUT else ("clean_months",),
        limit=Money(minor, "EUR"),
        proposed_at=NOW,
        policy_id="p",
        result_hash="h",
        reasons=(Reason("R09", figures),) if kind is Kind.CUT else (),
        figures=(("settled_invoices", "9"), ("overdue_minor", "4200")),
    )
    async with parts.database.transaction([one.tenant]) as tx:
        assert await store.add_review(tx, one)
