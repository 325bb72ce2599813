"""Filling a store with conversations: one that was answered as any other, copied by the server under other names."""

from __future__ import annotations

from typing import Any, cast

import redis.asyncio as redis

from core.keys import Keys
from core.messages import Address

# All keys of the conversation as it is, with their times to live. KEYS: the conversation, what the copies are called
# (both as the beginning of their keys). ARGV: the first number, the last one, what the other keys end in
_COPY = """
for number = ARGV[1], ARGV[2] do
  redis.call('COPY', KEYS[1], KEYS[2] .. number)
  for i = 3, #ARGV do redis.call('COPY', KEYS[1] .. ARGV[i], KEYS[2] .. number .. ARGV[i]) end
end
"""
_AT_ONCE = 2000


async def fill(client: redis.Redis, conversation: Address, first: int, last: int) -> None:
    """Add the conversations number ``first`` to ``last``, each a copy of ``conversation``."""
    keys = Keys().conversation(conversation.id)
    endings = [key.removeprefix(keys.hash) for key in (keys.log, keys.seen, keys.traces)]
    copies = f"{keys.hash}-"
    for start in range(first, last + 1, _AT_ONCE):
        end = min(last, start + _AT_ONCE - 1)
        await cast(Any, client.eval(_COPY, 2, keys.hash, copies, start, end, *endings))


async def memory(client: redis.Redis) -> int:
    """Bytes that the server's data take."""
    info = await client.info("memory")
    return int(info["used_memory_dataset"])
