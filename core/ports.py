"""What the core needs from the outside, as small protocols. Adapters and models implement them; bots/ joins them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.lookups.config import LookUpConfig
from core.messages import Address, Incoming, Line, Outgoing
from core.recommend.wishes import Remembered
from core.value import CheckedValue, Value

# ── platforms ────────────────────────────────────────────────────────────────────────────────────────────


class Traits(CheckedValue):
    """What a platform can do. Differences between platforms are fields here, never ``isinstance``."""

    max_chars: int = Field(description="the longest text of one platform message, in characters")
    streams: bool = Field(description="a message can be edited, so an answer can grow as it is written")
    edit_interval_s: float = Field(default=1.0, description="the least time between two edits in one chat")
    typing: bool = Field(default=True, description="shows that the bot is writing")
    sole: bool = Field(
        default=False, description="the platform wants one process at a time to be connected; others stand by"
    )
    repeat_window_s: float = Field(
        default=0.0,
        description="a send whose answer was lost may be repeated for so long, and is shown once; "
        "0: the platform cannot tell, so the repetition is put on record as perhaps shown twice",
    )
    cards: int = Field(
        default=0, ge=0, description="products that one platform message shows; 0: they are lines of the reply's text"
    )
    cards_with_text: bool = Field(
        default=False, description="products stand in the message of the text's last part, not in messages of their own"
    )
    buttons: int = Field(
        default=0, ge=0, description="buttons under one platform message; what is beyond them is a line of the text"
    )


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


class Relay(Protocol):
    """Between the processes that serve one bot on one platform. What nobody hears is gone."""

    async def tell(self, notice: str) -> None:
        """Raises StoreUnavailable."""
        ...

    def heard(self) -> AsyncGenerator[str, None]:
        """Every notice from now on, our own ones too. Raises StoreUnavailable."""
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
        """Show a new platform message, with its cards and buttons as far as ``traits`` says; returns its platform id.

        A picture that cannot be shown costs the picture, never the product.
        """
        ...

    async def edit(self, sent: str, message: Outgoing) -> None:
        """Replace the text and the buttons of the platform message ``sent``. "Not modified" is success."""
        ...

    async def typing(self, address: Address) -> None:
        """Show that the bot is writing, for the few seconds that the platform shows it."""
        ...


# ── models ───────────────────────────────────────────────────────────────────────────────────────────────


Role = Literal["system", "user", "assistant"]


class ChatMessage(Value, frozen=True, kw_only=True):
    role: Role
    content: str


class Sampling(CheckedValue):
    """How the next token is drawn. ``temperature`` 0 is greedy; ``seed`` None draws a fresh one."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_k: int = Field(default=40, ge=0, description="0: off")
    top_p: float = Field(default=0.95, gt=0, le=1)
    min_p: float = Field(default=0.05, ge=0, le=1)
    repeat_penalty: float = Field(default=1.05, ge=1, le=2, description="1: off")
    frequency_penalty: float = Field(default=0.0, ge=-2, le=2)
    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    seed: int | None = Field(default=None, ge=0, lt=2**32 - 1)


class LogitBias(CheckedValue):
    """Added to a token's logit before it is drawn. A text means every token that it is made of; -100 forbids."""

    token: int | str
    bias: float = Field(ge=-100, le=100)


class GenerationRequest(CheckedValue):
    """``grammar`` and ``json_schema`` exclude each other; the text then is in the grammar, or ends at ``max_tokens``."""

    messages: tuple[ChatMessage, ...]
    sampling: Sampling = Sampling()
    max_tokens: int = Field(default=256, gt=0)
    stop: tuple[str, ...] = Field(default=(), description="the text ends before the first of these")
    grammar: str = Field(default="", description="GBNF; its root rule is named root")
    json_schema: str = Field(default="", description="a JSON schema, as JSON text")
    logit_bias: tuple[LogitBias, ...] = ()
    logprobs: int | None = Field(default=None, ge=0, le=20, description="log-probabilities of so many alternatives")
    lora: str = Field(default="", description="the name of a LoRA adapter of the model's configuration")
    owner: str = Field(default="", description="who asks (bot/conversation), for fairness")

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.grammar and self.json_schema:
            raise ValueError("grammar and json_schema exclude each other")
        return self


class Usage(Value, frozen=True, kw_only=True):
    """What a generation cost. Times in seconds from the call of generate()."""

    prompt_tokens: int
    # Of the prompt: not evaluated again.
    cached_tokens: int = 0
    completion_tokens: int
    queued_s: float = 0.0
    first_token_s: float
    total_s: float
    seed: int = 0


class TokenLogprob(Value, frozen=True, kw_only=True):
    """A token that was drawn: its natural log-probability before bias, penalties, grammar and temperature.

    ``token`` may be a part of a character (then with U+FFFD); ``top``: the likeliest ones, best first.
    """

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Piece(Value, frozen=True, kw_only=True):
    """Whole characters of the answer, in order. The last piece carries ``finish`` and ``usage``.

    ``logprobs`` of the tokens drawn since the last piece, if they were asked for.
    """

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    finish: Literal["stop", "length"] | None = None
    usage: Usage | None = None


class ModelInfo(CheckedValue):
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

        Raises PromptTooLong or RequestInvalid before the first piece; GenerationFailed at any time.
        """
        ...


class EmbedderInfo(CheckedValue):
    """``digest``: SHA-256 of the model file (hex): vectors of another digest cannot be compared."""

    name: str
    digest: str
    dimensions: int
    max_tokens: int = Field(description="of one text; a longer one raises PromptTooLong")


class Embedder(Protocol):
    info: EmbedderInfo

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> NDArray[np.float32]:
        """Vectors of length 1, shape (len(texts), dimensions), in the order of ``texts``.

        ``kind``: what the texts are; some models want to be told. Raises PromptTooLong, GenerationFailed.
        """
        ...


# ── the shop's own systems ───────────────────────────────────────────────────────────────────────────────


class LookUps(Protocol):
    """Asks the shop's API what a bot declares in ``lookups``. Reads only, so asking twice does no harm."""

    def is_on(self, config: LookUpConfig) -> bool:
        """Whether it has an address and its secrets."""
        ...

    async def fetch(self, name: str, config: LookUpConfig, arguments: Mapping[str, str]) -> object | None:
        """The JSON that is answered (fractions as Decimal); None: there is no such thing.

        Raises LookUpFailed. Cancelling it cancels the request.
        """
        ...


class People(Protocol):
    """What persons wanted to be remembered of them, for the next time. Raises StoreUnavailable."""

    async def recall(self, address: Address, person: str) -> Remembered | None:
        """``person``: the platform's id. None: nothing is remembered of them."""
        ...

    async def remember(self, address: Address, person: str, what: Remembered) -> None:
        """In place of what was remembered before."""
        ...

    async def forget(self, address: Address, person: str) -> bool:
        """False: there was nothing."""
        ...
