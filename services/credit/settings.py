"""What credit can be told from outside, beside the machinery's settings."""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_settings import NoDecode

from services.chassis.settings import ChassisSettings

_EXAMPLE = '{"registry": {"address": "registry.example:443", "keys": ["company_status"]}}'
_EXAMPLE_OF_RATES = '{"address": "rates.example:443"}'
# Words that say otherwise where a fact comes from.
_TAKEN = ("account", "applicant", "clerk", "document", "engine", "rates")
_LISTS_MOST = 20

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Keys = Annotated[frozenset[Key], Field(min_length=1, max_length=50)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class Port(BaseModel):
    """Where somebody outside answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(pattern=r"^[^\s/]+:[0-9]{1,5}$|^dns:///[^\s/]+:[0-9]{1,5}$")
    # How long an answer may take for which nobody waits, seconds.
    deadline_s: float = Field(default=10.0, ge=0.1, le=60)


class Source(Port):
    """Where a source of facts about companies answers, and what it is asked and told."""

    # Facts that it knows; of no others it is believed.
    keys: Keys
    # Facts by which it finds a company: it is told no others.
    told: Keys = frozenset({"company_name", "country", "currency", "register_number", "vat_id"})


T = TypeVar("T")
_SOURCES: TypeAdapter[dict[str, Source]] = TypeAdapter(dict[Name, Source])
_PORT = TypeAdapter(Port)


def _parse(given: Any, kind: TypeAdapter[T], example: str) -> T:
    """What a setting says; each mistake in words that name its place."""
    try:
        said = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        raise ValueError(f"is no JSON, such as {example}") from None
    try:
        return kind.validate_python(said)
    except ValidationError as error:
        wrong = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in wrong["loc"] if part != "[key]")
        raise ValueError(f"{place or 'all of it'}: {wrong['msg']} (such as {example})") from None


def _read_port(given: Any) -> Port | None:
    """Where rates are asked for; nowhere, where nothing is said."""
    return _parse(given, _PORT, _EXAMPLE_OF_RATES) if given else None


def _read(given: Any) -> dict[str, Source]:
    """Who tells facts."""
    sources = _parse(given, _SOURCES, _EXAMPLE)
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
    credit_rates: Annotated[Port | None, NoDecode, BeforeValidator(_read_port), WithJsonSchema({"type": "string"})] = (
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
