"""What the core needs from the outside, as small protocols. Adapters and models implement them; bots/ joins them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from pydantic import Field

from core.messages import Address, Incoming, Line, Outgoing, Value

# ── platforms ────────────────────────────────────────────────────────────────────────────────────────────


class Traits(Value):
    """What a platform can do. Differences between platforms are fields here, never ``isinstance``."""

    max_chars: int = Field(description="the longest text of one platform message, in characters")
    streams: bool = Field(description="a message can be edited, so an answer can grow as it is written")
    edit_interval_s: float = Field(default=1.0, description="the least time between two edits in one chat")
    typing: bool = Field(default=True, description="shows that the bot is writing")


class Inbox(Protocol):
    async def put(self, incoming: Incoming) -> bool:
        """Store the message. When this returns it is safe and may be acknowledged; False: seen before.

        Raises StoreUnavailable: not stored, so the platform must not be told that we have it.
        """
        ...


class Transcript(Protocol):
    async def read(self, address: Address, limit: int = 100) -> Sequence[Line]:
        """The newest ``limit`` lines of a conversation, oldest first. Raises StoreUnavailable."""
        ...


class Channel(Protocol):
    """One bot on one platform. Raises only errors of core.errors."""

    bot: str
    platform: str
    traits: Traits
    connected: asyncio.Event  # set while the platform has accepted us

    async def listen(self, inbox: Inbox) -> None:
        """Feed the platform's events into ``inbox`` until cancelled.

        Each event is stored before the platform is told that we have it. Raises ChannelNotReady if
        the platform refuses us (a wrong token); network trouble is waited out, not raised.
        """
        ...

    def split(self, text: str) -> list[str]:
        """Cut Markdown into parts of which each fits one platform message; never empty, always the same cut."""
        ...

    async def send(self, message: Outgoing) -> str:
        """Show a new platform message; returns its platform id."""
        ...

    async def edit(self, sent: str, message: Outgoing) -> None:
        """Replace the text of the platform message ``sent``. "Not modified" is success."""
        ...

    async def typing(self, address: Address) -> None:
        """Show that the bot is writing, for the few seconds that the platform shows it."""
        ...


# ── models ───────────────────────────────────────────────────────────────────────────────────────────────


class ChatMessage(Value):
    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Value):
    """How the next token is drawn. ``temperature`` 0 is greedy; ``seed`` None draws a fresh one."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_k: int = Field(default=40, ge=0, description="0: off")
    top_p: float = Field(default=0.95, gt=0, le=1)
    min_p: float = Field(default=0.05, ge=0, le=1)
    repeat_penalty: float = Field(default=1.05, ge=1, le=2, description="1: off")
    frequency_penalty: float = Field(default=0.0, ge=-2, le=2)
    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    seed: int | None = Field(default=None, ge=0, lt=2**32 - 1)


class GenerationRequest(Value):
    messages: tuple[ChatMessage, ...]
    sampling: Sampling = Sampling()
    max_tokens: int = Field(default=256, gt=0)
    stop: tuple[str, ...] = Field(default=(), description="the text ends before the first of these")
    owner: str = Field(default="", description="who asks (bot/conversation), for fairness")


class Usage(Value):
    """What a generation cost. Times in seconds from the call of generate()."""

    prompt_tokens: int
    cached_tokens: int = Field(default=0, description="of the prompt: not evaluated again")
    completion_tokens: int
    queued_s: float = 0.0
    first_token_s: float
    total_s: float
    seed: int = 0


class Piece(Value):
    """Whole characters of the answer, in order. The last piece carries ``finish`` and ``usage``."""

    text: str
    finish: Literal["stop", "length"] | None = None
    usage: Usage | None = None


class ModelInfo(Value):
    """``digest``: SHA-256 of the model file (hex), or the server's name of it; ``context_tokens`` of one request."""

    name: str
    digest: str
    context_tokens: int
    languages: tuple[str, ...] = Field(description="what the model writes well; others get no generated text")


class TextModel(Protocol):
    info: ModelInfo

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """How many tokens the rendered prompt of ``messages`` has, generation prompt included."""
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """Stream the answer. Closing the iterator cancels the generation and frees its place.

        Raises PromptTooLong before the first piece; GenerationFailed at any time.
        """
        ...
