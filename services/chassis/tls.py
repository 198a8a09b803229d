"""Mutual TLS between workloads: whose certificate it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509

from services.kernel.refusals import Unauthenticated

NAMES = "spiffe://receivables/"  # a workload's certificate has the URI spiffe://receivables/<workload>


def workload(auth: Mapping[str, Sequence[bytes]]) -> str | None:
    """The workload of a connection's certificate ("" if it names none of ours); None on a wire without certificates.

    gRPC looks at a certificate once, when the connection is made: that it has ended since is seen here.
    """
    if not (pem := auth.get("x509_pem_cert")):
        return None
    name, ends = _read(pem[0])
    if datetime.now(UTC) > ends:
        raise Unauthenticated(
            "identity.certificate_expired", "the certificate of this connection has ended: connect anew"
        )
    return name


@lru_cache(1000)
def _read(pem: bytes) -> tuple[str, datetime]:
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "", certificate.not_valid_after_utc
    ours = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(NAMES)]
    return (ours[0].removeprefix(NAMES) if len(ours) == 1 else ""), certificate.not_valid_after_utc
