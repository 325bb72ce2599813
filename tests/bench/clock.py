"""Watches answers as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from tests.bench.work import Prompt, Said


class Clock:
    """Started when the question is sent."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._first = self._gap = 0.0

    def piece(self) -> None:
        now = time.perf_counter()
        if self._first:
            self._gap = max(self._gap, now - self._last)
        self._first = self._first or now - self._started
        self._last = now

    def said(self, text: str, tokens: int, prompt: int = 0, cached: int = 0, failed: str = "") -> Said:
        total = time.perf_counter() - self._started
        return Said(text, tokens, self._first or total, total, self._gap, prompt, cached, failed)


async def all_at_their_time(
    prompts: Sequence[Prompt], patience_s: float, answer: Callable[[Prompt], Awaitable[Said]]
) -> tuple[Said, ...]:
    async def one(prompt: Prompt) -> Said:
        await asyncio.sleep(prompt.after_s)
        try:
            async with asyncio.timeout(patience_s):
                return await answer(prompt)
        except TimeoutError:
            return Said(failed=f"no answer within {patience_s:.0f} s")
        except Exception as error:  # a benchmark counts what failed and goes on
            return Said(failed=f"{type(error).__name__}: {error}")

    return tuple(await asyncio.gather(*(one(prompt) for prompt in prompts)))
