"""What disputes can be told from outside, beside the machinery's settings."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema
from pydantic_settings import NoDecode

from services.chassis.settings import ChassisSettings, Peer, parsed

_EXAMPLE = '{"address": "peppol.example:443", "tenants": ["acme"]}'
Tenant = Annotated[str, Field(min_length=1, max_length=128)]


class Channel(Peer):
    """Where what buyers' systems say of invoices comes in, and for whom."""

    tenants: Annotated[tuple[Tenant, ...], Field(min_length=1, max_length=10_000)]


_CHANNEL = TypeAdapter(Channel)


def _read_channel(given: Any) -> Channel | None:
    """Who brings it; nobody, where nothing is said."""
    return parsed(given, _CHANNEL, _EXAMPLE) if given else None


class Settings(ChassisSettings):
    """Settings of disputes."""

    disputes_channel: Annotated[
        Channel | None, NoDecode, BeforeValidator(_read_channel), WithJsonSchema({"type": "string"})
    ] = Field(
        None,
        description="who brings what buyers' systems say of invoices (services/disputes/CHANNELS.md), as JSON: the address, for "
        f"which tenants, and perhaps `deadline_s`: `{_EXAMPLE}`; empty: it comes by calls alone",
        json_schema_extra={"default": ""},
    )
