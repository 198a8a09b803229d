"""What a buyer's system says of an invoice."""

from dataclasses import replace
from datetime import date
from typing import Any

from services.disputes.domain.responses import Response, Status


def said(status: str = "RE", *reasons: str, **changes: Any) -> Response:
    """A response; one that contests says, if nothing else, that too little came."""
    contesting = status in ("UQ", "CA", "RE")
    response = Response(
        message_id="m1",
        issued_on=date(2026, 3, 2),
        status=Status(status),
        effective_on=None,
        invoice_number="A-2026-000001",
        reasons=reasons or (("QTY",) if contesting else ()),
        actions=(),
        conditions=(),
        lines=(),
        words="",
        sha256="",
    )
    return replace(response, **changes)
