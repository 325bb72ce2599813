"""The shape of a bot's files, strictly: an unknown key is a mistake. Reading them is core/botfile.py's part.

Every field's description stands in the README's configuration reference; a test holds the two together.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    field_validator,
    model_validator,
)

from core.ports import Sampling

LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4})?(-[A-Z]{2})?")
ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _language(value: str) -> str:
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValueError("is no language tag; write for example en, zh or pt-BR")
    return value


def _environment_name(value: str) -> str:
    if not ENVIRONMENT_NAME.fullmatch(value):
        raise ValueError(
            "must be the name of an environment variable such as TELEGRAM_BOT_TOKEN; "
            "put the secret itself into .env, never into this file"
        )
    return value


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError("must be made of small letters, digits, '-' and '_', such as delivery-cost")
    return value


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


Language = Annotated[str, AfterValidator(_language)]
Secret = Annotated[str, AfterValidator(_environment_name)]
Slug = Annotated[str, AfterValidator(_slug)]
Text = Annotated[str, AfterValidator(_not_blank)]
Texts = Annotated[dict[Language, Text], Field(min_length=1)]
TextList = Annotated[list[Text], BeforeValidator(_one_or_many)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


# ── bot.yaml ─────────────────────────────────────────────────────────────────────────────────────────────


class LoraConfig(Section):
    """A LoRA adapter of the model, as a GGUF file; a persona names it in ``lora``."""

    path: Text = Field(description="the adapter's GGUF file; a relative path starts at the bot's folder")
    scale: float = Field(default=1.0, ge=-10, le=10, description="how strongly it is applied")


class ServerConfig(Section):
    """An OpenAI-compatible server (llama-server, vLLM, Ollama) instead of a model in this process."""

    urls: TextList = Field(
        min_length=1,
        description="its base URL, e.g. http://10.0.0.5:8000/v1; of several the healthy ones share the work",
    )
    model: str = Field(default="", description="the model's name there; empty: the first one that it lists")
    api_key: Secret | None = Field(default=None, description="the environment variable with its API key")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="to wait for a connection")
    read_timeout_s: float = Field(default=120.0, gt=0, le=3600, description="to wait for the next part of an answer")
    retries: int = Field(default=3, ge=0, le=20, description="other tries before a request fails that had no text yet")

    @field_validator("urls")
    @classmethod
    def _http(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", url):
                raise ValueError(
                    f"{url!r} is no base URL; write for example http://127.0.0.1:8000/v1 (a key goes into .env)"
                )
        return [url.rstrip("/") for url in urls]


class ModelConfig(Section):
    """``model:`` in bot.yaml: the word ``bundled``, a path to a GGUF, or a mapping with these keys."""

    bundled: bool = Field(
        default=False, description="use SmolLM2-135M-Instruct, which is installed with Kefu (English)"
    )
    path: str = Field(default="", description="a GGUF file; a relative path starts at the bot's folder")
    repo: str = Field(default="", description="a Hugging Face repository, e.g. Qwen/Qwen2.5-1.5B-Instruct-GGUF")
    file: str = Field(default="", description="the GGUF file in that repository; downloaded once, resumed, checked")
    revision: str = Field(default="main", description="branch, tag or commit of the repository")
    server: ServerConfig | None = Field(
        default=None, description="an OpenAI-compatible server instead of a file; a mapping, see below"
    )
    languages: list[Language] = Field(
        default=["en"],
        min_length=1,
        description="languages the model writes well; others are answered by approved answers and quoted notes",
    )
    context: int = Field(
        default=4096, ge=512, le=131072, description="the longest prompt and answer of one request, in tokens"
    )
    parallel: int = Field(default=8, ge=1, le=64, description="how many answers are generated at once")
    loras: dict[Slug, LoraConfig] = Field(default={}, description="LoRA adapters by name; mappings, see below")
    gpu_layers: int = Field(default=0, ge=-1, description="layers on the GPU; -1: all; 0: none")
    gpu_split: Literal["layer", "row", "none"] = Field(
        default="layer", description="how several GPUs share the model: by layers, by rows, or only main_gpu"
    )
    gpu_shares: list[NonNegativeFloat] = Field(
        default=[], description="each GPU's share, e.g. [3, 1]; empty: by memory"
    )
    main_gpu: int = Field(default=0, ge=0, description="the GPU for gpu_split none, and for small tensors of row")
    gpu_cache: bool = Field(default=True, description="keep the KV cache of offloaded layers on the GPU, too")
    threads: int = Field(
        default=0, ge=0, description="the most CPU threads; 0: what measuring finds, at most what this process may use"
    )
    flash_attention: Literal["auto", "on", "off"] = Field(default="auto", description="auto: what measuring finds")
    kv_type: Literal["auto", "f16", "q8_0"] = Field(
        default="auto", description="how the KV cache is stored; auto: what measuring finds to be faster"
    )
    batch: int = Field(default=0, ge=0, le=8192, description="tokens evaluated in one call; 0: what measuring finds")
    tune: bool = Field(
        default=True, description="measure at the first load on a machine; the result is kept in the data folder"
    )
    speculate: bool = Field(
        default=False,
        description="draft from the prompt where it pays; near ties of the next word may fall differently",
    )
    spill_mb: int = Field(
        default=256, ge=0, description="memory for idle conversations that left the KV cache, in MB; 0: none"
    )
    wording: Literal["close", "free", ""] = Field(
        default="",
        description="how a generated answer may be worded: close to a sentence of the facts, or free but supported by them; "
        "empty: close for the bundled model, free for others",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"bundled": True} if value == "bundled" else {"path": value}
        return value

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if [self.bundled, bool(self.path), bool(self.repo), self.server is not None].count(True) != 1:
            raise ValueError("needs exactly one of: bundled, path, repo (with file), server")
        if self.server is not None and self.loras:
            raise ValueError("loras are for a model in this process; a server has its own")
        if bool(self.repo) != bool(self.file):
            raise ValueError("repo and file belong together: repo names the repository, file the .gguf in it")
        return self

    @property
    def how_worded(self) -> Literal["close", "free"]:
        return self.wording or ("close" if self.bundled else "free")


class EmbedderConfig(Section):
    """``embedder:`` in bot.yaml: a path to a GGUF, or a mapping with these keys."""

    path: str = Field(default="", description="a GGUF file; a relative path starts at the bot's folder")
    repo: str = Field(default="", description="a Hugging Face repository, e.g. CompendiumLabs/bge-small-en-v1.5-gguf")
    file: str = Field(default="", description="the GGUF file in that repository; downloaded once, resumed, checked")
    revision: str = Field(default="main", description="branch, tag or commit of the repository")
    pooling: Literal["auto", "mean", "cls", "last"] = Field(
        default="auto", description="how the tokens' vectors become one; auto: as the file says, else their mean"
    )
    query_prefix: str = Field(default="", description='written before a question, e.g. "query: " for E5')
    passage_prefix: str = Field(default="", description='written before a passage, e.g. "passage: " for E5')
    context: int = Field(
        default=512, ge=16, le=8192, description="the longest text, in tokens; at most what the model was trained for"
    )
    gpu_layers: int = Field(default=0, ge=-1, description="layers on the GPU; -1: all; 0: none")
    threads: int = Field(default=0, ge=0, description="CPU threads; 0: as many as this process may use")

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if bool(self.path) == bool(self.repo):
            raise ValueError("needs exactly one of: path, repo (with file)")
        if bool(self.repo) != bool(self.file):
            raise ValueError("repo and file belong together: repo names the repository, file the .gguf in it")
        return self


class WebConfig(Section):
    enabled: bool = Field(default=True, description="serve the chat page and the script for the shop's own site")
    suggestions: dict[Language, list[Text]] = Field(
        default={}, description="questions shown as buttons in an empty chat"
    )
    accent: str = Field(default="#0f766e", pattern=r"^#[0-9a-fA-F]{6}$", description="the colour of the page, #rrggbb")
    frame_ancestors: list[Text] = Field(
        default=["*"], description="sites that may show the chat in their pages, e.g. https://shop.example; '*': any"
    )


class TelegramConfig(Section):
    token: Secret = Field(
        default="TELEGRAM_BOT_TOKEN", description="the environment variable that holds the bot's token"
    )
    api_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://", description="the Bot API server")
    webhook_url: str = Field(
        default="", description="the public https address of this server; empty: long polling (needs no public address)"
    )
    webhook_secret: Secret = Field(
        default="TELEGRAM_WEBHOOK_SECRET", description="the environment variable with the webhook's secret token"
    )
    stream: bool = Field(default=True, description="let the answer grow by edits as it is written")


class DiscordConfig(Section):
    token: Secret = Field(
        default="DISCORD_BOT_TOKEN", description="the environment variable that holds the bot's token"
    )
    api_url: str = Field(
        default="https://discord.com/api/v10", pattern=r"^https?://", description="the REST API's address"
    )
    threads: Literal["never", "busy", "always"] = Field(
        default="busy",
        description="open a thread for an answer in a channel: never, when others wrote in the last minute, or always",
    )
    stream: bool = Field(default=True, description="let the answer grow by edits as it is written")


class PlatformsConfig(Section):
    web: WebConfig = WebConfig()
    telegram: TelegramConfig | None = None
    discord: DiscordConfig | None = None


class LimitsConfig(Section):
    message_chars: int = Field(
        default=4000,
        ge=50,
        le=100_000,
        description="a longer message is not answered; the shopper is asked to shorten it",
    )
    reply_tokens: int = Field(default=160, ge=16, le=4096, description="the longest generated answer, in tokens")
    history_tokens: int = Field(
        default=1000, ge=0, description="how much of the conversation the model sees, newest first, in tokens"
    )
    passages: int = Field(
        default=2, ge=1, le=8, description="how many passages of the notes and catalogue the model is given"
    )
    history_lines: int = Field(default=500, ge=10, le=10_000, description="how many lines of a conversation are kept")
    retention_days: int = Field(
        default=90, ge=1, le=3650, description="a conversation is erased this long after its last message"
    )
    merge_ms: int = Field(
        default=600,
        ge=0,
        le=10_000,
        description="wait this long for more before answering, in milliseconds: a burst is one turn",
    )
    merges: int = Field(
        default=3,
        ge=0,
        le=20,
        description="how often an answer that is being made begins anew with what was added; what comes later is answered next",
    )
    concurrency: int = Field(
        default=16,
        ge=1,
        le=256,
        description="how many answers of this bot a process has generated at once; what needs none goes past the others",
    )
    tell_wait_s: float = Field(
        default=15.0, ge=0, le=3600, description="a shopper who has to wait longer for an answer is told so, in seconds"
    )
    busy_wait_s: float = Field(
        default=900.0,
        ge=0,
        le=86_400,
        description="who asks for the first time and would have to wait longer is sent to a person, in seconds",
    )


class PersonConfig(Section):
    """How a shopper reaches a person."""

    contact: Texts = Field(description="how to reach a person, for each language: hours, phone, e-mail")


class BotConfig(Section):
    title: Texts = Field(description="the shop's name, for each language")
    languages: list[Language] = Field(
        min_length=1, description="languages the shop answers in; the first is the default"
    )
    persona: Slug = Field(description="the persona that answers: the name of a file in personas/ without .yaml")
    model: ModelConfig = Field(default=ModelConfig(bundled=True), description="bundled, a path to a GGUF, or a mapping")
    embedder: EmbedderConfig | None = Field(
        default=None, description="an embedding model of your own: a path to a GGUF, or a mapping, see below"
    )
    person: PersonConfig = Field(description="how a shopper reaches a person")
    platforms: PlatformsConfig = Field(default=PlatformsConfig(), description="where the bot answers")
    limits: LimitsConfig = Field(default=LimitsConfig(), description="sizes and times")


# ── personas/*.yaml ──────────────────────────────────────────────────────────────────────────────────────


class Example(Section):
    shopper: Text = Field(description="what a shopper writes")
    reply: Text = Field(description="what the persona answers")


class SamplingConfig(Sampling):
    """``sampling:`` of a persona; see core.ports.Sampling."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonaConfig(Section):
    name: Texts = Field(description="the persona's name, for each language")
    languages: list[Language] = Field(
        default=[], description="languages this persona answers in; empty: all of the bot's"
    )
    voice: Text = Field(description="how the persona speaks, in a sentence or two")
    instructions: Text = Field(description="what the persona is there for and how it behaves")
    greeting: Texts = Field(description="the first message, for each language")
    disclosure: Texts = Field(description="says that a bot answers (EU AI Act Art. 50), for each language")
    dos: TextList = Field(default=[], description="what the persona always does")
    donts: TextList = Field(default=[], description="what the persona never does")
    examples: list[Example] = Field(default=[], description="sample exchanges that show the voice")
    sampling: SamplingConfig = Field(default=SamplingConfig(), description="how the model draws its words")
    lora: Slug | None = Field(default=None, description="one of the adapters in model.loras of bot.yaml")
    triggers: TextList = Field(default=[], description="words that call the bot in a group, without a mention")


