"""Asking an engine, and waiting for what it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.ports import GenerationRequest, Piece
from models.engine import Engine


async def pieces(engine: Engine, request: GenerationRequest) -> list[Piece]:
    return [piece async for piece in engine.generate(request)]


async def text(engine: Engine, request: GenerationRequest) -> str:
    return "".join([piece.text async for piece in engine.generate(request)])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)
