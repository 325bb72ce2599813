"""The way into the decode thread: requests and cancels."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

from core.errors import GenerationFailed
from models.answer import Answer


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


class Inbox:
    """The only thing that both sides touch. Once it is closed nothing gets in, so nobody waits for an answer in vain."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[Answer | Cancel | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.closed = False

    def put(self, order: Answer | Cancel) -> None:
        with self._lock:
            if self.closed:
                raise GenerationFailed("the model is closed")
            self._orders.put(order)

    def get(self, *, wait: float | None = 0.0) -> Answer | Cancel | None:
        """None: there is nothing (after waiting so many seconds; ``None``: for ever), or it was closed."""
        try:
            return self._orders.get(block=wait != 0, timeout=wait)
        except queue.Empty:
            return None

    def close(self) -> None:
        with self._lock:
            self.closed = True
            self._orders.put(None)  # wakes the thread