# ── answers.yaml, catalog.csv ────────────────────────────────────────────────────────────────────────────


class ApprovedAnswerConfig(Section):
    id: Slug = Field(description="the answer's name, e.g. delivery-cost")
    questions: Annotated[dict[Language, TextList], Field(min_length=1)] = Field(
        description="how shoppers ask it, for each language"
    )
    answer: Texts = Field(description="the answer, for each language (Markdown)")
    valid_from: date | None = Field(default=None, description="not used before this day")
    valid_until: date | None = Field(default=None, description="not used after this day")

    @model_validator(mode="after")
    def _same_languages(self) -> Self:
        missing = sorted(set(self.questions) - set(self.answer))
        if missing:
            raise ValueError(f"has questions but no answer in: {', '.join(missing)}")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class ProductConfig(Section):
    """One row of catalog.csv; the header names these columns. ``name_*`` and ``description_*`` end in a language."""

    sku: Text = Field(description="the shop's number of the product")
    names: Texts = Field(description="columns name_en, name_zh, …")
    descriptions: dict[Language, Text] = Field(default={}, description="columns description_en, description_zh, …")
    category: Text = Field(description="e.g. green tea")
    price: Annotated[str, Field(pattern=r"^\d+(\.\d{1,2})?$")] = Field(description="e.g. 12.50")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217, e.g. EUR")
    unit: str = Field(default="", description="what the price is for, e.g. 50 g")
    stock: Annotated[int, Field(ge=0)] = Field(description="how many are there")
    tags: str = Field(default="", description="words to be found by, separated by ;")
