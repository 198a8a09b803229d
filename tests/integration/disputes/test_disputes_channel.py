"""A channel in a process of its own, over mutual TLS: disputes is known by its certificate and its token, nobody else is given anything."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pydantic import TypeAdapter

from deploy.local import channel as played
from deploy.local.authority import Authority, write
from deploy.local.channel import Post
from deploy.local.trust import Issuers
from services.chassis import tls
from services.chassis.access import IDENTITY
from services.chassis.envelope import Origin
from services.chassis.identity import Principal, Speaker
from services.disputes.channel import Fetcher
from services.disputes.settings import Channel

ORIGIN = Origin("acme", "system:test", "", "k1", "")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    return Issuers(tmp_path / "identity").make(["disputes", "ledger"])


@pytest.fixture
def post(tmp_path: Path, authority: Authority, issuers: Issuers) -> Iterator[Post]:
    """Give a channel with one message for acme and one for somebody else."""
    for tenant in ("acme", "globex"):
        (tmp_path / "post" / tenant).mkdir(parents=True)
        (tmp_path / "post" / tenant / f"{tenant}-1.xml").write_bytes(b"<a/>")
    with Post(
        tmp_path / "log", tmp_path / "post", tls_dir=played.certify(authority), trust_dir=issuers.trust
    ) as opened:
        yield opened


def signed(issuers: Issuers, name: str = "disputes", audience: str = "") -> Speaker:
    def speak(tenant: str, called: str) -> list[tuple[str, str]]:
        token = issuers.signer(name).sign(Principal(f"service:{name}", tenant, name), audience or called)
        return [("ar-tenant", tenant), (IDENTITY, token)]

    return speak


async def given(post: Post, speak: Speaker, folder: Path) -> list[str] | grpc.StatusCode:
    """What somebody is given, or why nothing."""
    fetcher = Fetcher(TypeAdapter(Channel).validate_json(post.setting("acme")), speak, tls.Holder(folder))
    try:
        messages = [one.message_id for one in await fetcher.fetch(ORIGIN)]
        for message in messages:
            await fetcher.acknowledge(ORIGIN, message, "")
    except grpc.aio.AioRpcError as error:
        return error.code()
    finally:
        await fetcher.close()
    return messages


async def test_disputes_alone_is_given_messages_and_those_of_the_tenant_for_whom_it_asks(
    post: Post, authority: Authority, issuers: Issuers, tmp_path: Path
):
    disputes, stranger = authority.issue("disputes"), Authority(tmp_path / "elsewhere").issue("disputes")
    write(stranger / tls.AUTHORITIES, authority.file.read_bytes())

    assert await given(post, signed(issuers), authority.issue("ledger")) is grpc.StatusCode.PERMISSION_DENIED
    assert await given(post, signed(issuers, "ledger"), disputes) is grpc.StatusCode.PERMISSION_DENIED
    assert await given(post, signed(issuers, audience="credit"), disputes) is grpc.StatusCode.PERMISSION_DENIED
    assert await given(post, signed(issuers), stranger) is grpc.StatusCode.UNAVAILABLE
    assert await given(post, signed(issuers), disputes) == ["acme-1"]
    assert await given(post, signed(issuers), disputes) == [], "it was acknowledged"
    assert (tmp_path / "post" / "globex" / "globex-1.xml").exists()
