"""A Kafka cluster as its administrator knows it: where it is, who may come to it, and what each of them may do there.

The services' users and their rights are those of the manifests (KafkaUser); what is not granted is denied.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local.artifacts import ROOT
from services.chassis.brokers import Brokers, Context
from services.chassis.tls import CERTIFICATE, KEY

ADMIN = "admin"
SHOP, ERP = "shop", "erp"
USERS = (*(ROOT / "k8s" / "components").glob("*/users.yaml"), Path(__file__).with_name("outsiders.yaml"))
Users = Mapping[str, Sequence[Mapping[str, Any]]]  # each with the rules about him, as his KafkaUser has them
_PATTERNS = {"literal": ACLResourcePatternType.LITERAL, "prefix": ACLResourcePatternType.PREFIXED}


@dataclass(frozen=True)
class Cluster:
    """Where it is; with an authority it is spoken to over TLS, and whoever comes says who he is."""

    bootstrap: str
    authority: Path | None = None
    # The administrator's; those of all others follow from it, so that every process of a run knows the same.
    password: str = ""

    @classmethod
    def given(cls) -> Self | None:
        """The one that the environment names, if it does."""
        if not (bootstrap := os.environ.get("KAFKA_BOOTSTRAP_SERVERS")):
            return None
        authority = os.environ.get("KAFKA_CA")
        return cls(bootstrap, Path(authority) if authority else None, os.environ.get("KAFKA_PASSWORD", ""))

    def environment(self) -> dict[str, str]:
        """How another process is told of it."""
        told = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap}
        if self.authority is not None:
            told |= {"KAFKA_CA": str(self.authority), "KAFKA_PASSWORD": self.password}
        return told

    def brokers(self, user: str = ADMIN) -> Brokers:
        """How one comes to it as a user; in plain text all are the same."""
        addresses = tuple(self.bootstrap.split(","))
        if self.authority is None:
            return Brokers(addresses)
        return Brokers(addresses, "sasl_ssl", user, self.password_of(user), Context.of(self.authority, None))

    def options(self, user: str = ADMIN) -> dict[str, Any]:
        """What a client of kafka-python or aiokafka is told."""
        return self.brokers(user).options()

    def settings(self, user: str = ADMIN) -> dict[str, Any]:
        """What a service's settings say of it."""
        told: dict[str, Any] = {"kafka_bootstrap_servers": self.bootstrap}
        if self.authority is None:
            return told | {"kafka_security": "plaintext"}
        return told | {
            "kafka_security": "sasl_ssl",
            "kafka_ca": self.authority,
            "kafka_user": user,
            "kafka_password": self.password_of(user),
        }

    def variables(self, user: str = ADMIN) -> dict[str, str]:
        """The same as a process is told it."""
        return {f"AR_{name.upper()}": str(value) for name, value in self.settings(user).items()}

    def password_of(self, user: str) -> str:
        """The administrator's own, or one that follows from it."""
        if user == ADMIN:
            return self.password
        return hmac.new(self.password.encode(), user.encode(), hashlib.sha256).hexdigest()

    def admit(self, administrator: Brokers, known: Users) -> None:
        """Make these users, and the administrator, and give each his rights; again changes nothing."""
        with closing(KafkaAdminClient(**administrator.options())) as admin:
            admin.create_acls([right for user, rules in known.items() for right in rights_of(user, rules)])
            set_passwords(admin, {user: self.password_of(user) for user in (ADMIN, *known)})


def set_passwords(admin: KafkaAdminClient, passwords: Mapping[str, str]) -> None:
    """Say by which passwords users log in from now on."""
    wanted = [
        UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)
        for user, password in passwords.items()
    ]
    failed = {user: why for user, why in admin.alter_user_scram_credentials(wanted).items() if why}
    assert not failed, failed


def users() -> Users:
    """Who may come, by the manifests."""
    found = [each for file in USERS for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return {each["metadata"]["name"]: each["spec"]["authorization"]["acls"] for each in found}


def rights_of(user: str, rules: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    """The rules of a KafkaUser as the broker's rights."""
    for rule in rules:
        resource = rule["resource"]
        pattern = _PATTERNS[resource.get("patternType", "literal")]
        what = ResourcePattern(ResourceType[resource["type"].upper()], resource["name"], pattern)
        for operation in rule["operations"]:
            yield ACL(f"User:{user}", "*", ACLOperation[operation.upper()], ACLPermissionType.ALLOW, what)


def keystore(folder: Path) -> Path:
    """The certificate in a folder and its key as one file, which Java reads."""
    file = folder / "keystore.pem"
    file.touch(mode=0o600)
    file.write_bytes((folder / KEY).read_bytes() + (folder / CERTIFICATE).read_bytes())
    return file
