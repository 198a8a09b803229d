"""A mail server in a process of its own that takes everything and keeps nothing but the count: what it costs is not ours.

It speaks real SMTP (RFC 5321, with pipelining) to whoever connects.
"""

import asyncio
import mmap
import multiprocessing
import struct
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import uvloop

HOST = "127.0.0.1"
COUNT = struct.Struct("=Q")
END = b"\r\n.\r\n"
ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n",
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 OK\r\n",
    b"RCPT": b"250 2.1.5 OK\r\n",
    b"RSET": b"250 2.0.0 OK\r\n",
    b"NOOP": b"250 2.0.0 OK\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
UNKNOWN = b"502 5.5.2 unknown\r\n"


class Count:
    """How many mails were taken, in a file that several processes map."""

    def __init__(self, file: Path) -> None:
        """Make the file if it is not there."""
        if not file.exists():
            file.write_bytes(COUNT.pack(0))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), COUNT.size)

    @property
    def value(self) -> int:
        """So many."""
        return int(COUNT.unpack_from(self._map)[0])

    def add(self) -> None:
        """One more; only the server does."""
        COUNT.pack_into(self._map, 0, self.value + 1)


class Sink:
    """The server, for the length of a `with` block."""

    def __init__(self, file: Path) -> None:
        """`file` holds the count."""
        self._file = file
        self.port = 0
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, file), name="mail sink", daemon=True)

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process.pid is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self._process.start()
        self.port = self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()  # which ends it
        self._process.join(timeout=5)


class _Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._read = b""
        self._in_mail = False

    def connection_made(self, transport: Any) -> None:
        """Greet."""
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every command and take every mail that is complete."""
        self._read += data
        while self._mail() if self._in_mail else self._command():
            pass

    def _mail(self) -> bool:
        """Take a mail if it is complete."""
        end = self._read.find(END)
        if end < 0:
            return False
        self._read = self._read[end + len(END) :]
        self._in_mail = False
        self._count.add()
        self._transport.write(b"250 2.0.0 OK\r\n")
        return True

    def _command(self) -> bool:
        line, ended, rest = self._read.partition(b"\r\n")
        if not ended:
            return False
        verb = line[:4].upper()
        # A mail without a word begins with the dot that ends it: keep the line's end for it.
        self._in_mail = verb == b"DATA"
        self._read = b"\r\n" + rest if self._in_mail else rest
        self._transport.write(ANSWERS.get(verb, UNKNOWN))
        if verb == b"QUIT":
            self._transport.close()
        return True


def _serve(pipe: Connection, file: Path) -> None:
    uvloop.run(_take_mail(pipe, Count(file)))


async def _take_mail(pipe: Connection, count: Count) -> None:
    """Serve until the other end of the pipe is closed, be it because that process has died."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    server = await loop.create_server(lambda: _Session(count), HOST, 0)
    pipe.send(server.sockets[0].getsockname()[1])
    loop.add_reader(pipe.fileno(), told.set)
    await told.wait()
    server.close()
