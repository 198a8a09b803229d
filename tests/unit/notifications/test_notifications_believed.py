"""What a domain says of its mail in the DNS, judged; and asked of a name server over UDP."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dnslib import MX, QTYPE, RR, TXT
from dnslib.server import DNSLogger, DNSServer
from typer.testing import CliRunner

from services.notifications.__main__ import app
from services.notifications.domain.believed import Said, judge

WELL = Said(
    domain="nordwind.example",
    envelope="reply.nordwind.example",
    envelope_texts=["google-site-verification=x", "v=spf1 ip4:192.0.2.1 include:_spf.host.example -all"],
    envelope_mx=["mx.nordwind.example"],
    keys={"s1": ["v=DKIM1; k=rsa; p=MIIB"]},
    policy_domain="nordwind.example",
    policy_texts=["v=DMARC1; p=reject; rua=mailto:dmarc@nordwind.example"],
)


def wrong(said: Said) -> list[str]:
    return [one.what for one in judge(said) if not one.is_well]


def test_a_domain_that_is_set_up_as_the_readme_says_is_well():
    assert wrong(WELL) == []
    assert wrong(replace(WELL, envelope="nordwind.example")) == []
    assert wrong(replace(WELL, envelope_texts=["v=spf1 redirect=_spf.host.example"])) == []
    strict = replace(WELL, policy_texts=["v=DMARC1;p=quarantine;aspf=s"], envelope="nordwind.example")
    assert wrong(strict) == []


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["v=spf1 -all", "v=spf1 mx -all"],
        ["v=spf1 mx"],
        ["v=spf1 mx +all"],
        ["v=spf1 mx all"],
        ["v=spf1 mx ?all"],
        ["v=spf1 " + "".join(f"include:{n}.example " for n in range(11)) + "-all"],
    ],
)
def test_whoever_may_send_is_said_once_and_nobody_else_may(texts: list[str]):
    assert wrong(replace(WELL, envelope_texts=texts)) == ["SPF"]


@pytest.mark.parametrize("keys", [{}, {"s1": []}, {"s1": ["v=DKIM1; p="]}, {"s1": ["p=MIIB"], "s2": ["nothing"]}])
def test_each_key_is_there_and_not_revoked(keys: dict[str, list[str]]):
    assert wrong(replace(WELL, keys=keys)) == ["DKIM"]


@pytest.mark.parametrize("texts", [[], ["v=DMARC1; p=none"], ["v=DMARC1; p=some"], ["v=DMARC1; p=reject"] * 2])
def test_what_nobody_vouches_for_is_not_delivered(texts: list[str]):
    assert wrong(replace(WELL, policy_texts=texts)) == ["DMARC"]


@pytest.mark.parametrize(
    ("envelope", "policy"),
    [
        ("reply.host.example", "v=DMARC1; p=reject"),
        ("notnordwind.example", "v=DMARC1; p=reject"),
        ("reply.nordwind.example", "v=DMARC1; p=reject; aspf=s"),
    ],
)
def test_whoever_vouches_for_the_envelope_vouches_for_the_sender(envelope: str, policy: str):
    assert wrong(replace(WELL, envelope=envelope, policy_texts=[policy])) == ["alignment"]


def test_somebody_takes_what_comes_back():
    assert wrong(replace(WELL, envelope_mx=[])) == ["MX"]


class _Zone:
    """What a name server of our own knows."""

    texts = {  # noqa: RUF012 - of a test
        "reply.nordwind.example.": "v=spf1 mx -all",
        "s1._domainkey.news.nordwind.example.": "v=DKIM1; p=MIIB",
        "_dmarc.nordwind.example.": "v=DMARC1; p=reject",
    }

    def resolve(self, request: Any, _handler: Any) -> Any:
        reply, name = request.reply(), str(request.q.qname)
        if request.q.qtype == QTYPE.TXT and name in self.texts:
            reply.add_answer(RR(name, QTYPE.TXT, rdata=TXT(self.texts[name])))
        if request.q.qtype == QTYPE.MX and name == "reply.nordwind.example.":
            reply.add_answer(RR(name, QTYPE.MX, rdata=MX("mx.nordwind.example")))
        return reply


@pytest.fixture
def names() -> Iterator[str]:
    """Give the address of a name server."""
    server = DNSServer(_Zone(), address="127.0.0.1", port=0, logger=DNSLogger("error", prefix=False))
    server.start_thread()
    host, port = server.server.server_address
    yield f"{host}:{port}"
    server.stop()


def test_the_command_asks_the_dns_and_finds_a_policy_upwards(names: str):
    ours = ["--selector", "s1", "--envelope", "reply.nordwind.example", "--server", names]
    well = CliRunner().invoke(app, ["mail-check", "news.nordwind.example", *ours])
    other = CliRunner().invoke(app, ["mail-check", "globex.example", *ours])

    assert (well.exit_code, well.output.count("WRONG")) == (0, 0), well.output
    assert "p=reject at nordwind.example" in well.output
    assert other.exit_code == 1
    assert [line.split()[0] for line in other.output.splitlines() if "WRONG" in line] == ["DKIM", "DMARC", "alignment"]
