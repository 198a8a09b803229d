"""What credit can be told from outside, beside the machinery's settings."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema
from pydantic_settings import NoDecode

from services.chassis.settings import ChassisSettings, Peer, parsed

_EXAMPLE = '{"registry": {"address": "registry.example:443", "keys": ["company_status"]}}'
_EXAMPLE_OF_RATES = '{"address": "rates.example:443"}'
# Words that say otherwise where a fact comes from.
_TAKEN = ("account", "applicant", "clerk", "document", "engine", "rates")
_LISTS_MOST = 20

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Keys = Annotated[frozenset[Key], Field(min_length=1, max_length=50)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class Source(Peer):
    """Where a source of facts about companies answers, and what it is asked and told."""

    # Facts that it knows; of no others it is believed.
    keys: Keys
    # Facts by which it finds a company: it is told no others.
    told: Keys = frozenset({"company_name", "country", "currency", "register_number", "vat_id"})


_SOURCES: TypeAdapter[dict[str, Source]] = TypeAdapter(dict[Name, Source])
_PEER = TypeAdapter(Peer)


def _read_peer(given: Any) -> Peer | None:
    """Where rates are asked for; nowhere, where nothing is said."""
    return parsed(given, _PEER, _EXAMPLE_OF_RATES) if given else None


def _read(given: Any) -> dict[str, Source]:
    """Who tells facts."""
    sources = parsed(given, _SOURCES, _EXAMPLE)
    if taken := sorted(sources.keys() & set(_TAKEN)):
        raise ValueError(f"{taken[0]} is no name of a source: facts that people give are called so")
    return sources


def _read_paths(given: Any) -> tuple[Path, ...]:
    """Paths, comma separated."""
    said = given.split(",") if isinstance(given, str) else given
    paths = tuple(Path(str(one).strip()) for one in said if str(one).strip())
    if len(paths) > _LISTS_MOST:
        raise ValueError(f"names at most {_LISTS_MOST} files")
    return paths


class Settings(ChassisSettings):
    """Settings of credit."""

    credit_sources: Annotated[
        dict[str, Source], NoDecode, BeforeValidator(_read), WithJsonSchema({"type": "string"})
    ] = Field(
        {},
        description="who tells facts about companies (services/credit/SOURCES.md), as JSON: by its name the address, the "
        f"facts that it knows, and perhaps `told`, by which facts it finds a company, and `deadline_s`: `{_EXAMPLE}`",
        json_schema_extra={"default": "{}"},
    )
    credit_rates: Annotated[Peer | None, NoDecode, BeforeValidator(_read_peer), WithJsonSchema({"type": "string"})] = (
        Field(
            None,
            description="who tells what currencies are worth (services/credit/SOURCES.md), as JSON: the address, and perhaps "
            f"`deadline_s`: `{_EXAMPLE_OF_RATES}`; empty: rates are set by people alone",
            json_schema_extra={"default": ""},
        )
    )
    credit_first_answer_ms: int = Field(
        150,
        description="for which a decision waits for sources; who is later is asked again, milliseconds",
        ge=1,
        le=5000,
    )
    credit_trial_portion: int = Field(
        500,
        description="cases that a trial of a policy tries before it notes how far it is",
        ge=10,
        le=10_000,
    )
    credit_trial_cases_most: int = Field(
        1_000_000,
        description="cases that a trial of a policy may have",
        ge=1,
        le=10_000_000,
    )
    credit_sanctions: Annotated[
        tuple[Path, ...], NoDecode, BeforeValidator(_read_paths), WithJsonSchema({"type": "string"})
    ] = Field(
        (),
        description="lists of sanctions that companies, signers and owners are looked for on, as files in the official XML of "
        "the UN, the EU or OFAC, comma separated; read again when they change; empty: none",
        json_schema_extra={"default": ""},
    )
    credit_domains: Path | None = Field(
        None,
        description="file of domains, one a line, that no applicant's may be taken for, beside those of the seller's buyers",
    )
