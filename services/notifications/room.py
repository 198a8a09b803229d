"""Room in memory, shared by those who need much of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Place:
    """What somebody has taken of a room."""

    def __init__(self, room: "Room", size: int) -> None:
        self._room = room
        self.size = size

    async def shrink(self, size: int) -> None:
        """Give back what turned out not to be needed."""
        size = min(size, self.size)
        await self._room.give_back(self.size - size)
        self.size = size


class Room:
    """So many bytes, given to whoever comes first; who wants more than there is waits."""

    def __init__(self, size: int) -> None:
        self._free = self._size = size
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def place(self, size: int) -> AsyncIterator[Place]:
        """Take so much for a while; who wants more than all gets all."""
        size = min(size, self._size)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        place = Place(self, size)
        try:
            yield place
        finally:
            await self.give_back(place.size)

    async def give_back(self, size: int) -> None:
        """Let others have it."""
        async with self._changed:
            self._free += size
            self._changed.notify_all()
