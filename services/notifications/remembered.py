"""A story as it is kept, whole, so that it can be told again in another language."""

from datetime import date
from typing import Any

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import Role
from services.notifications.domain.stories import Affects, Detail, Story


def pack(story: Story) -> dict[str, Any]:
    """What jsonb can hold; tenant, fact, case and account are columns of their own."""
    scopes = [
        {"site": scope.site, "cost_centre": scope.cost_centre, "purchase_order": scope.purchase_order}
        for scope in story.scopes
    ]
    return {
        "kind": story.kind.value,
        "event_type": story.event_type,
        "affects": {
            "amount": _pack(story.affects.amount),
            "invoices": list(story.affects.invoices),
            "orders": list(story.affects.orders),
            "credit_line": _pack(story.affects.credit_line),
            "shipment": story.affects.shipment,
            "case": story.affects.case,
            "new_orders": story.affects.new_orders,
        },
        "by_when": story.by_when.isoformat(),
        "next_update_at": story.next_update_at.isoformat(),
        "told_on": story.told_on.isoformat(),
        # The version before this one reads the first alone.
        "scope": scopes[0],
        "scopes": scopes,
        "details": {name: _pack(value) for name, value in story.details.items()},
        "document": story.document,
        "knower": story.knower,
    }


def unpack(row: Any) -> Story:
    """The story that a row keeps."""
    told: dict[str, Any] = row.told
    affects = told["affects"]
    return Story(
        kind=Kind(told["kind"]),
        tenant=row.tenant,
        fact=row.fact,
        event_type=told["event_type"],
        about=row.about,
        account_id=row.account_id,
        affects=Affects(
            amount=_money(affects["amount"]),
            invoices=tuple(affects["invoices"]),
            orders=tuple(affects["orders"]),
            credit_line=_money(affects["credit_line"]),
            shipment=affects["shipment"],
            case=affects.get("case", ""),
            new_orders=affects.get("new_orders", False),
        ),
        by_when=date.fromisoformat(told["by_when"]),
        next_update_at=date.fromisoformat(told["next_update_at"]),
        told_on=date.fromisoformat(told["told_on"]),
        scopes=tuple(Scope(**scope) for scope in told.get("scopes") or [told["scope"]]),
        details={name: _unpack(value) for name, value in told["details"].items()},
        document=told["document"],
        knower=Role(told["knower"]) if told["knower"] else None,
    )


def _pack(value: Detail | None) -> Any:
    match value:
        case Money():
            return {"minor": value.minor, "currency": value.currency}
        case date():
            return {"date": value.isoformat()}
        case tuple():
            return list(value)
        case _:
            return value


def _unpack(value: Any) -> Detail:
    match value:
        case {"minor": int(minor), "currency": str(currency)}:
            return Money(minor, currency)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case list():
            return tuple(value)
        case _:
            return str(value)


def _money(value: Any) -> Money | None:
    return Money(value["minor"], value["currency"]) if value else None
