"""The asynchronous face of a model. It owns the decode thread (models/decoder.py), in which scheduler and runner live."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

from core.errors import GenerationFailed, PromptTooLong, RequestInvalid
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece
from models.answer import Answer
from models.decoder import Decoder
from models.inbox import Cancel, Inbox
from models.job import Job
from models.mailbox import Mailbox
from models.options import EngineOptions, Governor, Load
from models.prefixes import PrefixStore
from models.runner import Runner, Vocabulary
from models.template import ChatTemplate
from models.text import TextStream
from models.waiting import Waiting

_LONG_TEXT = 10_000  # characters that take some milliseconds to tokenise: not in the event loop
_SEEDS = 2**32 - 1


class Engine:
    """A TextModel. Open it with ``async with``, or ``start()`` and ``aclose()``; any number of event loops may use it.

    ``adapters``: the names of the LoRA adapters that the runner has. ``governor``: decides on threads. ``prefixes``:
    where persona prefixes are kept for a warm start.
    """

    def __init__(
        self,
        info: ModelInfo,
        runner: Runner,
        vocabulary: Vocabulary,
        template: ChatTemplate,
        options: EngineOptions,
        *,
        adapters: Collection[str] = (),
        governor: Governor | None = None,
        prefixes: PrefixStore | None = None,
    ) -> None:
        self.info = info
        self._limit = min(info.context_tokens, runner.limits.cells)
        self._adapters = frozenset(adapters)
        self._vocabulary = vocabulary
        self._template = template
        self._numbers = count()
        self._inbox = Inbox()
        self._decoder = Decoder(
            runner, vocabulary, options, self._inbox, adapters=self._adapters, governor=governor, prefixes=prefixes
        )
        self._thread = threading.Thread(target=self._decoder.run, name=f"model {info.name}", daemon=True)
        # A process that ends without aclose() still leaves the library before the interpreter takes itself apart.
        self._finalizer = weakref.finalize(self, _stop, self._decoder, self._inbox, self._thread)

    # ── its life ─────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> Self:
        self._thread.start()
        return self

    async def aclose(self) -> None:
        """Running requests get GenerationFailed; then the thread frees what it holds, in order, and ends."""
        await asyncio.shield(asyncio.to_thread(self._finalizer))

    async def __aenter__(self) -> Self:
        return self if self._thread.is_alive() else self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def load(self) -> Load:
        """How busy it is, and its counters. Any thread may ask."""
        return self._decoder.load()

    def waiting(self, owner: str) -> Waiting | None:
        """The owner's place in the queue, and how long it takes from there. None: nothing of the owner's waits."""
        return self._decoder.waiting(owner)

    # ── the port ─────────────────────────────────────────────────────────────────────────────────────────

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Under 1 ms for each 1,000 characters, and it does not wait for the decode thread: any thread may call it,
        the event loop too. Texts of 10,000 characters and more belong into ``asyncio.to_thread``.
        """
        return len(self._tokens(messages))

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        started = time.monotonic()
        self._check(request)
        prompt = await self._prompt(request)
        answer = self._answer(request, prompt, started)
        self._inbox.put(answer)
        piece = None
        try:
            while piece is None or piece.finish is None:
                piece = await answer.mailbox.next()
                yield piece
        finally:
            if piece is None or piece.finish is None:
                self._cancel(answer)

    def _check(self, request: GenerationRequest) -> None:
        if request.lora and request.lora not in self._adapters:
            known = ", ".join(sorted(self._adapters)) or "none"
            raise RequestInvalid(f"the model has no LoRA adapter named {request.lora!r}; it has: {known}")

    def _cancel(self, answer: Answer) -> None:
        with suppress(GenerationFailed):  # closed: everything has ended already
            self._inbox.put(Cancel(answer.job.number))

    async def _prompt(self, request: GenerationRequest) -> list[int]:
        long = sum(len(message.content) for message in request.messages) > _LONG_TEXT
        tokens = await asyncio.to_thread(self._tokens, request.messages) if long else self._tokens(request.messages)
        if not tokens:
            raise RequestInvalid("the model's chat template makes nothing of these messages; send at least one")
        needed = len(tokens) + request.max_tokens
        if needed > self._limit:
            raise PromptTooLong(needed, self._limit)
        return tokens

    def _tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        if self._inbox.closed:
            raise GenerationFailed("the model is closed")
        try:
            return self._template.tokens(messages)
        except Exception as error:  # closed in this moment, or a template that fails on just these roles
            raise GenerationFailed(f"the prompt could not be made: {error}") from error

    def _answer(self, request: GenerationRequest, prompt: list[int], started: float) -> Answer:
        seed = request.sampling.seed
        return Answer(
            job=Job(next(self._numbers), request.owner, prompt, request.max_tokens, request.lora),
            request=request,
            seed=secrets.randbelow(_SEEDS) if seed is None else seed,
            mailbox=Mailbox(asyncio.get_running_loop()),
            text=TextStream(request.stop + self._template.stops),
            started=started,
        )


def _stop(decoder: Decoder, inbox: Inbox, thread: threading.Thread) -> None:
    inbox.close()
    if thread.ident is None:
        decoder.shut_down()
    elif thread is not threading.current_thread():
        thread.join()
