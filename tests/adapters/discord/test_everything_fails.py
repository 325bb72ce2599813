"""Questions and answers while all that can fail fails: each answer stands there once, in its order."""

from __future__ import annotations

import asyncio

from adapters.discord import DiscordChannel
from core.errors import RateLimited, SendAmbiguous, SendFailed
from tests.adapters.discord.parts import MemoryInbox, channel_for, listening, outgoing
from tests.platforms.discord_faults import broken, dropped, too_many
from tests.platforms.discord_server import SEND, DiscordServer

QUESTIONS = 12


async def _answer_all(inbox: MemoryInbox, channel: DiscordChannel) -> None:
    """What the worker and the outbox do, in a few lines: one answer for each message, tried until it is out."""
    answered = 0
    while True:
        while answered < len(inbox.stored):
            incoming = inbox.stored[answered]
            message = outgoing(incoming.address, f"re: {incoming.text}", reply=incoming.update)
            try:
                await channel.send(message)
                answered += 1
            except RateLimited as error:
                await asyncio.sleep(error.retry_after)
            except (SendAmbiguous, SendFailed):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)


async def test_each_question_is_answered_once(server: DiscordServer) -> None:
    people = [server.user("Mei"), server.user("Tom")]
    channel = channel_for(server)
    async with listening(server, channel) as inbox:
        answering = asyncio.create_task(_answer_all(inbox, channel))
        for number in range(QUESTIONS):
            match number % 6:
                case 0:
                    server.fail(SEND, dropped("first"), times=2)
                case 1:
                    server.fail(SEND, broken(503, "first"))
                case 2:
                    server.duplicate_next()
                case 3:
                    server.gateway.abort()
                case 4:
                    inbox.refuse_next = 2
                case _:
                    server.fail(SEND, too_many(0.05))
            for person in people:
                await server.user_says(server.dm(person), f"{person.name} {number}", user=person)
            await asyncio.sleep(0.02)
        await server.until(lambda: all(len(server.texts(server.dm(person))) == QUESTIONS for person in people))
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    for person in people:
        assert server.texts(server.dm(person)) == [f"re: {person.name} {number}" for number in range(QUESTIONS)]
