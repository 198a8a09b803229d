"""Who vouches for callers on this machine: a portal for people and their programs, an operator, each service for itself."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from deploy.local.authority import Authority
from services.chassis.identity import BUYER_ROLES, SELLER_ROLES, Principal, Signer, issuer_file, new_key
from services.chassis.operators import Key

PORTAL, OPERATOR = "portal", "operator"


class Issuers:
    """Keys of a run, in a folder of its own: private ones that their owner alone reads, and the folder of trust.

    Beside them lie the certificates of the workloads that bring their tokens.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder that they are in, or will be."""
        self.folder = folder
        self.trust = folder / "trust"
        self._keys = folder / "keys"
        self._certificates = folder / "certificates"

    def make(self, services: Sequence[str]) -> Self:
        """Make a key for each issuer, and say what it may vouch for."""
        self.trust.mkdir(parents=True, exist_ok=True)
        self._keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make(
            PORTAL, subjects=("contact:", "user:", "key:", "service:portal"), roles=sorted(BUYER_ROLES | SELLER_ROLES)
        )
        self._make(OPERATOR, subjects=("user:",), roles=("*",))
        self._make_operators_own()
        for name in services:
            self._make(name, subjects=(f"service:{name}",), roles=())
        return self

    def _make(self, name: str, *, subjects: Sequence[str], roles: Sequence[str]) -> None:
        key = new_key()
        path = self.key(name)
        path.touch(mode=0o600)
        path.write_text(key)
        text = issuer_file([key], subjects=subjects, roles=roles, tenants=("*",), workloads=(name,))
        # In one step: a service may be reading.
        new = self.trust / f".{name}.{os.getpid()}"
        new.write_text(text)
        new.rename(self.trust / f"{name}.json")

    def _make_operators_own(self) -> None:
        """The file by which the command line signs: as an operator who may do all of a seller's too."""
        roles = tuple(sorted(SELLER_ROLES | {"OPERATOR"}))
        key = Key(OPERATOR, "user:operator", roles, ("*",), (self.key(OPERATOR).read_text(),))
        key.write(self.operator_key)

    @property
    def operator_key(self) -> Path:
        """The file that AR_OPERATOR_KEY names."""
        return self._keys / "operator.json"

    def key(self, name: str) -> Path:
        """The file with an issuer's private key."""
        return self._keys / f"{name}.pem"

    def certificate(self, name: str) -> Path:
        """The folder of the certificate by which an issuer's workload calls and is called."""
        return self._certificates / name

    def certify(self, authority: Authority) -> None:
        """Make a certificate for each workload."""
        for file in self.trust.glob("*.json"):
            authority.issue(file.stem, self.certificate(file.stem))

    def signer(self, name: str) -> Signer:
        """What signs in that issuer's name."""
        return Signer(name, self.key(name).read_text)

    def environment(self, service: str) -> dict[str, str]:
        """What a service is told of all this."""
        return {
            "AR_ACCESS": "require",
            "AR_TRUST_DIR": str(self.trust),
            "AR_IDENTITY_KEY": self.key(service).read_text(),
            "AR_TLS_DIR": str(self.certificate(service)),
        }


def person(actor: str, tenant: str, *accounts: str, roles: Sequence[str] = ()) -> Principal:
    """Somebody of the seller ("user:…"), of a buyer ("contact:…", of these accounts) or a program ("key:…").

    With the roles that are named, or all that such a one can have; with a second factor.
    """
    kind = actor.partition(":")[0]
    every = {"user": SELLER_ROLES, "contact": BUYER_ROLES, "key": BUYER_ROLES | SELLER_ROLES}[kind]
    return Principal(
        actor,
        tenant,
        PORTAL,
        roles=frozenset(roles) if roles else every,
        accounts=frozenset(accounts) if accounts else None,
        assurance=2,
    )


def operator(actor: str = "user:operator") -> Principal:
    """Who runs the system, for no tenant."""
    return Principal(actor, "", OPERATOR, roles=frozenset({"OPERATOR"}), assurance=2)
