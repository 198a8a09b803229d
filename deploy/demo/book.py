"""What an outsider knows from the public topics: each order's answer, its invoices, and what became of cases."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2

from deploy.demo.feed import Fact

Key = tuple[str, str]  # tenant, and an order's or a case's id


@dataclass(slots=True)
class Book:
    """Grows as facts come in; the last word on an order counts."""

    # By order: "approved", or the code with which it was referred, declined or refused.
    answers: dict[Key, str] = field(default_factory=dict)
    # By order: the code with which a shipment was refused, or the rule that holds its draft.
    trouble: dict[Key, str] = field(default_factory=dict)
    # By order, in the order of issue: InvoiceIssued.
    invoices: defaultdict[Key, list[Any]] = field(default_factory=lambda: defaultdict(list))
    # By case: CreditNoteIssued.
    credit_notes: dict[Key, Any] = field(default_factory=dict)

    def learn(self, facts: Iterable[Fact]) -> None:
        """Take in what was announced."""
        for fact in facts:
            if (note := getattr(self, f"_{fact.name}", None)) is not None and fact.body is not None:
                note(fact.tenant, fact.body)

    def _CreditDecided(self, tenant: str, body: Any) -> None:
        approved = body.outcome == credit_pb2.OUTCOME_APPROVED
        self.answers[(tenant, body.order_id)] = "approved" if approved else " ".join(body.reasons)

    def _OrderRefused(self, tenant: str, body: Any) -> None:
        self.answers.setdefault((tenant, body.order_id), body.code)

    def _ShipmentRefused(self, tenant: str, body: Any) -> None:
        self.trouble[(tenant, body.order_id)] = body.code

    def _DocumentHeld(self, tenant: str, body: Any) -> None:
        self.trouble[(tenant, body.order_id)] = "held " + " ".join(finding.rule for finding in body.findings)

    def _InvoiceIssued(self, tenant: str, body: Any) -> None:
        self.invoices[(tenant, body.order_id)].append(body)

    def _CreditNoteIssued(self, tenant: str, body: Any) -> None:
        self.credit_notes[(tenant, body.dispute_id)] = body
