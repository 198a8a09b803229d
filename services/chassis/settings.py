"""What every service can be told from outside: environment variables that begin with AR_, secrets also as files."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import psycopg
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from services.chassis import sources

S = TypeVar("S", bound=BaseSettings)
T = TypeVar("T")
PREFIX = "AR_"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
MOUNTED_SECRETS = "/run/secrets/receivables"


def _known_address(url: SecretStr | None) -> SecretStr | None:
    try:
        psycopg.conninfo.conninfo_to_dict(url.get_secret_value() if url else "")
    except psycopg.ProgrammingError:  # whose words would quote it, password and all
        raise ValueError("is no address of a database (postgresql://user:password@host:port/name)") from None
    return url


def _json(given: Any) -> Any:
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError:
        raise ValueError('is no JSON, such as {"webshop": ["acme"]}') from None


def _known_sources(tenants: dict[str, list[str]]) -> dict[str, list[str]]:
    sources.check(tenants)
    return tenants


Port = Annotated[int, Field(ge=1, le=65535)]
OrderSources = Annotated[
    dict[str, list[str]],
    NoDecode,
    BeforeValidator(_json),
    AfterValidator(_known_sources),
    WithJsonSchema({"type": "string"}),  # as it comes from outside
]


class Peer(BaseModel):
    """Where somebody outside answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(pattern=r"^[^\s/]+:[0-9]{1,5}$|^dns:///[^\s/]+:[0-9]{1,5}$")
    # How long an answer may take for which nobody waits, seconds.
    deadline_s: float = Field(default=10.0, ge=0.1, le=60)


def parsed(given: Any, kind: TypeAdapter[T], example: str) -> T:
    """What a setting in JSON says; each mistake in words that name its place."""
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


class ChassisSettings(BaseSettings):
    """Settings of the machinery; a service adds its own in a subclass.

    A file in the folder that AR_SECRETS_DIR names (or in /run/secrets/receivables) stands for the variable of its
    name: `database_url` for AR_DATABASE_URL. A variable that is set counts before the file. Passwords in files are
    read again (`secret_now`) whenever a connection is made, and so are certificates.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    database_url: Annotated[SecretStr, AfterValidator(_known_address)] = Field(
        description="PostgreSQL, as the role that serves"
    )
    owner_database_url: Annotated[SecretStr | None, AfterValidator(_known_address)] = Field(
        None, description="PostgreSQL, as the owner; only for migrate"
    )
    database_tls: Literal["off", "require"] = Field(
        "require",
        description="require: an address of a database says sslmode=verify-full, or is a socket of this machine",
    )
    database_connections: int = Field(10, description="at most so many connections to the database", ge=2)
    idle_transaction_s: int = Field(
        60, description="after which a transaction of a process that froze is ended, seconds", ge=1
    )
    kafka_bootstrap_servers: str = Field("localhost:9092", description="host:port, comma separated", min_length=1)
    kafka_security: Literal["plaintext", "ssl", "sasl_ssl"] = Field(
        "sasl_ssl", description="how the broker is spoken to; ssl: with a certificate, sasl_ssl: with SCRAM-SHA-512"
    )
    kafka_ca: Path | None = Field(None, description="authorities of the brokers' certificates; empty: the machine's")
    kafka_user: str = Field("", description="who we are to the broker, with sasl_ssl")
    kafka_password: SecretStr = Field(SecretStr(""), description="of kafka_user")
    kafka_tls_dir: Path = Field(
        Path("/etc/receivables/kafka"),
        description="folder of our certificate for the broker, with ssl: tls.crt, tls.key",
    )
    order_sources: OrderSources = Field(
        {},
        description='who tells us orders, each on the topic `receivables.orders.v1.<source>`, and for which tenants ("*": '
        'for any), as JSON: `{"webshop": ["acme"], "erp-1": ["acme", "globex"]}`; the source "*" is whoever writes '
        "on `receivables.orders.v1`, who may speak for any tenant if no source is named at all",
        json_schema_extra={"default": "{}"},
    )
    partitions: int = Field(8, description="of a topic that has to be created", ge=1)
    replication: int = Field(1, description="copies of a topic that has to be created", ge=1)
    session_timeout_s: float = Field(
        30.0, description="after which a silent consumer loses its partitions, seconds", ge=1
    )
    batch_size: int = Field(500, description="events handled in one transaction, at most", ge=1)
    batch_bytes: int = Field(
        524_288, description="bytes of events handled in one transaction, at most; a larger event comes alone", ge=1
    )
    batch_s: int = Field(
        30, description="after which a batch is undone and comes again halved, seconds; one alone has longer", ge=1
    )
    failures_in_row_max: int = Field(
        100, description="defects in a row after which a tenant's events wait for an operator", ge=1
    )
    grpc_host: str = Field("127.0.0.1", description="address that gRPC and /metrics listen on")
    grpc_port: Port = Field(50051, description="port of gRPC in plain text; with AR_GRPC_TLS=require of health alone")
    grpc_tls: Literal["off", "accept", "require"] = Field(
        "require", description="whether calls come over mutual TLS; accept: in plain text too, while versions change"
    )
    grpc_tls_port: Port = Field(50443, description="port of gRPC over mutual TLS")
    tls_dir: Path = Field(
        Path("/etc/receivables/tls"),
        description="folder of this workload's certificate: tls.crt, tls.key, and ca.crt, which may hold two authorities",
    )
    grpc_connection_age_s: int = Field(
        120,
        description="after which a caller is asked to connect anew, and so meets replicas added since, seconds",
        ge=1,
    )
    access: Literal["off", "accept", "require"] = Field(
        "require",
        description="whether calls need a signed token; accept: who brings none is believed, while versions change",
    )
    trust_dir: Path = Field(
        Path("/etc/receivables/trust"), description="folder of whom we trust to sign tokens: <issuer>.json"
    )
    identity_key: SecretStr | None = Field(
        None, description="private key (PEM, P-256) by which this service signs its own calls"
    )
    metrics_port: int = Field(9464, description="port of /metrics; 0 for none", ge=0, le=65535)
    clock: Literal["system", "test"] = Field("system", description="test: SetClock is answered")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="what is logged, and above")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names all five
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then files of secrets; no .env file."""
        folder = _secrets_folder()
        if not folder.is_dir():
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder, env_prefix="")


def load(kind: type[S]) -> S:
    """Read the settings; a wrong or missing one ends the process with a line that names it, and never its value."""
    folder = os.environ.get(SECRETS_DIR)
    if folder is not None and not Path(folder).is_dir():
        raise SystemExit(f"{SECRETS_DIR}: {folder} is no folder")
    try:
        settings = kind()
    except ValidationError as error:
        wrong = [f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SystemExit("\n".join(wrong)) from None
    if isinstance(settings, ChassisSettings) and settings.database_tls == "require":
        for name in ("database_url", "owner_database_url"):
            if not _is_closed(getattr(settings, name)):
                raise SystemExit(f"{PREFIX}{name.upper()}: {_OPEN}")
    return settings


_OPEN = (
    "the database would be spoken to without knowing that it is it: say ?sslmode=verify-full&sslrootcert=<its authority> "
    f"in the address, or {PREFIX}DATABASE_TLS=off"
)


def _is_closed(url: SecretStr | None) -> bool:
    """Whether nobody between us and the database reads, or answers in its place."""
    if url is None:
        return True
    parts = psycopg.conninfo.conninfo_to_dict(url.get_secret_value())
    return parts.get("sslmode") == "verify-full" or str(parts.get("host") or "").startswith("/")


def secret_now(settings: BaseSettings, name: str) -> str:
    """Return a secret as its file says it now, for whoever logs in anew: passwords change while we run.

    One that came as a variable, or whose file is away or empty just now, is as it was at the start.
    """
    known: str = getattr(settings, name).get_secret_value()
    if f"{PREFIX}{name.upper()}" in os.environ:
        return known
    try:
        return (_secrets_folder() / name).read_text(encoding="utf-8").strip() or known
    except (OSError, UnicodeDecodeError):
        return known


def _secrets_folder() -> Path:
    return Path(os.environ.get(SECRETS_DIR, MOUNTED_SECRETS))
