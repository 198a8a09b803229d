"""A name server of our own, for callers who look a service up as they would in a cluster."""

from typing import Any, Self

from dnslib import QTYPE, RR, A
from dnslib.server import DNSLogger, DNSServer


class Names:
    """Answers every name with the addresses of the moment, as a headless Service does; nobody may keep an answer."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self._server = DNSServer(self, address="127.0.0.1", port=0, logger=DNSLogger("error", prefix=False))

    def __enter__(self) -> Self:
        self._server.start_thread()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def address(self) -> str:
        """Where it answers."""
        host, port = self._server.server.server_address
        return f"{host}:{port}"

    def resolve(self, request: Any, _handler: Any) -> Any:
        """Answer a question."""
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            for address in self.addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply
