"""Where invoice responses come in, as a folder: `python -m deploy.local.channel FOLDER` gives disputes what lies there.

A file FOLDER/<tenant>/<name>.xml is a message. What was taken goes to `taken` beside it, what was refused to `refused`, with its
code in <name>.code; moved back, it is given again.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Self

import grpc
import typer
from receivables.channels.v1 import service_pb2, service_pb2_grpc

from deploy.local.artifacts import ROOT
from deploy.local.authority import HOSTS, Authority
from deploy.local.processes import Process, answers, free_port
from services.chassis import tls
from services.chassis.access import IDENTITY
from services.chassis.callers import may_call
from services.chassis.identity import Trust, Verifier
from services.kernel.refusals import Forbidden, Refusal

HOST = "127.0.0.1"
NAME = "channel"  # by which disputes knows it
TAKEN, REFUSED = "taken", "refused"
MOST = 20  # messages of an answer
METHOD = "receivables.channels.v1.ChannelService/Fetch"


def setting(address: str, tenants: Sequence[str]) -> str:
    """AR_DISPUTES_CHANNEL at one address."""
    return json.dumps({"address": address, "tenants": list(tenants)})


def certify(authority: Authority) -> Path:
    """Its certificate; the folder that it is in."""
    return authority.issue(NAME, hosts=(*HOSTS, f"{NAME}.{tls.DOMAIN}"))


class Folder(service_pb2_grpc.ChannelServiceServicer):
    """Gives what lies in a folder, the oldest first."""

    def __init__(self, folder: Path, trust: Trust | None) -> None:
        """Take where messages lie, and whom it trusts to sign in disputes' name; None: nobody has to."""
        self._folder = folder
        self._verifier = Verifier(trust, NAME) if trust is not None else None

    async def Fetch(self, request: service_pb2.FetchRequest, context: Any) -> service_pb2.FetchResponse:
        """The oldest that were not acknowledged."""
        folder = await self._of(context)
        files = sorted(folder.glob("*.xml"), key=lambda file: (file.stat().st_mtime_ns, file.name))
        return service_pb2.FetchResponse(
            messages=[
                service_pb2.ChannelMessage(message_id=file.stem, content=file.read_bytes())
                for file in files[: min(request.most, MOST)]
            ]
        )

    async def Acknowledge(
        self, request: service_pb2.AcknowledgeRequest, context: Any
    ) -> service_pb2.AcknowledgeResponse:
        """Put one aside; one that is not there was put aside before."""
        folder = await self._of(context)
        file = folder / f"{request.message_id}.xml"
        if file.parent == folder and file.is_file():
            aside = folder / (REFUSED if request.refused else TAKEN)
            aside.mkdir(exist_ok=True)
            if request.refused:
                (aside / f"{request.message_id}.code").write_text(request.refused)
            file.rename(aside / file.name)
        return service_pb2.AcknowledgeResponse()

    async def _of(self, context: Any) -> Path:
        """The folder of the tenant for whom disputes asks; whoever else asks is refused."""
        try:
            tenant = self._check(context)
        except Refusal as refusal:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal.code)
        if tenant not in {one.name for one in self._folder.iterdir()}:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "access.tenant")
        return self._folder / tenant

    def _check(self, context: Any) -> str:
        workload = tls.workload(context.auth_context())
        if workload is not None and not may_call(workload, METHOD):
            raise Forbidden("access.workload", "only disputes fetches messages")
        said = dict(context.invocation_metadata() or ())
        if self._verifier is None:
            return str(said.get("ar-tenant", ""))
        principal, _ = self._verifier.verify(str(said.get(IDENTITY, "")))
        if principal.subject != "service:disputes":
            raise Forbidden("access.kind", "only disputes fetches messages")
        return principal.tenant


class Post:
    """The same in a process of its own."""

    def __init__(self, log: Path, folder: Path, *, tls_dir: Path | None = None, trust_dir: Path | None = None) -> None:
        """Describe it; it starts when it is told to."""
        self.port = free_port()
        argv = [sys.executable, "-m", "deploy.local.channel", str(folder), f"--port={self.port}"]
        argv += [f"--tls-dir={tls_dir}"] if tls_dir else []
        argv += [f"--trust-dir={trust_dir}"] if trust_dir else []
        path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}"}
        self.process = Process("channel", argv, env=path, log=log, ready=lambda: answers(self.port))

    def setting(self, *tenants: str) -> str:
        """What disputes is told, as AR_DISPUTES_CHANNEL."""
        return setting(f"{HOST}:{self.port}", tenants)

    def __enter__(self) -> Self:
        """Start, and return when it answers."""
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.process.stop()


async def serve(folder: Path, port: int, tls_dir: Path | None, trust_dir: Path | None) -> None:
    """Answer until cancelled."""
    server = grpc.aio.server()
    service_pb2_grpc.add_ChannelServiceServicer_to_server(
        Folder(folder, Trust(trust_dir) if trust_dir is not None else None), server
    )
    address = f"{HOST}:{port}"
    if tls_dir is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, tls.server_credentials(tls.holder(tls_dir)))
    await server.start()
    try:
        await server.wait_for_termination()
    finally:
        await server.stop(None)


def main(
    folder: Annotated[
        Path, typer.Argument(help="where messages lie: <tenant>/<name>.xml", exists=True, file_okay=False)
    ],
    port: Annotated[int, typer.Option(help="where it answers, on this machine alone")] = 50062,
    tls_dir: Annotated[Path | None, typer.Option(help="folder of its certificate; none: plain text")] = None,
    trust_dir: Annotated[
        Path | None, typer.Option(help="folder of whom it trusts; none: no token is asked for")
    ] = None,
) -> None:
    """Give disputes what lies in a folder until Ctrl-C."""
    print(
        f"export AR_DISPUTES_CHANNEL='{setting(f'{HOST}:{port}', [one.name for one in folder.iterdir()])}'", flush=True
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(folder.resolve(), port, tls_dir, trust_dir))


if __name__ == "__main__":
    typer.run(main)
