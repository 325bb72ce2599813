"""What servers send, as far as it is used. They all add fields of their own: what is not named here is passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, field_validator

from models.server.faults import TryFailed


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


# ── an answer as it is streamed ──────────────────────────────────────────────────────────────────────────


class Delta(Wire):
    content: str | None = None


class TopToken(Wire):
    token: str
    logprob: float


class DrawnToken(TopToken):
    top_logprobs: tuple[TopToken, ...] | None = None


class Logprobs(Wire):
    content: tuple[DrawnToken, ...] | None = None


class Choice(Wire):
    index: int = 0
    delta: Delta = Delta()
    logprobs: Logprobs | None = None
    finish_reason: str | None = None

    @field_validator("delta", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return {} if value is None else value


class CachedTokens(Wire):
    cached_tokens: int | None = None


class UsageWire(Wire):
    prompt_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: CachedTokens | None = None

    @property
    def cached(self) -> int:
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0


class ErrorBody(Wire):
    """``code``: an HTTP status or a word; ``n_prompt_tokens`` and ``n_ctx``: llama-server's, if the prompt is too long."""

    message: str = ""
    type: str | None = None
    code: int | str | None = None
    n_prompt_tokens: int | None = None
    n_ctx: int | None = None


class Chunk(Wire):
    choices: tuple[Choice, ...] = ()
    usage: UsageWire | None = None
    error: ErrorBody | None = None

    @field_validator("error", mode="before")
    @classmethod
    def _worded(cls, value: object) -> object:
        return {"message": value} if isinstance(value, str) else value


# ── what a server says about itself ──────────────────────────────────────────────────────────────────────


class ModelMeta(Wire):
    n_vocab: int | None = None
    n_params: int | None = None
    size: int | None = None


class ListedModel(Wire):
    id: str
    owned_by: str | None = None
    aliases: tuple[str, ...] | None = None
    root: str | None = None
    parent: str | None = None
    meta: ModelMeta | None = None
    max_model_len: int | None = None
    context_length: int | None = None
    context_window: int | None = None


class ModelList(Wire):
    data: tuple[ListedModel, ...]


class SlotSettings(Wire):
    n_ctx: int | None = None


class Props(Wire):
    """llama-server's GET /props."""

    default_generation_settings: SlotSettings


class Adapter(Wire):
    """One of llama-server's GET /lora-adapters."""

    id: int
    path: str
    scale: float = 1.0


Adapters = RootModel[tuple[Adapter, ...]]


class Version(Wire):
    version: str


class OllamaRunning(Wire):
    name: str = ""
    model: str = ""
    context_length: int | None = None


class OllamaProcesses(Wire):
    models: tuple[OllamaRunning, ...] = ()


class OllamaTag(Wire):
    name: str
    digest: str = ""


class OllamaTags(Wire):
    models: tuple[OllamaTag, ...]


class OllamaShow(Wire):
    parameters: str | None = None


class TokenCount(Wire):
    """``input_tokens``: llama-server's count of a chat; ``count``: vLLM's."""

    input_tokens: int | None = None
    count: int | None = None


class Tokens(Wire):
    tokens: tuple[int, ...]


class Rendered(Wire):
    prompt: str


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────


def read_chunk(data: str) -> Chunk:
    """Raises TryFailed: it is no chunk of a chat completion."""
    try:
        return Chunk.model_validate_json(data)
    except ValidationError as error:
        raise TryFailed(f"sent what is no part of a chat completion: {_short(data)}", down=True) from error


def read_error(body: str) -> ErrorBody:
    """What servers wrap differently: {"error": {…}}, {"error": "…"}, {"message": …}, {"detail": …}, or plain text."""
    try:
        value: Any = json.loads(body)
    except ValueError:
        return ErrorBody(message=_short(body))
    if isinstance(value, Mapping):
        inner = value.get("error", value)
        if isinstance(inner, str):
            return ErrorBody(message=inner)
        if isinstance(inner, Mapping):
            message = inner.get("message") or inner.get("detail")
            try:
                return ErrorBody.model_validate({**inner, "message": _text(message) if message else _short(body)})
            except ValidationError:
                pass
    return ErrorBody(message=_short(body))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:200] + "…"
