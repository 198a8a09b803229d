"""A certificate authority of a run: certificates for the broker, the database and each workload, for a few days."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.chassis.tls import AUTHORITIES, CERTIFICATE, DOMAIN, KEY, NAMES

LIFETIME = timedelta(days=7)
EARLIER = timedelta(minutes=5)  # for clocks that are behind
HOSTS = ("localhost", "127.0.0.1")
_OWN_KEY = "ca.key"


class Authority:
    """Signs with a key of its own, in a folder that others may read but for keys."""

    def __init__(self, folder: Path) -> None:
        """Take the one in the folder, or make it."""
        self.folder = folder.resolve()
        self.file = self.folder / AUTHORITIES
        if not self.file.exists():
            self._make()
        self._certificate = x509.load_pem_x509_certificate(self.file.read_bytes())
        key = load_pem_private_key((self.folder / _OWN_KEY).read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"receivables {os.urandom(4).hex()}")
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _described(name, name, key.public_key(), LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(own, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
            .sign(key, hashes.SHA256())
        )
        write(self.folder / _OWN_KEY, _private(key))
        write(self.file, certificate.public_bytes(Encoding.PEM), mode=0o644)

    def issue(
        self,
        name: str,
        folder: Path | None = None,
        *,
        hosts: Sequence[str] = HOSTS,
        lifetime: timedelta = LIFETIME,
    ) -> Path:
        """Make a certificate for a workload, a server or a user, and give the folder that it is in.

        Its files replace what was there, each in one step, so that who reads them may go on.
        """
        folder = folder or self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        addresses = [host for host in hosts if host.replace(".", "").isdigit()]
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(NAMES + name)]
        names += [x509.DNSName(host) for host in (f"{name}.{DOMAIN}", *hosts) if host not in addresses]
        names += [x509.IPAddress(ip_address(address)) for address in addresses]
        ours = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            _described(_name(name), self._certificate.subject, key.public_key(), lifetime)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ours), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        write(folder / KEY, _private(key))
        write(folder / CERTIFICATE, certificate.public_bytes(Encoding.PEM), mode=0o644)
        if folder != self.folder:
            write(folder / AUTHORITIES, self.file.read_bytes(), mode=0o644)
        return folder


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put a file where somebody may be reading the one before it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.touch(mode=mode)
    new.write_bytes(content)
    new.replace(path)


def _described(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + lifetime)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
