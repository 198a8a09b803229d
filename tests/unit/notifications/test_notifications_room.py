"""Memory that is shared: nobody gets what is not there, and nobody waits for ever."""

import asyncio

from services.notifications.room import Room


async def test_no_more_is_given_than_there_is_and_everybody_comes_to_their_turn():
    room, inside, most = Room(100), 0, 0

    async def use(size: int) -> None:
        nonlocal inside, most
        async with room.place(size):
            inside += size
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= size

    await asyncio.gather(*(use(size) for size in (60, 60, 40, 100, 10, 90, 50)))

    assert most == 100


async def test_what_is_given_back_early_is_others():
    room = Room(100)

    async with room.place(100) as place:
        await place.shrink(30)
        async with asyncio.timeout(1), room.place(70):
            pass
    async with asyncio.timeout(1), room.place(100):
        pass


async def test_who_wants_more_than_all_gets_all():
    async with asyncio.timeout(1), Room(10).place(1000) as place:
        assert place.size == 10
