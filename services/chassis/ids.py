"""Identifiers that sort by the time of their making (UUID version 7)."""

from uuid_utils import uuid7


def new_id() -> str:
    """A new identifier, unique everywhere."""
    return str(uuid7())
