"""What an account owes and has reserved, by kind."""

from enum import StrEnum


class Component(StrEnum):
    """A part of what would be owed if all ended today (RULES: exposure)."""

    OPEN_ITEMS = "OPEN_ITEMS"
    # Nothing, until the ledger tells what is certain to stay.
    UNCLEARED = "UNCLEARED"
    # Less.
    UNAPPLIED = "UNAPPLIED"
    # Less.
    CREDITS = "CREDITS"
    DELIVERED = "DELIVERED"
    RESERVED = "RESERVED"


def components(used: int, held: int, unapplied: int, credits_kept: int, delivered: int) -> dict[Component, int]:
    """Each part, in minor units: used = open items - unapplied - credits; held = delivered + reserved."""
    return {
        Component.OPEN_ITEMS: used + unapplied + credits_kept,
        Component.UNCLEARED: 0,
        Component.UNAPPLIED: unapplied,
        Component.CREDITS: credits_kept,
        Component.DELIVERED: delivered,
        Component.RESERVED: held - delivered,
    }
