"""Who runs the system: an operator's key, and the calls that are signed with it.

An operator's key is a file that nobody else can read, and that is never sent anywhere:

    {"issuer": "operator-ada", "subject": "user:ada", "roles": ["OPERATOR"], "tenants": [], "keys": [<PEM>, <PEM>]}

Calls are signed with the first key. A second is there while services learn to trust it; the first then ends, and the
second takes its place (services/chassis/keys.py).
"""

import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import grpc
import typer
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis import tls
from services.chassis.access import IDENTITY
from services.chassis.identity import OPERATOR, Principal, Signer, Trust, Verifier
from services.chassis.ids import new_id
from services.chassis.settings import PREFIX, ChassisSettings, load
from services.kernel.refusals import Refusal

WORKLOAD = "operator"  # whose certificate brings an operator's tokens
CALL_S = 10.0  # for a service to answer, one that is just starting included
PAUSE_S = 0.2
By = Annotated[str, typer.Option(help="who does it, such as user:ada; your operator's key says so where there is one")]
PORT, TLS_PORT = 50051, 50443  # where a service answers if nothing else is said


class OperatorSettings(BaseSettings):
    """What an operator's command line is told from outside, beside AR_<SERVICE>_ADDRESS (`credit:50443`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    operator_key: Path = Field(
        default_factory=lambda: Path.home() / ".config" / "receivables" / "operator.json",
        description="file with the operator's private key",
    )
    grpc_tls: Literal["off", "accept", "require"] = Field(
        "require", description="require: calls go over mutual TLS; otherwise in plain text"
    )
    tls_dir: Path = Field(
        Path("/etc/receivables/tls"), description="folder with tls.crt, tls.key and ca.crt of the workload operator"
    )


@dataclass(frozen=True, slots=True)
class Key:
    """An operator's key: who it is, and what they may."""

    issuer: str
    subject: str
    roles: tuple[str, ...]
    tenants: tuple[str, ...]
    # Private ones, PEM; calls are signed with the first.
    keys: tuple[str, ...]

    def __repr__(self) -> str:
        """Without the keys, whatever prints it."""
        return f"Key({self.issuer!r}, {self.subject!r})"

    def sign(self, audience: str, tenant: str = "", on_behalf_of: str = "") -> str:
        """A token for one service."""
        principal = Principal(
            self.subject,
            tenant,
            self.issuer,
            roles=frozenset(self.roles),
            assurance=2,  # a file that one has, on a machine that one has signed in to
            on_behalf_of=on_behalf_of,
        )
        return Signer(self.issuer, lambda: self.keys[0]).sign(principal, audience)

    def write(self, path: Path) -> None:
        """Write the file in one step, for its owner alone."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(asdict(self), indent=1) + "\n", anew=True)


def write_private(path: Path, text: str, *, anew: bool = False) -> None:
    """Write a file that its owner alone can read, at no instant anybody else; one that is there only `anew`."""
    if not anew and path.exists():
        raise SystemExit(f"{path} is there already: nothing is overwritten")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.rename(path)


def read_key(path: Path) -> Key:
    """An operator's key from its file; a file that others can read, or that makes no sense, ends the command."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SystemExit(f"{path}: others can read it: chmod 600, and make a new key if they did")
        said = json.loads(path.read_text(encoding="utf-8"))
        lists = {name: tuple(map(str, said[name])) for name in ("roles", "tenants", "keys")}
        key = Key(issuer=str(said["issuer"]), subject=str(said["subject"]), **lists)
        for pem in key.keys:
            ECKey.import_key(pem)
    except FileNotFoundError:
        raise SystemExit(
            f"there is no operator's key at {path}: receivables keys init (or say AR_OPERATOR_KEY)"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
        raise SystemExit(f"{path} is no operator's key: {type(error).__name__}") from None
    if not key.keys:
        raise SystemExit(f"{path} has no key any more: receivables keys init makes a new one")
    return key


def own_key() -> Key:
    """The key of whoever types."""
    return read_key(load(OperatorSettings).operator_key)


def without(key: Key, key_id: str) -> Key:
    """The operator's key once one of its keys has ended."""
    return replace(key, keys=tuple(pem for pem in key.keys if id_of(pem) != key_id))


def id_of(pem: str) -> str:
    """A key's id, as tokens name it (RFC 7638)."""
    return ECKey.import_key(pem).thumbprint()


def who(by: str, service: str, settings: ChassisSettings) -> str:
    """Who works at a service's database: whoever the operator's key is, trusted there; `by` where there is no key."""
    path = load(OperatorSettings).operator_key
    if not path.exists():
        if not by:
            raise SystemExit(f"who does it? There is no operator's key at {path}: say --by, such as user:ada")
        return by
    key = read_key(path)
    if by and by != key.subject:
        raise SystemExit(f"{path} is the key of {key.subject}, not of {by}: leave out --by")
    if settings.access != "off":
        try:
            principal, _ = Verifier(Trust(settings.trust_dir), service).verify(key.sign(service))
        except Refusal as refusal:
            raise SystemExit(f"{refusal.code}: {refusal.message}") from None
        if OPERATOR not in principal.roles:
            raise SystemExit(f"access.role: this needs the role {OPERATOR}")
    return key.subject


def address_of(service: str) -> str:
    """Where a service answers: AR_<SERVICE>_ADDRESS, or its name in a cluster."""
    port = TLS_PORT if load(OperatorSettings).grpc_tls == "require" else PORT
    return os.environ.get(f"{PREFIX}{service.upper()}_ADDRESS") or f"{service}:{port}"


def channel(service: str) -> grpc.Channel:
    """A connection to a service, in our own name where it goes over TLS."""
    settings = load(OperatorSettings)
    if settings.grpc_tls != "require":
        return grpc.insecure_channel(address_of(service))
    return tls.Channel(service, address_of(service), tls.holder(settings.tls_dir))


class Unanswered(Exception):  # noqa: N818 - said to the operator as it stands
    """A service that does not answer, or refuses to."""


def call(
    service: str,
    stub: Callable[[grpc.Channel], Any],
    method: str,
    request: Message,
    *,
    tenant: str = "",
    why: str = "",
    on_behalf_of: str = "",
    within_s: float | None = None,
) -> Any:
    """Call a service as the operator; a write that has to be tried again is the same one. Raises Unanswered."""
    key = own_key()
    given = [("ar-idempotency-key", new_id()), ("ar-reason", why)]
    deadline = time.monotonic() + (CALL_S if within_s is None else within_s)
    with channel(service) as opened:
        ask = getattr(stub(opened), method)
        while True:
            token = key.sign(service, tenant, on_behalf_of)
            try:
                left = max(PAUSE_S, deadline - time.monotonic())
                return ask(request, timeout=left, metadata=[(IDENTITY, token), *given])
            except grpc.RpcError as error:
                if _code(error) != grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                    raise Unanswered(_said(service, error)) from None
            time.sleep(PAUSE_S)


def _code(error: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = error.code()
    return code


def _said(service: str, error: Any) -> str:
    """A refusal by its stable code; of anything else, what gRPC says."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return f"{info.reason}: {status.message}"
    if _code(error) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return f"{service} does not answer at {address_of(service)}"
    return f"{service}: {_code(error).name}: {error.details()}"
