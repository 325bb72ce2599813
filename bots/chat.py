"""`chat`: talk to a bot in the terminal, or ask it questions from a script."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import uuid4

from prompt_toolkit import PromptSession
from pydantic import BaseModel
from rich.console import Console
from rich.markdown import Markdown

from adapters.terminal import Screen, TerminalChannel
from bots.app import Service, Standing, serve_channel
from core.commands import greeting
from core.inbox import StoredInbox
from core.language import detect
from core.messages import Button, Card, Outgoing
from core.phrases import in_language
from core.state import Trace


class Timings(BaseModel):
    """Seconds. ``answered``: from the question to the complete reply, as the shopper sees it."""

    answered: float
    made: float = 0.0
    first_token: float = 0.0
    queued: float = 0.0


class Tokens(BaseModel):
    prompt: int = 0
    cached: int = 0
    completion: int = 0


class AnswerJson(BaseModel):
    """One line of `chat --ask … --json`."""

    question: str
    text: str
    bot: str
    persona: str
    persona_version: str
    language: str
    rung: str
    timings: Timings
    tokens: Tokens
    passages: list[str]
    findings: list[str]
    model: str
    trace: str
    cards: list[Card] = []
    buttons: list[Button] = []


async def chat(service: Service, bot: str, session: str, console: Console) -> None:
    """Talk until the input ends or Ctrl-D; the conversation of a session is remembered."""
    persona = service.shelf.bot(bot).persona()
    language = detect("", service.shelf.bot(bot).languages, hint=terminal_language())
    console.print(Markdown(greeting(persona, language)))
    console.print("\nCtrl-D ends the chat. /new forgets it, /help lists what you can write.\n", style="dim")
    screen = Screen(console, in_language(persona.config.name, language))
    await _talk(service, TerminalChannel(bot, session, _typed(screen), screen.show, language))


def terminal_language() -> str:
    """The language that the terminal is set to, as an IETF tag; empty if it is set to none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "").partition(".")[0]
        if value not in ("", "C", "POSIX"):
            return value.replace("_", "-")
    return ""


async def _typed(screen: Screen) -> AsyncIterator[str]:
    """The number of a button stands for what it asks."""
    prompt: PromptSession[str] = PromptSession("› ")
    while True:
        try:
            text = await prompt.prompt_async()
        except (EOFError, KeyboardInterrupt):
            return
        if text.strip():
            yield screen.chosen(text)


async def ask(
    service: Service, bot: str, session: str, questions: Sequence[str], answered: Callable[[AnswerJson], None]
) -> None:
    """Ask one question after the other, in one conversation; ``answered`` is called with each reply."""
    asker = _Asker(service, bot, session or uuid4().hex[:12], questions, answered)
    await _talk(service, asker.channel)


class _Asker:
    """Asks, waits for the reply, and looks up how it came about."""

    def __init__(
        self, service: Service, bot: str, session: str, questions: Sequence[str], answered: Callable[[AnswerJson], None]
    ) -> None:
        self.channel = TerminalChannel(bot, session, self._lines(questions), self._show)
        self._service = service
        self._answered = answered
        self._last: Outgoing | None = None

    def _show(self, message: Outgoing) -> None:
        if message.final:
            self._last = message

    async def _lines(self, questions: Sequence[str]) -> AsyncIterator[str]:
        for question in questions:
            started = time.monotonic()
            yield question  # comes back when the reply is complete
            if self._last is not None:
                self._answered(await self._told(question, self._last, time.monotonic() - started))

    async def _told(self, question: str, message: Outgoing, seconds: float) -> AnswerJson:
        store, address = self._service.store, message.address
        log, _ = await store.history(address, 5)
        line = next(line for line in log if line.id == message.reply)
        trace = await store.trace(address, line.trace) if line.trace else None
        persona = self._service.shelf.bot(address.bot).persona()
        return _as_json(question, message, line.rung or "", trace, seconds).model_copy(
            update={} if trace else {"persona": persona.id, "persona_version": persona.version}
        )


def _as_json(question: str, message: Outgoing, rung: str, trace: Trace | None, seconds: float) -> AnswerJson:
    known = trace or Trace(
        id="",
        reply=message.reply,
        persona="",
        persona_version="",
        rung=rung,
        question=question,
        language=message.language,
    )
    return AnswerJson(
        question=question,
        text=message.text,
        bot=message.address.bot,
        persona=known.persona,
        persona_version=known.persona_version,
        language=message.language,
        rung=rung,
        timings=Timings(
            answered=round(seconds, 4), made=known.total_s, first_token=known.first_token_s, queued=known.queued_s
        ),
        tokens=Tokens(prompt=known.prompt_tokens, cached=known.cached_tokens, completion=known.completion_tokens),
        passages=[passage.id for passage in known.passages],
        findings=list(known.findings),
        model=known.model,
        trace=known.id,
        cards=list(message.cards),
        buttons=list(message.buttons),
    )


async def _talk(service: Service, channel: TerminalChannel) -> None:
    """Run the workers and this one channel until it has no more lines."""
    inbox = StoredInbox(service.store, service.shelf)
    tasks = [asyncio.create_task(worker.run()) for worker in service.workers()]
    tasks.append(asyncio.create_task(service.shelf.watch()))
    serving = asyncio.create_task(serve_channel(service.store, inbox, Standing(channel), until_done=True))
    try:
        done, _ = await asyncio.wait([serving, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in [serving, *tasks]:
            task.cancel()
        await asyncio.gather(serving, *tasks, return_exceptions=True)
