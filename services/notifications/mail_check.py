"""`receivables notifications mail-check`: looks in the DNS whether mail of ours is believed."""

from collections.abc import Sequence
from typing import Annotated, Any

import dns.exception
import dns.resolver
import typer
from rich.console import Console

from services.notifications.domain.believed import Said, judge

WAIT_S = 5.0  # for an answer


def mail_check(
    domain: Annotated[str, typer.Argument(help="of AR_MAIL_FROM: what stands behind its @")],
    selector: Annotated[
        list[str] | None, typer.Option(help="under which the mail server's key stands (DKIM); again for another")
    ] = None,
    envelope: Annotated[
        str, typer.Option(envvar="AR_REPLY_DOMAIN", help="to which reports go; empty: the same domain")
    ] = "",
    server: Annotated[str, typer.Option(help="name server to ask, as host:port; empty: the machine's")] = "",
) -> None:
    """Look at each record, say what is wrong, and end with 1 if anything is."""
    resolver = _resolver(server)
    try:
        findings = judge(_said(resolver, domain.lower(), (envelope or domain).lower(), selector or []))
    except dns.exception.DNSException as error:
        raise SystemExit(f"the name server has no answer: {type(error).__name__}") from None
    console = Console(soft_wrap=True)
    for one in findings:
        console.print(f"{one.what:10}{'well' if one.is_well else 'WRONG':7}{one.words}", markup=False, highlight=False)
    if not all(one.is_well for one in findings):
        raise SystemExit(1)


def _resolver(server: str) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=not server)
    if server:
        host, _, port = server.rpartition(":")
        resolver.nameservers, resolver.port = [host], int(port)
    resolver.lifetime = WAIT_S
    return resolver


def _said(resolver: dns.resolver.Resolver, domain: str, envelope: str, selectors: Sequence[str]) -> Said:
    policy_domain, policy_texts = _policy(resolver, domain)
    return Said(
        domain=domain,
        envelope=envelope,
        envelope_texts=_texts(resolver, envelope),
        envelope_mx=[str(row.exchange).rstrip(".") for row in _rows(resolver, envelope, "MX")],
        keys={one: _texts(resolver, f"{one}._domainkey.{domain}") for one in selectors},
        policy_domain=policy_domain,
        policy_texts=policy_texts,
    )


def _policy(resolver: dns.resolver.Resolver, domain: str) -> tuple[str, Sequence[str]]:
    """The nearest policy from a domain upwards, and where it stands; a top-level domain has none for us."""
    labels = domain.split(".")
    for at in range(max(1, len(labels) - 1)):
        name = ".".join(labels[at:])
        if texts := [text for text in _texts(resolver, f"_dmarc.{name}") if text.lower().startswith("v=dmarc1")]:
            return name, texts
    return "", []


def _texts(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    return [b"".join(row.strings).decode("utf-8", "replace") for row in _rows(resolver, name, "TXT")]


def _rows(resolver: dns.resolver.Resolver, name: str, kind: str) -> Sequence[Any]:
    try:
        return list(resolver.resolve(name, kind))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
