"""Somebody between two programs who notes all that he sees."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Sniffer:
    """Passes on what comes to its port, both ways, and keeps it."""

    def __init__(self, port: int, to: int) -> None:
        """Describe it: on this loopback port, before that one."""
        self.seen = bytearray()
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                theirs, _ = self._listener.accept()
                ours = socket.create_connection(("127.0.0.1", self._to))
                self._open += (theirs, ours)
                for source, target in ((theirs, ours), (ours, theirs)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while got := source.recv(65536):
                self.seen += got
                target.sendall(got)
            target.shutdown(socket.SHUT_WR)
