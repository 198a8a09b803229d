"""What the portal can be told from outside, beside the chassis' own."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from services.chassis.settings import ChassisSettings, Port

SECRET_MIN = 32  # bytes


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < SECRET_MIN:
        raise ValueError(f"has fewer than {SECRET_MIN} bytes: make one with `head -c 48 /dev/urandom | base64`")
    return secret


class Settings(ChassisSettings):
    """The portal's settings."""

    http_port: Port = Field(8443, description="port of the pages")
    http_tls: Literal["off", "on"] = Field(
        "off",
        description="on: TLS ends here, with AR_HTTP_TLS_DIR; off: at the proxy before us, which alone reaches us",
    )
    http_tls_dir: Path = Field(
        Path("/etc/receivables/http"), description="folder of the pages' certificate: tls.crt, tls.key"
    )
    http_proxies: int = Field(
        0, description="proxies before the pages, each of which says in X-Forwarded-For from where a request came", ge=0
    )
    static_dir: Path = Field(
        Path("/app/static"), description="folder of the pages' script and style that others wrote (htmx, Pico)"
    )
    portal_secret: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(
        description="key by which addresses are hashed and factors' secrets encrypted; 32 or more characters"
    )
    provider_addresses: Literal["public", "any"] = Field(
        "public",
        description="where providers of identities may answer; any: in private networks too, and in plain text on this "
        "machine",
    )
    credit_address: str = Field("127.0.0.1:50051", description="host:port of credit")
    invoicing_address: str = Field("127.0.0.1:50052", description="host:port of invoicing")
    ledger_address: str = Field("127.0.0.1:50053", description="host:port of the ledger")
    disputes_address: str = Field("127.0.0.1:50054", description="host:port of disputes")
    notifications_address: str = Field("127.0.0.1:50055", description="host:port of notifications")
