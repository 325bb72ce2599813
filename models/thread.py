"""Runs what opens a model in a thread that ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


async def in_own_thread(function: Callable[[], _T]) -> _T:
    """Like ``asyncio.to_thread``, but no thread is left behind.

    Opening a model computes in parallel, and OpenMP keeps the helpers of each thread that ever did so for as long as it
    lives. If all of them are more than there are CPUs, they do not wait for each other at work any more but fall asleep
    at every operation: a step of 8 answers on two cores then slept 900 times instead of never, and took twice as long.
    """
    passing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="opening a model")
    try:
        return await asyncio.get_running_loop().run_in_executor(passing, function)
    finally:
        passing.shutdown(wait=False)
