"""What the code says about each service: the facts that manifests are judged by."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.chassis.envelope import RECORD_MAX_BYTES, topic_of
from services.chassis.service import LIVENESS, READINESS, Service
from services.chassis.settings import MOUNTED_SECRETS, PREFIX, ChassisSettings
from services.chassis.topics import TOPICS
from services.command_line import ROLES

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications", "portal")
PROBES = {LIVENESS, READINESS}
SECRETS_PATH = MOUNTED_SECRETS
MESSAGE_MAX_BYTES = RECORD_MAX_BYTES
DOOR = int(ChassisSettings.model_fields["grpc_tls_port"].default)  # where callers come in
PAGES = f"{PREFIX}HTTP_PORT"  # where browsers come in, of the service that has pages
POST = f"{PREFIX}MAIL_PORT"  # where mail comes in, of the service that takes it, unless it is 0
OTLP = 4317  # where a collector takes traces
ALL_TOPICS = frozenset(TOPICS)
CONSOLE_ROLES = frozenset(ROLES)
OWNER_ONLY = f"{PREFIX}OWNER_DATABASE_URL"  # what only `migrate` may know
_STUB = re.compile(r"^\s*from receivables\.(\w+)\.v1 import .*service_pb2_grpc", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable of a service; `default` is None where it must be given."""

    name: str
    field: FieldInfo

    @property
    def is_secret(self) -> bool:
        """Whether its value must never stand in a manifest: it comes as a file."""
        kind = self.field.annotation
        return kind is SecretStr or SecretStr in get_args(kind)

    @property
    def file(self) -> str:
        """The name of the file that stands for it."""
        return self.name.removeprefix(PREFIX).lower()

    @property
    def meaning(self) -> str:
        """What it means, with its unit."""
        return self.field.description or ""

    @property
    def default(self) -> str | None:
        """Its default as a person would write it; None where there is none."""
        if self.field.is_required():
            return None
        value = self.field.default
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(value, tuple):
            return ",".join(str(one) for one in value)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Product:
    """One service as its code describes it."""

    name: str
    settings: dict[str, Setting]
    follows: frozenset[str]
    # The other services whose methods it calls.
    calls: frozenset[str]
    # Whether it follows or tells anything.
    knows_broker: bool

    @property
    def writes(self) -> frozenset[str]:
        """The topics that it announces on: its own, and invoicing's second one, of documents."""
        names = {self.name, "documents"} if self.name == "invoicing" else {self.name}
        return ALL_TOPICS & {f"receivables.{name}.v1" for name in names}

    @property
    def group(self) -> str:
        """Its consumer group, and its user at the broker."""
        return f"receivables-{self.name}"

    @property
    def has_pages(self) -> bool:
        """Whether browsers come to it."""
        return PAGES in self.settings

    def port(self, setting: str) -> int:
        """The port that it listens on where nothing else is said."""
        return int(self.settings[setting].default or 0)


@cache
def product(name: str) -> Product:
    """What the code of a service says."""
    service: Service[ChassisSettings] = import_module(f"services.{name}.service").SERVICE
    handlers = service.handlers(service.settings.model_construct())
    return Product(
        name,
        dict(_settings(service.settings)),
        frozenset(topic_of(message) for message in handlers),
        frozenset(_called(name)) - {name},
        service.knows_broker,
    )


def products() -> list[Product]:
    """All services."""
    return [product(name) for name in SERVICES]


def accepts(name: str, told: Mapping[str, str]) -> None:
    """Read settings as the service does, with a word for each secret that it must be given; raises ValidationError."""
    secrets = [each for each in product(name).settings.values() if each.is_secret and each.default is None]
    given = {each.file: f"postgresql:///{'x' * 32}" for each in secrets}
    known = product(name).settings
    settings_class(name).model_validate(given | {known[variable].file: value for variable, value in told.items()})


def settings_class(name: str) -> type[ChassisSettings]:
    """The class that reads a service's settings."""
    kind: type[ChassisSettings] = import_module(f"services.{name}.service").SERVICE.settings
    return kind


def shared_settings() -> frozenset[str]:
    """The variables that every service reads."""
    return frozenset(name for name, _ in _settings(ChassisSettings))


def values_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of each variable that is no secret, for a service's values."""
    described = settings_class(name).model_json_schema()["properties"]
    return {
        setting.name: {key: value for key, value in described[setting.file].items() if key not in ("title", "format")}
        for setting in product(name).settings.values()
        if not setting.is_secret
    }


def _settings(kind: type[ChassisSettings]) -> Iterator[tuple[str, Setting]]:
    for name, field in kind.model_fields.items():
        variable = f"{PREFIX}{name.upper()}"
        yield variable, Setting(variable, field)


def _called(name: str) -> Iterator[str]:
    """The packages whose stubs a service uses; a call to another service cannot be made without."""
    for file in (ROOT / "services" / name).rglob("*.py"):
        yield from _STUB.findall(file.read_text(encoding="utf-8"))
